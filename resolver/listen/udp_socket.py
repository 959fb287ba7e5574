"""A bound UDP socket, served with a system call per datagram: wherever Python runs.

What `listen.mmsg` builds on. A wildcard socket sends each reply from the address that the query
came to (RFC 2181 §4.1), by the packet info that came with it.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING, ClassVar, Final

import trio

from resolver.limits import UDP_BATCH, UDP_QUERY_OCTETS
from resolver.listen.listen_network import Datagram
from resolver.listen.waiting import datagrams, is_full_of_datagrams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.listen.steered_ports import Seat

_PKTINFO4 = struct.Struct("=i4s4s")
_PKTINFO6 = struct.Struct("=16si")
_ANCILLARY_OCTETS: Final = 64


def asked_at(local: object) -> bytes:
    """The raw address in the *local* of a datagram; nothing if there is none."""
    for _, _, info in local if isinstance(local, tuple) else ():
        if len(info) == _PKTINFO4.size:
            return bytes(info[4:8])
        if len(info) == _PKTINFO6.size:
            return bytes(info[:16])
    return b""


class PlainUdpSocket:
    """A bound, non-blocking UDP socket, a system call per datagram.

    *shares_port*: other processes have bound sockets of their own to the same port, and *seat* is
    its place among them, where names are dealt out.
    """

    COUNTS: ClassVar = {
        "unsent": "Replies that the system would not send.",
        "too_long": "Datagrams that were too long for a query.",
        "receive_errors": "Errors told when datagrams were to be received.",
    }

    def __init__(self, sock: socket.socket, *, is_wildcard: bool) -> None:
        self._socket = sock
        self.is_wildcard = is_wildcard
        self.shares_port = False
        self.seat: Seat | None = None
        self.unsent = 0
        self.too_long = 0
        self.receive_errors = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._socket.getsockname()[:2]}, {self.unsent} unsent>"

    def fileno(self) -> int:
        return self._socket.fileno()

    async def wait_readable(self) -> None:
        await trio.lowlevel.wait_readable(self._socket)

    def receive(self) -> Sequence[Datagram]:
        """What is there now, at most one batch."""
        batch: list[Datagram] = []
        try:
            for _ in range(UDP_BATCH):
                batch.append(self._receive_one())  # noqa: PERF401  # what came before an error
        except BlockingIOError:
            pass
        except OSError:
            self.receive_errors += 1  # an ICMP error of an earlier reply: it concerns nobody
        return batch

    def _receive_one(self) -> Datagram:
        octets = UDP_QUERY_OCTETS
        if not self.is_wildcard:
            data, peer = self._socket.recvfrom(octets)
            return Datagram(data, peer)
        data, ancillary, flags, peer = self._socket.recvmsg(octets, _ANCILLARY_OCTETS)
        if flags & socket.MSG_TRUNC:
            self.too_long += 1
            data = b""
        local = tuple((level, kind, self._unpin(info)) for level, kind, info in ancillary)
        return Datagram(data, peer, local)

    @staticmethod
    def _unpin(info: bytes) -> bytes:
        """Packet info that names the source of the reply but leaves the interface to routing."""
        if len(info) == _PKTINFO4.size:
            _, local, _ = _PKTINFO4.unpack(info)
            return _PKTINFO4.pack(0, local, b"\0\0\0\0")
        if len(info) == _PKTINFO6.size:
            return _PKTINFO6.pack(info[:16], 0)
        return info

    def send(self, replies: Sequence[Datagram]) -> None:
        for reply in replies:
            try:
                if reply.local:
                    self._socket.sendmsg([reply.data], reply.local, 0, reply.peer)  # type: ignore[arg-type]
                else:
                    self._socket.sendto(reply.data, reply.peer)
            except OSError:
                self.unsent += 1

    @property
    def is_full(self) -> bool:
        """True if as much waits to be received as there is room for."""
        return is_full_of_datagrams(self._socket)

    @property
    def has_unread(self) -> bool:
        """True if something waits that nobody has taken."""
        return bool(datagrams(self._socket)[0])

    def stand_aside(self) -> None:
        """Have others that share the port get what comes from now on; what lies here stays ours.

        A socket that is connected gets its peer's datagrams only, and Linux passes it over among
        those of one port (since 5.4). The peer is itself. Where that does not work nothing changes.
        """
        if not self.shares_port:
            return
        if self.seat is not None:
            self.seat.stand_aside(self._socket)
        host, *rest = self._socket.getsockname()
        if self.is_wildcard:
            host = "::1" if self._socket.family == socket.AF_INET6 else "127.0.0.1"
        with contextlib.suppress(OSError):
            self._socket.connect((host, *rest))

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            if self.seat is not None:
                self.seat.close(self._socket)
            self._socket.close()
