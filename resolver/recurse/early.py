"""Answer now, go on later: a client that has waited for long enough is told what there is to tell.

Its resolution goes on in the daemon's nursery, within the budget it has, and what it brings is
kept. There may be UNATTENDED_RESOLUTIONS for which nobody waits: beyond that, clients wait on.

All wait for equally long, so they stand in a queue, and one task watches its head: who is answered
in time pays for no task and no timer, and whether there is anything to tell is looked at when it is
late, not before.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar

import trio

from resolver.limits import UNATTENDED_RESOLUTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.model import Answer, Query

    Send = Callable[[Answer], None]


class Waiting:
    """One client that waits for its resolution; *send* is None when that has ended."""

    __slots__ = ("_early", "due", "is_answered", "query", "send")

    def __init__(self, early: EarlyAnswers, query: Query, send: Send, due: float) -> None:
        self._early = early
        self.query = query
        self.send: Send | None = send
        self.due = due
        self.is_answered = False

    def end(self) -> None:
        """The resolution has ended."""
        self.send = None
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
        self._queue: deque[Waiting] = deque()
        self._is_watched = False

    def __repr__(self) -> str:
        return f"<EarlyAnswers after {self._after_s:g} s, {self.unattended} go on>"

    def begin(self, query: Query, send: Send, now: float) -> Waiting:
        """*query* begins to wait; each needs one `Waiting.end`. *send* is called at most once.

        *now* is trio's time.
        """
        waiting = Waiting(self, query, send, now + self._after_s)
        self._queue.append(waiting)
        if not self._is_watched:
            self._is_watched = True
            self._spawn(self._watch)
        return waiting

    async def _watch(self) -> None:
        """Until nobody waits."""
        queue = self._queue
        try:
            while queue:
                waiting = queue[0]
                if waiting.send is not None and waiting.due > trio.current_time():
                    await trio.sleep_until(waiting.due)
                    continue
                queue.popleft()
                if waiting.send is not None:
                    self._tell(waiting, waiting.send)
        finally:
            self._is_watched = False

    def _tell(self, waiting: Waiting, send: Send) -> None:
        if self.unattended >= UNATTENDED_RESOLUTIONS:
            return
        answer = self._answer(waiting.query)
        if answer is not None:
            waiting.is_answered = True
            self.unattended += 1
            self.answered_early += 1
            send(answer)
