"""Real sockets behind the upstream seam, on loopback."""

from __future__ import annotations

import errno
import random
import resource
import socket
from array import array
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trio

from resolver import limits
from resolver.model import Server
from resolver.runtime.turns import Turns
from resolver.upstream.udp import SystemNetwork, in_flight_limit, raise_descriptor_limit
from tests.support import trio_test_real

if TYPE_CHECKING:
    import select

    from resolver.upstream.network import UdpPort
    from resolver.upstream.udp import SystemPort


def _echo() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


@trio_test_real
async def test_what_a_port_is_sent_comes_out_of_receive() -> None:
    network = SystemNetwork()
    with _echo() as server:
        ports = [network.open_udp(Server("127.0.0.1", server.getsockname()[1])) for _ in range(5)]
        for number, port in enumerate(ports):
            port.send(b"%d" % number)
        sources = set()
        for _ in ports:
            data, source = server.recvfrom(100)
            sources.add(source[1])
            server.sendto(data, source)
        got: dict[object, object] = {}
        with trio.fail_after(5):
            while len(got) < len(ports):
                await network.wait()
                got.update(dict(network.receive()))
        assert [got[port] for port in ports] == [b"0", b"1", b"2", b"3", b"4"]
        assert len(sources) == len(ports)
        assert all(1024 <= port <= 65535 for port in sources)
    network.close()


@pytest.mark.rfc("RFC 5452 §9.1")
@trio_test_real
async def test_datagrams_from_elsewhere_are_the_kernels_to_drop() -> None:
    """RFC 5452 §9.1: only from the address that was asked."""
    network = SystemNetwork()
    with _echo() as server, _echo() as stranger:
        port = network.open_udp(Server("127.0.0.1", server.getsockname()[1]))
        port.send(b"question")
        _, source = server.recvfrom(100)
        stranger.sendto(b"forged", source)
        server.sendto(b"true", source)
        with trio.fail_after(5):
            await network.wait()
        assert network.receive() == [(port, b"true")]
        assert network.receive() == []
    network.close()


@trio_test_real
async def test_icmp_errors_surface() -> None:
    network = SystemNetwork()
    with _echo() as server:
        address = server.getsockname()
    port = network.open_udp(Server("127.0.0.1", address[1]))
    port.send(b"question")
    with trio.fail_after(5):
        await network.wait()
    ((found, error),) = network.receive()
    assert found is port
    assert isinstance(error, OSError)
    assert error.errno == errno.ECONNREFUSED
    port.close()
    port.close()
    assert network.receive() == []
    network.close()


@trio_test_real
async def test_a_source_address_is_used() -> None:
    network = SystemNetwork(["127.0.0.9"])
    with _echo() as server:
        port = network.open_udp(Server("127.0.0.1", server.getsockname()[1]))
        port.send(b"question")
        assert server.recvfrom(100)[1][0] == "127.0.0.9"
    network.close()


@trio_test_real
async def test_tcp_connects_and_says_so_when_it_cannot() -> None:
    network = SystemNetwork()
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    address = listeners[0].socket.getsockname()
    async with await network.connect_tcp(Server("127.0.0.1", address[1])) as stream:
        assert stream.socket.getpeername() == address
    await listeners[0].aclose()
    with pytest.raises(ConnectionRefusedError):
        await network.connect_tcp(Server("127.0.0.1", address[1]))
    network.close()


@pytest.mark.rfc("CVE-2020-25705")
@pytest.mark.rfc("RFC 5452 §9.2")
def test_ports_are_drawn_from_the_whole_range() -> None:
    """RFC 6056 §3.3.1; the kernel's own choice begins at 32768."""
    network = SystemNetwork()
    ports = [network.open_udp(Server("127.0.0.1", 9)) for _ in range(100)]
    numbers = [port.socket.getsockname()[1] for port in ports]
    assert min(numbers) < 32768
    assert len(set(numbers)) == len(numbers)
    network.close()


class Drawn(random.Random):
    """Tells *numbers*, as ports are drawn, again and again; *asked* has the octets of each call."""

    def __init__(self, numbers: list[int]) -> None:
        super().__init__()
        self.numbers = numbers
        self.asked: list[int] = []

    def randbytes(self, n: int) -> bytes:
        self.asked.append(n)
        wanted = [self.numbers[at % len(self.numbers)] for at in range(n // 2)]
        return array("H", reversed(wanted)).tobytes()  # the last is taken first


@pytest.mark.reaches("PORT_NUMBERS")
def test_port_numbers_are_drawn_many_at_once() -> None:
    drawn = Drawn([0])  # no port that we use: every try takes one more
    network = SystemNetwork(rng=drawn)
    opened = limits.PORT_NUMBERS // limits.PORT_TRIES + 1
    for _ in range(opened):
        network.open_udp(Server("127.0.0.1", 9))
    assert drawn.asked == 2 * [2 * limits.PORT_NUMBERS]
    network.close()


@pytest.mark.reaches("PORT_TRIES")
@pytest.mark.parametrize("is_last", [False, True])
def test_after_many_ports_in_use_the_kernel_chooses(*, is_last: bool) -> None:
    with _echo() as taken, _echo() as other:
        free, used = other.getsockname()[1], taken.getsockname()[1]
        other.close()
        tries = limits.PORT_TRIES - is_last
        network = SystemNetwork(rng=Drawn([*tries * [used], free]))
        port = network.open_udp(Server("127.0.0.1", 9))
        assert (port.socket.getsockname()[1] == free) is is_last
        network.close()


@pytest.mark.reaches("REPLY_BATCH", "REPLY_BATCH_IDLE")
@pytest.mark.parametrize(
    ("has_hits", "batch"), [(True, limits.REPLY_BATCH), (False, limits.REPLY_BATCH_IDLE)]
)
@trio_test_real
async def test_fewer_replies_are_taken_at_once_while_hits_come(
    has_hits: bool,  # noqa: FBT001
    batch: int,
) -> None:
    turns = Turns()
    network = SystemNetwork(turns=turns)
    with _echo() as server:
        for _ in range(3 * batch):
            network.open_udp(Server("127.0.0.1", server.getsockname()[1])).send(b"question")
        for _ in range(3 * batch):
            server.sendto(b"reply", server.recvfrom(100)[1])
        if has_hits:
            turns.note_hits()
        assert (len(network.receive()), turns.is_behind) == (batch, True)
        while network.receive():
            pass
        assert not turns.is_behind
    network.close()


def _answered(network: SystemNetwork, server: socket.socket, count: int) -> list[SystemPort]:
    """Ports to each of which a reply has come."""
    ports = []
    for _ in range(count):
        ports.append(network.open_udp(Server("127.0.0.1", server.getsockname()[1])))
        ports[-1].send(b"question")
        server.sendto(b"reply", server.recvfrom(100)[1])
    return ports


@trio_test_real
async def test_a_reply_for_one_network_does_not_stand_behind_all_of_a_flood() -> None:
    """Sixty came before it, for one who asks for a thousand names a second."""
    turns = Turns()
    turns.note_hits()
    network = SystemNetwork(turns=turns)
    with _echo() as server:
        flood = _answered(network, server, 60)
        (other,) = _answered(network, server, 1)
        whose: dict[UdpPort, bytes] = dict.fromkeys(flood, b"flood")
        whose[other] = b"other"
        first = [port for port, _ in network.receive(whose.__getitem__)]
        assert other in first
        assert (len(first), network.has_waiting) == (limits.REPLY_BATCH, True)
        for port in first:
            port.close()
        (late,) = _answered(network, server, 1)
        whose[late] = b"other"
        second = network.receive(whose.__getitem__)
        assert (late, b"reply") in second
        rest = [*first, *(port for port, _ in second)]
        while network.has_waiting:
            await network.wait()
            rest += [port for port, _ in network.receive(whose.__getitem__)]
        assert sorted(map(id, rest)) == sorted(map(id, whose))
    network.close()


@trio_test_real
async def test_what_waits_for_its_turn_is_neither_lost_nor_told_twice() -> None:
    """A port that is closed meanwhile says nothing; one that has two datagrams tells both."""
    turns = Turns()
    turns.note_hits()
    network = SystemNetwork(turns=turns)
    with _echo() as server:
        ports = _answered(network, server, 3 * limits.REPLY_BATCH)
        twice, closed = ports[-2:]
        server.sendto(b"second", ("127.0.0.1", twice.socket.getsockname()[1]))
        told = list(network.receive())
        closed.close()
        while more := network.receive():
            told += more
        expected = [(port, b"reply") for port in ports[:-1]] + [(twice, b"second")]
        assert sorted(told, key=str) == sorted(expected, key=str)
    network.close()


@pytest.mark.reaches("SENT_TOGETHER")
@trio_test_real
async def test_queries_leave_at_the_end_of_a_turn_or_when_they_are_many() -> None:
    turns, network = _counting()
    with _echo() as server:
        server.setblocking(False)  # noqa: FBT003
        where = Server("127.0.0.1", server.getsockname()[1])
        ports = [network.open_udp(where) for _ in range(limits.SENT_TOGETHER + 2)]
        for number, port in enumerate(ports):
            port.send(b"%d" % number)
        assert _read(server) == [b"%d" % number for number in range(limits.SENT_TOGETHER)]
        ports[-2].close()  # nobody wants to know any more
        turns.end()
        assert _read(server) == [b"%d" % (len(ports) - 1)]
        turns.end()
        assert _read(server) == []
    network.close()


@trio_test_real
async def test_what_the_kernel_says_at_the_end_of_a_turn_comes_as_a_reply_would() -> None:
    turns, network = _counting()
    with _echo() as server:
        where = Server("127.0.0.1", server.getsockname()[1])
        port, gone, other = (network.open_udp(where) for _ in range(3))
        port.send(bytes(1 << 16))  # more than a datagram holds
        gone.send(bytes(1 << 16))
        other.send(b"question")
        turns.end()
        gone.close()
        with trio.fail_after(2):
            await network.wait()
        ((which, error),) = network.receive()
        assert which is port
        assert isinstance(error, OSError)
        assert error.errno == errno.EMSGSIZE
        server.sendto(b"reply", server.recvfrom(100)[1])
        port.close()
        with trio.fail_after(2):
            await network.wait()
        assert network.receive() == [(other, b"reply")]
        assert network._refused == {}
    network.close()


def _counting() -> tuple[Turns, SystemNetwork]:
    """A network whose turns somebody counts, and ends."""
    turns = Turns()
    turns.number = 1
    return turns, SystemNetwork(turns=turns)


def _read(server: socket.socket) -> list[bytes]:
    """What has come."""
    came: list[bytes] = []
    with suppress(BlockingIOError):
        while True:
            came.append(server.recv(100))
    return came


@pytest.mark.reaches("REPLIES_LOOKED_AT")
@trio_test_real
async def test_at_a_turn_so_many_replies_are_put_in_line() -> None:
    turns = Turns()
    turns.note_hits()
    network = SystemNetwork(turns=turns)
    looked_at: list[int] = []
    epoll, network._epoll = network._epoll, _Epoll(network._epoll, looked_at)  # type: ignore[assignment]
    with _echo() as server:
        _answered(network, server, limits.REPLY_BATCH + 1)
        network.receive()
    assert looked_at == [limits.REPLIES_LOOKED_AT]
    network._epoll = epoll
    network.close()


class _Epoll:
    """Notes how much it is asked for."""

    def __init__(self, real: select.epoll, most: list[int]) -> None:
        self.register, self.modify = real.register, real.modify
        self._real, self._most = real, most

    def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
        self._most.append(most)
        return self._real.poll(timeout, most)


@trio_test_real
async def test_a_turn_that_is_counted_has_one_batch_of_replies() -> None:
    """Whoever takes them in: between two turns, its own task, or timers."""
    turns = Turns()
    turns.note_hits()
    network = SystemNetwork(turns=turns)
    with _echo() as server:
        _answered(network, server, 3 * limits.REPLY_BATCH)
        turns.number = 1
        assert len(network.receive()) == limits.REPLY_BATCH
        assert network.receive() == []
        turns.number = 2
        assert len(network.receive()) == limits.REPLY_BATCH
        turns.number = 0  # nobody counts any more
        assert len(network.receive()) == limits.REPLY_BATCH
    network.close()


@pytest.mark.reaches("IN_FLIGHT", "DESCRIPTORS_RESERVED", "DESCRIPTORS_RESERVED_PART")
def test_the_in_flight_limit_follows_the_descriptors() -> None:
    assert raise_descriptor_limit() >= 256
    assert in_flight_limit(64) == (64 - 64 // limits.DESCRIPTORS_RESERVED_PART) // 2
    assert in_flight_limit(4096) == (4096 - limits.DESCRIPTORS_RESERVED) // 2
    assert in_flight_limit(10**6) == limits.IN_FLIGHT


@pytest.mark.reaches("DESCRIPTORS")
def test_as_many_descriptors_are_asked_for_as_the_limit_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or as many as the hard limit grants."""
    wanted = limits.DESCRIPTORS
    for soft, hard, granted in ((1024, 10**6, wanted), (1024, 4096, 4096), (10**5, 10**6, 10**5)):
        now = [(soft, hard)]

        def change(_: int, to: tuple[int, int], now: list[tuple[int, int]] = now) -> None:
            if to[1] > now[0][1]:
                raise ValueError("not root")
            now[0] = to

        monkeypatch.setattr(resource, "getrlimit", lambda _, now=now: now[0])
        monkeypatch.setattr(resource, "setrlimit", change)
        assert raise_descriptor_limit() == granted
        assert now[0][0] == granted
