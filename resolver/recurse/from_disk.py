"""Look-ups on disk that may have to wait for it: done in a thread, once for all who want one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from resolver.limits import JOINED_TURN, STORE_COLD_SECONDS
from resolver.runtime.gate import Gate

if TYPE_CHECKING:
    from resolver.cache.second_level import Lookup, SecondLevel
    from resolver.model import Link, Question
    from resolver.recurse.known import Known
    from resolver.runtime.clock import Clock


class FromDisk:
    """Does what waits in *level*. *in_thread* False: at once, where time is virtual."""

    def __init__(self, level: SecondLevel, clock: Clock, *, in_thread: bool) -> None:
        self._level = level
        self._clock = clock
        self._one_at_a_time = trio.CapacityLimiter(1) if in_thread else None

    def __repr__(self) -> str:
        return f"<FromDisk of {self._level}>"

    async def fetch(self, question: Question) -> None:
        """Have what lies on disk of *question* in the first level, if it waits to be looked up.

        Never raises. A disk that takes longer than STORE_COLD_SECONDS is left to itself.
        """
        lookup = self._level.waiting.get(question)
        if lookup is None:
            return
        if lookup.done is not None:
            await lookup.done.wait()
            return
        lookup.done = Gate()
        try:
            await self._look(question, lookup)
        finally:
            if self._level.waiting.get(question) is lookup:
                del self._level.waiting[question]
            lookup.done.open(width=JOINED_TURN)

    async def _look(self, question: Question, lookup: Lookup) -> None:
        level, found = self._level, None
        if self._one_at_a_time is None:
            found = level.read(lookup)
        else:
            with trio.move_on_after(STORE_COLD_SECONDS):
                found = await trio.to_thread.run_sync(
                    level.read, lookup, limiter=self._one_at_a_time, abandon_on_cancel=True
                )
        if found is not None:
            level.take(question, lookup, found, self._clock.now())


async def recall_from_disk(
    memory: Known, question: Question, now: float, *, synthesise: bool = True,
    proof_only: bool = False,
) -> Link | None:  # fmt: skip
    """As `Known.recall`, if a disk may have to be waited for to know; None at once if not."""
    if memory.disk is None or memory.second is None or question not in memory.second.waiting:
        return None
    await memory.disk(question)
    return memory.recall(question, now, synthesise=synthesise, proof_only=proof_only)
