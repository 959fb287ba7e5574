"""Real listening sockets: UDP with the address asked at, TCP; the system's `ListenNetwork`.

`PlainUdpSocket` works wherever Python does. Where `listen.mmsg` can serve, UDP sockets come from
there. Wildcard sockets ask for IP_PKTINFO so that a reply leaves from the address the query came
to (RFC 2181 §4.1); sockets bound to one address do without and are cheaper.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import logging
import os
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import trio

from resolver.limits import ACCEPT_PAUSE_SECONDS, TCP_BACKLOG, UDP_BUFFER_OCTETS
from resolver.listen import mmsg, steering
from resolver.listen.udp_socket import PlainUdpSocket
from resolver.listen.waiting import connections, is_full_of_connections

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resolver.listen.listen_network import StreamListener, UdpSocket
    from resolver.listen.steered_ports import Seat, SteeredPorts

    # Is it UDP's, and which host and port → a socket that somebody else has bound.
    GivenSockets: TypeAlias = Mapping[tuple[bool, tuple[str, int]], socket.socket]

_log = logging.getLogger(__name__)
_IP_PKTINFO: Final = getattr(socket, "IP_PKTINFO", 8)
_SO_RCVBUFFORCE: Final = 33
_SO_SNDBUFFORCE: Final = 32
_PMTUDISC_OMIT: Final = 5
_IP_FREEBIND: Final = 15
_IPV6_FREEBIND: Final = 78
_OUT_OF_RESOURCES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class SystemTcpListener:
    """A listening TCP socket. Out of descriptors, it waits for better times instead of failing."""

    def __init__(self, listener: trio.SocketListener) -> None:
        self._listener = listener

    async def accept(self) -> tuple[trio.abc.HalfCloseableStream, tuple[str, int]]:
        while True:
            try:
                stream = await self._listener.accept()
                peer = stream.socket.getpeername()
            except MemoryError:
                await trio.sleep(ACCEPT_PAUSE_SECONDS)
                continue
            except OSError as error:
                if error.errno in _OUT_OF_RESOURCES:
                    await trio.sleep(ACCEPT_PAUSE_SECONDS)
                continue
            return stream, (peer[0], peer[1])

    @property
    def is_full(self) -> bool:
        """True if as many wait to be accepted as there is room for."""
        return is_full_of_connections(self._listener.socket)

    @property
    def has_unread(self) -> bool:
        """True if something waits that nobody has taken."""
        return bool(connections(self._listener.socket)[0])

    async def aclose(self) -> None:
        await self._listener.aclose()


class SystemListenNetwork:
    """Where real listening sockets come from. *is_shared*: several processes bind the same port.

    *is_free*: an address that this machine does not have yet is bound all the same (Linux's
    IP_FREEBIND), so that it is served from the moment it comes. *tells* False: not a word of that.
    *owner*: the account that shared ports belong to, where who binds them is root still: Linux lets
    nobody else join in.
    *given*: bound by a service manager, which keeps them: what is served and closed is a duplicate.
    *steered*: questions at shared ports are dealt out by name, QUIC by connection, where the system
    can do that.
    """

    def __init__(
        self,
        *,
        is_shared: bool = False,
        is_free: bool = False,
        tells: bool = True,
        given: GivenSockets | None = None,
        owner: int | None = None,
        steered: SteeredPorts | None = None,
    ) -> None:
        self._owner = owner
        self._steered = steered
        self._given = given or {}
        self._is_shared = is_shared
        self.is_free = is_free
        self._tells = tells

    def bind_udp(self, host: str, port: int, *, is_quic: bool = False) -> UdpSocket:
        """Bind and return at once. Raises OSError as the kernel says."""
        shares_port = self._is_shared and (True, (host, port)) not in self._given
        deal = steering.connections if is_quic else steering.program
        sock, seat = self._seated(host, port, deal, steered=self._steered if shares_port else None)
        is_wildcard = ipaddress.ip_address(host.partition("%")[0]).is_unspecified
        _tune(sock)
        if is_wildcard and sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        elif is_wildcard:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        kind = mmsg.MmsgUdpSocket if mmsg.IS_AVAILABLE else PlainUdpSocket
        made = kind(sock, is_wildcard=is_wildcard)
        made.shares_port, made.seat = shares_port, seat
        return made

    def bind_tcp(self, host: str, port: int) -> StreamListener:
        """Bind, listen and return at once. Raises OSError as the kernel says."""
        sock = self._had(host, port, socket.SOCK_STREAM)
        try:
            sock.listen(TCP_BACKLOG)
        except BaseException:  # two may be bound with SO_REUSEADDR, but only one listens
            sock.close()
            raise
        return SystemTcpListener(trio.SocketListener(trio.socket.from_stdlib_socket(sock)))

    def _seated(
        self, host: str, port: int, deal: steering.Deal, *, steered: SteeredPorts | None
    ) -> tuple[socket.socket, Seat | None]:
        """A socket of datagrams, and its place among those of its port."""
        bind = partial(self._had, host, port, socket.SOCK_DGRAM)
        return (bind(), None) if steered is None else steered.bind(f"{host} {port}", bind, deal)

    def _had(self, host: str, port: int, kind: socket.SocketKind) -> socket.socket:
        """A duplicate of what was given, else one of our own."""
        given = self._given.get((kind == socket.SOCK_DGRAM, (host, port)))
        if given is None:
            return self._bound(host, port, kind)
        sock = given.dup()
        sock.settimeout(0.0)
        return sock

    def _bound(self, host: str, port: int, kind: socket.SocketKind) -> socket.socket:
        flags = socket.AI_NUMERICHOST | socket.AI_PASSIVE
        family, *_, address = socket.getaddrinfo(host, port, type=kind, flags=flags)[0]
        sock = socket.socket(family, kind)
        try:
            sock.settimeout(0.0)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if kind == socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self._is_shared:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                if self._owner is not None:
                    with contextlib.suppress(OSError):
                        os.fchown(sock.fileno(), self._owner, -1)
            try:
                sock.bind(address)
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL or not self.is_free:
                    raise
                self._bind_freely(sock, address)
        except BaseException:
            sock.close()
            raise
        return sock

    def _bind_freely(self, sock: socket.socket, address: tuple[object, ...]) -> None:
        """Bind to an address that may come later. Raises OSError where the system cannot."""
        sock.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        if sock.family == socket.AF_INET6:
            with contextlib.suppress(OSError):  # Linux before 4.15 has only the other
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
        sock.bind(address)
        if sock.type == socket.SOCK_DGRAM and self._tells:
            _log.warning("%s is not an address of this machine yet: waiting for it", address[0])


def _tune(sock: socket.socket) -> None:
    """Big kernel buffers, and no belief in path MTUs that ICMP tells (RFC 9715; as Unbound does).

    The forced sizes need a privilege; what the kernel does not grant is no reason to fail.
    """
    octets = UDP_BUFFER_OCTETS
    wishes = [
        (socket.SOL_SOCKET, socket.SO_RCVBUF, octets),
        (socket.SOL_SOCKET, socket.SO_SNDBUF, octets),
    ]
    if sys.platform.startswith("linux"):
        wishes += [(socket.SOL_SOCKET, _SO_RCVBUFFORCE, octets)]
        wishes += [(socket.SOL_SOCKET, _SO_SNDBUFFORCE, octets)]
        is_ipv6 = sock.family == socket.AF_INET6
        level = socket.IPPROTO_IPV6 if is_ipv6 else socket.IPPROTO_IP
        wishes += [(level, 23 if is_ipv6 else 10, _PMTUDISC_OMIT)]  # IP(V6)_MTU_DISCOVER
    for level, option, value in wishes:
        with contextlib.suppress(OSError):
            sock.setsockopt(level, option, value)
