"""`python -m bench.waiting.authority ZONES`: the root, and a server each of so many zones.

What is below `good.world` the root answers itself: every name has an address. `z0.world`,
`z1.world` and so on are delegated to 10.80.0.0, 10.80.0.1 and so on: sockets that nobody reads, so
nothing comes back, an ICMP error neither.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from typing import Final

from bench.attack.authority import SO_RCVBUFFORCE

ROOT: Final = "203.0.113.53"
SILENT: Final = "10.80.0.0/16"
_A, _NS, _SOA = 1, 2, 6
_REFERRAL, _ANSWER = 0x8000, 0x8400
_SOA_DATA = b"\0\0" + struct.pack("!IIIII", 1, 3600, 600, 86400, 300)


def _name(*labels: bytes) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in (*labels, b""))


def _record(owner: bytes, rtype: int, rdata: bytes) -> bytes:
    return owner + struct.pack("!HHIH", rtype, 1, 3600, len(rdata)) + rdata


def reply(query: bytes) -> bytes:
    """What the root says to *query*."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].lower())
        at += 1 + query[at]
    question, qtype = query[12 : at + 5], int.from_bytes(query[at + 1 : at + 3], "big")
    zone = labels[-2] if len(labels) > 1 else b""
    answer, authority, additional, flags = b"", b"", b"", _ANSWER
    if zone[:1] == b"z" and zone[1:].isdigit():
        number, flags = int(zone[1:]), _REFERRAL
        server = _name(b"ns", zone, b"world")
        authority = _record(_name(zone, b"world"), _NS, server)
        additional = _record(server, _A, silent_address(number))
    elif qtype == _A and len(labels) > 2:
        answer = _record(b"\xc0\x0c", _A, b"\xcb\0\x71\7")
    elif qtype == _NS and not labels:
        answer = _record(b"\0", _NS, _name(b"ns", b"world"))
    elif qtype == _A and labels == [b"ns", b"world"]:
        answer = _record(b"\xc0\x0c", _A, socket.inet_aton(ROOT))
    else:
        authority = _record(b"\0", _SOA, _SOA_DATA)
    counts = bool(answer), bool(authority), bool(additional)
    head = query[:2] + struct.pack("!HHHHH", flags, 1, *counts)
    return head + question + answer + authority + additional


def silent_address(zone: int) -> bytes:
    """Of its server."""
    return bytes([10, 80, zone >> 8, zone & 255])


def run(zones: int) -> None:
    """Until killed."""
    silent = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(zones)]
    for zone, sock in enumerate(silent):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sock.bind((socket.inet_ntoa(silent_address(zone)), 53))
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.create_server((ROOT, 53)),  # that it is there is seen by connecting
    ):
        udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        udp.bind((ROOT, 53))
        while True:
            query, peer = udp.recvfrom(4096)
            with contextlib.suppress(OSError):
                udp.sendto(reply(query), peer)


if __name__ == "__main__":
    run(int(sys.argv[1]))
