"""Tasks that take one errand after another, for work that begins thousands of times a second.

A new trio task costs 3.9 µs from start to end, an idle one that is given the next errand 1.8 µs.
What is run is awaited to its end in a task of the nursery's, as with `Nursery.start_soon`: what it
raises ends the nursery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from resolver.limits import IDLE_TASKS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_MOST = int(IDLE_TASKS)


class _Hand:
    """One task, and what it is to do next."""

    __slots__ = ("arguments", "errand", "task")

    def __init__(self, errand: Callable[..., Awaitable[object]], arguments: tuple[object, ...]):
        self.errand = errand
        self.arguments = arguments
        self.task: trio.lowlevel.Task | None = None


class Crew:
    """The tasks of one nursery, and which of them are idle."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._idle: list[_Hand] = []

    def __repr__(self) -> str:
        return f"<Crew {len(self._idle)} idle>"

    def start_soon(self, errand: Callable[..., Awaitable[object]], *arguments: object) -> None:
        """Have ``errand(*arguments)`` run soon, by whoever was idle last."""
        if not self._idle:
            self._nursery.start_soon(self._work, _Hand(errand, arguments))
            return
        hand = self._idle.pop()
        hand.errand = errand
        hand.arguments = arguments
        assert hand.task is not None  # noqa: S101  # it was idle, so it began
        trio.lowlevel.reschedule(hand.task)

    async def _work(self, hand: _Hand) -> None:
        hand.task = trio.lowlevel.current_task()

        def let_go(_: object) -> trio.lowlevel.Abort:
            self._idle.remove(hand)
            return trio.lowlevel.Abort.SUCCEEDED

        while True:
            await hand.errand(*hand.arguments)
            if len(self._idle) >= _MOST:
                return
            hand.arguments = ()  # nothing is kept alive by who waits
            self._idle.append(hand)
            await trio.lowlevel.wait_task_rescheduled(let_go)
