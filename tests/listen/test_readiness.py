"""Streams that are waited for together: no task steps for hits, and every rule holds as before."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from resolver.lab.virtual_streams import receive_message
from resolver.limits import STREAMS_AT_ONCE
from resolver.listen import idle_loop, stream
from resolver.listen.admission import Admission
from resolver.listen.readiness import Readiness
from resolver.listen.sockets import SystemListenNetwork, SystemTcpListener
from resolver.listen.tcp import StreamService, TcpSlots
from resolver.protocol.framing import frame
from resolver.protocol.transport import Transport
from resolver.runtime.turns import Rounds, Turns
from tests.listen.echo import Handler, answered, question
from tests.support import set_limit, trio_test, trio_test_real

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="Linux only")
IDLE_S = 0.3
APART_S = 0.003
TRIES = 5  # cores are shared: who else runs may wake the loop


class Served:
    """A service of TCP on the loopback."""

    def __init__(self, service: StreamService, slots: TcpSlots, handler: Handler, port: int):
        self.service = service
        self.slots = slots
        self.handler = handler
        self.port = port

    @property
    def waiting(self) -> int:
        """Connections whose task sleeps on."""
        return len(self.slots.readiness._waiting)

    async def all_wait(self, clients: list[trio.SocketStream]) -> None:
        """Until the service waits for all of them together."""
        with trio.fail_after(30):
            while self.waiting < len(clients):  # noqa: ASYNC110  # the kernel may take its time
                await trio.sleep(0.01)

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    def connect_now(self) -> socket.socket:
        """For a thread."""
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=2)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock


@asynccontextmanager
async def served(*, is_watched: bool = False) -> AsyncIterator[Served]:
    listener = SystemListenNetwork().bind_tcp("127.0.0.1", 0)
    assert isinstance(listener, SystemTcpListener)
    port = listener._listener.socket.getsockname()[1]
    handler, turns = Handler(), Turns()
    slots = TcpSlots(turns=turns)
    service = StreamService(
        listener, handler, Admission(), transport=Transport.TCP, slots=slots, idle_s=IDLE_S
    )
    try:
        async with trio.open_nursery() as nursery:
            readiness = slots.readiness
            if (descriptor := readiness.open()) >= 0:
                nursery.start_soon(readiness.run)
                if is_watched:
                    nursery.start_soon(idle_loop.watch_over, {descriptor: readiness}, turns)
            nursery.start_soon(service.run)
            yield Served(service, slots, handler, port)
            nursery.cancel_scope.cancel()
    finally:
        await listener.aclose()


def ask(sock: socket.socket, data: bytes) -> bytes:
    """From a thread: one reply."""
    sock.sendall(frame(data))
    return sock.recv(1000)


def ask_many(sock: socket.socket, count: int) -> list[bytes]:
    """From a thread: one query after the other, a little apart."""
    replies = []
    for id in range(count):
        time.sleep(APART_S)
        replies.append(ask(sock, question(id=id)))
    return replies


def expected(count: int) -> list[bytes]:
    return [frame(answered(question(id=id))) for id in range(count)]


class Steps(trio.abc.Instrument):
    """Counts how often any task ran."""

    count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        del task
        self.count += 1


@trio_test_real
async def test_hits_step_no_task() -> None:
    """The first query is missed; of those after it, few need the loop."""
    async with served(is_watched=True) as it:
        sock = it.connect_now()
        with sock:
            await trio.to_thread.run_sync(ask_many, sock, 2)
            fewest = 50
            for _ in range(TRIES):
                steps = Steps()
                trio.lowlevel.add_instrument(steps)
                replies = await trio.to_thread.run_sync(ask_many, sock, 50)
                trio.lowlevel.remove_instrument(steps)
                assert replies == expected(50)
                fewest = min(fewest, steps.count)
                if fewest < 25:
                    break
        assert len(it.handler.started) == 1
        assert fewest < 25


@trio_test_real
async def test_a_miss_in_the_loop_s_sleep_wakes_the_loop() -> None:
    """Its task is to run now, and nothing that the loop waits for says so."""
    async with served(is_watched=True) as it, trio.open_nursery() as nursery:
        it.handler.holds = False
        other = question(b"\x05other\0", id=9)

        async def answer_later() -> None:
            while other not in it.handler.held:  # noqa: ASYNC110  # nobody is told
                await trio.sleep(0.001)
            it.handler.held[other](answered(other))

        def hits_then_miss() -> bytes:
            with it.connect_now() as sock:
                ask_many(sock, 5)
                it.handler.holds = True
                time.sleep(APART_S)
                return ask(sock, other)

        nursery.start_soon(answer_later)
        assert await trio.to_thread.run_sync(hits_then_miss) == frame(answered(other))


@trio_test_real
async def test_who_asks_now_and_then_is_not_idle() -> None:
    """The deadline is not moved with each hit; it is looked at when it has come."""
    async with served() as it, await it.connect() as client:
        began = trio.current_time()
        while trio.current_time() < began + 3 * IDLE_S:
            await client.send_all(frame(question()))
            assert await receive_message(client) == answered(question())
            await trio.sleep(IDLE_S / 4)
        with trio.fail_after(5):
            assert await client.receive_some(1) == b""
        assert trio.current_time() > began + 3 * IDLE_S


@trio_test_real
async def test_a_message_in_pieces_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is whole in time, or the client is let go: the idle time is longer here."""
    set_limit(monkeypatch, stream, "TCP_READ_SECONDS", 5.0)
    async with served() as it, await it.connect() as client:
        for octet in frame(question()):
            await client.send_all(bytes((octet,)))
            await trio.sleep(0.001)
        assert await receive_message(client) == answered(question())
        monkeypatch.setattr(stream, "TCP_READ_SECONDS", IDLE_S / 6)
        began = trio.current_time()
        await client.send_all(frame(question())[:9])
        with trio.fail_after(5):
            assert await client.receive_some(1) == b""
        assert trio.current_time() - began < IDLE_S


@trio_test
async def test_a_message_in_pieces_prolongs_no_idle_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own time is over once it is whole: silence counts from its last octet."""
    set_limit(monkeypatch, stream, "TCP_READ_SECONDS", IDLE_S / 2)
    async with served() as it, await it.connect() as client:
        for octet in frame(question()):
            await client.send_all(bytes((octet,)))
            await trio.sleep(0.001)
        began = trio.current_time()
        assert await receive_message(client) == answered(question())
        assert await client.receive_some(1) == b""
        assert trio.current_time() - began == pytest.approx(IDLE_S, abs=0.01)


@trio_test_real
async def test_half_closed_and_still_answered() -> None:
    async with served() as it, await it.connect() as client:
        it.handler.holds = True
        await client.send_all(frame(question()))
        await client.send_eof()
        with trio.fail_after(2):
            while not it.handler.held:  # noqa: ASYNC110  # nobody is told
                await trio.sleep(0.01)
        await trio.sleep(0.05)
        it.handler.held[question()](answered(question()))
        assert await receive_message(client) == answered(question())
        assert await client.receive_some(1) == b""


@trio_test_real
async def test_a_listener_that_leaves_does_not_wait_for_who_is_silent() -> None:
    async with served() as it, await it.connect() as client:
        await client.send_all(frame(question()))
        assert await receive_message(client) == answered(question())
        assert it.waiting == 1
        with trio.fail_after(IDLE_S / 2):
            await it.service.leave(10)
        assert (it.waiting, len(it.slots)) == (0, 0)


@pytest.mark.reaches("STREAMS_AT_ONCE")
@trio_test_real
async def test_so_many_are_heard_at_a_time_and_all_have_their_turn() -> None:
    async with served() as it:
        readiness = it.slots.readiness
        data = question()
        it.handler.packets.store(data, answered(data), transport=Transport.TCP, lifetime_s=60)
        clients = [await it.connect() for _ in range(2 * STREAMS_AT_ONCE + 1)]
        await it.all_wait(clients)
        for client in clients:  # none of which a task sees before we have looked
            os.write(client.socket.fileno(), frame(data))
        assert [readiness.take(), readiness.take(), readiness.take()] == [True, True, False]
        assert readiness.queries == len(clients)
        for client in clients:
            assert await receive_message(client) == answered(data)
            await client.aclose()


@trio_test_real
async def test_who_asks_without_end_keeps_nobody_from_his_turn() -> None:
    """A round is used up by the first; the next one begins with those behind it."""
    async with served() as it:
        data = question()
        it.handler.packets.store(data, answered(data), transport=Transport.TCP, lifetime_s=60)
        clients = [await it.connect() for _ in range(3)]
        await it.all_wait(clients)
        it.slots.rounds._turns.note_hits()  # rounds are short
        many = frame(data) * 64
        for client in clients:
            os.write(client.socket.fileno(), many)
        connections = list(it.slots._connections)
        served_by_turn: list[list[bool]] = []
        for _ in range(3):
            before = [each.hits for each in connections]
            assert it.slots.readiness.take() == (len(served_by_turn) < 2)
            served_by_turn.append(
                [each.hits > old for each, old in zip(connections, before, strict=True)]
            )
        assert sorted(served_by_turn) == [
            [False, False, True], [False, True, False], [True, False, False],
        ]  # fmt: skip
        for client in clients:
            await client.aclose()


@trio_test_real
async def test_a_large_reply_is_as_much_as_many_small_ones() -> None:
    """To encrypt and hand over 60 kB takes as long as a hundred hits."""
    async with served() as it:
        data = question()
        record = b"\xc0\x0c\0\x10\0\1\0\0\1\0" + (60_000).to_bytes(2, "big") + bytes(60_000)
        big = data[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + data[12:] + record
        assert it.handler.packets.store(data, big, transport=Transport.TCP, lifetime_s=60)
        clients = [await it.connect() for _ in range(6)]
        await it.all_wait(clients)
        it.slots.rounds._turns.note_hits()  # rounds are short
        for client in clients:
            os.write(client.socket.fileno(), frame(data))
        turns = 1
        while it.slots.readiness.take():
            turns += 1
        assert turns == len(clients) // 2
        assert sum(each.hits for each in it.slots._connections) == len(clients)
        for client in clients:
            assert await receive_message(client) == big
            await client.aclose()


@pytest.mark.parametrize(
    "fault", [AttributeError, OSError(errno.EMFILE, os.strerror(errno.EMFILE))]
)
@trio_test_real
async def test_without_an_epoll_each_task_waits_itself(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not Linux, or no descriptor is left."""

    def refuse() -> select.epoll:
        raise fault

    with monkeypatch.context() as patched:
        patched.setattr(select, "epoll", refuse)
        none = Readiness(Rounds(Turns()))
        assert none.open() == -1
    monkeypatch.setattr(Readiness, "open", lambda _: -1)
    async with served() as it, await it.connect() as client:
        for id in range(3):
            await client.send_all(frame(question(id=id)))
            assert await receive_message(client) == answered(question(id=id))
        assert it.waiting == 0


class _Full:
    """An epoll that takes nobody."""

    def register(self, *_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@trio_test_real
async def test_whom_the_kernel_has_no_room_for_waits_by_itself() -> None:
    readiness = Readiness(Rounds(Turns()))
    readiness._epoll = _Full()  # type: ignore[assignment]
    near, far = socket.socketpair()
    with near, far, trio.fail_after(2):
        far.send(b"something")
        await readiness.wait(near.fileno(), lambda: True)
    assert not readiness._waiting


@trio_test_real
async def test_its_end_leaves_nobody_waiting() -> None:
    """Who waits there is awake again, and waits for its stream itself."""
    async with served() as it, trio.open_nursery() as nursery:
        readiness = Readiness(it.slots.rounds)
        assert readiness.open() >= 0
        near, far = socket.socketpair()
        with near, far:
            nursery.start_soon(readiness.wait, near.fileno(), lambda: True)
            nursery.start_soon(readiness.run)
            await trio.testing.wait_all_tasks_blocked()
            assert len(readiness._waiting) == 1
            nursery.cancel_scope.cancel()
    assert len(readiness._waiting) == 0
