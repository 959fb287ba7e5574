"""DNS over QUIC: how much one client may open, send and leave unread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
from aioquic.buffer import encode_uint_var
from aioquic.quic import events

from resolver.listen import quic_transport
from resolver.listen.admission import Admission
from resolver.listen.rate_limit import RateLimit
from resolver.protocol.framing import frame
from tests.listen.quic_client import HERE, asked, listening, sealed
from tests.listen.test_doq import EXCESSIVE_LOAD, QUESTION, named
from tests.support import set_limit, trio_test

if TYPE_CHECKING:
    from tests.listen.quic_client import Client


# --- how much a client may have ------------------------------------------------------------------


@pytest.mark.reaches("QUIC_STREAMS")
@trio_test
async def test_one_stream_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, quic_transport, "QUIC_STREAMS", 100)
    async with listening() as it:
        it.handler.holds = True
        client = await it.connected()
        assert client.quic._remote_max_streams_bidi == 100
        for number in range(120):
            client.ask(asked(named(number)))
        await client.run()
        assert it.admission.in_flight == 100
        client.quic._remote_max_streams_bidi = 1000  # whatever it was told
        client.quic._unblock_streams(is_unidirectional=False)
        await client.run()
        assert client.closed is not None
        assert client.closed.error_code == 4, "STREAM_LIMIT_ERROR"
        assert it.is_empty()


@pytest.mark.reaches("QUIC_ODD_STREAMS")
@trio_test
async def test_streams_of_one_direction_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, quic_transport, "QUIC_ODD_STREAMS", 3)
    async with listening() as it:
        client = await it.connected()
        assert client.quic._remote_max_streams_uni == 3


@pytest.mark.reaches("QUIC_WINDOW_OCTETS")
@trio_test
async def test_questions_that_are_not_whole_have_one_window() -> None:
    """What is spread over many streams is bounded as one is, however long the connection lasts."""
    async with listening() as it:
        client = await it.connected()
        assert client.quic._remote_max_data == 65_537
        for _ in range(50):
            client.ask(frame(QUESTION + bytes(5_000)))
            await client.run()
        for _ in range(60):
            client.ask(b"\xff\xff" + bytes(5_000), ends=False)
        await client.run(2)
        (peer,) = it.service._peers
        assert peer.spoken is not None
        assert 50_000 < peer.spoken.held_octets < 65_537 + 60 * 160
        await client.run(5)
        assert client.closed is not None, "it has had five seconds for them"
        assert client.closed.error_code == EXCESSIVE_LOAD
        assert it.is_empty()


@trio_test
async def test_unread_replies_are_not_added_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that takes nothing has one window of them, and is gone after five seconds."""
    large = QUESTION + bytes(30_000)
    async with listening() as it:
        it.handler.holds = True
        client = await it.connected()
        client.quic._local_max_data.value = 0  # what is announced later is not seen either
        for number in range(90):
            client.ask(asked(named(number)))
        await client.run(0.5)
        monkeypatch.setattr(it.service.socket, "send", lambda _: None)
        for message, respond in list(it.handler.held.items()):
            respond(large if message else None)
        (peer,) = it.service._peers
        assert peer.transport.unsent_octets <= 90 * 30_100
        stream = client.ask(asked(named(500)))
        await client.run(1)
        assert named(500) not in it.handler.held, "not begun while it reads nothing"
        assert stream not in client.finished
        await client.run(6)
        assert it.places.overused == 1
        assert it.is_empty()


@trio_test
async def test_over_the_rate_the_stream_is_reset() -> None:
    rate = RateLimit(2.5, trio.current_time)
    async with listening(admission=Admission(rate=rate)) as it:
        client = await it.connected()
        for number in range(15):  # 50 tokens, of a proven address, at 5 each
            client.ask(asked(named(number)))
        await client.run(0.3)
        assert len(client.finished) == 10
        assert set(client.resets.values()) == {EXCESSIVE_LOAD}


@pytest.mark.reaches("QUIC_PIECES", "QUIC_PIECE_OCTETS")
@trio_test
async def test_octets_with_gaps_between_are_not_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gap costs a hundred octets of memory, and a look at each of the others."""
    set_limit(monkeypatch, quic_transport, "QUIC_PIECES", 64)
    set_limit(monkeypatch, quic_transport, "QUIC_PIECE_OCTETS", 160)
    async with listening() as it:
        client = await it.connected()
        await _gaps(client, 60)
        assert client.closed is None
        (peer,) = it.service._peers
        assert peer.octets > 60 * 160
        other = await it.connected("198.51.100.8")
        await _gaps(other, 70)
        assert other.closed is not None
        assert other.closed.error_code == EXCESSIVE_LOAD


async def _gaps(client: Client, gaps: int) -> None:
    """Send single octets with gaps between, on one stream."""
    stream = client.quic.get_next_available_stream_id()
    client.ask(b"\0", ends=False)
    await client.run(0.3)
    frames = b"".join(
        b"\x0e" + encode_uint_var(stream) + encode_uint_var(2 * at + 3) + b"\1x"
        for at in range(gaps)
    )
    client.end.send_udp(HERE, sealed(client, frames))
    await client.run(0.3)


@trio_test
async def test_events_that_mean_nothing_here_are_ignored() -> None:
    async with listening() as it:
        client = await it.connected()
        client.quic.send_ping(1)
        client.quic.change_connection_id()
        await client.run()
        client.ask(asked(QUESTION))
        await client.run()
        assert any(isinstance(each, events.PingAcknowledged) for each in client.events)
        assert len(client.finished) == 1
