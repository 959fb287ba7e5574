"""What is sent at the end of a turn of the event loop, all together.

A packet that finds its reader asleep, on this machine, has to wake it: that costs three times as
much as to send one. Sent one after the other, only the first does. Nobody waits for long: it is a
turn, and no more than SENT_TOGETHER wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from resolver.limits import SENT_TOGETHER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resolver.runtime.turns import Turns

T = TypeVar("T")


class Together(Generic[T]):
    """*send* is called with what has come together, in order; at once where nobody counts *turns*.

    It raises nothing but MemoryError.
    """

    __slots__ = ("_send", "_turns", "_waiting")

    def __init__(self, turns: Turns, send: Callable[[Sequence[T]], None]) -> None:
        self._turns = turns
        self._send = send
        self._waiting: list[T] = []

    def __repr__(self) -> str:
        return f"<Together {len(self._waiting)}>"

    def add(self, one: T) -> None:
        """Have it sent with others."""
        waiting, turns = self._waiting, self._turns
        if not waiting and turns.number:
            turns.ending.append(self.flush)
        waiting.append(one)
        if len(waiting) >= SENT_TOGETHER or not turns.number:
            self.flush()

    def flush(self) -> None:
        """Send what waits. Idempotent."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._send(waiting)
