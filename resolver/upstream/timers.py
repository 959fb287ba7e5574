"""One heap for all in `upstream` that happens at a moment: hedges, expiries, late closings.

A trio task per timer costs two cancel scopes; a heap entry half a microsecond.
"""

from __future__ import annotations

import heapq
import itertools
import math
from typing import TYPE_CHECKING, Any, TypeAlias

import trio

from resolver.limits import TIMER_SWEEP, TIMER_TURN

if TYPE_CHECKING:
    from collections.abc import Callable

_ACTION = 2


Timer: TypeAlias = "list[Any]"
"""One appointment: when, its number, and the action; None once that was kept or cancelled.

It is the heap's entry itself: an object beside it would be made for every packet, to be cancelled.
"""


class Timers:
    """The heap, and the one task that sleeps until its top. Times are trio's.

    Nearly all appointments are cancelled, because replies come; so the heap is swept whenever most
    of it is void, and stays as small as what is on its way.
    """

    def __init__(self, *, before: Callable[[], object]) -> None:
        self._before = before
        self._heap: list[Timer] = []
        self._order = itertools.count()
        self.void = 0
        self._sweep_at = TIMER_SWEEP
        self._scope = trio.CancelScope()
        self._wakes_at = math.inf

    def __repr__(self) -> str:
        return f"<Timers waiting={len(self._heap) - self.void}>"

    def at(self, when: float, action: Callable[[float], None]) -> Timer:
        """Call ``action(now)`` at *when* or soon after. Ties keep the order of the calls."""
        timer: Timer = [when, next(self._order), action]
        heapq.heappush(self._heap, timer)
        if when < self._wakes_at:
            self._wakes_at = self._scope.deadline = when
        return timer

    def cancel(self, timer: Timer) -> None:
        """Idempotent, also for what was kept already."""
        if timer[_ACTION] is not None:
            timer[_ACTION] = None
            self.void += 1
            if self.void > self._sweep_at:
                self._sweep()

    def _sweep(self) -> None:
        """Drop the void entries if they are most; else come back when they may be."""
        if 2 * self.void > len(self._heap):
            self._heap = [timer for timer in self._heap if timer[_ACTION] is not None]
            heapq.heapify(self._heap)
            self.void = 0
        self._sweep_at = max(TIMER_SWEEP, len(self._heap) // 2)

    def fire(self, now: float) -> bool:
        """Do what is due, TIMER_TURN appointments at most; True if there is more."""
        left = TIMER_TURN
        while self._heap and self._heap[0][0] <= now:
            timer = heapq.heappop(self._heap)
            action, timer[_ACTION] = timer[_ACTION], None
            if action is None:
                self.void -= 1
                continue
            action(now)
            left -= 1
            if not left:
                return True
        return False

    async def run(self) -> None:
        """Until cancelled. One sleeping task, woken early by an earlier appointment."""
        while True:
            while self._heap and self._heap[0][_ACTION] is None:
                heapq.heappop(self._heap)
                self.void -= 1
            self._wakes_at = self._heap[0][0] if self._heap else math.inf
            self._scope = trio.CancelScope(deadline=self._wakes_at)
            with self._scope:
                await trio.sleep_forever()
            self._before()
            while self.fire(trio.current_time()):
                await trio.lowlevel.checkpoint()
                self._before()
