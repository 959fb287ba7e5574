"""Tries are told on the bus while somebody wants to hear of them, and not made else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.protocol.codes import RRType
from resolver.telemetry.events import Asked
from resolver.upstream.server_events import Tried
from tests.making import question
from tests.recurse.household import house, village
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import Callable


@trio_test
async def test_tries_are_told_while_somebody_listens() -> None:
    async with house(village()) as home:
        bus = home.parts.bus
        heard: list[object] = []
        tell: Callable[[object], None] = heard.append
        bus.subscribe(print, Asked)
        await home.ask(question("www.example.net. AAAA"))
        assert heard == []
        with bus.listening(tell, Tried), bus.listening(tell, Tried):
            await home.ask(question("www.glueless.net. A"))
        told = len(heard)
        assert told >= 2
        tried = heard[-1]
        assert isinstance(tried, Tried)
        assert (tried.question.qtype, tried.outcome) == (RRType.A, "answer")
        assert heard[0::2] == heard[1::2]  # both listeners, each try once
        await home.ask(question("alias.example.net. A"))
        assert len(heard) == told
