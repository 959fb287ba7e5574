"""Known has run out: the question at hand fails, what is kept for speed alone is given up.

Python tells by MemoryError, and any line may raise it. It is caught where a unit of work ends (a
client's query, a batch of datagrams, a connection), so that one of them is lost and not the daemon.
Where nothing is given back the next one is lost too: so the caches are emptied, which frees more
than anything else would, and at once. (The limit of a cgroup is not
told in this way: what exceeds it is killed.)
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, ClassVar

import trio

from resolver.limits import SHORTAGE_LOG_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


class Shortage:
    """Counts shortages; `sheds` are called at each, and must need no memory themselves."""

    COUNTS: ClassVar = {
        "shortages": "Times that memory ran out, a query was lost and the caches were emptied."
    }

    def __init__(self, *sheds: Callable[[], None]) -> None:
        self.shortages = 0
        self.sheds = sheds
        self._told_at = -math.inf

    def __repr__(self) -> str:
        return f"<Shortage {self.shortages}>"

    def note(self) -> None:
        """A MemoryError was caught. Never raises another."""
        self.shortages += 1
        try:
            for shed in self.sheds:
                shed()
            now = trio.current_time()
            if now - self._told_at >= SHORTAGE_LOG_SECONDS:
                self._told_at = now
                _log.warning("out of memory: caches emptied; see `memory`")
        except MemoryError:
            return
