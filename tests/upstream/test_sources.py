"""Source addresses: one that is gone is no server's fault; an interface reaches the kernel."""

from __future__ import annotations

import errno
import random
import socket
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.model import Server
from resolver.upstream.sources import Sources, socket_address
from resolver.upstream.udp import SystemNetwork
from tests.simulation import netns
from tests.support import trio_test_real

if TYPE_CHECKING:
    from collections.abc import Iterator

GONE = "192.0.2.77"  # TEST-NET-1: no machine of ours has it
HERE = "127.0.0.9"
TRIES = 16  # of two sources one would be spared every time in 2 of 65,536 runs


@pytest.fixture
def echo() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock


def test_the_source_that_is_there_is_used(echo: socket.socket) -> None:
    network = SystemNetwork([GONE, HERE])
    for _ in range(TRIES):
        network.open_udp(Server("127.0.0.1", echo.getsockname()[1])).send(b"question")
        assert echo.recvfrom(100)[1][0] == HERE
    network.close()


@trio_test_real
async def test_the_source_that_is_there_is_used_over_tcp() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    network = SystemNetwork([GONE, HERE])
    async with listener:
        server = Server("127.0.0.1", listener.socket.getsockname()[1])
        for _ in range(TRIES):
            async with await network.connect_tcp(server) as stream:
                assert stream.socket.getsockname()[0] == HERE
    network.close()


def test_without_any_source_the_error_is_ours() -> None:
    network = SystemNetwork([GONE, "192.0.2.78"])
    with pytest.raises(OSError) as raised:  # noqa: PT011  the number is what counts
        network.open_udp(Server("127.0.0.1", 9))
    assert raised.value.errno == errno.EADDRNOTAVAIL
    network.close()


def test_no_source_is_the_kernels_choice() -> None:
    assert Sources([], random.Random(1)).towards(Server("192.0.2.1")) == []
    assert Sources(["::1"], random.Random(1)).towards(Server("192.0.2.1")) == []


def test_a_link_local_source_is_for_its_own_link() -> None:
    """RFC 4007 §6: nothing leaves its zone; a router would not forward it."""
    sources = Sources(["2001:db8::1", "fe80::1%eth0", "fe80::2%eth1"], random.Random(1))
    assert sources.towards(Server("2001:db8::53")) == ["2001:db8::1"]
    assert sources.towards(Server("fe80::53%eth1")) == ["fe80::2%eth1", "2001:db8::1"]
    only = Sources(["fe80::1%eth0"], random.Random(1))
    assert only.towards(Server("fe80::53%eth0")) == ["fe80::1%eth0"]
    with pytest.raises(OSError, match="no source address reaches 2001:db8::53"):
        only.towards(Server("2001:db8::53"))


def test_an_interface_is_told_by_its_number() -> None:
    index = socket.if_nametoindex("lo")
    assert socket_address("fe80::1%lo", 53) == ("fe80::1", 53, 0, index)
    assert socket_address("fe80::1%7", 53) == ("fe80::1", 53, 0, 7)
    assert socket_address("192.0.2.1", 53) == ("192.0.2.1", 53)
    with pytest.raises(OSError, match="no interface nowhere0"):
        socket_address("fe80::1%nowhere0", 53)


@trio_test_real
async def test_a_link_local_server_is_reached_from_a_link_local_source() -> None:
    """UDP and TCP, on a real link: without the interface connect(2) says EINVAL."""
    reason = netns.missing()
    if reason is not None:
        pytest.skip(reason)
    with netns.namespace("a") as near, netns.namespace("b") as far:
        netns.connect(near, far, names=("up", "up"))
        near.ip("addr add fe80::a/64 dev up nodad")
        far.ip("addr add fe80::b/64 dev up nodad")
        with far.entered():
            index = socket.if_nametoindex("up")
            server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            server.bind(("fe80::b", 5300, 0, index))
            (listener,) = await trio.open_tcp_listeners(5300, host="::")
        async with listener:
            with server, near.entered():
                network = SystemNetwork(["fe80::a%up"])
                target = Server("fe80::b%up", 5300)
                network.open_udp(target).send(b"question")
                assert server.recvfrom(100)[1][0].partition("%")[0] == "fe80::a"
                async with await network.connect_tcp(target) as stream:
                    assert stream.socket.getpeername()[0].partition("%")[0] == "fe80::b"
                network.close()
