"""All workers made anew, one after the other: decisions of the supervisor.

Who is told to end (SIGTERM) leaves its share of the ports to the others and answers what it was
asked. Its successor goes by the configuration as it is now, and serves before the next is told: so
there are never fewer than all but one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger(__name__)


class Rolling:
    """Whose turn it is. *leave_s*: how long each may take to end; then it is killed."""

    def __init__(self, leave_s: float) -> None:
        self._leave_s = leave_s
        self._to_come: deque[int] = deque()
        self.leaving = 0  # the process that is to end now, and has its time for it
        self._kill_at = 0.0
        self._count = 0

    def __repr__(self) -> str:
        return f"<Rolling, {len(self._to_come)} of {self._count} to come>"

    @property
    def is_on(self) -> bool:
        """Is one of them to end, or on its way?"""
        return bool(self._count)

    def begin(self, count: int) -> None:
        """Have *count* workers made anew, numbered from 0; the first one, that has the door, last.

        Whoever had their turn already has it again.
        """
        self._to_come = deque([*range(1, count), 0])
        self._count = count
        _log.warning("%d workers are made anew, one after the other", count)

    def turn(self, pids: Mapping[int, int], now: float, *, are_all_well: bool) -> None:
        """Do what is due. *pids*: who runs, by number; *are_all_well*: all of them serve."""
        if self.leaving:
            if now >= self._kill_at:
                self._end(self.leaving, signal.SIGKILL)
        elif are_all_well and self._to_come:
            number = self._to_come.popleft()
            self.leaving, self._kill_at = pids[number], now + self._leave_s
            self._end(self.leaving, signal.SIGTERM)
        elif are_all_well and self._count:
            _log.warning("%d workers are made anew", self._count)
            self._count = 0

    def has_ended(self, pid: int, status: int) -> bool:
        """A process is gone: was it told to be? Then the next may be, once its successor serves."""
        if not self.leaving or pid != self.leaving:
            return False
        self.leaving = 0
        if status:
            _log.warning("a worker that was to be made anew ended with status %d", status)
        return True

    @staticmethod
    def _end(pid: int, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
