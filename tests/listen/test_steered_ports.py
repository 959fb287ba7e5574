"""Whose names come to which socket, as sockets come and go; on real ones, each worker's in turn."""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import signal
import socket
import sys
from contextlib import closing

import pytest

from resolver.limits import STEERED_PLACES, STEERING_PATIENCE_SECONDS
from resolver.listen import steered_ports, steering
from resolver.listen.sockets import SystemListenNetwork
from resolver.listen.steered_ports import SteeredPorts, shared_file
from resolver.listen.udp_socket import PlainUdpSocket
from resolver.protocol import names
from tests.cli.test_serve import free_port
from tests.listen.test_steering import query
from tests.support import trio_test_real

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="no other kernel has it")
NAMES = [f"host{number}.example." for number in range(40)]
KEY = b"of all"


class Workers:
    """As many as are asked for, at one port of *hosts*."""

    def __init__(self, count: int, *hosts: str) -> None:
        self.file = shared_file()
        self.count = count
        self.hosts = hosts or ("127.0.0.1",)
        self.port = free_port()
        self.socks: dict[tuple[int, str], PlainUdpSocket] = {}
        for number in range(count):
            self.begin(number)

    def begin(self, number: int) -> None:
        ports = SteeredPorts(self.file, number, self.count, key=KEY)
        network = SystemListenNetwork(is_shared=True, steered=ports)
        for host in self.hosts:
            sock = network.bind_udp(host, self.port)
            assert isinstance(sock, PlainUdpSocket)
            self.socks[number, host] = sock

    def end(self, number: int) -> None:
        for host in self.hosts:
            self.socks.pop((number, host)).close()

    def die(self, number: int) -> None:
        for host in self.hosts:
            self.socks.pop((number, host))._socket.close()  # nobody writes it down

    def stand_aside(self, number: int) -> None:
        for host in self.hosts:
            self.socks[number, host].stand_aside()

    def of(self, host: str = "") -> dict[str, int]:
        """Which worker each of NAMES comes to at *host*."""
        return {name: self.heard(name, host or self.hosts[0]) for name in NAMES}

    def heard(self, name: str, host: str) -> int:
        there = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as client:
            client.sendto(query(names.from_text(name)), (there, self.port))
        heard = [
            number
            for (number, where), sock in self.socks.items()
            if where == host and sock.receive()
        ]
        assert len(heard) == 1
        return heard[0]

    def close(self) -> None:
        for sock in self.socks.values():
            sock.close()
        os.close(self.file)


@trio_test_real
async def test_a_name_is_one_workers_at_all_addresses() -> None:
    with closing(Workers(3, "127.0.0.1", "::1")) as workers:
        found = workers.of("127.0.0.1")
        assert set(found.values()) == {0, 1, 2}
        assert workers.of("127.0.0.1") == workers.of("::1") == found


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("dies", [True, False])
@trio_test_real
async def test_who_follows_another_has_its_names_and_the_rest_keep_theirs(
    number: int,
    dies: bool,  # noqa: FBT001
) -> None:
    with closing(Workers(3, "127.0.0.1", "::1")) as workers:
        before = workers.of()
        (workers.die if dies else workers.end)(number)
        between = workers.of()  # all come to somebody
        assert number not in between.values()
        workers.begin(number)
        assert workers.of("127.0.0.1") == workers.of("::1") == before


@trio_test_real
async def test_all_come_again_in_another_order_and_have_their_names() -> None:
    """As after a drain that was undone."""
    with closing(Workers(4)) as workers:
        before = workers.of()
        for number in (2, 0, 3, 1):
            workers.end(number)
        for number in (1, 3, 2, 0):
            workers.begin(number)
        assert workers.of() == before


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0", "::"])  # noqa: S104
@trio_test_real
async def test_who_stands_aside_gets_nothing_more(host: str) -> None:
    """Linux passes a connected socket over where it hashes, not where a program chooses."""
    with closing(Workers(3, host)) as workers:
        before = workers.of()
        workers.stand_aside(1)
        for _ in range(4):
            assert 1 not in workers.of().values()
        workers.end(1)
        assert 1 not in workers.of().values()
        workers.begin(1)
        assert workers.of() == before


@trio_test_real
async def test_nobody_is_steered_to_one_that_leaves_while_another_begins() -> None:
    with closing(Workers(3)) as workers:
        workers.stand_aside(1)
        workers.die(2)
        workers.begin(2)
        for _ in range(4):
            assert 1 not in workers.of().values()


@pytest.mark.reaches("STEERED_PLACES")
@trio_test_real
async def test_at_more_places_than_there_is_room_for_clients_choose() -> None:
    file = shared_file()
    ports = SteeredPorts(file, 0, 2, key=KEY)
    network = SystemListenNetwork(is_shared=True, steered=ports)
    socks = [network.bind_udp(f"127.0.1.{at}", 0) for at in range(STEERED_PLACES + 1)]
    assert [ports._find(f"127.0.1.{at} 0") is None for at in range(STEERED_PLACES + 1)] == [
        *[False] * STEERED_PLACES, True,
    ]  # fmt: skip
    for sock in socks:
        sock.close()
    assert ports._find("127.0.1.0 1") is not None  # there is room again
    os.close(file)


@trio_test_real
async def test_a_kernel_that_refuses_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An old one, a sandbox: workers share the port as ever."""

    def refusing(*_: object) -> None:
        raise OSError(errno.ENOPROTOOPT, "Protocol not available")

    monkeypatch.setattr(steering, "attach", refusing)
    caplog.set_level(logging.INFO, "resolver")
    with closing(Workers(1, "127.0.0.1", "::1")) as workers:
        assert set(workers.of().values()) == {0}
        workers.stand_aside(0)
    assert [record.getMessage() for record in caplog.records] == [
        "questions are dealt out to the workers by client, not by name: Protocol not available"
    ]


def _holds(file: int, tell: int) -> None:
    """A process that was stopped while it bound a socket."""
    os.lockf(file, os.F_LOCK, 0)
    os.write(tell, b".")
    signal.pause()


@pytest.mark.reaches("STEERING_PATIENCE_SECONDS")
def test_a_worker_that_stands_still_while_it_binds_holds_up_nobody_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = shared_file()
    told, tell = os.pipe()
    holder = multiprocessing.get_context("fork").Process(target=_holds, args=(file, tell))
    holder.start()
    os.read(told, 1)
    slept: list[float] = []
    monkeypatch.setattr(steered_ports, "sleep", slept.append)
    try:
        ports = SteeredPorts(file, 0, 2, key=KEY)
        assert sum(slept) == pytest.approx(STEERING_PATIENCE_SECONDS)
        sock, seat = ports.bind("here", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        seat.close(sock)
    finally:
        holder.kill()
        holder.join()
        for each in (file, told, tell):
            os.close(each)
    assert len(slept) == 3 * 20
