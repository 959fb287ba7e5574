"""One heap for all in `upstream` that happens at a moment: hedges, expiries, late closings.

A trio task per timer costs two cancel scopes; a heap entry half a microsecond
(DESIGN rule 5).
"""

from __future__ import annotations

import heapq
import itertools
import math
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable


class Timer:
    """One appointment; *action* is None once it was kept or cancelled."""

    __slots__ = ("action", "when")

    def __init__(self, when: float, action: Callable[[float], None]) -> None:
        self.when = when
        self.action: Callable[[float], None] | None = action

    def cancel(self) -> None:
        """Idempotent. The entry stays in the heap until its time, and does nothing then."""
        self.action = None


class Timers:
    """The heap, and the one task that sleeps until its top. Times are trio's.

    *before* is called first whenever something is due: what came in while the process was busy must
    be read before anything is declared late.
    """

    def __init__(self, *, before: Callable[[], None]) -> None:
        self._before = before
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._scope = trio.CancelScope()

    def __repr__(self) -> str:
        return f"<Timers waiting={len(self._heap)}>"

    def at(self, when: float, action: Callable[[float], None]) -> Timer:
        """Call ``action(now)`` at *when* or soon after. Ties keep the order of the calls."""
        timer = Timer(when, action)
        heapq.heappush(self._heap, (when, next(self._order), timer))
        if when < self._scope.deadline:  # noqa: PLR1730 - an assignment makes trio re-sort
            self._scope.deadline = when
        return timer

    def fire(self, now: float) -> None:
        """Do all that is due."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            timer = heapq.heappop(heap)[2]
            action, timer.action = timer.action, None
            if action is not None:
                action(now)

    async def run(self) -> None:
        """Until cancelled. One sleeping task, woken early by an earlier appointment."""
        while True:
            while self._heap and self._heap[0][2].action is None:
                heapq.heappop(self._heap)
            self._scope = trio.CancelScope(deadline=self._heap[0][0] if self._heap else math.inf)
            with self._scope:
                await trio.sleep_forever()
            self._before()
            self.fire(trio.current_time())
