"""Answer now, go on later: a client that has waited for long enough is told what there is to tell.

Its resolution goes on in the daemon's nursery, within the budget it has, and what it brings is
kept. There may be UNATTENDED_RESOLUTIONS for which nobody waits: beyond that, clients wait on.

All wait for equally long, until a satellite is found or gone, so they stand in a queue, and one
task watches its head: who is answered in time pays for no task and no timer, nothing of it is kept,
and whether there is anything to tell is looked at when it is late, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import trio

from resolver.limits import UNATTENDED_RESOLUTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.model import Answer, Query

    Send = Callable[[Any, Answer], None]


class Waiting(Protocol):
    """One client that waits for its resolution (`reply.Outgoing`)."""

    @property
    def query(self) -> Query: ...


_W = TypeVar("_W", bound=Waiting)


class EarlyAnswers:
    """*answer* gives what to tell a client after *after_s* () seconds; None: it has to wait on."""

    COUNTS: ClassVar = {"answered_early": "Clients answered while their resolution went on."}

    def __init__(
        self,
        answer: Callable[[Query], Answer | None],
        *,
        after_s: Callable[[], float],
        spawn: Callable[..., None],
    ) -> None:
        self.answered_early = 0
        self._answer = answer
        self._after_s = after_s
        self._spawn = spawn
        self._queue: dict[Waiting, tuple[float, Send]] = {}  # since when, in that order
        self._answered: set[Waiting] = set()
        self._is_watched = False

    def __repr__(self) -> str:
        return f"<EarlyAnswers after {self._after_s():g} s, {self.unattended} go on>"

    @property
    def unattended(self) -> int:
        """Resolutions that go on for nobody."""
        return len(self._answered)

    def begin(self, waiting: _W, send: Callable[[_W, Answer], None], now: float) -> None:
        """*waiting* begins to wait; each needs one `end`. *send* is called at most once.

        *now* is trio's time.
        """
        self._queue[waiting] = now, send
        if not self._is_watched:
            self._is_watched = True
            self._spawn(self._watch)

    def end(self, waiting: Waiting) -> None:
        """The resolution has ended."""
        if self._queue.pop(waiting, None) is None:
            self._answered.discard(waiting)

    async def _watch(self) -> None:
        """Until nobody waits."""
        queue = self._queue
        try:
            while queue:
                waiting = next(iter(queue))
                began, send = queue[waiting]
                due = began + self._after_s()
                if due > trio.current_time():
                    del waiting, send  # it may end meanwhile, and nothing is to keep it
                    await trio.sleep_until(due)
                    continue
                del queue[waiting]
                self._tell(waiting, send)
        finally:
            self._is_watched = False

    def _tell(self, waiting: Waiting, send: Send) -> None:
        if self.unattended >= UNATTENDED_RESOLUTIONS:
            return
        answer = self._answer(waiting.query)
        if answer is not None:
            self._answered.add(waiting)
            self.answered_early += 1
            send(waiting, answer)
