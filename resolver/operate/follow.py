"""log follow: each query as it is answered, for as long as somebody reads; nothing of it is kept.

A batch a second. Of hits of the packet cache FOLLOWED_HITS are shown, and then nobody listens to
them until the next second: at tens of thousands a second they cost the path nothing that shows.
"""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
import trio

from resolver.limits import FOLLOWED_HITS, FOLLOWED_LINES
from resolver.operate.verb import Nothing, Right, Verb
from resolver.telemetry import answered
from resolver.telemetry.events import Answered, Recalled
from resolver.telemetry.query_lines import of_answered, text_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.operate.verb import Reply
    from resolver.operate.view import Running
    from resolver.telemetry.events import Bus

_EVERY_S: Final = 1.0


class Follower:
    """Gathers what is heard on *bus* until it is taken."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._lines: list[dict[str, Any]] = []
        self._hits = 0
        self._more = 0

    def __enter__(self) -> Self:
        self._bus.subscribe(self.hear, Answered)
        self._bus.subscribe(self.hear_hit, Recalled)
        return self

    def __exit__(self, *_: object) -> None:
        self._bus.unsubscribe(self.hear)
        self._bus.unsubscribe(self.hear_hit)

    def hear(self, event: object) -> None:
        """A query came to its end."""
        if isinstance(event, Answered):
            self._add(event)

    def hear_hit(self, event: object) -> None:
        """The packet cache had it."""
        self._hits += 1
        if self._hits >= FOLLOWED_HITS:
            self._bus.unsubscribe(self.hear_hit)
        if isinstance(event, Recalled):
            self._add(answered.of_hit(event))

    def _add(self, event: Answered) -> None:
        if len(self._lines) >= FOLLOWED_LINES:
            self._more += 1
            return
        line = of_answered(event, text_of(time.time_ns() // 1_000_000), "")
        self._lines.append(msgspec.to_builtins(line))

    def take(self) -> Reply:
        """What came since the last time; of hits a new sample begins."""
        told = {"queries": self._lines, "more": self._more}
        if self._hits >= FOLLOWED_HITS:
            self._bus.subscribe(self.hear_hit, Recalled)
        self._lines, self._hits, self._more = [], 0, 0
        return told


async def follow(daemon: Running, _: Nothing) -> AsyncIterator[Reply]:
    """`queries` as lines of the query log, without who asked; *more*: how many had no room."""
    with Follower(daemon.parts.bus) as follower:
        while True:
            await trio.sleep(_EVERY_S)
            yield follower.take()


def _of_all(replies: list[Reply]) -> Reply:
    """In the order of time, FOLLOWED_LINES at most, whichever worker answered."""
    lines = sorted(chain.from_iterable(reply["queries"] for reply in replies), key=_at)
    more = sum(reply["more"] for reply in replies) + max(0, len(lines) - FOLLOWED_LINES)
    return {"queries": lines[-FOLLOWED_LINES:], "more": more}


def _at(line: dict[str, Any]) -> str:
    at: str = line["t"]
    return at


FOLLOW: Final = Verb(
    "log follow", Right.ACT, "each query as it is answered, while you look", Nothing, follow,
    streams=True, merge=_of_all, is_endless=True,
)  # fmt: skip
