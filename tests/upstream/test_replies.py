"""Replies of servers are taken in between two turns of the loop; whom they wake has the next."""

from __future__ import annotations

import socket
from collections import deque
from contextlib import closing
from os import EFD_NONBLOCK, close, eventfd, eventfd_read
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.budget import QueryBudget, Share
from resolver.listen.idle_loop import Watch
from resolver.model import Server, Verdict
from resolver.protocol.ip_addresses import address_octets, network_of
from resolver.runtime.turns import Turns
from resolver.upstream.replies import Replies
from resolver.upstream.server_events import UpstreamCounters
from resolver.upstream.udp import SystemNetwork
from tests.support import trio_test, trio_test_real
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.upstream.network import UdpPort, Whose

A = "198.51.100.1"
CLIENT = address_octets("192.0.2.77")


class Bed:
    """A network with one question on its way, and who takes in what comes of it."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.network = SystemNetwork(turns=self.turns)
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.bind(("127.0.0.1", 0))
        self.told: list[bytes | OSError] = []
        self.counters = UpstreamCounters()
        self.replies = Replies(self.network, self.take_in, self.counters)

    def take_in(self) -> int:
        came = self.network.receive()
        self.told += [data for _, data in came]
        return len(came)

    def answer(self, data: bytes) -> None:
        self.network.open_udp(Server("127.0.0.1", self.server.getsockname()[1])).send(b"question")
        self.server.sendto(data, self.server.recvfrom(100)[1])


@pytest.fixture
def bed() -> Iterator[Bed]:
    made = Bed()
    with closing(made.server), closing(made.network):
        yield made


@pytest.mark.parametrize("timeout_s", [0.0, 60.0])
@trio_test_real
async def test_they_are_taken_in_before_the_loop_looks(bed: Bed, timeout_s: float) -> None:
    """Where it would sleep it is told to look: timers may have been set."""
    loop, bell = eventfd(0), eventfd(0, EFD_NONBLOCK)
    watch = Watch(bed.replies.watched, bed.turns, loop, bell, deque())
    bed.turns.note_hits()
    bed.answer(b"reply")
    watch.before_io_wait(timeout_s)
    assert bed.told == [b"reply"]
    assert bed.replies.queries == 1
    if timeout_s:
        assert eventfd_read(bell) == 1
    assert bed.replies.drain() is False
    assert not bed.replies.has_waiting
    close(loop)
    close(bell)


@trio_test_real
async def test_without_anybody_who_watches_their_task_takes_them_in(bed: Bed) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bed.replies.run)
        for number in range(10):
            bed.answer(b"%d" % number)
        with trio.fail_after(5):
            while len(bed.told) < 10:
                await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert sorted(bed.told, key=str) == [b"%d" % number for number in range(10)]


@trio_test_real
async def test_where_memory_runs_out_what_came_is_lost_and_no_more(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> int:
        raise MemoryError

    monkeypatch.setattr(bed.replies, "_take_in", fail)
    assert bed.replies.drain() is False
    assert bed.counters.out_of_memory == 1


@trio_test
async def test_a_virtual_network_has_nothing_to_watch() -> None:
    assert World().dispatcher.replies.watched == {}


@trio_test
async def test_whose_a_reply_is_is_the_client_network_that_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.serve(A)
    world.whole = QueryBudget(deadline=1e9, source=CLIENT)
    whose: set[bytes] = set()
    receive: Callable[[], list[tuple[UdpPort, bytes | OSError]]] = world.network.receive

    def watched(of: Whose | None = None) -> list[tuple[UdpPort, bytes | OSError]]:
        came = receive()
        assert of is not None
        whose.update(of(port) for port, _ in came)
        return came

    monkeypatch.setattr(world.network, "receive", watched)

    async def story() -> None:
        reply = await world.ask(A)
        assert reply.classified.verdict is Verdict.ANSWER

    await world.run(story)
    assert whose == {network_of(CLIENT)}
    assert Share.for_client(1.0, CLIENT).whole.source == CLIENT
