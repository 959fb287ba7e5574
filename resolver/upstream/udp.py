"""Real sockets behind the seam `upstream.network`: one connected UDP port per query, one epoll.

A port is drawn from 1024-65535, all of it, which the kernel's own choice is not (RFC 5452 §9.2,
RFC 6056 §3.3.1); connecting makes the kernel drop what comes from elsewhere and tell ICMP errors.
None is used twice, though that would save five system calls of a miss: what lasts can be found.
All ports hang in one epoll whose own descriptor a single task waits for: 13 µs for an exchange,
against 66-82 µs with every socket registered with trio. Where more replies have come than a turn
takes, those of one client network wait behind those of another, not all behind a flood's.
"""

from __future__ import annotations

import errno
import resource
import select
import socket
from array import array
from contextlib import suppress
from random import SystemRandom
from typing import TYPE_CHECKING

import trio

from resolver import limits
from resolver.limits import (
    PORT_NUMBERS,
    PORT_TRIES,
    REPLIES_LOOKED_AT,
    REPLY_BATCH,
    REPLY_BATCH_IDLE,
)
from resolver.runtime.fair_queue import FairQueue
from resolver.runtime.netlink import LinkSocket
from resolver.runtime.router_options import RouterSocket
from resolver.runtime.together import Together
from resolver.runtime.turns import Turns
from resolver.upstream.sources import OTHER_MAY_DO, Sources, socket_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

    from resolver.model import Server
    from resolver.upstream.network import Whose

FIRST_PORT = 1024
LAST_PORT = 65_535
_RECEIVE_OCTETS = 65_535
_IP_RECVERR = 11  # Linux: host and net unreachable are told too, not only port unreachable
_IPV6_RECVERR = 25
_INET = int(socket.AF_INET)  # plain ints: an enum's costs a look-up at every use
_INET6 = int(socket.AF_INET6)
_ANY = {_INET: "0.0.0.0", _INET6: "::"}  # noqa: S104  # "" would be a call of getaddrinfo
_DATAGRAM = int(socket.SOCK_DGRAM) | int(socket.SOCK_NONBLOCK)
_IP = int(socket.IPPROTO_IP)
_IPV6 = int(socket.IPPROTO_IPV6)


def raise_descriptor_limit() -> int:
    """Raise RLIMIT_NOFILE as far as it goes, and return what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.DESCRIPTORS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted if soft == resource.RLIM_INFINITY else soft
    for target in (wanted, hard):
        if target == resource.RLIM_INFINITY or target <= soft:
            continue
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, max(hard, target)))
        except (ValueError, OSError):  # above the hard limit, and not root
            continue
        return target
    return soft


def descriptor_limit() -> int:
    """RLIMIT_NOFILE as it stands; where there is none, as many as we would ask for."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return limits.DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def in_flight_limit(descriptors: int | None = None) -> int:
    """How many upstream queries may be on their way: half of what is left; clients need theirs.

    *descriptors* is RLIMIT_NOFILE as it stands, unless given.
    """
    if descriptors is None:
        descriptors = descriptor_limit()
    return min(limits.IN_FLIGHT, half_of(descriptors))


def half_of(descriptors: int) -> int:
    """What upstream queries may have of RLIMIT_NOFILE, and TCP clients as much, one at least.

    The reserve of the rest of the process is a quarter where the limit is very low: a floor that
    is more than there is would be found out by questions that fail.
    """
    reserve = min(limits.DESCRIPTORS_RESERVED, descriptors // limits.DESCRIPTORS_RESERVED_PART)
    return max(1, (descriptors - reserve) // 2)


class SystemPort:
    """`UdpPort` on a real socket."""

    __slots__ = ("_network", "fd", "is_waiting", "socket")

    def __init__(self, network: SystemNetwork, sock: socket.SocketType) -> None:
        self._network = network
        self.socket = sock
        self.fd = sock.fileno()
        self.is_waiting = False  # for its turn: what it has to tell is known

    def __repr__(self) -> str:
        return f"<SystemPort fd={self.fd}>"

    def send(self, data: bytes) -> None:
        """At the end of this turn of the loop, or sooner, where somebody counts turns; what the
        kernel says then comes as a reply would. Else at once; raises OSError."""
        if self._network.turns.number == 0:
            self.socket.send(data)
        else:
            self._network.leaving.add((self, data))

    def close(self) -> None:
        if self.fd >= 0:
            self._network.forget(self)
            self.fd = -1
            self.socket.close()


class SystemNetwork:
    """`Network` on real sockets. *source_addresses*: one that does is drawn per query."""

    def __init__(
        self,
        source_addresses: Iterable[str] = (),
        *,
        rng: Random | None = None,
        turns: Turns | None = None,
    ) -> None:
        self._rng = rng or SystemRandom()
        self.turns = turns or Turns()
        self.leave_from(source_addresses)
        self._numbers: list[int] = []
        self._ports: dict[int, SystemPort] = {}
        self._waiting: FairQueue[SystemPort] = FairQueue()
        self.leaving: Together[tuple[SystemPort, bytes]] = Together(self.turns, self._send)
        self._refused: dict[SystemPort, OSError] = {}
        self._turn = 0  # the one that has had its replies
        self._epoll = select.epoll()

    def __repr__(self) -> str:
        return f"<SystemNetwork ports={len(self._ports)}>"

    def leave_from(self, source_addresses: Iterable[str]) -> None:
        """Ask from these addresses, from the next port and connection on."""
        self._sources = Sources(source_addresses, self._rng)
        self._has_sources = bool(self._sources)

    def open_udp(self, server: Server) -> SystemPort:
        """A port connected to *server*. Raises OSError (no route, no source, no descriptors)."""
        if not self._has_sources:
            return self._open(server, None)
        sources = self._sources.towards(server)
        for source in sources[:-1]:
            try:
                return self._open(server, source)
            except OSError as error:
                if error.errno not in OTHER_MAY_DO:
                    raise
        return self._open(server, sources[-1] if sources else None)

    def _open(self, server: Server, source: str | None) -> SystemPort:
        host, number = server.host, server.port
        family = _INET6 if ":" in host else _INET
        sock = socket.SocketType(family, _DATAGRAM)  # without the wrapper in Python: 1 µs less
        try:
            if family == _INET:
                sock.setsockopt(_IP, _IP_RECVERR, 1)
            else:
                sock.setsockopt(_IPV6, _IPV6_RECVERR, 1)
            self._bind(sock, source or _ANY[family])
            sock.connect(socket_address(host, number) if "%" in host else (host, number))
            port = SystemPort(self, sock)
            self._epoll.register(port.fd, select.EPOLLIN)
        except BaseException:
            sock.close()
            raise
        self._ports[port.fd] = port
        return port

    @property
    def descriptor(self) -> int:
        return self._epoll.fileno()

    def _send(self, gathered: Sequence[tuple[SystemPort, bytes]]) -> None:
        for port, data in gathered:
            if port.fd < 0:
                continue  # nobody wants to know any more
            try:
                port.socket.send(data)
            except OSError as error:
                self._refused[port] = error.with_traceback(None)
                with suppress(OSError):
                    port.socket.shutdown(socket.SHUT_RD)  # so it is readable: there is something

    @property
    def has_waiting(self) -> bool:
        return bool(self._waiting)

    async def wait(self) -> None:
        if self._waiting:
            await trio.lowlevel.checkpoint()
        else:
            await trio.lowlevel.wait_readable(self._epoll.fileno())

    def receive(self, whose: Whose | None = None) -> list[tuple[SystemPort, bytes | OSError]]:
        """One datagram or error of each port that has one; what is left comes in the next."""
        got: list[tuple[SystemPort, bytes | OSError]] = []
        turns, ports = self.turns, self._ports
        most = looked_at = REPLY_BATCH_IDLE
        if turns.is_short:
            if 0 < turns.number == self._turn:
                return got  # this turn has had its batch
            self._turn = turns.number
            most, looked_at = REPLY_BATCH, REPLIES_LOOKED_AT
        ready = [ports[fd] for fd, _ in self._epoll.poll(0, looked_at) if fd in ports]
        if self._waiting or len(ready) > most:
            ready = self._in_turn(ready, most, whose)
        turns.is_behind = bool(self._waiting) or len(ready) == most
        for port in ready:
            if self._refused and port in self._refused:
                got.append((port, self._refused.pop(port)))
                continue
            try:
                got.append((port, port.socket.recv(_RECEIVE_OCTETS)))
            except BlockingIOError:  # a datagram with a wrong checksum wakes and is gone
                continue
            except OSError as error:
                got.append((port, error.with_traceback(None)))  # else it would hold this frame
        return got

    def _in_turn(
        self, ready: Iterable[SystemPort], most: int, whose: Whose | None
    ) -> list[SystemPort]:
        """Of all that have something, who is next; the epoll is silent of the others meanwhile."""
        waiting, epoll = self._waiting, self._epoll
        for port in ready:
            if not port.is_waiting:  # an error is told all the same
                epoll.modify(port.fd, 0)
                port.is_waiting = True
                waiting.put(whose(port) if whose is not None else b"", port)
        taken: list[SystemPort] = []
        while waiting and len(taken) < most:
            port = waiting.take()
            if port.fd >= 0:  # else nobody wants to know any more
                epoll.modify(port.fd, select.EPOLLIN)
                port.is_waiting = False
                taken.append(port)
        return taken

    async def connect_tcp(self, server: Server) -> trio.SocketStream:
        """A TCP connection from a configured source. Raises OSError."""
        sources = self._sources.towards(server)
        for source in sources[:-1]:
            try:
                return await self._connect(server, source)
            except OSError as error:
                if error.errno not in OTHER_MAY_DO:
                    raise
        return await self._connect(server, sources[-1] if sources else None)

    async def _connect(self, server: Server, source: str | None) -> trio.SocketStream:
        family = socket.AF_INET6 if server.is_ipv6 else socket.AF_INET
        sock = trio.socket.socket(family, socket.SOCK_STREAM)
        try:
            if source is not None:
                await sock.bind(socket_address(source, 0))
            await sock.connect(socket_address(server.host, server.port))
        except BaseException:
            sock.close()
            raise
        return trio.SocketStream(sock)

    def hear_routers(self) -> RouterSocket:
        """What the kernel tells of routers. Raises OSError where it does not."""
        return RouterSocket()

    def hear_links(self, *, losses: bool = False) -> LinkSocket:
        """What the kernel tells of links and routes. Raises OSError where it does not."""
        return LinkSocket(losses=losses)

    def forget(self, port: SystemPort) -> None:
        """The port is about to be closed, which takes it out of the epoll too (epoll(7), Q6)."""
        self._ports.pop(port.fd, None)
        if self._refused:
            self._refused.pop(port, None)

    def close(self) -> None:
        """Close all ports and the epoll. Idempotent."""
        for port in list(self._ports.values()):
            port.close()
        self._epoll.close()

    def _bind(self, sock: socket.SocketType, host: str) -> None:
        """To a random port; after many misses to one of the kernel's choice."""
        for _ in range(PORT_TRIES):
            if not self._numbers:
                self._numbers = array("H", self._rng.randbytes(2 * PORT_NUMBERS)).tolist()
            number = self._numbers.pop()
            if number < FIRST_PORT:
                continue
            try:
                sock.bind(socket_address(host, number) if "%" in host else (host, number))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
            else:
                return
        sock.bind(socket_address(host, 0))
