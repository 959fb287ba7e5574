"""Servers over QUIC that never end, flood, or send rubbish: each costs little."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
import trio
from aioquic.quic.connection import QuicConnection

from resolver.errors import ExchangeFailed
from resolver.upstream import quic_session
from tests.support import only_collected, set_limit, trio_test
from tests.upstream.encrypted_worlds import ask, forward, running
from tests.upstream.quic_servers import over_quic, strict
from tests.upstream.test_quic import _fails, _raw, good
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from bench.forwarding.doq_server import Stream


@trio_test
async def test_a_body_without_end_is_cut_off() -> None:
    world, server, one = World(), good(_raw(bytes([255, 255]) + bytes(70_000))), over_quic()
    async with running(world, strict(one), _192_0_2_1=server):
        await _fails(world, "more than one")


@pytest.mark.reaches("SESSION_HELD_OCTETS")
@trio_test
async def test_unfinished_streams_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the first octets of each, of which nothing can be made."""
    set_limit(monkeypatch, quic_session, "SESSION_HELD_OCTETS", 10_000)
    world, one = World(speculation=False), over_quic()

    def most(stream: Stream) -> None:
        stream.quic._local_max_stream_data_bidi_local = 10
        sender = stream.quic._get_or_create_stream_for_send(stream.number).sender
        sender.write(bytes(20_000))
        sender._pending.subtract(1, 1000)

    server = good(most)
    async with running(world, strict(one), _192_0_2_1=server):
        await _fails(world, "too much|nobody answers")
        assert world.dispatcher.encrypted.counters.broken >= 1


@pytest.mark.reaches("UPSTREAM_TCP_STRAYS")
@trio_test
async def test_streams_that_nobody_asked_for_end_the_connection() -> None:
    """RFC 9250 §4.2: only clients open them."""
    world, one = World(), over_quic()

    def flood(stream: Stream) -> None:
        for _ in range(120):
            number = stream.quic.get_next_available_stream_id(is_unidirectional=True)
            stream.quic.send_stream_data(number, b"x", end_stream=True)

    async with running(world, strict(one), _192_0_2_1=good(flood)):
        await _fails(world, "babbles|nobody answers")


@trio_test
async def test_rubbish_on_the_way_harms_nobody() -> None:
    """Datagrams from the server's own address that are none of QUIC's, or nearly."""
    world, server, one = World(), good(), over_quic()
    rng = random.Random(1)
    async with running(world, strict(one), _192_0_2_1=server):
        await ask(world, forward(one))
        (carried,) = world.dispatcher._udp.carriers.values()
        for size in range(1, 300):
            carried(rng.randbytes(size))
            carried(bytes([0x40 | rng.randrange(64)]) + rng.randbytes(size))
            carried(bytes([0xC0 | rng.randrange(64), 0, 0, 0, 1, 8]) + rng.randbytes(size))
        assert (await ask(world, forward(one), "a.example.com")).message.answer


@trio_test
async def test_what_the_library_does_not_expect_ends_the_connection() -> None:
    """It has had such bugs: a packet that the server encrypted, and nonsense in it."""
    world, server, one = World(), good(), over_quic()
    async with running(world, strict(one), _192_0_2_1=server):
        await ask(world, forward(one))

        def broken(*_: object) -> None:
            raise AssertionError

        (link,) = [carrier.__self__ for carrier in world.dispatcher._udp.carriers.values()]  # type: ignore[attr-defined]
        link.quic.receive_datagram = broken
        assert (await ask(world, forward(one), "a.example.com")).message.answer
        assert server.server.handshakes == 2


@trio_test
async def test_sessions_leave_no_garbage_and_no_ports() -> None:
    """aioquic refers to itself, a session's end cuts that."""
    world, server, one = World(), good(), over_quic()
    with only_collected() as garbage:
        async with running(world, strict(one)._replace(keeps_warm=False), _192_0_2_1=server):
            for at in range(3):
                await ask(world, forward(one), f"n{at}.example.com")
                server.hang_up()
                await trio.sleep(1)
            assert world.dispatcher._udp.carriers == {}
            server.server._peers.clear()
    ours = [one for one in garbage if type(one).__module__.startswith("resolver")]
    assert ours == []
    clients = [one for one in garbage if isinstance(one, QuicConnection) and one._is_client]
    assert clients == []


@trio_test
async def test_questions_that_nobody_waits_for_are_stopped() -> None:
    """RFC 9250 §4.3.1."""
    stopped: list[int] = []

    def ignore(stream: Stream) -> None:
        real = stream.quic._handle_stop_sending_frame

        def handle(*arguments: Any) -> None:
            stopped.append(1)
            real(*arguments)

        if not hasattr(stream.quic, "watched"):
            stream.quic.watched = True  # type: ignore[attr-defined]
            table = stream.quic._QuicConnection__frame_handlers  # type: ignore[attr-defined]
            table[0x05] = (handle, table[0x05][1])

    world, server, one = World(), good(ignore), over_quic()
    async with running(world, strict(one), _192_0_2_1=server):
        with pytest.raises(ExchangeFailed):
            await ask(world, forward(one))
        await trio.sleep(30)
        assert len(stopped) == len(server.streams)
        server.respond = server.answer
        assert (await ask(world, forward(one), "a.example.com")).message.answer
