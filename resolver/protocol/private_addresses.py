"""Addresses that mean something in one network or machine only, by the octets of their rdata.

IPv4: this host and loopback (0/8, 127/8), private use (RFC 1918), link-local (RFC 3927), shared
(RFC 6598). IPv6: unique local (RFC 4193), link-local and site-local, and each form that carries an
IPv4 address of those: compatible (:: and ::1 with it), mapped and translated (RFC 4291 §2.5.5, RFC
2765), 6to4 (RFC 3056), the well-known prefix of NAT64 (RFC 6052), Teredo's client (RFC 4380, as its
complement). 64:ff9b:1::/48 is for translators of one's own network (RFC 8215). Multicast and
documentation prefixes lead nowhere, and are left alone. Pure; a quarter of a microsecond at most.
"""

from __future__ import annotations

from typing import Final

_IPV4_OCTETS: Final = 4
_IPV6_OCTETS: Final = 16
_ZERO: Final = 0x00
_WITH_IPV4_LAST: Final = (
    bytes(12),
    bytes(10) + b"\xff\xff",
    bytes(8) + b"\xff\xff\0\0",
    b"\x00\x64\xff\x9b" + bytes(8),
)
_OWN_TRANSLATORS: Final = b"\x00\x64\xff\x9b\x00\x01"
_SIX_TO_FOUR: Final = b"\x20\x02"
_TEREDO: Final = b"\x20\x01\x00\x00"
_UNIQUE_LOCAL: Final = (0xFC, 0xFD)
_LINK_LOCAL: Final = 0xFE
_LINK_LOCAL_SECOND: Final = 0x80  # fe80::/10, and fec0::/10 beside it
_COMPLEMENT: Final = bytes(255 - octet for octet in range(256))


def _first_halves() -> frozenset[bytes]:
    found = {(first, second) for first in (0, 10, 127) for second in range(256)}
    found |= {(100, second) for second in range(64, 128)}
    found |= {(172, second) for second in range(16, 32)}
    found |= {(169, 254), (192, 168)}
    return frozenset(map(bytes, found))


PRIVATE_HALVES: Final = _first_halves()
"""The first two octets of all private IPv4 addresses, and of no other."""


def is_private(rdata: bytes) -> bool:
    """True of the 4 or 16 octets of such an address; False of all else."""
    size = len(rdata)
    if size == _IPV4_OCTETS:
        return rdata[:2] in PRIVATE_HALVES
    return size == _IPV6_OCTETS and _is_private_ipv6(rdata)


def is_loopback_ipv4(rdata: bytes) -> bool:
    """True of 127/8, which lists in DNS (RFC 5782) answer with."""
    return len(rdata) == _IPV4_OCTETS and rdata[0] == 127


def _is_private_ipv6(rdata: bytes) -> bool:
    first = rdata[0]
    if first == _ZERO:
        carries = rdata.startswith(_WITH_IPV4_LAST) and rdata[12:14] in PRIVATE_HALVES
        return carries or rdata.startswith(_OWN_TRANSLATORS)
    if first == _SIX_TO_FOUR[0]:
        if rdata.startswith(_SIX_TO_FOUR):
            return rdata[2:4] in PRIVATE_HALVES
        return rdata.startswith(_TEREDO) and rdata[12:14].translate(_COMPLEMENT) in PRIVATE_HALVES
    return first in _UNIQUE_LOCAL or (first == _LINK_LOCAL and rdata[1] >= _LINK_LOCAL_SECOND)
