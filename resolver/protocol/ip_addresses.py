"""Addresses between octets and presentation text, without `ipaddress` on the path; networks."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

from resolver.limits import ADDRESS_OCTETS, ADDRESS_TEXTS
from resolver.protocol.codes import RRType

_V4_OCTETS = 4
_V6_OCTETS = 16
_V4_NETWORK: Final = 3
_V6_NETWORK: Final = 7
_RTYPES: Final = {_V4_OCTETS: RRType.A, _V6_OCTETS: RRType.AAAA}
MAPPED: Final = bytes(10) + b"\xff\xff"
_LOOPBACK: Final = bytes(15) + b"\1", MAPPED + b"\x7f"


@lru_cache(maxsize=ADDRESS_TEXTS)
def _ipv6_text(rdata: bytes) -> str:
    return str(IPv6Address(rdata))


def address_text(rtype: int, rdata: bytes) -> str | None:
    """Presentation form of A or AAAA rdata (RFC 5952), None if the length is wrong."""
    if rtype == RRType.A and len(rdata) == _V4_OCTETS:
        return f"{rdata[0]}.{rdata[1]}.{rdata[2]}.{rdata[3]}"
    if rtype == RRType.AAAA and len(rdata) == _V6_OCTETS:
        return _ipv6_text(rdata)
    return None


def octets_text(octets: bytes) -> str | None:
    """Presentation form of a raw address, None if the length is wrong."""
    return address_text(_RTYPES.get(len(octets), 0), octets)


def unmapped(address: bytes) -> bytes:
    """A raw address, IPv4 in IPv6 clothes (::ffff:0:0/96, of dual-stack sockets) as IPv4."""
    return address[-_V4_OCTETS:] if address.startswith(MAPPED) else address


def network_of(source: bytes) -> bytes:
    """The /24 or /56 of a raw address: a site has a /56, and many less (RIPE-690)."""
    return source[:_V4_NETWORK] if len(source) == _V4_OCTETS else source[:_V6_NETWORK]


def network_address(source: bytes) -> bytes:
    """The first raw address of that network."""
    return network_of(source).ljust(len(source), b"\0")


@lru_cache(maxsize=ADDRESS_OCTETS)
def address_octets(host: str) -> bytes:
    """The 4 or 16 octets of a presentation form. Raises ValueError on anything else."""
    return ip_address(host).packed


def is_address(text: str) -> bool:
    """True if *text* is the presentation form of an address, without a scope."""
    try:
        return bool(address_octets(text)) and "%" not in text
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """True if *host* is this machine by RFC 1122 §3.2.1.3 or RFC 4291 §2.5.3, a scope ignored.

    ::ffff:127.0.0.1, as sockets of both families have it, is that too. Raises ValueError for what
    is no address.
    """
    octets = address_octets(host.partition("%")[0])
    return octets[0] == 127 if len(octets) == _V4_OCTETS else octets.startswith(_LOOPBACK)
