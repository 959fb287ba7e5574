"""What the kernel is asked for."""

from __future__ import annotations

import errno
import logging
import socket
import sys
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
import trio

from resolver.limits import ACCEPT_PAUSE_SECONDS, TCP_BACKLOG, UDP_BUFFER_OCTETS
from resolver.listen import sockets
from resolver.listen.sockets import SystemListenNetwork, SystemTcpListener
from resolver.listen.udp_socket import PlainUdpSocket
from tests.support import set_limit, trio_test, trio_test_real

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux granted")
_BACKLOG_AT = 28  # tcp_info.tcpi_sacked: of a listening socket, how many may wait
_SOMAXCONN = Path("/proc/sys/net/core/somaxconn")


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _at_most() -> int:
    return int(_SOMAXCONN.read_text())


@pytest.mark.reaches("UDP_BUFFER_OCTETS")
@trio_test_real
async def test_a_socket_has_the_buffer_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux doubles what it is asked for; without a privilege it stops at rmem_max."""
    asked = min(UDP_BUFFER_OCTETS, 1 << 17)  # every kernel grants as much
    set_limit(monkeypatch, sockets, "UDP_BUFFER_OCTETS", asked)
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
    assert waiting == min(TCP_BACKLOG, _at_most())
    await listener.aclose()


@trio_test_real
async def test_an_address_that_comes_later_is_bound_already(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """DHCP, a VPN, duplicate address detection: no event has to be waited for."""
    caplog.set_level(logging.WARNING, "resolver")
    for host in ("192.0.2.254", "2001:db8::fe"):
        for bind in ("bind_udp", "bind_tcp"):
            with pytest.raises(OSError, match="assign") as caught:
                getattr(SystemListenNetwork(), bind)(host, 5399)
            assert caught.value.errno == errno.EADDRNOTAVAIL
        network = SystemListenNetwork(is_free=True)
        sock = network.bind_udp(host, 5399)
        assert isinstance(sock, PlainUdpSocket)
        assert sock._socket.getsockname()[0] == host
        sock.close()
        await network.bind_tcp(host, 5399).aclose()
    assert [record.getMessage() for record in caplog.records] == [
        "192.0.2.254 is not an address of this machine yet: waiting for it",
        "2001:db8::fe is not an address of this machine yet: waiting for it",
    ]


@trio_test_real
async def test_an_address_that_is_here_is_bound_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    sock = SystemListenNetwork(is_free=True).bind_udp("127.0.0.1", 0)
    assert isinstance(sock, PlainUdpSocket)
    assert sock._socket.getsockopt(socket.IPPROTO_IP, 15) == 0  # IP_FREEBIND
    sock.close()
    assert not caplog.records


@trio_test_real
async def test_a_port_on_which_another_listens_leaves_no_socket_behind() -> None:
    """It is tried again every second: a descriptor each time would be the end."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        before = _open_files()
        for _ in range(3):
            with pytest.raises(OSError, match="in use"):
                SystemListenNetwork().bind_tcp(*other.getsockname())
        assert _open_files() == before


@pytest.mark.reaches("ACCEPT_PAUSE_SECONDS")
@trio_test
async def test_without_a_descriptor_a_connection_waits() -> None:
    """To try at once, again and again, would be all that the process did."""

    class Short:
        async def accept(self) -> object:
            tried.append(trio.current_time())
            await trio.lowlevel.checkpoint()
            raise OSError(errno.EMFILE, "Too many open files")

    tried: list[float] = []
    with trio.move_on_after(2.5 * ACCEPT_PAUSE_SECONDS):
        await SystemTcpListener(cast("trio.SocketListener", Short())).accept()
    gaps = [later - sooner for sooner, later in pairwise(tried)]
    assert gaps == pytest.approx([ACCEPT_PAUSE_SECONDS] * 2)
