"""Somebody on the way answers in the place of every server: captive portals, and worse."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.limits import QUERY_SECONDS, STALE_AFTER_SECONDS
from resolver.protocol.codes import Rcode
from tests.making import question
from tests.recurse.household import WALL, house, village
from tests.recurse.test_calm import CUT, HOUR, NEW, RECOVERY_S, RTT_S, WHOLE, WWW, Client, city
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.lab.virtual_parts import Answerer, Answers
    from resolver.lab.world import World
    from tests.recurse.household import House

TRUE = bytes([192, 0, 2, 80])
FORGED = bytes([203, 0, 113, 1])


class Portal:
    """Says to everything that it is here."""

    def answer(self, data: bytes, transport: str, source: str) -> Answers:
        del transport, source
        end = data.index(b"\0", 12) + 5
        address = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + FORGED
        return data[:2] + b"\x84\0\0\1\0\1\0\0\0\0" + data[12:end] + address


class Helpless:
    """A router that has nobody to ask itself, and says so to whatever passes."""

    def __init__(self, rcode: int) -> None:
        self._rcode = rcode

    def answer(self, data: bytes, transport: str, source: str) -> Answers:
        del transport, source
        end = data.index(b"\0", 12) + 5
        flags = bytes([0x81, 0x80 | self._rcode])
        return data[:2] + flags + b"\0\1\0\0\0\0\0\0" + data[12:end]


@contextmanager
def intercepted(home: House, by: Answerer) -> Iterator[None]:
    """*by* answers at every address, as long as the block."""
    hosted = dict(home.network._hosted)
    for host, port in hosted:
        home.network.attach(host, by, port=port)
    yield
    for (host, port), server in hosted.items():
        home.network.attach(host, server, port=port)


def unsigned_names() -> World:
    """The root and net are signed, example.net is not: most names on the Internet are like that."""
    world = village()
    for apex in (b"\3net\0", b"\0"):
        world.sign(world.zones[apex], wall=WALL)
    world.faults.default = WHOLE
    return world


WORLDS = {"signed": lambda: city(is_signed=True), "unsigned": unsigned_names}


@pytest.mark.parametrize("kind", WORLDS)
@trio_test
async def test_a_captive_portal_does_not_end_an_outage(kind: str) -> None:
    """What it says is not what the root's servers sign; for names that nobody signs, too."""
    world = WORLDS[kind]()
    async with house(world) as home:
        client = Client(home)
        await client.ask(WWW)
        world.faults.default = CUT
        await trio.sleep(HOUR)
        await client.ask(NEW)
        await trio.sleep(10)
        assert home.parts.dispatcher.is_offline
        with intercepted(home, Portal()):
            world.faults.default = WHOLE
            for _ in range(40):
                await trio.sleep(1)
                reply = await client.ask(WWW)
                assert [one.rdata for one in reply.answer] == [TRUE]
                assert not (await client.ask(NEW)).answer
            assert home.parts.dispatcher.is_offline
        await trio.sleep(RECOVERY_S)
        assert home.parts.dispatcher.ways.cut_off(trio.current_time()) == 0
        await client.ask(WWW)
        assert not client.codes


@pytest.mark.parametrize("kind", WORLDS)
@trio_test
async def test_nobody_is_led_to_a_portal_by_a_resolver_that_started_behind_it(kind: str) -> None:
    """Nothing is known yet, and nothing that it says proves itself; afterwards all is well soon."""
    world = WORLDS[kind]()
    async with house(world) as home:
        client = Client(home)
        with intercepted(home, Portal()):
            for _ in range(10):
                reply = await client.ask(WWW)
                assert (reply.rcode, reply.answer) == (Rcode.SERVFAIL, [])
                await trio.sleep(1)
        healed = trio.current_time()
        while (await client.ask(WWW)).rcode != Rcode.NOERROR:
            await trio.sleep(0.5)
            assert trio.current_time() - healed <= 60
        assert [one.rdata for one in (await client.ask(WWW)).answer] == [TRUE]


@pytest.mark.parametrize("rcode", [Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NXDOMAIN])
@pytest.mark.parametrize("kind", WORLDS)
@trio_test
async def test_what_an_interceptor_without_a_link_says_is_nobodys_word(
    kind: str, rcode: int
) -> None:
    """Packets are answered, and yet nobody is there: known names are told, others fail."""
    world = WORLDS[kind]()
    async with house(world) as home:
        client = Client(home)
        await client.ask(WWW)
        await trio.sleep(HOUR)
        with intercepted(home, Helpless(rcode)):
            for _ in range(15):
                reply = await client.ask(WWW)
                assert [one.rdata for one in reply.answer] == [TRUE]
                assert client.waits[-1] <= STALE_AFTER_SECONDS + RTT_S
                assert (await client.ask(NEW)).rcode == Rcode.SERVFAIL
                await trio.sleep(1)
        assert max(client.waits) <= QUERY_SECONDS
        await trio.sleep(60)
        assert (await client.ask(WWW)).rcode == Rcode.NOERROR
        assert not client.codes
        assert (await client.ask(question("n0.example.net. A"))).rcode != Rcode.SERVFAIL


@trio_test
async def test_an_interceptor_that_passes_on_what_the_root_signs_ends_an_outage() -> None:
    """Whoever it is that answers: the word is true."""
    world = city(is_signed=True)
    async with house(world) as home:
        client = Client(home)
        await client.ask(WWW)
        world.faults.default = CUT
        await trio.sleep(HOUR)
        await client.ask(NEW)
        await trio.sleep(10)
        assert home.parts.dispatcher.is_offline
        with intercepted(home, AnswersForAll(world)):
            world.faults.default = WHOLE
            await trio.sleep(RECOVERY_S)
            assert not home.parts.dispatcher.is_offline


class AnswersForAll:
    """Hands each question to whoever knows: the most specific zone's servers."""

    def __init__(self, world: World) -> None:
        self._servers = dict(world.servers)

    def answer(self, data: bytes, transport: str, source: str) -> Answers:
        root = next(one for one in self._servers.values() if b"\0" in one.zones)
        return root.answer(data, transport, source)
