"""Servers that are asked over TLS: proven or not asked, shared connections, no clear text."""

from __future__ import annotations

import types

import pytest
import trio

from resolver.errors import ExchangeFailed
from resolver.lab.faults import Path
from resolver.limits import (
    QUERY_PADDING_OCTETS,
    SESSION_CONNECT_SECONDS,
    SESSION_RETRY_SECONDS,
    SESSION_UNPROVEN_SECONDS,
)
from resolver.model import Server
from resolver.protocol.edns import OPT_KEEPALIVE, OPT_NSID, OPT_PADDING
from resolver.protocol.names import from_text
from resolver.protocol.transport import Transport
from resolver.protocol.wire import parse_untrusted
from tests.support import only_collected, trio_test
from tests.upstream.encrypted_worlds import ask, forward, running
from tests.upstream.tls_servers import (
    HOST,
    NAME,
    Clear,
    TlsScript,
    certificate,
    encrypted,
    opportunistic,
    server_context,
    strict,
)
from tests.upstream.virtual_servers import ANSWER, Script, World, answer


def good() -> TlsScript:
    return TlsScript(server_context(certificate(NAME)))


@trio_test
async def test_an_encrypted_server_is_asked_and_nothing_else_leaves() -> None:
    world, server, one = World(), good(), encrypted()
    clear = Clear(world)
    async with running(world, strict(one), _192_0_2_1=server):
        reply = await ask(world, forward(one))
        assert reply.message.answer[0].rdata == ANSWER
        assert reply.transport is Transport.TLS
        assert (server.handshakes, clear.count) == (1, 0)


@trio_test
async def test_one_connection_carries_many_queries_in_any_order() -> None:
    """RFC 7766 §6.2.1.1 and §7."""
    held: list[bytes] = []

    def last_first(query: object, _: str) -> list[bytes]:
        held.insert(0, answer(query))  # type: ignore[arg-type]
        return [held.pop(0) for _ in range(len(held))] if len(held) == 3 else []

    server, one = good(), encrypted()
    server.script = Script(last_first)
    world = World(speculation=False)
    async with running(world, strict(one), _192_0_2_1=server):
        async with trio.open_nursery() as nursery:
            for at in range(3):
                nursery.start_soon(ask, world, forward(one), f"n{at}.example.com")
        assert (server.handshakes, len(server.queries)) == (1, 3)


@trio_test
@pytest.mark.reaches("QUERY_PADDING_OCTETS")
@pytest.mark.rfc("RFC 8467 §4.1")
async def test_queries_are_padded_and_tell_no_more_than_they_must() -> None:
    """RFC 8467 §4.1; and neither a cookie nor a random spelling, which protect nothing here."""
    server, one = good(), encrypted()
    world = World()
    async with running(world, strict(one), _192_0_2_1=server):
        for name in ("a.example.com", "a-much-longer-name.example.com", "a." * 60 + "example.com"):
            await ask(world, forward(one), name)
    assert server.sizes == [QUERY_PADDING_OCTETS, QUERY_PADDING_OCTETS, 2 * QUERY_PADDING_OCTETS]
    sent = [parse_untrusted(message) for message in server.queries]
    options = [[code for code, _ in one.edns.options] for one in sent if one.edns is not None]
    assert options == [[OPT_KEEPALIVE, OPT_PADDING], [OPT_NSID, OPT_PADDING], [OPT_PADDING]]
    assert all(one.qname_raw == one.qname for one in sent)
    assert all(one.edns is not None and one.edns.do for one in sent)


@trio_test
@pytest.mark.reaches("SESSION_UNPROVEN_SECONDS")
async def test_an_unproven_server_is_tried_again_after_a_while() -> None:
    world, one = World(), encrypted()
    server = TlsScript(server_context(certificate(NAME, by="somebody")))
    async with running(world, strict(one), _192_0_2_1=server):
        for _ in range(3):
            with pytest.raises(ExchangeFailed):
                await ask(world, forward(one))
        assert server.handshakes == 1
        await trio.sleep(SESSION_UNPROVEN_SECONDS - 1)
        with pytest.raises(ExchangeFailed):
            await ask(world, forward(one))
        assert server.handshakes == 1
        server.context = server_context(certificate(NAME))
        await trio.sleep(1.5)
        assert (await ask(world, forward(one))).message.answer


@trio_test
@pytest.mark.reaches("SESSION_RETRY_SECONDS", "SESSION_CONNECT_SECONDS")
async def test_a_failed_connection_is_not_tried_by_each_question() -> None:
    """Nobody completes the handshake: who asks meanwhile waits for the same failure."""
    world, one = World(speculation=False), encrypted()
    tries = 0

    async def mute(_: Server) -> trio.abc.HalfCloseableStream:
        nonlocal tries
        tries += 1
        return trio.testing.memory_stream_pair()[0]

    world.network.connect_tcp = mute  # type: ignore[method-assign, assignment]
    async with running(world, strict(one)):
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for at in range(5):
                nursery.start_soon(_fails, world, one, f"n{at}.example.com")
        took_s = trio.current_time() - began
        assert tries == 1
        assert SESSION_CONNECT_SECONDS <= took_s < SESSION_CONNECT_SECONDS + 1
        await _fails(world, one, "x.example.com")
        assert tries == 1
        await trio.sleep(SESSION_RETRY_SECONDS)
        await _fails(world, one, "y.example.com")
        assert tries == 2


async def _fails(world: World, one: Server, name: str) -> None:
    with pytest.raises(Exception, match=r"session|nobody answers"):
        await ask(world, forward(one), name)


@trio_test
async def test_clear_text_is_asked_only_where_that_is_wanted_and_encryption_fails() -> None:
    """RFC 8310 §5.1 (opportunistic): any certificate will do, and else port 53."""
    one, plain = encrypted(), Server(HOST, 53)
    cut = forward(one, plain, is_opportunistic=True)
    world, server = World(), TlsScript(server_context(certificate(NAME, by="somebody")))
    world.serve(HOST)
    clear = Clear(world)
    async with running(world, opportunistic(one), _192_0_2_1=server):
        for at in range(20):
            reply = await ask(world, cut, f"n{at}.example.com")
            assert reply.transport is Transport.TLS
        assert clear.count == 0
    world = World()
    world.serve(HOST)
    async with running(world, opportunistic(one)):
        reply = await ask(world, cut)
        assert reply.transport is Transport.UDP


@trio_test
async def test_what_was_measured_counts_for_address_and_transport() -> None:
    """And not the handshake: in this network only connecting takes time."""
    world, server, one = World(), good(), encrypted()
    world.faults.set(HOST, Path(delay_s=0.2))
    async with running(world, strict(one), _192_0_2_1=server):
        began = trio.current_time()
        await ask(world, forward(one))
        assert trio.current_time() - began >= 0.4
        state = world.infra.state(one)
        assert state.n == 1
        assert state.srtt < 0.1
        assert world.infra.state(Server(HOST, 53)).n == 0


@trio_test
async def test_a_second_server_is_asked_where_the_first_is_late() -> None:
    """Hedges know nothing of connections."""
    first, second = encrypted(), encrypted("192.0.2.2")
    slow, quick = good(), good()
    world = World()
    async with running(world, strict(first, second), _192_0_2_1=slow, _192_0_2_2=quick):
        cut = forward(first, second)
        for at in range(5):
            await ask(world, cut, f"n{at}.example.com")
        slow.gate = quick.gate = trio.Event()
        preferred = slow if len(slow.queries) > len(quick.queries) else quick
        other = quick if preferred is slow else slow
        other.gate = trio.Event()
        other.gate.set()
        began = trio.current_time()
        assert (await ask(world, cut, "late.example.com")).message.answer
        assert trio.current_time() - began < 1


@trio_test
async def test_a_truncated_reply_leads_nowhere_in_clear_text() -> None:
    """TC over a stream is nonsense: another server, never port 53."""
    from resolver.protocol.codes import Flag  # noqa: PLC0415

    world, server, one = World(), good(), encrypted()
    world.serve(HOST)
    clear = Clear(world)
    server.script = Script(lambda query, _: answer(query, flags=Flag.TC, answer=[]))
    async with running(world, strict(one), _192_0_2_1=server):
        with pytest.raises(ExchangeFailed):
            await ask(world, forward(one))
        assert clear.count == 0


@trio_test
async def test_octets_that_answer_nothing_asked_are_not_taken() -> None:
    """An id of ours with another question; a query; rubbish. The true reply comes last."""

    def strange(query: object, _: str) -> list[bytes]:
        true = answer(query)  # type: ignore[arg-type]
        other = answer(query, question=(from_text("x.example"), 1, 1))  # type: ignore[arg-type]
        return [b"", b"rubbish", true[:2] + b"\0\0" + true[4:], other, true]

    world, server, one = World(), good(), encrypted()
    server.script = Script(strange)
    async with running(world, strict(one), _192_0_2_1=server):
        reply = await ask(world, forward(one))
        assert reply.message.answer[0].rdata == ANSWER
        assert server.handshakes == 1


@trio_test
async def test_sessions_leave_no_cycles() -> None:
    """The collector is mostly off: good ones, refused ones, and those cut in the middle."""
    world, server, one = World(), good(), encrypted()
    bad = TlsScript(server_context(certificate(NAME, by="somebody")))
    other = encrypted("192.0.2.2")
    terms = strict(one, other)._replace(keeps_warm=False)
    async with running(world, terms, _192_0_2_1=server, _192_0_2_2=bad):
        await ask(world, forward(one))
        with only_collected() as found:
            for at in range(5):
                server.hang_up()
                await trio.sleep(SESSION_UNPROVEN_SECONDS + 1)
                await ask(world, forward(one), f"n{at}.example.com")
                with pytest.raises(ExchangeFailed):
                    await ask(world, forward(other), f"n{at}.example.com")
            server.hang_up()
            await trio.sleep(100)
        assert [type(thing) for thing in found if _is_ours(thing)] == []


def _is_ours(thing: object) -> bool:
    """The memory streams of this network are cycles themselves, and nothing else may be."""
    return not type(thing).__module__.startswith("trio") and not isinstance(
        thing, list | tuple | dict | types.FunctionType | types.CellType
    )


@trio_test
async def test_servers_that_a_reload_took_away_are_let_go() -> None:
    world, server, one = World(), good(), encrypted()
    terms = strict(one)
    async with running(world, terms, _192_0_2_1=server):
        await ask(world, forward(one))
        world.dispatcher.encrypted.go_by(terms)
        await trio.sleep(1)
        assert server.open == 1, "the same terms: nothing changes"
        world.dispatcher.encrypted.go_by(strict())
        await trio.sleep(1)
        assert server.open == 0
