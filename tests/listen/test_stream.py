"""One stream: what it may have taken on, what it may leave unread, and what it leaves behind."""

from __future__ import annotations

import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio
import trio.lowlevel

from resolver.lab.virtual_streams import receive_message, send_message
from resolver.limits import (
    STREAM_CHUNK_OCTETS,
    STREAM_WRITE_OCTETS,
    TCP_CLIENT_QUERIES,
    TCP_PIPELINE,
    TCP_READ_SECONDS,
    TCP_ROUND_HITS,
    TCP_ROUND_HITS_IDLE,
    TCP_UNSENT_OCTETS,
    TCP_UNSENT_TOTAL_OCTETS,
    THIS_MACHINE_CLIENTS,
)
from resolver.listen.admission import Admission
from resolver.listen.backlog import Backlog
from resolver.listen.sockets import SystemListenNetwork, SystemTcpListener
from resolver.listen.tcp import StreamService, TcpSlots
from resolver.protocol.framing import frame
from resolver.protocol.transport import Transport
from tests.listen.echo import Handler, answered, question
from tests.listen.test_tcp import Door, house
from tests.support import only_collected, trio_test, trio_test_real

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from resolver.listen.listen_network import Respond
    from resolver.protocol.transport import Client

_BIG = 60_000
TOGETHER = pytest.mark.parametrize("together", [True, False], ids=["together", "each"])


def big(data: bytes) -> bytes:
    """A reply of the size that TCP is for."""
    return answered(data) + bytes(_BIG)


class BigHandler(Handler):
    """Every answer is a big one, and cached."""

    def start(self, data: bytes, client: Client, respond: Respond) -> None:
        self.started.append((data, client))
        if self.holds:
            self.held[data] = respond
            return
        self.packets.store(data, big(data), transport=client.transport, lifetime_s=60)
        respond(big(data))


def served(door: Door, handler: Handler, slots: TcpSlots) -> StreamService:
    """TCP at *door*."""
    return StreamService(door, handler, Admission(), transport=Transport.TCP, slots=slots)


class Mute(trio.abc.HalfCloseableStream):
    """A client that sends what it is told to and never reads."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        if not self._octets:
            await trio.sleep_forever()
        chunk, self._octets = self._octets[:max_bytes], self._octets[max_bytes:]
        return chunk

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        assert data
        await trio.sleep_forever()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.sleep_forever()

    async def send_eof(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@pytest.mark.reaches("TCP_UNSENT_OCTETS")
@pytest.mark.rfc("RFC 9210 §4.2")
@trio_test
async def test_hits_that_nobody_reads_are_not_prepared() -> None:
    """540 queries of one segment ask for 32 MB; a client has no more than it takes."""
    async with trio.open_nursery() as nursery:
        door, handler, slots = Door(), BigHandler(), TcpSlots()
        nursery.start_soon(served(door, handler, slots).run)
        warm = door.connect()
        await send_message(warm, question())
        assert await receive_message(warm) == big(question())
        asked = b"".join(frame(question(id=id)) for id in range(540))
        door.admit(Mute(asked))
        await trio.sleep(1)
        most = TCP_UNSENT_OCTETS + _BIG + 100
        assert TCP_UNSENT_OCTETS <= slots.backlog.octets <= most
        await trio.sleep(TCP_READ_SECONDS)  # and it is let go
        assert slots.backlog.octets == 0
        assert len(slots) == 1
        nursery.cancel_scope.cancel()


@trio_test
async def test_misses_in_one_segment_stop_at_the_pipeline_limit() -> None:
    """The bound is looked at before a query is begun, not after the segment is done."""
    async with house() as it:
        it.handler.holds = True
        asked = b"".join(frame(question(id=id)) for id in range(540))
        it.door.admit(Mute(asked))
        await trio.sleep(1)
        assert len(it.handler.held) == TCP_PIPELINE


@pytest.mark.reaches("TCP_UNSENT_TOTAL_OCTETS")
@trio_test
async def test_replies_that_come_all_at_once_are_bounded_over_all_connections() -> None:
    """A hundred queries in flight on each connection are within its bounds, their replies not."""
    async with trio.open_nursery() as nursery:
        door, handler, slots = Door(), BigHandler(), TcpSlots()
        handler.holds = True
        nursery.start_soon(served(door, handler, slots).run)
        for client in range(8):  # of as many addresses
            names = (b"\x05n%04d\0" % (client * 100 + at) for at in range(TCP_PIPELINE))
            asked = Mute(b"".join(frame(question(name)) for name in names))
            door.admit(asked, f"192.0.2.{client}")
        await trio.sleep(1)
        assert len(handler.held) == 8 * TCP_PIPELINE
        most = 0
        for data, respond in handler.held.items():
            respond(big(data))
            most = max(most, slots.backlog.octets)
        assert TCP_UNSENT_TOTAL_OCTETS - 2 * _BIG < most <= TCP_UNSENT_TOTAL_OCTETS
        assert slots.backlog.dropped > 0
        await trio.sleep(0.01)
        assert len(slots) == 8 - slots.backlog.dropped
        nursery.cancel_scope.cancel()


@pytest.mark.reaches("TCP_CLIENT_QUERIES")
@trio_test
async def test_connections_of_one_address_share_what_it_may_have_in_flight() -> None:
    """The rest waits in the streams, and each finished query lets the next begin."""
    async with house() as it:
        it.handler.holds = True
        most = TCP_CLIENT_QUERIES
        for client in range(8):
            names = (b"\x05n%04d\0" % (client * 100 + at) for at in range(TCP_PIPELINE))
            it.door.admit(Mute(b"".join(frame(question(name)) for name in names)))
        other = it.door.connect("192.0.2.200")
        await send_message(other, question())
        await trio.sleep(1)
        assert len(it.handler.held) == most + 1
        it.handler.held.pop(question())(answered(question()))
        assert await receive_message(other) == answered(question())
        done = 0
        while it.handler.held:
            it.handler.held.popitem()[1](None)
            done += 1
            await trio.sleep(0.001)
            assert len(it.handler.held) == min(most, 8 * TCP_PIPELINE - done)
        assert done == 8 * TCP_PIPELINE


@pytest.mark.reaches("STREAM_CHUNK_OCTETS", "STREAM_WRITE_OCTETS")
@trio_test
async def test_a_stream_is_read_and_written_in_pieces() -> None:
    read: list[int | None] = []
    written: list[int] = []

    class Tap(Mute):
        async def receive_some(self, max_bytes: int | None = None) -> bytes:
            read.append(max_bytes)
            return await super().receive_some(max_bytes)

        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            written.append(len(data))
            await trio.lowlevel.checkpoint()

    async with house() as it:
        it.handler.holds = True
        it.door.admit(Tap(b"".join(frame(question(id=id)) for id in range(TCP_PIPELINE))))
        await trio.sleep(1)
        for data, respond in list(it.handler.held.items()):
            respond(big(data))
        await trio.sleep(1)
        assert set(read) == {STREAM_CHUNK_OCTETS}
        assert max(written) == STREAM_WRITE_OCTETS


@pytest.mark.reaches("THIS_MACHINE_CLIENTS")
def test_the_programs_of_this_machine_are_several_clients() -> None:
    slots = TcpSlots()
    for host, times in (("192.0.2.1", 1), ("127.0.0.1", THIS_MACHINE_CLIENTS)):
        assert slots.take(host)
        assert slots.share_of(host).most == times * TCP_CLIENT_QUERIES


def test_who_holds_most_is_let_go() -> None:
    class Holder:
        def __init__(self) -> None:
            self.unsent_octets = 0

        def let_go(self) -> None:
            backlog.remove(self, self.unsent_octets)

    backlog = Backlog(most=100)
    small, large = Holder(), Holder()
    backlog.add(large, 80)
    backlog.add(small, 10)
    backlog.add(small, 11)
    assert (small.unsent_octets, large.unsent_octets) == (21, 0)
    assert backlog.octets == 21


@pytest.mark.reaches("TCP_ROUND_HITS", "TCP_ROUND_HITS_IDLE")
@pytest.mark.parametrize(
    ("is_idle", "round_hits"), [(False, TCP_ROUND_HITS), (True, TCP_ROUND_HITS_IDLE)]
)
@trio_test
async def test_connections_share_what_is_done_between_two_looks_at_the_sockets(
    is_idle: bool,  # noqa: FBT001
    round_hits: int,
) -> None:
    """Twenty connections with a segment each do not have a segment each in one turn."""
    async with trio.open_nursery() as nursery:
        door, handler, slots = Door(), Handler(), TcpSlots()
        data = question()
        handler.packets.store(data, answered(data), transport=Transport.TCP, lifetime_s=60)
        service = served(door, handler, slots)
        nursery.start_soon(service.run)
        asked = b"".join(frame(question(id=id)) for id in range(500))
        for _ in range(20):
            door.admit(Mute(asked))
        most = seen = 0
        while seen < 20 * 500:
            if not is_idle:
                slots.rounds._turns.note_hits()
            await trio.lowlevel.checkpoint()
            now = sum(each.hits for each in slots._connections)
            most, seen = max(most, now - seen), now
        assert most <= 2 * round_hits  # two rounds may fall between two looks of this test
        assert slots.rounds._number == pytest.approx(20 * 500 / round_hits, rel=0.2)
        nursery.cancel_scope.cancel()


# --- endings: what reference counts cannot free stays for good while the collector is off ---


def _reset(stream: trio.SocketStream) -> None:
    """Closing it will send RST in place of FIN (socket(7), SO_LINGER of no time)."""
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _asks_and_leaves(stream: trio.SocketStream) -> None:
    await stream.send_all(frame(question()))
    await stream.receive_some(100)


async def _asks_and_resets(stream: trio.SocketStream) -> None:
    await stream.send_all(frame(question(id=1)) * 3)
    _reset(stream)


async def _half_closes(stream: trio.SocketStream) -> None:
    await stream.send_all(frame(question()))
    await stream.send_eof()
    while await stream.receive_some(100):
        pass


async def _leaves_mid_message(stream: trio.SocketStream) -> None:
    await stream.send_all(frame(question())[:9])


async def _resets_mid_message(stream: trio.SocketStream) -> None:
    await stream.send_all(frame(question())[:9])
    _reset(stream)


async def _resets_mid_reply(stream: trio.SocketStream) -> None:
    await stream.send_all(b"".join(frame(question(id=id)) for id in range(400)))
    await stream.receive_some(100_000)
    _reset(stream)


async def _never_reads(stream: trio.SocketStream) -> None:
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await stream.send_all(b"".join(frame(question(id=id)) for id in range(400)))
    await trio.sleep(0.05)


async def _says_nothing(stream: trio.SocketStream) -> None:
    assert await stream.receive_some(1) == b""


ENDINGS: tuple[Callable[[trio.SocketStream], Awaitable[None]], ...] = (
    _asks_and_leaves,
    _asks_and_resets,
    _half_closes,
    _leaves_mid_message,
    _resets_mid_message,
    _resets_mid_reply,
    _never_reads,
    _says_nothing,
)


@asynccontextmanager
async def _served(slots: TcpSlots, *, together: bool) -> AsyncIterator[int]:
    """A service on a real socket; its port."""
    listener = SystemListenNetwork().bind_tcp("127.0.0.1", 0)
    assert isinstance(listener, SystemTcpListener)
    port = listener._listener.socket.getsockname()[1]
    service = StreamService(
        listener,
        BigHandler(),
        Admission(),
        transport=Transport.TCP,
        slots=slots,
        idle_s=0.05,
    )
    try:
        async with trio.open_nursery() as nursery:
            if together:
                assert slots.readiness.open() >= 0
                nursery.start_soon(slots.readiness.run)
            nursery.start_soon(service.run)
            yield port
            nursery.cancel_scope.cancel()
    finally:
        await listener.aclose()


@TOGETHER
@pytest.mark.parametrize("ending", ENDINGS)
@trio_test_real
async def test_no_ending_leaves_a_cycle(
    ending: Callable[[trio.SocketStream], Awaitable[None]],
    together: bool,  # noqa: FBT001
) -> None:
    slots = TcpSlots()
    async with _served(slots, together=together) as port:

        async def one() -> None:
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                await ending(stream)
            with trio.fail_after(10):
                while len(slots):  # noqa: ASYNC110  # nobody is told when a place is given back
                    await trio.sleep(0.002)

        await one()
        await trio.sleep(0.01)
        with only_collected() as found:
            for _ in range(3):
                await one()
            await trio.sleep(0.01)
        kept = [f"{type(thing).__module__}.{type(thing).__name__}" for thing in found]
        assert kept == []
