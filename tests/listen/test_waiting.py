"""Sockets say whether there is room for one client more, before the listener is called dead."""

from __future__ import annotations

import random
import socket
import struct
import sys
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from resolver.lab.virtual_network import VirtualNetwork
from resolver.lab.virtual_sockets import BACKLOG
from resolver.listen.sockets import SystemListenNetwork
from resolver.listen.waiting import is_full_of_connections, is_full_of_datagrams
from tests.support import trio_test, trio_test_real

if TYPE_CHECKING:
    from resolver.listen.listen_network import StreamListener, UdpSocket

HERE = "127.0.0.1", 0
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux")


def is_full(sock: UdpSocket | StreamListener) -> bool:
    return sock.is_full


@trio_test_real
async def test_datagrams_fill_a_socket_until_they_are_received() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as kept, socket.socket(type=socket.SOCK_DGRAM) as by:
        kept.bind(HERE)
        sock = SystemListenNetwork(given={(True, HERE): kept}).bind_udp(*HERE)
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert not is_full(sock)
        for _ in range(64):
            by.sendto(bytes(512), kept.getsockname())
        assert is_full(sock)
        while sock.receive():
            pass
        assert not is_full(sock)
        sock.close()


@trio_test_real
async def test_connections_fill_a_listener() -> None:
    with socket.socket() as kept:
        kept.bind(HERE)
        listener = SystemListenNetwork(given={(False, HERE): kept}).bind_tcp(*HERE)
        assert not is_full(listener)
        kept.listen(1)
        clients = [socket.create_connection(kept.getsockname()) for _ in range(2)]
        assert is_full(listener)
        for each in clients:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.close()
        await listener.aclose()


def test_a_socket_that_is_closed_is_full_of_nothing() -> None:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        sock = socket.socket(type=kind)
        sock.close()
        assert not is_full_of_datagrams(sock)
        assert not is_full_of_connections(sock)


@trio_test
async def test_the_labs_listeners_fill_as_well() -> None:
    network = VirtualNetwork(rng=random.Random(1))
    listener = network.bind_tcp("192.0.2.1", 53)
    for _ in range(BACKLOG):
        assert not listener.is_full
        listener.put(trio.StapledStream(*trio.testing.memory_stream_one_way_pair()), HERE)
    assert listener.is_full
    sock = network.bind_udp("192.0.2.1", 53)
    assert not sock.is_full


@trio_test_real
async def test_what_nobody_has_taken_shows() -> None:
    """A datagram that is there to be read, a connection that is there to be accepted."""
    sock = SystemListenNetwork().bind_udp("127.0.0.1", 0)
    listener = SystemListenNetwork().bind_tcp("127.0.0.1", 0)
    assert (sock.has_unread, listener.has_unread) == (False, False)
    below: socket.socket = listener._listener.socket._sock  # type: ignore[attr-defined]
    with (
        socket.socket(type=socket.SOCK_DGRAM) as client,
        socket.create_connection(below.getsockname()),
    ):
        client.sendto(b"x", sock._socket.getsockname())  # type: ignore[attr-defined]
        assert (sock.has_unread, listener.has_unread) == (True, True)
        accepted, _ = await listener.accept()
        await accepted.aclose()
        assert not listener.has_unread
    sock.close()
    await listener.aclose()
