"""QUIC below DNS: who may begin, who makes room, what is counted, and what strangers cannot do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import trio
from aioquic._buffer import Buffer
from aioquic.buffer import encode_uint_var
from aioquic.quic.packet import QuicErrorCode, QuicPacketType, pull_quic_header

from resolver.listen import quic, quic_peer, quic_places, quic_transport
from resolver.listen.quic_packets import VERSION_2
from resolver.listen.quic_places import QuicRates
from tests.listen.echo import question
from tests.listen.quic_client import CLIENT, HERE, asked, hello_of, listening
from tests.support import set_limit, trio_test

if TYPE_CHECKING:
    from tests.listen.quic_client import Client

QUESTION = question(id=0)


def kinds(client: Client) -> list[QuicPacketType]:
    """What was received: the first packet of each datagram."""
    return [
        pull_quic_header(Buffer(data=data), host_cid_length=8).packet_type
        for data in client.received
    ]


# --- beginning -----------------------------------------------------------------------------------


@pytest.mark.rfc("RFC 9250 §4.1.1", "RFC 9001 §8.1")
@pytest.mark.parametrize("alpn", [("h3",), ("dot", "doq-i02"), ()])
@trio_test
async def test_only_doq_is_spoken(alpn: tuple[str, ...]) -> None:
    async with listening() as it:
        client = it.client(alpn=alpn)
        client.connect()
        await client.run()
        assert client.closed is not None
        assert client.closed.error_code == QuicErrorCode.CRYPTO_ERROR + 120
        assert it.places.failed == 1
        assert it.is_empty()


@trio_test
async def test_the_second_version_of_quic() -> None:
    async with listening() as it:
        client = it.client(version=VERSION_2)
        client.connect()
        await client.run()
        stream = client.ask(asked(QUESTION))
        await client.run()
        assert client.finished == {stream}


@pytest.mark.rfc("RFC 9000 §6.1")
@trio_test
async def test_another_version_is_answered_with_ours() -> None:
    async with listening() as it:
        stranger = it.network.client(CLIENT)
        hello = b"\xc0\x1a\x2a\x3a\x4a\x08" + bytes(8) + b"\0" + bytes(1186)
        stranger.send_udp(HERE, hello[:1199])
        stranger.send_udp(HERE, hello + bytes(4))
        said = await stranger.receive()
        header = pull_quic_header(Buffer(data=said))
        assert header.packet_type is QuicPacketType.VERSION_NEGOTIATION
        assert len(said) < 50
        assert it.service.versions == 1
        assert it.is_empty()


@pytest.mark.reaches("QUIC_INITIAL_OCTETS")
@pytest.mark.rfc("RFC 9000 §14.1")
@trio_test
async def test_a_small_first_datagram_is_dropped() -> None:
    """It would be answered with three times as much."""
    async with listening() as it:
        client = it.client()
        client.quic.connect(HERE, trio.current_time())
        ((data, _),) = client.quic.datagrams_to_send(trio.current_time())
        client.end.send_udp(HERE, data[:1199])
        await client.run(0.1)
        assert (it.service.ignored, client.received) == (1, [])
        client.end.send_udp(HERE, data)
        await client.run()
        assert client.is_open


@pytest.mark.reaches("QUIC_HANDSHAKE_SECONDS")
@trio_test
async def test_a_handshake_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, quic_peer, "QUIC_HANDSHAKE_SECONDS", 5.0)
    async with listening() as it:
        it.client().connect()
        await trio.sleep(4.9)
        assert (len(it.service), it.places.half_open) == (1, 1)
        await trio.sleep(0.2)
        assert it.places.timed_out == 1
        assert it.is_empty()


@trio_test
async def test_nothing_comes_as_early_data() -> None:
    """No ticket is given out, so there is nothing to resume, and nothing that could be replayed."""
    async with listening() as it:
        client = await it.connected()
        tickets: list[object] = []
        client.quic.tls.new_session_ticket_cb = tickets.append
        client.ask(asked(QUESTION))
        await client.run(3)
        assert tickets == []


# --- addresses that are not proven ---------------------------------------------------------------


@pytest.mark.reaches("QUIC_HALF_OPEN")
@pytest.mark.rfc("RFC 9000 §8.1.2")
@trio_test
async def test_forged_addresses_are_told_to_prove_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A flood of first packets: sixteen are kept, the rest cost a Retry each and no memory."""
    set_limit(monkeypatch, quic_places, "QUIC_HALF_OPEN", 16)
    async with listening() as it:
        for number in range(500):
            it.client(f"203.0.{number // 250}.{number % 250 + 1}").connect()
            await trio.sleep(0.001)
        assert (len(it.service), it.places.half_open) == (16, 16)
        assert it.places.retried == 484
        assert it.places.octets < 16 * 120_000
        honest = await it.connected()
        assert QuicPacketType.RETRY in kinds(honest)
        stream = honest.ask(asked(QUESTION))
        await honest.run()
        assert honest.finished == {stream}
        await trio.sleep(6)
        assert len(it.service) == 1


@pytest.mark.reaches("QUIC_UNPROVEN_PER_CLIENT")
@trio_test
async def test_one_address_begins_few_without_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, quic_places, "QUIC_UNPROVEN_PER_CLIENT", 8)
    async with listening() as it:
        for _ in range(12):
            it.client().connect()
        await trio.sleep(0.3)
        assert (len(it.service), it.places.retried) == (8, 4)
        other = await it.connected("198.51.100.8")
        assert QuicPacketType.RETRY not in kinds(other)


@pytest.mark.reaches("QUIC_CLIENT_CONNECTS_PER_SECOND", "QUIC_CONNECTS_PER_SECOND")
@trio_test
async def test_connections_have_a_rate_of_their_own_and_forged_ones_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over it the unproven are sent to prove themselves; the proven wait. Forging uses up half."""
    set_limit(monkeypatch, quic_places, "QUIC_CLIENT_CONNECTS_PER_SECOND", 2)
    set_limit(monkeypatch, quic_places, "QUIC_CONNECTS_PER_SECOND", 40)
    rates = QuicRates(2, 40)
    for _ in range(2):
        assert rates.allows(b"a", is_local=False, is_proven=False)
    assert not rates.allows(b"a", is_local=False, is_proven=False)
    assert rates.allows(b"a", is_local=False, is_proven=True)
    taken = [rates.allows(bytes([n]), is_local=False, is_proven=False) for n in range(60)]
    assert taken.count(True) == 18
    taken = [rates.allows(bytes([n]), is_local=False, is_proven=True) for n in range(60)]
    assert taken.count(True) == 19
    async with listening(rates=QuicRates()) as it:
        clients = [it.client() for _ in range(6)]
        for client in clients:
            client.connect()
        await trio.sleep(0.2)
        assert (len(it.service), it.places.retried) == (2, 4)
        for client in clients:
            await client.run(0.1)
        assert len(it.service) in {4, 5}, "two more at once, and one in the meantime"
        assert it.places.limited >= 1
        await clients[-1].run(3)
        assert clients[-1].is_open, "the client sends again, and has its turn"
        local = [it.client("127.0.0.1") for _ in range(15)]
        for client in local:
            client.connect()
        await trio.sleep(0.2)
        assert len([each for each in it.service._peers if each.host == "127.0.0.1"]) == 8


@pytest.mark.rfc("RFC 9000 §8.1.3")
@trio_test
async def test_a_token_that_came_too_late_ends_the_connection() -> None:
    async with listening(rates=QuicRates(0.1, 0.1)) as it:
        client = it.client()
        client.connect()
        client.drops_until = trio.current_time()
        await client.run(0.1)
        assert kinds(client) == [QuicPacketType.RETRY]
        assert client.quic._peer_token
        await trio.sleep(11)
        await client.run(3)
        assert it.service.invalid_tokens >= 1
        assert client.closed is not None
        assert client.closed.error_code == QuicErrorCode.INVALID_TOKEN
        assert it.is_empty()


@trio_test
async def test_a_token_of_another_server_is_no_token() -> None:
    async with listening() as it:
        client = it.client()
        client.quic._peer_token = b"N" + bytes(60)
        client.connect()
        await client.run()
        assert client.is_open


# --- places --------------------------------------------------------------------------------------


@pytest.mark.reaches("QUIC_CONNECTIONS")
@trio_test
async def test_the_one_idle_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, quic, "QUIC_CONNECTIONS", 256)
    monkeypatch.setattr(quic, "QUIC_CONNECTIONS", 4)
    async with listening() as it:
        it.handler.holds = True
        clients = [await it.connected(f"198.51.100.{number}") for number in range(1, 5)]
        clients[0].ask(asked(QUESTION))
        await clients[0].run()
        late = await it.connected("198.51.100.9")
        assert late.is_open
        await clients[1].run()
        assert clients[1].closed is not None, "the first one waits for an answer"
        assert clients[1].closed.error_code == 0
        assert it.places.dismissed == 1
        assert len(it.service) == 4
        for client in (*clients[2:], late):
            client.ask(asked(question(b"\1a\0")))
            await client.run()
        refused = it.client("198.51.100.10")
        refused.connect()
        await refused.run()
        assert not refused.is_open
        assert it.places.refused >= 1


@pytest.mark.reaches("QUIC_CONNECTIONS_PER_CLIENT")
@trio_test
async def test_one_address_has_its_own_connections_make_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_limit(monkeypatch, quic_places, "QUIC_CONNECTIONS_PER_CLIENT", 32)
    async with listening() as it:
        other = await it.connected("198.51.100.99")
        mine = [it.client() for _ in range(33)]
        for client in mine:
            client.connect()
            await client.run(0.2)
        assert len(it.service) == 33
        await mine[0].run()
        assert mine[0].closed is not None
        await other.run(0.1)
        assert other.closed is None


@pytest.mark.reaches("QUIC_MEMORY_OCTETS", "QUIC_CONNECTION_OCTETS", "QUIC_STREAM_OCTETS")
@trio_test
async def test_cve_2026_32665_all_memory_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unbound's: its `quic-size` did not count everything. Who holds most pays."""
    set_limit(monkeypatch, quic_transport, "QUIC_CONNECTION_OCTETS", 60 << 10)
    set_limit(monkeypatch, quic_transport, "QUIC_STREAM_OCTETS", 1536)
    large = QUESTION + bytes(60_000)
    async with listening() as it:
        assert it.places.most_octets == 8 << 20
        it.places.most_octets = 1_000_000
        it.handler.holds = True
        quiet = [await it.connected(f"198.51.100.{number}") for number in range(1, 5)]
        greedy = await it.connected("198.51.100.200")
        greedy.drops_until = 1e12
        for number in range(90):
            greedy.ask(asked(question(b"\1x\6n%05d\0" % number)))
        await greedy.run(0.2)
        for respond in list(it.handler.held.values()):
            respond(large)
            assert it.places.octets <= 1_000_000
        assert it.places.shed == 1
        await trio.sleep(0.1)
        for client in quiet:
            await client.run(0.1)
            assert client.closed is None
        assert len(it.service) == 4
        assert it.places.octets == sum(peer.octets for peer in it.service._peers)


@pytest.mark.reaches("QUIC_GREETING_OCTETS", "QUIC_PACKET_OCTETS")
@trio_test
async def test_what_a_handshake_holds_is_counted_until_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_limit(monkeypatch, quic_transport, "QUIC_GREETING_OCTETS", 48 << 10)
    set_limit(monkeypatch, quic_transport, "QUIC_PACKET_OCTETS", 768)
    async with listening() as it:
        it.client().connect()
        await trio.sleep(0.1)
        (peer,) = it.service._peers
        assert peer.octets > 2 * (48 << 10)
        client = await it.connected()
        await client.run(2)
        quiet = next(each for each in it.service._peers if each.is_open)
        assert 60 << 10 <= quiet.octets < 61 << 10


@pytest.mark.reaches("QUIC_HELLO_OCTETS")
@trio_test
async def test_a_handshake_out_of_order_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library would keep half a megabyte for one frame far ahead, of anybody."""
    set_limit(monkeypatch, quic_transport, "QUIC_HELLO_OCTETS", 16_384)
    async with listening() as it:
        client = it.client()
        client.quic.connect(HERE, trio.current_time())
        client.quic.tls.client_random = os.urandom(32)
        client.end.send_udp(HERE, hello_of(client, b"\6" + encode_uint_var(500_000) + b"\1x"))
        await client.run()
        assert it.places.octets < 200_000
        assert client.closed is not None
        assert client.closed.error_code == QuicErrorCode.CRYPTO_BUFFER_EXCEEDED
        assert it.is_empty()


# --- a client that moves -------------------------------------------------------------------------


@pytest.mark.rfc("RFC 9000 §9.3")
@trio_test
async def test_a_client_that_moves_goes_on_once_its_path_is_proven() -> None:
    async with listening() as it:
        client = await it.connected()
        client.ask(asked(QUESTION))
        await client.run()
        client.quic.change_connection_id()
        client.end = it.network.client("198.51.100.77")
        stream = client.ask(asked(question(b"\1y\0")))
        await client.run(2)
        assert client.finished >= {stream}
        (peer,) = it.service._peers
        assert peer.path.peer[0] == "198.51.100.77"
        assert it.handler.started[-1][1].host == "198.51.100.77"


@trio_test
async def test_a_forged_move_leads_nowhere() -> None:
    """Whoever sends on a client's packets from elsewhere gets three times as much, and no more."""
    async with listening() as it:
        client = await it.connected()
        client.ask(asked(QUESTION))
        ((data, _),) = client.quic.datagrams_to_send(trio.current_time())
        forger = it.network.client("203.0.113.66")
        forger.send_udp(HERE, data)
        await trio.sleep(3)
        got = 0
        with trio.move_on_after(0.01):
            while True:
                got += len(await forger.receive())
        assert 0 < got <= 3 * len(data)
        await client.run(3)
        (peer,) = it.service._peers
        assert peer.path.peer[0] == CLIENT
