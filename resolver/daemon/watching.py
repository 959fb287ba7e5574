"""One resolution that is watched, step by step, on the live daemon: `resolver control trace`.

It runs on parts of its own, which nobody else's questions pass through, beside those in use: with
what these know, or without. The servers are asked by the one dispatcher of the process, so that
what is known of them counts, and is learnt. It joins nobody's question, and nobody joins it.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from resolver.daemon.wiring import assemble_apart
from resolver.dnssec import validation_events
from resolver.telemetry.events import Asked, Bus, Unanswered
from resolver.upstream.server_events import Tried

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.daemon.wiring import Parts
    from resolver.model import Name, Question
    from resolver.pipeline import Pipeline
    from resolver.upstream.request import Reply, Request


class _Asking:
    """Asks as *parts* do, and tells on *bus* what became of each packet of its own questions."""

    def __init__(self, parts: Parts, bus: Bus) -> None:
        self._dispatcher = parts.dispatcher
        self._bus = bus
        self._under_way: Counter[tuple[Question, Name]] = Counter()

    async def __call__(self, request: Request) -> Reply:
        key = request.question, request.delegation.zone
        self._under_way[key] += 1
        try:
            return await self._dispatcher.ask(request)
        finally:
            self._under_way[key] -= 1
            self._under_way += Counter()  # those of which there are none are dropped

    def hear(self, tried: Tried) -> None:
        if (tried.question, tried.zone) in self._under_way:
            self._bus.emit(tried)


@contextmanager
def watched(parts: Parts, hear: Callable[[object], None], *, is_cold: bool) -> Iterator[Pipeline]:
    """A pipeline of which *hear* is told each step and each proof, inside the block."""
    bus = Bus()
    bus.subscribe(hear, Asked, Unanswered, Tried, *validation_events.KINDS)
    asking = _Asking(parts, bus)
    apart = assemble_apart(parts, ask=asking, bus=bus, is_cold=is_cold)
    parts.dispatcher.on_event(asking.hear)
    try:
        yield apart.pipeline
    finally:
        parts.dispatcher.off_event(asking.hear)
        bus.unsubscribe(hear)
