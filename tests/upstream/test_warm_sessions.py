"""Sessions before there is a question: at the start, and where one was lost."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.lab.faults import Path
from resolver.limits import (
    SESSION_IDLE_SECONDS,
    SESSION_SETTLED_SECONDS,
    SESSION_UNPROVEN_SECONDS,
    SESSION_WARM_SECONDS,
)
from tests.support import trio_test
from tests.upstream.encrypted_worlds import ask, forward, running
from tests.upstream.tls_servers import HOST, NAME, TlsScript, certificate, encrypted, strict
from tests.upstream.tls_servers import server_context as context
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from resolver.model import Server

AWAY_S = 0.2


def good() -> TlsScript:
    return TlsScript(context(certificate(NAME)))


class Gate:
    """The way to a server, which may be shut; counts who tries."""

    def __init__(self, world: World) -> None:
        self.is_shut = False
        self.is_mute = False
        self.tries: list[float] = []
        self._connect = world.network.connect_tcp
        world.network.connect_tcp = self._try  # type: ignore[method-assign]

    async def _try(self, server: Server) -> trio.abc.HalfCloseableStream:
        self.tries.append(trio.current_time())
        if self.is_shut:
            raise OSError(errno.ENETUNREACH, "no way")
        if self.is_mute:
            return trio.testing.memory_stream_pair()[0]
        return await self._connect(server)


@trio_test
async def test_the_first_question_finds_a_session() -> None:
    """In this network only connecting takes time."""
    world, server, one = World(), good(), encrypted()
    world.faults.set(HOST, Path(delay_s=AWAY_S))
    async with running(world, strict(one), _192_0_2_1=server):
        world.dispatcher.encrypted.warm_up()
        await trio.sleep(1)
        assert (server.established, server.queries) == (1, [])
        began = trio.current_time()
        await ask(world, forward(one))
        assert trio.current_time() - began < AWAY_S
        world.dispatcher.encrypted.warm_up()
        await trio.sleep(1)
        assert server.established == 1, "a reload changes nothing"


@trio_test
async def test_a_session_that_nobody_uses_ends() -> None:
    world, server, one = World(), good(), encrypted()
    async with running(world, strict(one), _192_0_2_1=server):
        world.dispatcher.encrypted.warm_up()
        await trio.sleep(SESSION_IDLE_SECONDS + 1)
        assert (server.open, server.established) == (0, 1)


@pytest.mark.parametrize("why", ["metered", "no IPv4"])
@trio_test
async def test_nobody_is_connected_to_who_may_not_be(why: str) -> None:
    world, server, one = World(ipv4=why != "no IPv4"), good(), encrypted()
    terms = strict(one)._replace(keeps_warm=why != "metered")
    async with running(world, terms, _192_0_2_1=server):
        world.dispatcher.encrypted.warm_up()
        await trio.sleep(1)
        assert server.handshakes == 0


@trio_test
async def test_where_there_is_no_network_yet_it_is_tried_again() -> None:
    """Ever more slowly, and not for ever."""
    world, server, one = World(), good(), encrypted()
    gate = Gate(world)
    gate.is_shut = True
    async with running(world, strict(one), _192_0_2_1=server):
        world.dispatcher.encrypted.warm_up()
        await trio.sleep(6)
        assert gate.tries == pytest.approx([gate.tries[0] + each for each in (0, 1, 3)], abs=0.01)
        gate.is_shut = False
        await trio.sleep(4)
        assert (server.open, len(gate.tries)) == (1, 4)
    world = World()
    gate = Gate(world)
    gate.is_shut = True
    async with running(world, strict(one)):
        world.dispatcher.encrypted.warm_up()
        await trio.sleep(SESSION_WARM_SECONDS + SESSION_IDLE_SECONDS)
        tries = len(gate.tries)
        assert tries < 20
        await trio.sleep(SESSION_WARM_SECONDS)
        assert len(gate.tries) == tries


@trio_test
async def test_who_asks_is_not_told_of_a_failure_before_it() -> None:
    """Nor waits for an attempt that began when there was no way: it has one of its own."""
    world, server, one = World(), good(), encrypted()
    gate = Gate(world)
    gate.is_shut = True
    async with running(world, strict(one), _192_0_2_1=server):
        world.dispatcher.encrypted.warm_up()
        await trio.sleep(0.5)
        gate.is_shut = False
        assert (await ask(world, forward(one))).message.answer
    world, server = World(), good()
    gate = Gate(world)
    gate.is_mute = True
    async with running(world, strict(one), _192_0_2_1=server):
        world.dispatcher.encrypted.warm_up()
        await trio.sleep(1.5)
        gate.is_mute = False
        began = trio.current_time()
        assert (await ask(world, forward(one))).message.answer
        assert trio.current_time() - began < 0.1
        await trio.sleep(5)
        assert server.established == 1


@trio_test
async def test_a_server_that_is_started_anew_is_found_before_the_next_question() -> None:
    world, server, one = World(), good(), encrypted()
    gate = Gate(world)
    async with running(world, strict(one), _192_0_2_1=server):
        await ask(world, forward(one))
        await trio.sleep(SESSION_SETTLED_SECONDS + 1)
        gate.is_shut = True
        server.hang_up()
        await trio.sleep(2)
        gate.is_shut = False
        await trio.sleep(2)
        assert server.established == 2
        assert (await ask(world, forward(one), "a.example.com")).message.answer
        assert server.established == 2


@trio_test
async def test_who_does_not_prove_it_is_not_tried_sooner_than_a_question_would() -> None:
    world, one = World(), encrypted()
    server = TlsScript(context(certificate(NAME, by="somebody")))
    async with running(world, strict(one), _192_0_2_1=server):
        world.dispatcher.encrypted.warm_up()
        await trio.sleep(SESSION_UNPROVEN_SECONDS - 1)
        assert server.handshakes == 1
        await trio.sleep(2)
        assert server.handshakes == 2
