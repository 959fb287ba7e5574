"""Rests in long work that nobody waits for by the millisecond.

A checkpoint lets other tasks have their turn, but not other processes. A client of this machine
that was just answered is woken on our processor, and where we work on there it waits for the
kernel's next tick (four milliseconds at 250 Hz), although another processor is idle. Who sleeps
lets it run. In virtual time work takes none, and nobody rests.
"""

from __future__ import annotations

import trio

from resolver.limits import REST_SECONDS, WORK_SECONDS


class Rests:
    """One for each piece of work, which begins now."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until = trio.current_time() + WORK_SECONDS

    def __repr__(self) -> str:
        return f"<Rests in {self._until - trio.current_time():.6f} s>"

    async def turn(self) -> None:
        """Sleep REST_SECONDS where WORK_SECONDS were worked since the last time; else go on, and
        at 0.1 µs. To be called between steps that are shorter than that."""
        if trio.current_time() >= self._until:
            await trio.sleep(REST_SECONDS)
            self._until = trio.current_time() + WORK_SECONDS
