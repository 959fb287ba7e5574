"""One resolution is watched on the live daemon: its own steps, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver.daemon.watching import watched
from resolver.dnssec.validation_events import LinkValidated
from resolver.lab.faults import Path
from resolver.model import Source
from resolver.protocol import names
from resolver.telemetry.events import Asked
from resolver.upstream.server_events import Tried
from tests.making import question
from tests.recurse.household import house, slow_village, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.model import Answer
    from tests.recurse.household import House

WWW, OTHER = question("www.example.net. A"), question("www.glueless.net. A")


async def watch(home: House, *, is_cold: bool = False) -> tuple[Answer, list[object]]:
    heard: list[object] = []
    with watched(home.parts, heard.append, is_cold=is_cold) as pipeline:
        return await pipeline.answer(WWW), heard


def zones(heard: list[object]) -> list[str]:
    return [names.to_text(one.zone) for one in heard if isinstance(one, Asked)]


@trio_test
async def test_what_is_known_counts_unless_it_is_to_be_cold() -> None:
    async with house(village(is_signed=True)) as home:
        answer, heard = await watch(home)
        assert zones(heard)[0] == "."
        assert any(isinstance(one, LinkValidated) for one in heard)
        again, heard = await watch(home)
        assert (again.sources, zones(heard)) == ((Source.CACHE,), [])  # it was learnt
        assert (await home.ask(WWW)).sources == (Source.CACHE,)
        size = len(home.parts.memory.rrsets)
        cold, heard = await watch(home, is_cold=True)
        assert zones(heard)[0] == "."
        assert (cold.sources, cold.answer) == ((Source.NETWORK,), answer.answer)
        assert len(home.parts.memory.rrsets) == size


@trio_test
async def test_others_questions_at_the_same_time_are_not_heard() -> None:
    async with house(slow_village()) as home, trio.open_nursery() as nursery:
        nursery.start_soon(home.ask, OTHER)
        _, heard = await watch(home)
        asked = {one.question.qname for one in heard if isinstance(one, Asked | Tried)}
        assert asked
        assert all(names.is_subdomain(WWW.qname, one) for one in asked)


@trio_test
async def test_packets_that_came_to_nothing_are_heard() -> None:
    world = village()
    world.faults.set("192.0.2.20", Path(dead=True))
    world.faults.set("192.0.2.21", Path(dead=True))
    async with house(world) as home:
        _, heard = await watch(home)
        assert {one.server.host for one in heard if isinstance(one, Tried) and one.rtt_s is None}


@pytest.mark.parametrize("is_cold", [False, True])
@trio_test
async def test_nothing_of_it_stays(*, is_cold: bool) -> None:
    async with house(village()) as home:
        hook, listeners = (
            home.parts.memory.on_nxdomain,
            list(home.parts.dispatcher.shared.listeners),
        )
        counted = home.pipeline.counters.resolved
        await watch(home, is_cold=is_cold)
        assert home.parts.memory.on_nxdomain == hook
        assert home.parts.dispatcher.shared.listeners == listeners
        assert (home.pipeline.counters.resolved, home.parts.bus.heard) == (counted, {})
