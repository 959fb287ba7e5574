"""Connections to servers over TLS: when they are closed, kept warm, resumed and given up."""

from __future__ import annotations

import pytest
import trio

from resolver.limits import (
    SESSION_IDLE_SECONDS,
    SESSION_MUTE_SECONDS,
    SESSION_WARM_SECONDS,
)
from resolver.protocol.edns import OPT_KEEPALIVE
from tests.support import trio_test
from tests.upstream.encrypted_worlds import ask, forward, running
from tests.upstream.test_encrypted import good
from tests.upstream.tls_servers import (
    NAME,
    TlsScript,
    certificate,
    encrypted,
    server_context,
    strict,
)
from tests.upstream.virtual_servers import ANSWER, Script, World, answer


@trio_test
async def test_a_connection_closed_while_idle_is_no_failure() -> None:
    """RFC 7766 §6.2.4; what was sent just then goes once more, on another."""
    world, server, one = World(), good(), encrypted()
    async with running(world, strict(one), _192_0_2_1=server):
        await ask(world, forward(one))
        server.closes_after = 0
        server.hang_up()
        await trio.sleep(1)
        server.closes_after = 1
        assert (await ask(world, forward(one), "a.example.com")).message.answer
        assert (await ask(world, forward(one), "b.example.com")).message.answer
        assert world.dispatcher.counters.failed == 0
        assert world.infra.state(one).fails == 0


@trio_test
async def test_cve_2026_50046_who_is_pushed_out_while_a_session_opens_harms_nobody() -> None:
    """Unbound's: a query that made room for others was told of its connection when it was freed."""
    world, server, one = World(), good(), encrypted()
    async with running(world, strict(one), _192_0_2_1=server):
        async with trio.open_nursery() as nursery:
            for at in range(50):  # on their way to a session that there is not yet
                nursery.start_soon(ask, world, forward(one), f"n{at}.example.com")
            await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert server.queries == []
        await trio.sleep(5)
        server.gate = trio.Event()  # and on one that has them all, and answers late
        async with trio.open_nursery() as nursery:
            for at in range(50):
                nursery.start_soon(ask, world, forward(one), f"m{at}.example.com")
            await trio.sleep(0.1)
            nursery.cancel_scope.cancel()
        assert server.queries
        server.gate.set()
        await trio.sleep(1)
        assert (await ask(world, forward(one))).message.answer[0].rdata == ANSWER
        assert world.dispatcher.in_flight == 0


@trio_test
async def test_a_server_that_closes_each_connection_unanswered_fails() -> None:
    world, server, one = World(), good(), encrypted()
    server.closes_after = 0
    async with running(world, strict(one), _192_0_2_1=server):
        with pytest.raises(Exception, match=r"closed by the server|nobody answers"):
            await ask(world, forward(one))
        assert server.handshakes < 6


@trio_test
@pytest.mark.reaches("SESSION_IDLE_SECONDS")
async def test_an_idle_connection_is_closed_in_time() -> None:
    world, server, one = World(), good(), encrypted()
    async with running(world, strict(one)._replace(keeps_warm=False), _192_0_2_1=server):
        await ask(world, forward(one))
        await trio.sleep(SESSION_IDLE_SECONDS - 1)
        assert server.open == 1
        await trio.sleep(2)
        assert server.open == 0


@trio_test
@pytest.mark.reaches("SESSION_WARM_SECONDS")
async def test_one_connection_is_kept_warm_while_the_server_is_in_use() -> None:
    """Opened again when the server closes it, unless it does so at once."""
    world, server, one = World(), good(), encrypted()
    async with running(world, strict(one), _192_0_2_1=server):
        await ask(world, forward(one))
        await trio.sleep(SESSION_WARM_SECONDS / 2)
        assert (server.open, server.established) == (1, 1)
        server.hang_up()
        await trio.sleep(1)
        assert (server.open, server.established, server.resumed) == (1, 2, 1)
        server.hang_up()
        await trio.sleep(1)
        assert (server.open, server.established) == (0, 2), "it had lasted for a second"
        await ask(world, forward(one), "a.example.com")
        await trio.sleep(SESSION_WARM_SECONDS - 1)
        assert server.open == 1
        await trio.sleep(2)
        assert server.open == 0


@trio_test
@pytest.mark.reaches("SESSION_MUTE_SECONDS")
async def test_a_connection_that_went_mute_is_given_up() -> None:
    """A box on the way forgot it: no reset comes, and nothing else."""
    world, server, one = World(), good(), encrypted()
    async with running(world, strict(one), _192_0_2_1=server):
        for at in range(5):
            await ask(world, forward(one), f"n{at}.example.com")
        server.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, world, forward(one), "lost.example.com")
            await trio.sleep(SESSION_MUTE_SECONDS - 0.1)
            nursery.start_soon(ask, world, forward(one), "early.example.com")
            await trio.sleep(0.05)
            assert server.established == 1
            server.gate.set()
        server.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, world, forward(one), "lost2.example.com")
            await trio.sleep(SESSION_MUTE_SECONDS + 0.1)
            nursery.start_soon(ask, world, forward(one), "late.example.com")
            await trio.sleep(0.05)
            assert server.established == 2
            server.gate.set()


@trio_test
async def test_what_the_server_grants_is_kept_to() -> None:
    """RFC 7828 §3.3.2: 10 s are told as 100 tenths, and closed a second before."""
    from resolver.protocol.edns import Edns  # noqa: PLC0415

    server, one = good(), encrypted()
    granted = Edns(options=((OPT_KEEPALIVE, (100).to_bytes(2, "big")),))
    server.script = Script(lambda query, _: answer(query, edns=granted))
    world = World()
    async with running(world, strict(one)._replace(keeps_warm=False), _192_0_2_1=server):
        await ask(world, forward(one))
        await trio.sleep(8.5)
        assert server.open == 1
        await trio.sleep(1)
        assert server.open == 0


@trio_test
async def test_old_tls_will_do_and_is_resumed() -> None:
    world, one = World(), encrypted()
    server = TlsScript(server_context(certificate(NAME), is_old=True))
    async with running(world, strict(one), _192_0_2_1=server):
        await ask(world, forward(one))
        server.hang_up()
        await trio.sleep(1)
        await ask(world, forward(one), "b.example.com")
        assert (server.established, server.resumed) == (2, 1)
