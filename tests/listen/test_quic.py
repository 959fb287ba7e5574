"""QUIC below DNS: who may begin, who makes room, what is counted, and what strangers cannot do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import trio
from aioquic import tls
from aioquic._buffer import Buffer
from aioquic.buffer import encode_uint_var
from aioquic.quic import packet
from aioquic.quic.packet import QuicErrorCode, QuicPacketType, pull_quic_header
from hypothesis import given, settings
from hypothesis import strategies as st

from resolver.lab.virtual_time import run
from resolver.listen import quic, quic_peer, quic_places, quic_transport
from resolver.listen.quic_packets import VERSION_2
from resolver.listen.quic_places import QuicPlaces, QuicRates
from tests.listen.echo import answered, question
from tests.listen.quic_client import CLIENT, HERE, asked, listening
from tests.support import only_collected, set_limit, trio_test

if TYPE_CHECKING:
    from collections import deque

    from resolver.listen.listen_network import Datagram
    from tests.listen.quic_client import Client, Listener

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
        await trio.sleep(0.5)
        assert (len(it.service), it.places.half_open) == (16, 16)
        assert it.places.retried == 484
        assert it.places.octets < 16 * 110_000
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
    set_limit(monkeypatch, quic_places, "QUIC_MEMORY_OCTETS", 8 << 20)
    monkeypatch.setattr(quic_places, "QUIC_MEMORY_OCTETS", 1_000_000)
    large = QUESTION + bytes(60_000)
    async with listening() as it:
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
async def test_what_a_handshake_holds_is_counted_until_it_is_done() -> None:
    async with listening() as it:
        it.client().connect()
        await trio.sleep(0.1)
        (peer,) = it.service._peers
        assert peer.octets > 2 * (48 << 10)
        client = await it.connected()
        await client.run(2)
        quiet = next(each for each in it.service._peers if each.is_open)
        assert 48 << 10 <= quiet.octets < 49 << 10


@pytest.mark.reaches("QUIC_HELLO_OCTETS")
@trio_test
async def test_a_handshake_out_of_order_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library would keep half a megabyte for one frame far ahead, of anybody."""
    set_limit(monkeypatch, quic_transport, "QUIC_HELLO_OCTETS", 16_384)
    async with listening() as it:
        client = it.client()
        client.quic.connect(HERE, trio.current_time())
        client.quic.tls.client_random = os.urandom(32)
        client.end.send_udp(HERE, _hello(client, b"\6" + encode_uint_var(500_000) + b"\1x"))
        await client.run()
        assert it.places.octets < 200_000
        assert client.closed is not None
        assert client.closed.error_code == QuicErrorCode.CRYPTO_BUFFER_EXCEEDED
        assert it.is_empty()


def _hello(client: Client, frames: bytes) -> bytes:
    """A first packet of the client's with these frames, as they are."""
    crypto = client.quic._cryptos[tls.Epoch.INITIAL]
    payload = frames + bytes(1200)
    length = (0x4000 | len(payload) + 2 + 16).to_bytes(2, "big")
    peer, own = client.quic._peer_cid.cid, client.quic.host_cid
    ids = bytes([len(peer)]) + peer + bytes([len(own)]) + own
    header = b"\xc1\0\0\0\1" + ids + b"\0" + length + b"\0\0"
    return crypto.encrypt_packet(header, payload, 0)


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


# --- what strangers cannot do --------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=1400), min_size=1, max_size=6), st.integers(0, 2**32))
def test_arbitrary_datagrams_never_raise(datagrams: list[bytes], seed: int) -> None:
    async def story() -> None:
        async with listening() as it:
            stranger = it.network.client(CLIENT)
            for data in datagrams:
                stranger.send_udp(HERE, data)
                stranger.send_udp(
                    HERE, b"\xc1\0\0\0\1\x08" + data[:8] + b"\0\0" + data + bytes(1200)
                )
            await trio.sleep(0.1)
            honest = await it.connected("198.51.100.8")
            stream = honest.ask(asked(QUESTION))
            await honest.run()
            assert honest.finished == {stream}

    run(story, seed=seed)


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=200), st.booleans(), st.integers(0, 2**32))
def test_arbitrary_frames_end_one_connection_at_most(
    frames: bytes,
    is_first: bool,  # noqa: FBT001
    seed: int,
) -> None:
    """From who has the keys: the library's own mistakes, too, end this connection only."""

    async def story() -> None:
        async with listening() as it:
            if is_first:
                client = it.client()
                client.quic.connect(HERE, trio.current_time())
                client.end.send_udp(HERE, _hello(client, frames))
            else:
                client = await it.connected()
                client.end.send_udp(HERE, _sealed(client, frames))
            await trio.sleep(1)
            honest = await it.connected("198.51.100.8")
            stream = honest.ask(asked(QUESTION))
            await honest.run()
            assert honest.finished == {stream}
            it.places.faults = 0  # one of the library's is none of ours

    run(story, seed=seed)


def _sealed(client: Client, frames: bytes) -> bytes:
    crypto = client.quic._cryptos[tls.Epoch.ONE_RTT]
    number = client.quic._packet_number
    client.quic._packet_number += 1
    header = b"\x41" + client.quic._peer_cid.cid + (number & 0xFFFF).to_bytes(2, "big")
    return crypto.encrypt_packet(header, frames + bytes(20), number)


@trio_test
async def test_a_hello_that_no_library_expects_ends_that_connection() -> None:
    """A key share that is no point of its curve raises below aioquic."""
    async with listening() as it:
        client = it.client()
        client.quic.connect(HERE, trio.current_time())
        for junk in (bytes(4), b"\1\0\0\2\3\3", b"\1\0\0\xff" + os.urandom(255)):
            crypto = b"\6\0" + encode_uint_var(len(junk)) + junk
            client.end.send_udp(HERE, _hello(client, crypto))
            await client.run(0.2)
        assert not client.is_open
        await trio.sleep(6)
        assert it.is_empty()
        it.places.faults = 0


@trio_test
async def test_a_client_at_each_stage_leaves_nothing_behind() -> None:
    async with listening() as it:
        for stage in range(7):
            await _leave_at(it, stage)
        await trio.sleep(31)
        assert it.is_empty()
        assert it.service._next_due() == float("inf")


async def _leave_at(it: Listener, stage: int) -> Client:
    """A client that goes away, the further on the higher *stage* is."""
    client = it.client()
    client.connect()
    if stage == 1:
        await client.run(0.03)
    elif stage > 1:
        await client.run()
    if stage >= 3:
        client.ask(asked(QUESTION)[: 5 if stage == 3 else None], ends=stage > 3)
        client.flush()
    if stage >= 5:
        await client.run()
    if stage == 6:
        client.quic.close(0)
        client.flush()
    return client


@trio_test
async def test_connections_leave_no_cycles() -> None:
    """Good ones, some that were reset, some in rubbish: the collector has nothing to find."""
    async with listening() as it:
        await _all_stages(it)
        with only_collected() as found:
            for _ in range(3):
                await _all_stages(it)
        assert [f"{type(each).__module__}.{type(each).__qualname__}" for each in found] == []


async def _all_stages(it: Listener) -> None:
    clients = [await _leave_at(it, stage) for stage in range(7)]
    stranger = it.network.client(CLIENT)
    stranger.send_udp(HERE, b"\xc1\0\0\0\1\x08" + os.urandom(1300))
    clients.append(it.client(alpn=("h3",)))
    clients[-1].connect()
    await clients[-1].run(0.2)
    clients.append(await it.connected())
    clients[-1].ask(b"\0\1x")
    await clients[-1].run(0.2)
    await trio.sleep(31)
    assert it.is_empty()
    stranger.close()
    for client in clients:
        client.end.close()
        client.events.clear()
        quic_transport.dismantle(client.quic)


# --- the listener's own end ----------------------------------------------------------------------


@trio_test
async def test_leaving_answers_what_was_asked_and_takes_nobody_on() -> None:
    async with listening() as it:
        it.handler.holds = True
        client, idle = await it.connected(), await it.connected("198.51.100.8")
        stream = client.ask(asked(QUESTION))
        await client.run(0.1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(it.service.leave, 5.0)
            await idle.run(0.1)
            assert idle.closed is not None
            assert idle.closed.error_code == 0
            late = it.client("198.51.100.9")
            late.connect()
            await late.run(0.1)
            assert not late.is_open
            it.handler.held[QUESTION](answered(QUESTION))
            await client.run(0.5)
        assert client.finished == {stream}
        assert client.closed is not None
        assert client.closed.error_code == 0
        assert it.service.turned_away == 1
        assert it.is_empty()


@trio_test
async def test_another_handler_has_what_comes_from_now_on() -> None:
    async with listening() as it:
        client = await it.connected()
        other = type(it.handler)()
        it.service.hand_to(other)
        client.ask(asked(QUESTION))
        await client.run()
        assert (len(it.handler.started), len(other.started)) == (0, 1)


@pytest.mark.reaches("QUIC_PAST")
@trio_test
async def test_the_first_datagram_of_who_is_gone_begins_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_limit(monkeypatch, quic, "QUIC_PAST", 256)
    async with listening() as it:
        client = it.client(alpn=("h3",))
        client.quic.connect(HERE, trio.current_time())
        ((data, _),) = client.quic.datagrams_to_send(trio.current_time())
        for _ in range(3):
            client.end.send_udp(HERE, data)
            await trio.sleep(0.1)
        assert it.places.accepted == 1
        assert it.service.ignored == 2
        for number in range(300):
            it.service._past[number.to_bytes(8, "big")] = None
        client = await it.connected()
        client.quic.close(0)
        await client.run()
        assert len(it.service._past) == 256


@pytest.mark.reaches("QUIC_TURN")
@trio_test
async def test_others_have_their_turn_between_datagrams(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, quic, "QUIC_TURN", 4)
    turns: list[int] = []
    connections: list[int] = []
    async with listening() as it:
        turn = it.service.turn

        def noted(batch: deque[Datagram]) -> None:
            before, known = len(batch), it.places.accepted
            turn(batch)
            if before:
                turns.append(before - len(batch))
                connections.append(it.places.accepted - known)

        monkeypatch.setattr(it.service, "turn", noted)
        stranger = it.network.client(CLIENT)
        for _ in range(10):
            stranger.send_udp(HERE, b"\x40rubbish and more")
        await trio.sleep(0.1)
        assert turns == [4, 4, 2]
        for _ in range(3):
            it.client().connect()
        await trio.sleep(0.1)
        assert connections == [0, 0, 0, 1, 1, 1], "a handshake costs as much as four of the others"


@pytest.mark.reaches("QUIC_TIMER_SECONDS")
@trio_test
async def test_timers_do_not_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer that is due and stays so is looked at a thousand times a second, not for ever."""
    async with listening() as it:
        await it.connected()
        (peer,) = it.service._peers
        looks = 0
        timer = peer.transport.get_timer

        def due() -> float:
            nonlocal looks
            looks += 1
            timer()
            return trio.current_time() - 1

        monkeypatch.setattr(peer.transport, "get_timer", due)
        monkeypatch.setattr(peer.transport, "handle_timer", lambda _: None)
        it.service.touch(peer)
        await trio.sleep(0.1)
        assert 10 < looks < 500
        monkeypatch.undo()


def test_the_parts_show_what_they_are() -> None:
    places = QuicPlaces(QuicRates.__new__(QuicRates))
    assert repr(places) == "<QuicPlaces 0 taken, 0 octets>"
    assert packet.QuicProtocolVersion(VERSION_2).name == "VERSION_2"
