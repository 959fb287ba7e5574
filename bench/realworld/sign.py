"""Sign a zone with lab keys: DNSKEY, chain of denials, RRSIGs (RFC 4034, RFC 4035 §2).

Keys are derived from the zone's name, so that a cached world and a new one agree; RSA for the
root, as in reality, ECDSA P-256 or Ed25519 below it. One key signs everything in a zone.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from typing import TYPE_CHECKING

from bench.common.signing import (
    P256_ORDER,
    Key,
    ed25519_key,
    name_wire,
    p256_key,
    rsa_key,
    signature_of,
)
from bench.realworld import denial
from bench.realworld.zones import TYPES, labels, rdata_wire

if TYPE_CHECKING:
    from bench.realworld.zones import Zone

INCEPTION, EXPIRATION = 1767225600, 2051222400  # 2026-01-01 and 2035-01-01: a cache may be old
_TIMES = ("20350101000000", "20260101000000")


@functools.cache
def key_of(apex: str) -> Key:
    """The lab's key for the zone *apex*."""
    if apex == ".":
        return rsa_key()
    seed = hashlib.sha256(b"lab key of " + apex.encode()).digest()
    if seed[0] < 64 and len(labels(apex)) > 1:
        return ed25519_key(seed)
    return p256_key(int.from_bytes(seed, "big") % (P256_ORDER - 1) + 1)


def dnskey_text(apex: str) -> str:
    return key_of(apex).dnskey_text()


def ds_text(apex: str) -> str:
    """The DS record (SHA-256) that vouches for the zone's key."""
    return key_of(apex).ds_text(name_wire(apex))


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
    for owner, rtype in list(zone.rrsets):
        if owner not in glue and (owner not in cuts or rtype in {"DS", "NSEC"}):
            zone.add(owner, "RRSIG", _rrsig(zone, owner, rtype), zone.ttls[owner, rtype])


def _is_below(owner: str, cuts: set[str]) -> bool:
    parts = labels(owner)
    return any(".".join(parts[index:]) + "." in cuts for index in range(1, len(parts)))


def _rrsig(zone: Zone, owner: str, rtype: str) -> str:
    key, ttl, signer = key_of(zone.apex), zone.ttls[owner, rtype], name_wire(zone.apex)
    rdata = key.rrsig(
        name_wire(owner),
        TYPES[rtype],
        ttl,
        [rdata_wire(rtype, text) for text in zone.rrsets[owner, rtype]],
        signer=signer,
        window=(INCEPTION, EXPIRATION),
    )
    signature = base64.b64encode(signature_of(rdata, signer)).decode()
    return (
        f"{rtype} {key.algorithm} {rdata[3]} {ttl} {_TIMES[0]} {_TIMES[1]} {key.tag} "
        f"{zone.apex} {signature}"
    )
