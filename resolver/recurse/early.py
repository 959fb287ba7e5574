"""Answer now, go on later: a client that has waited for long enough is told what there is to tell.

Its resolution goes on in the daemon's nursery, within the budget it has, and what it brings is
kept. There may be UNATTENDED_RESOLUTIONS for which nobody waits: beyond that, clients wait on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import trio

from resolver.limits import UNATTENDED_RESOLUTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.model import Answer, Query


class Waiting:
    """One client that waits for its resolution."""

    __slots__ = ("_early", "is_answered", "scope")

    def __init__(self, early: EarlyAnswers) -> None:
        self._early = early
        self.scope = trio.CancelScope()
        self.is_answered = False

    def end(self) -> None:
        """The resolution has ended."""
        self.scope.cancel()
        if self.is_answered:
            self._early.unattended -= 1


class EarlyAnswers:
    """*answer* gives what to tell a client after *after_s* seconds; None: it has to wait on."""

    COUNTS: ClassVar = {"answered_early": "Clients answered while their resolution went on."}

    def __init__(
        self,
        answer: Callable[[Query], Answer | None],
        *,
        after_s: float,
        spawn: Callable[..., None],
    ) -> None:
        self.answered_early = 0
        self.unattended = 0
        self._answer = answer
        self._after_s = after_s
        self._spawn = spawn

    def __repr__(self) -> str:
        return f"<EarlyAnswers after {self._after_s:g} s, {self.unattended} go on>"

    def begin(self, query: Query, send: Callable[[Answer], None]) -> Waiting:
        """*query* begins to wait; each needs one `Waiting.end`. *send* is called at most once."""
        waiting = Waiting(self)
        self._spawn(self._wait, waiting, query, send)
        return waiting

    async def _wait(self, waiting: Waiting, query: Query, send: Callable[[Answer], None]) -> None:
        with waiting.scope:
            await trio.sleep(self._after_s)
            if self.unattended >= UNATTENDED_RESOLUTIONS:
                return
            answer = self._answer(query)
            if answer is not None:
                waiting.is_answered = True
                self.unattended += 1
                self.answered_early += 1
                send(answer)
