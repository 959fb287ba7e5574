"""Between the caches of one configuration and what machines share: who asks there, and tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import SHARED_HEAD_START_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.cache.shared_level import Learnt, SharedLevel
    from resolver.daemon.wiring import Parts
    from resolver.runtime.alarm import Alarm


class Asking:
    """`shared_level.Asks` of *level*. *took_s*: what a look-up takes of late, in seconds."""

    __slots__ = ("_took_s", "alarm", "ask")

    def __init__(self, level: SharedLevel, took_s: Callable[[], float], alarm: Alarm) -> None:
        self.ask = level.ask
        self.alarm = alarm
        self._took_s = took_s

    def __repr__(self) -> str:
        return f"<Asking, {'prompt' if self.is_prompt else 'slow'}>"

    @property
    def is_prompt(self) -> bool:
        """May a look-up be over within its head start? Of late most took less than twice as long:
        one that is late now and then does not keep the others from saving packets."""
        return self._took_s() < 2 * SHARED_HEAD_START_SECONDS


def connect(parts: Parts, asking: Asking | None, learnt: Learnt | None) -> None:
    """Have *parts* ask there and tell it what they learn; None: nobody."""
    memory = parts.memory
    memory.shared = asking
    memory.rrsets.learnt = memory.negatives.learnt = parts.delegations.learnt = learnt
