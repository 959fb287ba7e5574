"""Addresses between rdata octets and presentation text, without `ipaddress` on the path."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from resolver.protocol.codes import RRType

_V4_OCTETS = 4
_V6_OCTETS = 16


@lru_cache(maxsize=65_536)
def _ipv6_text(rdata: bytes) -> str:
    return str(IPv6Address(rdata))


def address_text(rtype: int, rdata: bytes) -> str | None:
    """Presentation form of A or AAAA rdata (RFC 5952), None if the length is wrong."""
    if rtype == RRType.A and len(rdata) == _V4_OCTETS:
        return f"{rdata[0]}.{rdata[1]}.{rdata[2]}.{rdata[3]}"
    if rtype == RRType.AAAA and len(rdata) == _V6_OCTETS:
        return _ipv6_text(rdata)
    return None


@lru_cache(maxsize=4096)
def address_octets(host: str) -> bytes:
    """The 4 or 16 octets of a presentation form. Raises ValueError on anything else."""
    return ip_address(host).packed
