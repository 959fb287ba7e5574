"""QUIC below DNS: what strangers cannot do, what is left of who is gone, and the listener's end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import trio
from aioquic._buffer import Buffer
from aioquic.buffer import encode_uint_var
from aioquic.quic import packet
from aioquic.quic.packet import QuicPacketType, pull_quic_header
from hypothesis import given, settings
from hypothesis import strategies as st

from resolver.lab.virtual_time import run
from resolver.limits import QUIC_HANDSHAKE_SECONDS
from resolver.listen import quic, quic_transport
from resolver.listen.quic_packets import VERSION_2
from resolver.listen.quic_peer import QuicPeer
from resolver.listen.quic_places import QuicPlaces, QuicRates
from tests.listen.echo import answered, question
from tests.listen.quic_client import CLIENT, HERE, asked, hello_of, listening, sealed
from tests.support import examples, only_collected, set_limit, trio_test
from tests.turns import counted

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


# --- what strangers cannot do --------------------------------------------------------------------


@settings(max_examples=examples(30))
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


@settings(max_examples=examples(30))
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
                client.end.send_udp(HERE, hello_of(client, frames))
            else:
                client = await it.connected()
                client.end.send_udp(HERE, sealed(client, frames))
            await trio.sleep(1)
            honest = await it.connected("198.51.100.8")
            stream = honest.ask(asked(QUESTION))
            await honest.run()
            assert honest.finished == {stream}
            it.places.faults = 0  # one of the library's is none of ours

    run(story, seed=seed)


@trio_test
async def test_a_hello_that_no_library_expects_ends_that_connection() -> None:
    """A key share that is no point of its curve raises below aioquic."""
    async with listening() as it:
        client = it.client()
        client.quic.connect(HERE, trio.current_time())
        for junk in (bytes(4), b"\1\0\0\2\3\3", b"\1\0\0\xff" + os.urandom(255)):
            crypto = b"\6\0" + encode_uint_var(len(junk)) + junk
            client.end.send_udp(HERE, hello_of(client, crypto))
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
        await all_stages(it)
        with only_collected() as found:
            for _ in range(3):
                await all_stages(it)
        assert [f"{type(each).__module__}.{type(each).__qualname__}" for each in found] == []


async def all_stages(it: Listener) -> None:
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
    """However many ids each of those after it was given."""
    set_limit(monkeypatch, quic, "QUIC_PAST", 4)
    async with listening() as it:
        client = it.client(alpn=("h3",))
        client.quic.connect(HERE, trio.current_time())
        ((data, _),) = client.quic.datagrams_to_send(trio.current_time())
        for _ in range(3):
            client.end.send_udp(HERE, data)
            await trio.sleep(0.1)
        assert it.places.accepted == 1
        assert it.service.ignored == 2
        for number in range(1, 4):
            await _come_and_go(it, f"198.51.100.{number}")
        client.end.send_udp(HERE, data)
        await trio.sleep(0.1)
        assert (it.places.accepted, it.service.ignored) == (4, 3)
        await _come_and_go(it, "198.51.100.4")
        client.end.send_udp(HERE, data)
        await trio.sleep(0.1)
        assert it.places.accepted == 6, "the last four are known"


async def _come_and_go(it: Listener, host: str) -> None:
    client = await it.connected(host)
    client.quic.close(0)
    await client.run()


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
        client = await it.connected("198.51.100.8")
        turns.clear()
        for _ in range(3):
            for _ in range(5):
                client.ask(asked(QUESTION))
            client.flush()
        await trio.sleep(0.05)
        assert turns[:3] == [1, 1, 1], "so do as many questions in one of them"


@pytest.mark.reaches("QUIC_TIMER_SECONDS")
@trio_test
async def test_timers_do_not_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer that is due and stays so is looked at a thousand times a second, not for ever."""
    set_limit(monkeypatch, quic, "QUIC_TIMER_SECONDS", 0.001)
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


@trio_test
async def test_what_is_due_together_is_done_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that begin together and leave: each has half a handshake sent again, then again."""
    async with listening() as it:
        with counted() as turns:
            on_time = QuicPeer.on_time

            def noted(peer: QuicPeer) -> None:
                turns.note()
                on_time(peer)

            monkeypatch.setattr(QuicPeer, "on_time", noted)
            for _ in range(8):
                it.client().connect()
            await trio.sleep(QUIC_HANDSHAKE_SECONDS + 1)
        assert sum(turns.counts) >= 16, "they came again, and ran out of time"
        assert max(turns.counts) == 1
        assert it.places.timed_out == 8
        assert it.is_empty()


def test_the_parts_show_what_they_are() -> None:
    places = QuicPlaces(QuicRates.__new__(QuicRates))
    assert repr(places) == "<QuicPlaces 0 taken, 0 octets>"
    assert packet.QuicProtocolVersion(VERSION_2).name == "VERSION_2"
