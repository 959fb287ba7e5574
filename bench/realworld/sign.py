"""Sign a zone with lab keys: DNSKEY, chain of denials, RRSIGs (RFC 4034, RFC 4035 §2).

Keys are derived from the zone's name, so that a cached world and a new one agree; RSA for the
root, as in reality, ECDSA P-256 or Ed25519 below it. One key signs everything in a zone.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import struct
from typing import TYPE_CHECKING, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from bench.realworld import denial
from bench.realworld.zones import TYPES, labels, name_wire, rdata_wire

if TYPE_CHECKING:
    from bench.realworld.zones import Zone

INCEPTION, EXPIRATION = 1767225600, 2051222400  # 2026-01-01 and 2035-01-01: a cache may be old
_TIMES = ("20350101000000", "20260101000000")
RSASHA256, ECDSAP256, ED25519 = 8, 13, 15
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Signer(Protocol):
    """A private key: its algorithm, its DNSKEY's octets, and signatures in DNSSEC's form."""

    algorithm: int
    public: bytes

    def sign(self, data: bytes) -> bytes: ...


class _Rsa:
    algorithm = RSASHA256

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        modulus = self._key.public_key().public_numbers().n
        self.public = b"\x03\x01\x00\x01" + modulus.to_bytes(256, "big")

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())


class _Ecdsa:
    algorithm = ECDSAP256

    def __init__(self, seed: bytes) -> None:
        secret = int.from_bytes(seed, "big") % (_ORDER - 1) + 1
        self._key = ec.derive_private_key(secret, ec.SECP256R1())
        numbers = self._key.public_key().public_numbers()
        self.public = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")

    def sign(self, data: bytes) -> bytes:
        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class _Ed25519:
    algorithm = ED25519

    def __init__(self, seed: bytes) -> None:
        self._key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


@functools.cache
def key_of(apex: str) -> Signer:
    """The lab's key for the zone *apex*."""
    if apex == ".":
        return _Rsa()
    seed = hashlib.sha256(b"lab key of " + apex.encode()).digest()
    return _Ed25519(seed) if seed[0] < 64 and len(labels(apex)) > 1 else _Ecdsa(seed)


def dnskey_text(apex: str) -> str:
    key = key_of(apex)
    return f"257 3 {key.algorithm} {base64.b64encode(key.public).decode()}"


def key_tag(dnskey: bytes) -> int:
    """RFC 4034 Appendix B."""
    total = sum(octet if index & 1 else octet << 8 for index, octet in enumerate(dnskey))
    return (total + (total >> 16 & 0xFFFF)) & 0xFFFF


def ds_text(apex: str) -> str:
    """The DS record (SHA-256) that vouches for the zone's key (RFC 4509)."""
    dnskey = rdata_wire("DNSKEY", dnskey_text(apex))
    digest = hashlib.sha256(name_wire(apex) + dnskey).hexdigest().upper()
    return f"{key_tag(dnskey)} {key_of(apex).algorithm} 2 {digest}"


def sign(zone: Zone) -> None:
    """Add the DNSKEY, NSEC or NSEC3 chain and every RRSIG; glue and delegations stay unsigned."""
    zone.add(zone.apex, "DNSKEY", dnskey_text(zone.apex))
    cuts = zone.cuts()
    glue = {owner for owner, _ in zone.rrsets if _is_below(owner, cuts)}
    types: dict[str, list[str]] = {}
    for owner, rtype in zone.rrsets:
        if owner not in glue:
            types.setdefault(owner, []).append(rtype)
    if zone.is_hashed:
        denial.add_nsec3(zone, types, cuts)
    else:
        denial.add_nsec(zone, types)
    tag = key_tag(rdata_wire("DNSKEY", dnskey_text(zone.apex)))
    for owner, rtype in list(zone.rrsets):
        if owner not in glue and (owner not in cuts or rtype in {"DS", "NSEC"}):
            zone.add(owner, "RRSIG", _rrsig(zone, owner, rtype, tag), zone.ttls[owner, rtype])


def _is_below(owner: str, cuts: set[str]) -> bool:
    parts = labels(owner)
    return any(".".join(parts[index:]) + "." in cuts for index in range(1, len(parts)))


def _rrsig(zone: Zone, owner: str, rtype: str, tag: int) -> str:
    key, ttl = key_of(zone.apex), zone.ttls[owner, rtype]
    count = len([label for label in labels(owner) if label != "*"])
    head = struct.pack(
        "!HBBIIIH", TYPES[rtype], key.algorithm, count, ttl, EXPIRATION, INCEPTION, tag
    )
    fixed = name_wire(owner) + struct.pack("!HHI", TYPES[rtype], 1, ttl)
    rdatas = sorted(rdata_wire(rtype, text) for text in zone.rrsets[owner, rtype])
    body = b"".join(fixed + struct.pack("!H", len(rdata)) + rdata for rdata in rdatas)
    signature = base64.b64encode(key.sign(head + name_wire(zone.apex) + body)).decode()
    return (
        f"{rtype} {key.algorithm} {count} {ttl} {_TIMES[0]} {_TIMES[1]} {tag} "
        f"{zone.apex} {signature}"
    )
