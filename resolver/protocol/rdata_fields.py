"""Readers of rdata octets: what the resolver must know of the types it acts on.

They take rdata as `wire.parse_untrusted` left it (checked, names decompressed, case kept), so they
cannot fail on it; names come out lower-cased. Nothing here makes presentation text.
RFC 1035 §3.3, RFC 4034 §§2-5 (DNSKEY, RRSIG, NSEC, DS), RFC 5155 §3 (NSEC3).
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.limits import CANONICAL_KEYS, DENIALS_PER_RESPONSE, RRSIGS_PER_RRSET

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.protocol.names import Name

_SOA: Final = Struct("!IIIII")
_RRSIG: Final = Struct("!HBBIIIH")
_DNSKEY: Final = Struct("!HBB")
_DS: Final = Struct("!HBB")
_NSEC3: Final = Struct("!BBH")
_RSAMD5: Final = 1
_ONE_REPLY: Final = RRSIGS_PER_RRSET * DENIALS_PER_RESPONSE  # signatures looked at
_ONE_WINDOW: Final = 34  # octets of the longest bitmap of one window


class Soa(NamedTuple):
    mname: Name
    rname: Name
    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int


class Mx(NamedTuple):
    preference: int
    exchange: Name


class Rrsig(NamedTuple):
    """*labels* does not count a wildcard's asterisk; times are seconds modulo 2**32 (RFC 1982)."""

    covered: int
    algorithm: int
    labels: int
    original_ttl: int
    expiration: int
    inception: int
    key_tag: int
    signer: Name
    signature: bytes


class Dnskey(NamedTuple):
    flags: int
    protocol: int
    algorithm: int
    key: bytes

    @property
    def is_zone_key(self) -> bool:
        return self.flags & 0x0100 != 0

    @property
    def is_sep(self) -> bool:
        """Secure entry point: by custom, a key-signing key."""
        return self.flags & 0x0001 != 0

    @property
    def is_revoked(self) -> bool:
        """RFC 5011 §2.1."""
        return self.flags & 0x0080 != 0


class Ds(NamedTuple):
    key_tag: int
    algorithm: int
    digest_type: int
    digest: bytes


class Nsec(NamedTuple):
    next: Name
    types: frozenset[int]


class Nsec3(NamedTuple):
    """*next_hash* is the raw digest, without an owner's zone."""

    algorithm: int
    flags: int
    iterations: int
    salt: bytes
    next_hash: bytes
    types: frozenset[int]

    @property
    def is_opt_out(self) -> bool:
        return self.flags & 0x01 != 0


def name_end(rdata: bytes, offset: int) -> int:
    """The offset behind the uncompressed name at *offset*."""
    while size := rdata[offset]:
        offset += size + 1
    return offset + 1


def soa(rdata: bytes) -> Soa:
    first = name_end(rdata, 0)
    second = name_end(rdata, first)
    return Soa(rdata[:first].lower(), rdata[first:second].lower(), *_SOA.unpack_from(rdata, second))


def soa_minimum(rdata: bytes) -> int:
    """The last number: with the SOA's own TTL it bounds negative answers (RFC 2308 §5)."""
    return int.from_bytes(rdata[-4:], "big")


def mx(rdata: bytes) -> Mx:
    return Mx(rdata[0] << 8 | rdata[1], rdata[2:].lower())


@lru_cache(maxsize=_ONE_REPLY)
def rrsig(rdata: bytes) -> Rrsig:
    """Remembered, for a validation reads each signature three times."""
    end = name_end(rdata, 18)
    covered, algorithm, labels, ttl, expiration, inception, tag = _RRSIG.unpack_from(rdata)
    signer = rdata[18:end].lower()
    return Rrsig(
        covered, algorithm, labels, ttl, expiration, inception, tag, signer, rdata[end:]
    )  # fmt: skip


def dnskey(rdata: bytes) -> Dnskey:
    flags, protocol, algorithm = _DNSKEY.unpack_from(rdata)
    return Dnskey(flags, protocol, algorithm, rdata[4:])


def ds(rdata: bytes) -> Ds:
    tag, algorithm, digest_type = _DS.unpack_from(rdata)
    return Ds(tag, algorithm, digest_type, rdata[4:])


def key_tag(dnskey_rdata: bytes) -> int:
    """The hint that RRSIG and DS carry; several keys may share it (RFC 4034 App. B).

    The sum of the 16-bit words, its carries folded in once.
    """
    if dnskey_rdata[3] == _RSAMD5:
        return int.from_bytes(dnskey_rdata[-3:-1], "big")
    total = (sum(dnskey_rdata[::2]) << 8) + sum(dnskey_rdata[1::2])
    return total + (total >> 16) & 0xFFFF


def bitmap_types(bitmap: bytes) -> frozenset[int]:
    """The types that an NSEC or NSEC3 bitmap lists (RFC 4034 §4.1.2).

    Short ones are remembered: a zone has few, and a long one may list 65,536.
    """
    return _few_types(bitmap) if len(bitmap) <= _ONE_WINDOW else _bitmap_types(bitmap)


def _bitmap_types(bitmap: bytes) -> frozenset[int]:
    types = []
    at = 0
    while at < len(bitmap):
        base = bitmap[at] << 8
        size = bitmap[at + 1]
        at += 2
        for octet in bitmap[at : at + size]:
            bit = base
            while octet:
                if octet & 0x80:
                    types.append(bit)
                octet = octet << 1 & 0xFF  # noqa: PLW2901 - the octet is shifted out
                bit += 1
            base += 8
        at += size
    return frozenset(types)


_few_types = lru_cache(maxsize=CANONICAL_KEYS)(_bitmap_types)


def bitmap_of(types: Iterable[int]) -> bytes:
    """The inverse of `bitmap_types`."""
    windows: dict[int, bytearray] = {}
    for rtype in sorted(types):
        window = windows.setdefault(rtype >> 8, bytearray())
        octet = (rtype & 0xFF) >> 3
        window.extend(bytes(octet + 1 - len(window)))
        window[octet] |= 0x80 >> (rtype & 7)
    return b"".join(bytes((number, len(bits))) + bits for number, bits in windows.items())


def nsec(rdata: bytes) -> Nsec:
    end = name_end(rdata, 0)
    return Nsec(rdata[:end].lower(), bitmap_types(rdata[end:]))


def nsec3(rdata: bytes) -> Nsec3:
    algorithm, flags, iterations = _NSEC3.unpack_from(rdata)
    salt_end = 5 + rdata[4]
    hash_end = salt_end + 1 + rdata[salt_end]
    return Nsec3(
        algorithm, flags, iterations, rdata[5:salt_end], rdata[salt_end + 1 : hash_end],
        bitmap_types(rdata[hash_end:]),
    )  # fmt: skip
