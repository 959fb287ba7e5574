"""Odd questions made by hand, octet for octet, and who sends them to the running daemon."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

if TYPE_CHECKING:
    from bench.realworld.root_world import RealWorld


QUERY_ID = 0x5A17
RD, AD, CD, Z, TC, AA, RA, QR = 0x0100, 0x0020, 0x0010, 0x0040, 0x0200, 0x0400, 0x0080, 0x8000
A, IXFR, AXFR, ANY = 1, 251, 252, 255
IN, CH = 1, 3
NAME = b"\x06google\x03com\x00"
VERSION_BIND = b"\x07version\x04bind\x00"
PATIENCE_S = 6.0


def header(*, flags: int = RD, opcode: int = 0, counts: tuple[int, int, int, int]) -> bytes:
    return struct.pack("!HH4H", QUERY_ID, flags | opcode << 11, *counts)


def question(name: bytes = NAME, rtype: int = A, rclass: int = IN) -> bytes:
    return name + struct.pack("!HH", rtype, rclass)


def opt(
    *,
    payload: int = 1232,
    version: int = 0,
    flags: int = 0,
    options: bytes = b"",
    owner: bytes = b"\0",
) -> bytes:
    fixed = struct.pack("!HHBBHH", 41, payload, 0, version, flags, len(options))
    return owner + fixed + options


def option(code: int, data: bytes) -> bytes:
    return struct.pack("!HH", code, len(data)) + data


def query(
    name: bytes = NAME, rtype: int = A, rclass: int = IN, *, flags: int = RD, opcode: int = 0,
    edns: bytes = b"",
) -> bytes:  # fmt: skip
    counts = (1, 0, 0, 1 if edns else 0)
    return header(flags=flags, opcode=opcode, counts=counts) + question(name, rtype, rclass) + edns


@dataclass
class Stub:
    """Sends octets to the daemon, by one transport."""

    it: RealWorld
    transport: str
    datagrams: int = 0

    def exchange(self, data: bytes, *, patience_s: float = PATIENCE_S) -> bytes | None:
        """The reply's octets; None for silence (UDP) or a closed connection (TCP)."""
        kind = socket.SOCK_DGRAM if self.transport == "udp" else socket.SOCK_STREAM
        with self.it.client.socket(socket.AF_INET, kind) as link:
            link.settimeout(patience_s)
            link.connect(("127.0.0.1", 53))
            try:
                if kind == socket.SOCK_DGRAM:
                    self.datagrams += link.send(data) >= 0
                    reply = link.recv(65535)
                    self.datagrams += 1
                    return reply
                link.sendall(struct.pack("!H", len(data)) + data)
                return read_frame(link)
            except (TimeoutError, ConnectionError):
                return None

    def ask(self, data: bytes) -> dns.message.Message:
        reply = self.exchange(data)
        assert reply is not None, "no answer at all"
        message = dns.message.from_wire(reply)
        assert message.id == QUERY_ID
        assert message.flags & dns.flags.QR
        assert not message.flags & Z
        assert message.opcode() == data[2] >> 3 & 15
        return message

    def rcode(self, data: bytes) -> str:
        """The header's rcode: a reply to a broken query need not be more than a header."""
        reply = self.exchange(data)
        assert reply is not None, "no answer at all"
        assert reply[:2] == data[:2]
        assert reply[2] & 0xF8 == 0x80 | data[2] & 0x78
        return dns.rcode.to_text(dns.rcode.Rcode(reply[3] & 15))


def read_frame(link: socket.socket) -> bytes | None:
    octets = b""
    while len(octets) < 2 or len(octets) < 2 + int.from_bytes(octets[:2], "big"):
        more = link.recv(65535)
        if not more:
            return None
        octets += more
    return octets[2 : 2 + int.from_bytes(octets[:2], "big")]
