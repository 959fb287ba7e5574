"""A link that is cut, in virtual time: what clients are told then, and when it is whole again."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.lab.faults import Path
from resolver.lab.world import ROOT_SERVERS
from resolver.limits import (
    OUTAGE_FORGED_SECONDS,
    OUTAGE_WITNESS_SECONDS,
    STALE_RENEWALS_AT_ONCE,
    STALE_TTL_SECONDS,
    UNATTENDED_RESOLUTIONS,
)
from resolver.model import Source
from resolver.protocol.codes import EdeCode, Rcode, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.transport import Transport
from resolver.protocol.wire import parse_untrusted
from tests.asking import SOURCE, octets, replied
from tests.making import name, question
from tests.recurse.household import house, village
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.lab.world import World
    from resolver.model import Question
    from resolver.protocol.message import Message
    from tests.recurse.household import House

RTT_S = 0.04
HOUR = 3600
NAMES = 60
WWW, NEW = question("www.example.net. A"), question("never-asked.example.net. A")
CUT, WHOLE = Path(dead=True), Path(delay_s=RTT_S / 2)
RECOVERY_S = OUTAGE_WITNESS_SECONDS + 10 * RTT_S  # a neighbour, a root server, a walk of three


def city(*, is_signed: bool = False) -> World:
    """The village with names of many TTLs, 40 ms away."""
    world = village()
    example = world.zones[name("example.net.")]
    for number in range(NAMES):
        example.add(f"n{number}", RRType.A, bytes([192, 0, 2, number]), ttl=20 + 5 * number)
    if is_signed:
        world = village(is_signed=True)
    world.faults.default = WHOLE
    return world


def known(number: int) -> Question:
    return question(f"n{number % NAMES}.example.net. A")


class Client:
    """Asks as clients do, through the packet cache; what it was told, and how soon."""

    def __init__(self, home: House) -> None:
        self.home = home
        self.waits: list[float] = []
        self.rcodes: list[int] = []
        self.codes: set[int] = set()
        self._next = 0

    async def ask(self, asked: Question) -> Message:
        self._next += 1
        data = octets(asked, edns=Edns(1232, 0, do=False))
        began = trio.current_time()
        front = self.home.parts.fast_paths.open(Transport.UDP)
        front.begin()
        reply = front.recall(data, SOURCE) or await replied(self.home, data)
        message = parse_untrusted(reply)
        self.waits.append(trio.current_time() - began)
        self.rcodes.append(message.rcode)
        assert message.edns is not None
        self.codes = {int.from_bytes(option[1][:2], "big") for option in message.edns.options}
        return message

    async def use(self, seconds: int) -> None:
        """One question a second, of all names in turn."""
        for _ in range(seconds):
            await self.ask(known(self._next))
            await trio.sleep(1)


@asynccontextmanager
async def cut_off(home: House, world: World) -> AsyncIterator[Client]:
    """A client that has used the link for a while, and the link is cut as long as the block."""
    client = Client(home)
    await client.ask(WWW)
    await client.use(NAMES)
    world.faults.default = CUT
    await trio.sleep(HOUR)
    await client.ask(known(0))  # finds out
    await trio.sleep(2)
    assert home.parts.dispatcher.is_offline
    client.waits.clear()
    client.rcodes.clear()
    yield client
    world.faults.default = WHOLE


@trio_test
async def test_a_cut_of_two_hours_is_hardly_noticed_after_an_hour_of_use() -> None:
    world = city()
    async with house(world) as home:
        client = Client(home)
        await client.use(HOUR)
        stale = home.resolver.stale
        assert stale is not None
        assert (stale.failure, stale.slow, stale.outage) == (0, 0, 0)  # in health
        world.faults.default = CUT
        client.waits.clear()
        before = home.sent
        await client.use(2 * HOUR)
        assert set(client.rcodes) == {Rcode.NOERROR}
        waits = sorted(client.waits)
        assert waits[len(waits) // 2] == 0
        assert waits[int(len(waits) * 0.99)] <= 0.1
        assert home.sent - before <= 2 * HOUR
        world.faults.default = WHOLE
        healed = trio.current_time()
        while EdeCode.STALE_ANSWER in client.codes:
            await client.ask(known(7))
            await trio.sleep(0.1)
        assert trio.current_time() - healed <= RECOVERY_S + 0.1
        await trio.sleep_until(healed + 10)
        told = stale.outage
        for number in range(NAMES):
            assert (await client.ask(known(number))).answer[0].ttl >= 10
        assert (stale.failure, stale.slow, stale.outage) == (0, 0, told)
        assert home.parts.dispatcher.counters.outages == 1
        assert home.parts.dispatcher.ways.outage_s(trio.current_time()) == pytest.approx(
            2 * HOUR, abs=60
        )


@pytest.mark.rfc("RFC 8914 §4.24")
@trio_test
async def test_a_name_that_nobody_asked_for_before_fails_at_once() -> None:
    """It is told since when, and no packet goes out for it."""
    world = city()
    async with house(world) as home, cut_off(home, world) as client:
        sent, failures = home.sent, len(home.parts.memory.failures)
        for number in range(50):
            reply = await client.ask(question(f"new{number}.example.net. A"))
            assert reply.rcode == Rcode.SERVFAIL
            assert client.codes >= {EdeCode.NO_REACHABLE_AUTHORITY, EdeCode.NETWORK_ERROR}
        assert reply.edns is not None
        assert b"nobody answers for 1 h: the public tree" in reply.edns.options[-1][1]
        assert max(client.waits) == 0
        assert (home.sent, len(home.parts.memory.failures)) == (sent, failures)


@trio_test
async def test_what_is_over_is_octets_while_the_outage_lasts() -> None:
    """And none when it has ended: what was told then is renewed though nobody asks."""
    world = city()
    async with house(world) as home:
        async with cut_off(home, world) as client:
            told = await client.ask(WWW)
            assert told.answer[0].ttl == STALE_TTL_SECONDS
            before = home.resolver.stale.outage  # type: ignore[union-attr]
            await trio.sleep(5)
            again = await client.ask(WWW)
            assert again.answer[0].ttl == STALE_TTL_SECONDS - 5
            assert home.resolver.stale.outage == before  # type: ignore[union-attr]
        await trio.sleep(RECOVERY_S)
        assert (await home.ask(WWW)).sources == (Source.CACHE,)
        assert (await client.ask(WWW)).answer[0].ttl > STALE_TTL_SECONDS


@pytest.mark.reaches("STALE_RENEWALS_AT_ONCE")
@trio_test
async def test_few_of_what_was_told_are_renewed_at_a_time() -> None:
    """And all of it within seconds."""
    assert STALE_RENEWALS_AT_ONCE < UNATTENDED_RESOLUTIONS
    world = city()
    async with house(world) as home:
        async with cut_off(home, world) as client:
            for number in range(NAMES):
                await client.ask(known(number))
        most = 0
        for _ in range(100):
            most = max(most, home.resolver.unattended)
            await trio.sleep(RTT_S / 2)
        assert most == STALE_RENEWALS_AT_ONCE
        assert home.resolver.refreshes >= NAMES
        assert (await home.ask(known(3))).sources == (Source.CACHE,)


@pytest.mark.reaches("OUTAGE_FORGED_SECONDS")
@pytest.mark.parametrize("is_forged", [False, True])
@trio_test
async def test_servers_at_home_end_an_outage_if_nobody_forges_the_roots(
    is_forged: bool,  # noqa: FBT001
) -> None:
    """The line to the root's servers is dead still; others are on this side of it."""
    world = city()
    async with house(world) as home:
        async with cut_off(home, world):
            for hosts in ROOT_SERVERS.values():
                for host in hosts:
                    world.faults.set(host, CUT)
        ways, healed = home.parts.dispatcher.ways, trio.current_time()
        if is_forged:
            ways.public.forged_at = healed
        while ways.is_any_cut:  # noqa: ASYNC110  # in virtual time
            await trio.sleep(0.1)
        took_s = trio.current_time() - healed
        assert (took_s > OUTAGE_FORGED_SECONDS) is is_forged
        assert took_s <= is_forged * OUTAGE_FORGED_SECONDS + 25 * OUTAGE_WITNESS_SECONDS


@trio_test
async def test_a_machine_without_a_route_is_cut_off_too() -> None:
    world = city()
    async with house(world) as home:
        client = Client(home)
        await client.ask(WWW)
        sources, home.network._sources = home.network._sources, {}
        await trio.sleep(HOUR)
        sent = home.sent
        for number in range(100):
            assert (await client.ask(WWW)).answer[0].ttl <= STALE_TTL_SECONDS
            assert (await client.ask(question(f"new{number}.example.net. A"))).rcode == (
                Rcode.SERVFAIL
            )
            await trio.sleep(1)
        assert max(client.waits[1:]) <= 0.1
        assert home.sent == sent
        assert home.parts.dispatcher.counters.outages == 1
        home.network._sources = sources
        await trio.sleep(RECOVERY_S)
        assert home.parts.dispatcher.ways.is_any_cut is False
        await client.ask(WWW)
        assert not client.codes
