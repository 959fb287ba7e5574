"""One zone of the real-socket world: its records, their wire forms, its master file.

Names are absolute lower-case text (`com.`), rdata is master-file text. Just the types this world
uses, encoded apart from `resolver.protocol`: the world's signatures are an outside opinion.
"""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

from bench.common.signing import name_wire, type_bitmap

if TYPE_CHECKING:
    from collections.abc import Callable

TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28,
    "DS": 43, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "NSEC3": 50, "NSEC3PARAM": 51,
}  # fmt: skip
DAY = 86400


@dataclass(slots=True)
class Zone:
    """Records of one zone, glue and delegations included."""

    apex: str
    is_signed: bool
    is_hashed: bool = False
    opts_out: bool = False
    ns_ttl: int = 2 * DAY
    rrsets: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    ttls: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, owner: str, rtype: str, rdata: str, ttl: int = DAY) -> None:
        """Add one record, once."""
        there = self.rrsets.setdefault((owner, rtype), [])
        if rdata not in there:
            there.append(rdata)
        self.ttls.setdefault((owner, rtype), ttl)

    def begin(self, primary: str, nameservers: list[str]) -> None:
        """The apex: SOA and NS."""
        contact = "hostmaster." + (self.apex if self.apex != "." else "")
        self.add(self.apex, "SOA", f"{primary} {contact} 2026073102 1800 900 604800 3600", DAY)
        for nameserver in nameservers:
            self.add(self.apex, "NS", nameserver, self.ns_ttl)

    def delegate(self, child: str, nameservers: list[str]) -> None:
        for nameserver in nameservers:
            self.add(child, "NS", nameserver, self.ns_ttl)

    def cuts(self) -> set[str]:
        return {owner for owner, rtype in self.rrsets if rtype == "NS" and owner != self.apex}

    def _ttl(self, owner: str, rtype: str, rdata: str) -> int:
        # A signature lives as long as what it covers (RFC 4034 §3): its Original TTL field.
        return int(rdata.split()[3]) if rtype == "RRSIG" else self.ttls[owner, rtype]

    def text(self) -> str:
        """The master file, SOA first."""
        soa = (self.apex, "SOA")
        keys = [soa, *(key for key in self.rrsets if key != soa)]
        return "".join(
            f"{owner} {self._ttl(owner, rtype, rdata)} IN {rtype} {rdata}\n"
            for owner, rtype in keys
            for rdata in self.rrsets[owner, rtype]
        )


def labels(name: str) -> list[str]:
    return name.rstrip(".").split(".") if name != "." else []


def ancestors(name: str) -> list[str]:
    """*name*, its parent, and so on, the root last."""
    parts = labels(name)
    return [".".join(parts[index:]) + "." for index in range(len(parts) + 1)]


def canonical_key(name: str) -> list[bytes]:
    """The order of RFC 4034 §6.1."""
    return [label.encode() for label in reversed(labels(name))]


def _numbers_then(tail: Callable[[str], bytes]) -> Callable[[str], bytes]:
    """DS and DNSKEY: two octets, one, one, then *tail*."""

    def encode(text: str) -> bytes:
        words = text.split()
        return struct.pack("!HBB", *map(int, words[:3])) + tail(words[3])

    return encode


def _soa(text: str) -> bytes:
    words = text.split()
    return name_wire(words[0]) + name_wire(words[1]) + struct.pack("!5I", *map(int, words[2:]))


def _mx(text: str) -> bytes:
    preference, exchange = text.split()
    return struct.pack("!H", int(preference)) + name_wire(exchange)


def _txt(text: str) -> bytes:
    octets = text.strip('"').encode()
    return bytes([len(octets)]) + octets


def _nsec(text: str) -> bytes:
    words = text.split()
    return name_wire(words[0]) + type_bitmap([TYPES[word] for word in words[1:]])


def _nsec3(text: str) -> bytes:
    words = text.split()
    hashed = base64.b32hexdecode(words[4].upper())
    fixed = struct.pack("!BBHBB", int(words[0]), int(words[1]), int(words[2]), 0, len(hashed))
    return fixed + hashed + type_bitmap([TYPES[word] for word in words[5:]])


def _nsec3param(text: str) -> bytes:
    words = text.split()
    return struct.pack("!BBHB", int(words[0]), int(words[1]), int(words[2]), 0)


def _address(text: str) -> bytes:
    return ip_address(text).packed


_ENCODERS: dict[str, Callable[[str], bytes]] = {
    "A": _address,
    "AAAA": _address,
    "NS": name_wire,
    "CNAME": name_wire,
    "MX": _mx,
    "SOA": _soa,
    "TXT": _txt,
    "DS": _numbers_then(bytes.fromhex),
    "DNSKEY": _numbers_then(base64.b64decode),
    "NSEC": _nsec,
    "NSEC3": _nsec3,
    "NSEC3PARAM": _nsec3param,
}


def rdata_wire(rtype: str, text: str) -> bytes:
    """The canonical wire form of one record's data (RFC 4034 §6.2)."""
    return _ENCODERS[rtype](text)
