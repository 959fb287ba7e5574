"""What the kernel is asked for."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from resolver.limits import TCP_BACKLOG, UDP_BUFFER_OCTETS
from resolver.listen import sockets
from resolver.listen.sockets import PlainUdpSocket, SystemListenNetwork, SystemTcpListener
from tests.support import trio_test_real

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux granted")
_BACKLOG_AT = 28  # tcp_info.tcpi_sacked: of a listening socket, how many may wait
_SOMAXCONN = Path("/proc/sys/net/core/somaxconn")


def _at_most() -> int:
    return int(_SOMAXCONN.read_text())


@pytest.mark.reaches("UDP_BUFFER_OCTETS")
@trio_test_real
async def test_a_socket_has_the_buffer_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux doubles what it is asked for; without a privilege it stops at rmem_max."""
    asked = min(int(UDP_BUFFER_OCTETS), 1 << 17)  # every kernel grants as much
    monkeypatch.setattr(sockets, "UDP_BUFFER_OCTETS", asked)
    sock = SystemListenNetwork().bind_udp("127.0.0.1", 0)
    assert isinstance(sock, PlainUdpSocket)
    assert sock._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 2 * asked
    sock.close()


@pytest.mark.reaches("TCP_BACKLOG")
@trio_test_real
async def test_connections_may_wait_to_be_accepted() -> None:
    listener = SystemListenNetwork().bind_tcp("127.0.0.1", 0)
    assert isinstance(listener, SystemTcpListener)
    info = listener._listener.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
    waiting = int.from_bytes(info[_BACKLOG_AT : _BACKLOG_AT + 4], sys.byteorder)
    assert waiting == min(int(TCP_BACKLOG), _at_most())
    await listener.aclose()
