"""How many clients wait in a listening socket, as the kernel counts: octets of datagrams, or
connections to be accepted.

Linux's SO_MEMINFO (socket(7)) and TCP_INFO (tcp(7)); elsewhere nobody waits, as far as is known.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import Final, Protocol

_SO_MEMINFO: Final = 55
_MEMINFO: Final = struct.Struct("=9I")
_TCP_INFO: Final = struct.Struct("=8B6I")
_FULL: Final = 0.9


class _Asked(Protocol):
    """A socket, the standard library's or trio's."""

    def getsockopt(self, level: int, option: int, octets: int, /) -> bytes: ...


def is_full_of_datagrams(sock: _Asked) -> bool:
    """True if there is hardly room for one more."""
    octets, most = datagrams(sock)
    return bool(most and octets >= _FULL * most)


def datagrams(sock: _Asked) -> tuple[int, int]:
    """Octets of those that nobody has taken, and how many there may be."""
    with suppress(OSError, struct.error):
        octets, most, *_ = _MEMINFO.unpack(
            sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
        )
        return octets, most
    return 0, 0


def is_full_of_connections(sock: _Asked) -> bool:
    """True if there is hardly room for one more in its backlog."""
    waiting, places = connections(sock)
    return bool(places and waiting >= _FULL * places)


def connections(sock: _Asked) -> tuple[int, int]:
    """Those that nobody has accepted, and how many there may be."""
    with suppress(OSError, struct.error, AttributeError):
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
        waiting, places = _TCP_INFO.unpack(told)[12:14]  # of a listener: unacked, sacked
        return waiting, places
    return 0, 0
