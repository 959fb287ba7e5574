"""Streams of queries: pipelining, order, limits, patience, half-close."""

from __future__ import annotations

import itertools
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from resolver.lab.virtual_streams import receive_message, send_message
from resolver.limits import (
    RATE_BURST_SECONDS,
    RATE_PROVEN_FACTOR,
    TCP_CONNECTIONS,
    TCP_CONNECTIONS_PER_CLIENT,
    TCP_IDLE_SECONDS,
    TCP_PIPELINE,
    TCP_READ_SECONDS,
    TCP_TOTAL_SECONDS,
)
from resolver.listen.admission import Admission
from resolver.listen.rate_limit import RateLimit
from resolver.listen.sockets import SystemListenNetwork, SystemTcpListener
from resolver.listen.tcp import StreamService, TcpSlots, slots_limit
from resolver.protocol.framing import Splitter, frame
from resolver.protocol.transport import Transport
from tests.listen.echo import Handler, answered, question
from tests.support import trio_test, trio_test_real

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Door:
    """A listener in memory."""

    def __init__(self) -> None:
        self._put, self._take = trio.open_memory_channel[
            tuple[trio.abc.HalfCloseableStream, tuple[str, int]]
        ](100)

    async def accept(self) -> tuple[trio.abc.HalfCloseableStream, tuple[str, int]]:
        return await self._take.receive()

    @property
    def is_full(self) -> bool:
        return False

    @property
    def has_unread(self) -> bool:
        return False

    async def aclose(self) -> None:
        await self._take.aclose()

    def connect(self, host: str = "192.0.2.1") -> trio.abc.HalfCloseableStream:
        ours, theirs = trio.testing.memory_stream_pair()
        self.admit(theirs, host)
        return ours

    def admit(self, stream: trio.abc.HalfCloseableStream, host: str = "192.0.2.1") -> None:
        """Somebody has connected; *stream* is the service's end."""
        self._put.send_nowait((stream, (host, 4000)))


class House:
    """A service behind a door."""

    def __init__(self, admission: Admission, slots: TcpSlots) -> None:
        self.door = Door()
        self.handler = Handler()
        self.admission = admission
        self.slots = slots
        self.service = StreamService(
            self.door, self.handler, admission, transport=Transport.TCP, slots=slots
        )


@asynccontextmanager
async def house(
    *, admission: Admission | None = None, slots: TcpSlots | None = None
) -> AsyncIterator[House]:
    made = House(admission or Admission(), TcpSlots() if slots is None else slots)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.service.run)
        yield made
        nursery.cancel_scope.cancel()


@trio_test
async def test_miss_then_hit() -> None:
    async with house() as it:
        stream = it.door.connect()
        for id in (1, 2):
            await send_message(stream, question(id=id))
            assert await receive_message(stream) == answered(question(id=id))
        assert len(it.handler.started) == 1


@pytest.mark.rfc("7766 §7")
@trio_test
async def test_answers_leave_as_they_are_ready() -> None:
    """A slow answer does not hold up a quick one on the same connection."""
    async with house() as it:
        stream = it.door.connect()
        it.handler.holds = True
        slow = question(b"\x04slow\0", id=1)
        await send_message(stream, slow)
        await trio.sleep(0.01)
        it.handler.holds = False
        quick = question(id=2)
        await send_message(stream, quick)
        assert await receive_message(stream) == answered(quick)
        it.handler.held[slow](answered(slow))
        assert await receive_message(stream) == answered(slow)


@pytest.mark.rfc("7766 §6.2.1.1")
@trio_test
async def test_pipelined_queries_in_one_segment_and_in_drops() -> None:
    async with house() as it:
        stream = it.door.connect()
        many = [question(id=at) for at in range(300)]
        octets = b"".join(len(one).to_bytes(2, "big") + one for one in many)
        await stream.send_all(octets)
        for one in many:
            assert await receive_message(stream) == answered(one)
        for octet in octets[:80]:
            await stream.send_all(bytes([octet]))
            await trio.sleep(0.01)
        assert await receive_message(stream) == answered(many[0])


@pytest.mark.rfc("7766 §8")
@trio_test
async def test_half_closed_client_gets_all_it_asked_for() -> None:
    async with house() as it:
        stream = it.door.connect()
        it.handler.holds = True
        await send_message(stream, question())
        await stream.send_eof()
        await trio.sleep(3)
        it.handler.held[question()](answered(question()))
        assert await receive_message(stream) == answered(question())
        assert await stream.receive_some(1) == b""
        await trio.sleep(0.01)
        assert len(it.slots) == 0


@pytest.mark.reaches("TCP_IDLE_SECONDS")
@pytest.mark.rfc("7766 §6.2.3")
@trio_test
async def test_idle_connection_is_closed_but_a_waiting_one_is_not() -> None:
    async with house() as it:
        idle, waiting = it.door.connect(), it.door.connect("192.0.2.2")
        it.handler.holds = True
        await send_message(waiting, question())
        began = trio.current_time()
        assert await idle.receive_some(1) == b""
        assert trio.current_time() - began == pytest.approx(TCP_IDLE_SECONDS)
        await trio.sleep(TCP_IDLE_SECONDS)
        it.handler.held[question()](answered(question()))
        assert await receive_message(waiting) == answered(question())


@pytest.mark.rfc("7766 §6.2.3")
@trio_test
async def test_idle_time_begins_with_the_last_answer() -> None:
    """Who was answered a moment ago is not idle, however long ago the question was."""
    async with house() as it:
        client = it.door.connect()
        it.handler.holds = True
        await send_message(client, question())
        await trio.sleep(TCP_IDLE_SECONDS - 1)
        it.handler.held[question()](answered(question()))
        assert await receive_message(client) == answered(question())
        began = trio.current_time()
        assert await client.receive_some(1) == b""
        assert trio.current_time() - began == pytest.approx(TCP_IDLE_SECONDS)


@pytest.mark.reaches("TCP_READ_SECONDS")
@pytest.mark.rfc("RFC 9210 §4.2")
@trio_test
async def test_message_that_never_ends_is_not_waited_for() -> None:
    """An octet now and then does not renew the patience (slow loris)."""
    async with house() as it:
        stream = it.door.connect()
        began = trio.current_time()
        await stream.send_all(b"\xff\xff")
        for _ in range(2):
            await trio.sleep(TCP_READ_SECONDS / 3)
            await stream.send_all(b"\0")
        assert await stream.receive_some(1) == b""
        assert trio.current_time() - began == pytest.approx(TCP_READ_SECONDS)


@pytest.mark.reaches("TCP_PIPELINE")
@pytest.mark.rfc("RFC 7766 §6.2.1.1")
@pytest.mark.rfc("RFC 9210 §4.2")
@trio_test
async def test_reading_stops_at_the_pipeline_limit() -> None:
    """RFC 7766 §6.2.1.1: what one connection may have in flight is bounded."""
    async with house() as it:
        stream = it.door.connect()
        it.handler.holds = True
        limit = TCP_PIPELINE
        for at in range(3 * limit):
            await send_message(stream, question(id=at))
        await trio.sleep(0.01)
        assert len(it.handler.held) == limit
        for data, respond in list(it.handler.held.items()):
            respond(answered(data))
        for _ in range(limit):
            assert await receive_message(stream)


@pytest.mark.reaches("TCP_CONNECTIONS", "TCP_CONNECTIONS_PER_CLIENT")
@pytest.mark.rfc("7766 §6.2.2")
@pytest.mark.rfc("RFC 9210 §4.2")
@trio_test
async def test_connections_of_one_client_and_in_all_are_limited() -> None:
    """One more, and the longest idle makes room: of its own client, or of anybody's."""
    usual = TcpSlots()
    assert (usual.total, usual.per_client) == (TCP_CONNECTIONS, TCP_CONNECTIONS_PER_CLIENT)
    async with house(slots=TcpSlots(total=3, per_client=2)) as it:
        mine = [it.door.connect() for _ in range(2)]
        await trio.sleep(0.01)
        await send_message(mine[0], question())
        assert await receive_message(mine[0]) == answered(question())
        await trio.sleep(0.01)
        mine.append(it.door.connect())
        await trio.sleep(0.01)
        assert (len(it.slots), it.slots.dismissed) == (2, 1)
        assert await mine[1].receive_some(1) == b""  # not the first, which was used since
        it.door.connect("192.0.2.2")
        await trio.sleep(0.01)
        late = it.door.connect("192.0.2.3")
        await trio.sleep(0.01)
        assert len(it.slots) == 3
        await send_message(late, question())
        assert await receive_message(late) == answered(question())
        assert await mine[0].receive_some(1) == b""
        assert (it.slots.dismissed, it.slots.refused) == (2, 0)


@pytest.mark.rfc("7766 §6.2.2")
@trio_test
async def test_who_waits_for_an_answer_does_not_make_room() -> None:
    async with house(slots=TcpSlots(total=3, per_client=2)) as it:
        it.handler.holds = True
        mine = [it.door.connect() for _ in range(2)]
        for at, stream in enumerate(mine):
            await send_message(stream, question(id=at))
        await trio.sleep(0.01)
        late = it.door.connect()
        assert await late.receive_some(1) == b""
        assert it.slots.refused == 1
        assert len(it.handler.held) == 2


@trio_test
async def test_the_programs_of_this_machine_share_half_of_all_places() -> None:
    """They all have one address: as one client they would have a dozen connections each."""
    async with house(slots=TcpSlots(total=20, per_client=2)) as it:
        local = [it.door.connect("127.0.0.1") for _ in range(10)]
        await trio.sleep(0.01)
        assert len(it.slots) == 10
        it.door.connect("127.0.0.1")
        await trio.sleep(0.01)
        assert len(it.slots) == 10
        assert await local[0].receive_some(1) == b""


@pytest.mark.parametrize(
    ("descriptors", "slots"), [(16_384, 512), (1024, 448), (256, 96), (64, 24), (8, 3), (1, 1)]
)
def test_places_follow_the_descriptor_limit(descriptors: int, slots: int) -> None:
    """As many descriptors stay for questions to servers."""
    assert slots_limit(descriptors) == slots


@trio_test
async def test_client_that_leaves_does_not_lose_its_place_forever() -> None:
    """Replies to nobody are dropped, and the books are kept."""
    async with house() as it:
        stream = it.door.connect()
        it.handler.holds = True
        await send_message(stream, question())
        await trio.sleep(0.01)
        await trio.aclose_forcefully(stream)
        await trio.sleep(0.01)
        it.handler.held[question()](answered(question()))
        await trio.sleep(1)
        assert it.admission.in_flight == 0
        assert len(it.slots) == 0


@trio_test
async def test_limits_answer_or_delay() -> None:
    """In flight: SERVFAIL; over the rate of those who have proven their address: later."""
    rate = RateLimit(2, trio.current_time)
    allowed = 2 * RATE_PROVEN_FACTOR * int(RATE_BURST_SECONDS)
    async with house(admission=Admission(total=0, rate=rate)) as it:
        stream = it.door.connect()
        began_at = trio.current_time()
        for id in range(allowed + 30):
            await send_message(stream, question(id=id))
        await stream.send_eof()
        replies = []
        while (reply := await receive_message(stream)) is not None:
            replies.append((reply[1], reply[3] & 0xF, round(trio.current_time() - began_at, 1)))
        assert [(id, rcode) for id, rcode, _ in replies] == [
            (id % 256, 2) for id in range(allowed + 30)
        ]
        assert {at for *_, at in replies[:allowed]} == {0.0}
        seconds = 30 / (2 * RATE_PROVEN_FACTOR)
        assert replies[-1][2] == pytest.approx(seconds, abs=0.2)
        assert rate.limited


@trio_test
async def test_who_waits_for_its_rate_holds_up_nobody_and_may_be_let_go() -> None:
    rate = RateLimit(1, trio.current_time)
    async with house(admission=Admission(rate=rate)) as it:
        mine, other = it.door.connect(), it.door.connect("198.51.100.9")
        for id in range(200):
            await send_message(mine, question(id=id))
        await send_message(other, question(id=7))
        assert await receive_message(other) == answered(question(id=7))
        await mine.aclose()
        await trio.sleep(TCP_IDLE_SECONDS + 60)
        assert (len(it.slots), it.admission.in_flight) == (0, 0)


@trio_test_real
async def test_real_listener() -> None:
    """A real socket, a real client."""
    listener = SystemListenNetwork().bind_tcp("127.0.0.1", 0)
    assert isinstance(listener, SystemTcpListener)
    port = listener._listener.socket.getsockname()[1]
    service = StreamService(listener, Handler(), Admission(), transport=Transport.TCP)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.run)
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await send_message(stream, question())
            assert await receive_message(stream) == answered(question())
        nursery.cancel_scope.cancel()
    await listener.aclose()


@pytest.mark.rfc("RFC 9210 §4.2")
@pytest.mark.reaches("TCP_TOTAL_SECONDS")
@trio_test
async def test_no_connection_lasts_for_ever() -> None:
    """However busy it is."""
    total_s, pause_s = TCP_TOTAL_SECONDS, TCP_IDLE_SECONDS / 2
    async with house() as it:
        stream = it.door.connect()
        began = trio.current_time()
        await send_message(stream, question())
        while await receive_message(stream) is not None:
            await trio.sleep(pause_s)
            await send_message(stream, question())
            assert trio.current_time() - began <= total_s + pause_s
        assert trio.current_time() - began >= total_s
        assert len(it.slots) == 0


@trio_test_real
async def test_replies_stay_whole_and_in_order_when_the_system_takes_only_a_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is sent at once and what is sent later join up."""
    write, taken = os.write, itertools.cycle([100, 0, 7, 1000])
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[: next(taken)]))
    count = 5000
    listener = SystemListenNetwork().bind_tcp("127.0.0.1", 0)
    assert isinstance(listener, SystemTcpListener)
    port = listener._listener.socket.getsockname()[1]
    service = StreamService(listener, Handler(), Admission(), transport=Transport.TCP)
    splitter = Splitter()
    ids: list[int] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.run)
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            asked = b"".join(frame(question(id=id)) for id in range(count))
            nursery.start_soon(stream.send_all, asked)
            with trio.fail_after(20):
                while len(ids) < count:
                    for message in splitter.feed(await stream.receive_some(65_536)):
                        assert message[-4:] == answered(question())[-4:]
                        ids.append(int.from_bytes(message[:2], "big"))
        nursery.cancel_scope.cancel()
    await listener.aclose()
    assert ids == list(range(count))
