"""Hits in the loop's sleep: no task steps for them, and nothing else waits longer."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections import deque
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.limits import IDLE_ALONE_SECONDS
from resolver.listen import idle_loop
from resolver.listen.admission import Admission
from resolver.listen.sockets import SystemListenNetwork
from resolver.listen.udp import UdpService
from resolver.listen.udp_socket import PlainUdpSocket
from resolver.runtime import steps
from resolver.runtime.turns import Turns
from tests.listen.echo import Handler, answered, question
from tests.support import trio_test_real

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOSTS = pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1"])  # noqa: S104
APART_S = 0.003
TRIES = 5  # cores are shared: who else runs may wake the loop


class Steps(trio.abc.Instrument):
    """Counts how often any task ran."""

    count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        del task
        self.count += 1


@asynccontextmanager
async def watched(
    host: str, *, has_own_task: bool = True
) -> AsyncIterator[tuple[UdpService, Handler, socket.socket]]:
    """A service whose socket is watched, and a client that is connected to it."""
    sock = SystemListenNetwork().bind_udp(host, 0)
    assert isinstance(sock, PlainUdpSocket)
    handler, turns = Handler(), Turns()
    service = UdpService(sock, handler, Admission(), turns=turns)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(sock), socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.connect(("::1" if ":" in host else "127.0.0.1", sock._socket.getsockname()[1]))
        async with trio.open_nursery() as nursery:
            if has_own_task:
                nursery.start_soon(service.run)
            nursery.start_soon(idle_loop.watch_over, {sock.fileno(): service}, turns)
            yield service, handler, client
            nursery.cancel_scope.cancel()


def ageless(reply: bytes) -> bytes:
    """Without the TTL of its one record, which a second may lower while the test runs."""
    return reply[:-10] + reply[-6:]


def expected(id: int) -> bytes:
    return ageless(answered(question(id=id)))


def ask(client: socket.socket, data: bytes) -> bytes:
    client.send(data)
    return client.recv(512)


def ask_many(client: socket.socket, count: int) -> list[bytes]:
    """From a thread: one query after the other, a little apart."""
    replies = []
    for id in range(count):
        time.sleep(APART_S)
        replies.append(ageless(ask(client, question(id=id))))
    return replies


@pytest.mark.skipif(not hasattr(os, "eventfd"), reason="Linux only")
@trio_test_real
async def test_trio_has_its_epoll_where_we_look() -> None:
    """If this fails, trio has moved it: hits cost half as much again until `idle_loop` follows."""
    assert idle_loop.loop_descriptor() is not None
    assert steps.loop_queue() is not None
    assert steps.may_step()


@HOSTS
@trio_test_real
async def test_hits_step_no_task(host: str) -> None:
    """The first query is missed; of those after it, few need the loop."""
    async with watched(host) as (service, handler, client):
        await trio.to_thread.run_sync(ask_many, client, 2)
        fewest = 50
        for tried in range(1, TRIES + 1):
            steps = Steps()
            trio.lowlevel.add_instrument(steps)
            replies = await trio.to_thread.run_sync(ask_many, client, 50)
            trio.lowlevel.remove_instrument(steps)
            assert replies == [expected(id) for id in range(50)]
            assert service.queries == 2 + 50 * tried
            fewest = min(fewest, steps.count)
            if fewest < 25:
                break
        assert len(handler.started) == 1
        assert fewest < 25


@trio_test_real
async def test_miss_between_hits_wakes_the_loop() -> None:
    """Read in the loop's sleep, it leaves nothing behind that would wake the loop: a bell does."""
    async with watched("127.0.0.1") as (_, handler, client):

        def hits_then_miss() -> bytes:
            ask_many(client, 5)
            time.sleep(APART_S)
            return ask(client, question(b"\x05other\0", id=9))

        reply = await trio.to_thread.run_sync(hits_then_miss)
        assert reply == answered(question(b"\x05other\0", id=9))
        assert len(handler.started) == 2


@asynccontextmanager
async def between_turns() -> AsyncIterator[
    tuple[idle_loop.Watch, UdpService, Handler, socket.socket, int]
]:
    """A watch over one service, while hits come; its own turns are made by hand."""
    sock = SystemListenNetwork().bind_udp("127.0.0.1", 0)
    assert isinstance(sock, PlainUdpSocket)
    handler, turns = Handler(), Turns()
    service = UdpService(sock, handler, Admission(), turns=turns)
    loop, bell = os.eventfd(0), os.eventfd(0, os.EFD_NONBLOCK)
    watch = idle_loop.Watch({sock.fileno(): service}, turns, loop, bell, deque())
    try:
        with closing(sock), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(sock._socket.getsockname())
            turns.note_hits()
            yield watch, service, handler, client, bell
    finally:
        watch.close()
        os.close(loop)
        os.close(bell)


@pytest.mark.parametrize("timeout_s", [0.0, 60.0])
@trio_test_real
async def test_a_miss_is_begun_where_it_is_read(timeout_s: float) -> None:
    """In the sleep of a loop, and between two turns of one that has none."""
    async with between_turns() as (watch, service, handler, client, bell):
        client.send(question(b"\x05other\0"))
        watch.before_io_wait(timeout_s)
        assert len(handler.started) == 1
        assert not service.has_waiting
        assert bool(timeout_s) == bool(trio_would_wake(bell))


def trio_would_wake(bell: int) -> int:
    """What was written to the bell."""
    try:
        return os.eventfd_read(bell)
    except BlockingIOError:
        return 0


@trio_test_real
async def test_a_turn_takes_and_begins_once() -> None:
    """What was done between two turns is not done by the task as well."""
    async with between_turns() as (watch, service, handler, client, _):
        watch.before_io_wait(0.0)
        client.send(question(b"\x05other\0"))
        assert service.drain() is False
        assert (service.queries, handler.started) == (0, [])
        watch.before_io_wait(0.0)
        assert (service.queries, len(handler.started)) == (1, 1)


@pytest.mark.interpreted
@trio_test_real
async def test_where_nobody_counts_turns_any_more_the_task_does_it_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """trio takes out an instrument that raises; the listeners go on."""
    async with between_turns() as (watch, service, handler, client, _):
        watch.before_io_wait(0.0)
        monkeypatch.setattr(service, "take", lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            watch.before_io_wait(0.0)
        monkeypatch.undo()
        client.send(question(b"\x05other\0"))
        service.drain()
        assert len(handler.started) == 1


@trio_test_real
async def test_timer_is_on_time_between_hits() -> None:
    """A sleep that ends while hits come ends then, not after as long again."""
    async with watched("127.0.0.1") as (_, _, client), trio.open_nursery() as nursery:
        late_s = [0.04]
        nursery.start_soon(trio.to_thread.run_sync, ask_many, client, 80)
        await trio.sleep(10 * APART_S)
        for _ in range(3):
            began = trio.current_time()
            await trio.sleep(0.04)
            late_s.append(trio.current_time() - began - 0.04)
        assert min(late_s) < 0.03  # a machine that is busy elsewhere is late now and then only


@trio_test_real
async def test_busy_loop_serves_hits_before_its_tasks() -> None:
    """A hit is answered between two turns, even if its listener's task never has one."""
    async with (
        watched("127.0.0.1", has_own_task=False) as (service, _, client),
        trio.open_nursery() as nursery,
    ):
        for _ in range(2):  # a miss, then a hit: from then on the loop's sleep is watched
            client.send(question())
            service.drain()
            client.recv(512)

        async def spin() -> None:
            while True:
                await trio.lowlevel.checkpoint()

        nursery.start_soon(spin)
        replies = await trio.to_thread.run_sync(ask_many, client, 10)
        assert replies == [expected(id) for id in range(10)]
        nursery.cancel_scope.cancel()


@trio_test_real
async def test_flood_goes_to_the_loop() -> None:
    """More than a batch at once is the loop's: it has turns for everybody."""
    async with watched("127.0.0.1") as (service, _, client):

        def flood() -> int:
            ask_many(client, 3)
            for id in range(200):
                client.send(question(id=id))
            return sum(ageless(client.recv(512)) == expected(id) for id in range(200))

        assert await trio.to_thread.run_sync(flood) == 200
        assert service.queries == 203


class Beset:
    """Clients who ask one by one, and so many that there is always one."""

    has_waiting = False
    is_serving = False

    def __init__(self, ends_after: int, fd: int, loop: int, takes_s: float = 0.0) -> None:
        self.queries = 0
        self._takes_s = takes_s
        self._ends_after = ends_after
        self._fd = fd
        self._loop = loop

    def take_one(self) -> None:
        self.queries += 1
        time.sleep(self._takes_s)
        if self.queries == self._ends_after:
            os.eventfd_read(self._fd)
            os.eventfd_write(self._loop, 1)

    def take(self) -> bool:
        self.take_one()
        return False

    drain = take

    def begin_ahead(self) -> None:
        pass


@pytest.mark.reaches("IDLE_LOOK_SECONDS", "IDLE_LOOK_ALONE_SECONDS")
@pytest.mark.parametrize("takes_s", [0.0, 3 * IDLE_ALONE_SECONDS])
@pytest.mark.parametrize("does_loop_wait", [True, False])
@trio_test_real
async def test_hits_without_end_let_the_loop_have_its_turn(
    does_loop_wait: bool,  # noqa: FBT001
    takes_s: float,
) -> None:
    """If there is something for it to do; else they are served on. Slow ones look like hits that
    had to be waited for."""
    most = 1_000_000 if does_loop_wait else 2000 if not takes_s else 300
    turns = Turns()
    asked, loop, bell = os.eventfd(1), os.eventfd(does_loop_wait), os.eventfd(0)
    service = Beset(most, asked, loop, takes_s)
    watch = idle_loop.Watch({asked: service}, turns, loop, bell, deque())
    try:
        turns.note_hits()
        watch.before_io_wait(60.0)
        assert (service.queries < most) == does_loop_wait
    finally:
        watch.close()
        for fd in (asked, loop, bell):
            os.close(fd)


@trio_test_real
async def test_switched_off_listeners_serve_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(idle_loop, "IS_ON", False)
    async with watched("127.0.0.1") as (service, _, client):
        replies = await trio.to_thread.run_sync(ask_many, client, 3)
        assert replies == [expected(id) for id in range(3)]
        assert service.queries == 3


@pytest.mark.parametrize(("module", "name"), [(os, "eventfd"), (select, "epoll")])
@trio_test_real
async def test_without_a_descriptor_for_the_bell_listeners_serve_alone(
    module: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A late socket is watched too, at a moment when clients may have all descriptors."""

    def refuse(*_: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(module, name, refuse)
    async with watched("127.0.0.1") as (service, _, client):
        replies = await trio.to_thread.run_sync(ask_many, client, 3)
        assert replies == [expected(id) for id in range(3)]
        assert service.queries == 3
