"""Denials and signatures of the matrix's zones, made as they are asked for; all zones share a key.

A zone's names are few and known, so that each denial is one NSEC, or the NSEC3 that just cover a
hash. Independent of `resolver.dnssec`: what proves must not share the validator's mistakes.
"""

from __future__ import annotations

import hashlib
from base64 import b32hexencode
from typing import TYPE_CHECKING

from bench.common.signing import DAY_S, type_bitmap
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.message import RRset
from tests.iterate.matrix_cases import Proof

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.common.signing import Key
    from resolver.protocol.names import Name

TTL = 300
_STAR, _PLUS = b"\x01*", b"\x01+"  # neighbours in canonical order
_NEVER_SIGNED = (RRType.NS,)  # at a cut; the apex's own are signed


def as_wildcard(zone: Name) -> Name:
    """Marks a reply of *zone* whose data comes from `*` at its apex."""
    return _STAR + zone


def nxdomain(kind: Proof, qname: Name, zone: Name) -> list[RRset]:
    """Neither *qname*, a label below the apex, nor a wildcard."""
    if kind is Proof.NSEC:
        return [_nsec(zone, _PLUS + zone, RRType.NS, RRType.SOA), _gap(qname, zone)]
    apex = _matching(kind, zone, zone, RRType.NS, RRType.SOA)
    return [apex, _covering(kind, _closer(qname, zone), zone), _covering(kind, _STAR + zone, zone)]


def no_closer(kind: Proof, qname: Name, zone: Name) -> list[RRset]:
    """*qname* is not there; a wildcard may be (RFC 4035 §5.3.4)."""
    if kind is Proof.NSEC:
        return [_gap(qname, zone)]
    return [_covering(kind, _closer(qname, zone), zone)]


def nodata(kind: Proof, qname: Name, zone: Name) -> list[RRset]:
    """*qname* has a TXT and nothing else, the apex NS and SOA."""
    types = (RRType.NS, RRType.SOA, RRType.DNSKEY) if qname == zone else (RRType.TXT,)
    if kind is Proof.NSEC:
        return [_nsec(qname, b"\x01\x00" + qname, *types)]
    return [_matching(kind, qname, zone, *types)]


def no_ds(kind: Proof, child: Name, zone: Name) -> list[RRset]:
    """A cut without DS; under opt-out, one that has no NSEC3 of its own (RFC 5155 §8.9)."""
    if kind is Proof.UNSIGNED:
        return []
    if kind is Proof.NSEC:
        return [_nsec(child, b"\x01\x00" + child, RRType.NS)]
    if kind is Proof.NSEC3:
        return [_matching(kind, child, zone, RRType.NS)]
    apex = _matching(kind, zone, zone, RRType.NS, RRType.SOA)
    return [apex, _covering(kind, child, zone)]


def _closer(qname: Name, zone: Name) -> Name:
    """The name one label below *zone* that *qname* is or is below."""
    return next(one for one in names.ancestors(qname) if names.parent(one) == zone)


def _nsec(owner: Name, following: Name, *types: int) -> RRset:
    bits = type_bitmap([*types, RRType.RRSIG, RRType.NSEC])
    return RRset(owner, RRType.NSEC, TTL, (following + bits,))


def _gap(qname: Name, zone: Name) -> RRset:
    """An NSEC that covers the name and nothing that is there."""
    label = names.labels(_closer(qname, zone))[0]
    before = label[:-1] + bytes([label[-1] - 1]) + b"~"
    return _nsec(names.prepend(before, zone), names.prepend(label + b"0", zone), RRType.TXT)


def _digest(owner: Name) -> int:
    return int.from_bytes(hashlib.sha1(owner).digest(), "big")  # noqa: S324  # RFC 5155 §11


def _matching(kind: Proof, owner: Name, zone: Name, *types: int) -> RRset:
    digest = _digest(owner)
    return _nsec3(kind, digest, digest + 1, zone, type_bitmap([*types, RRType.RRSIG]))


def _covering(kind: Proof, owner: Name, zone: Name) -> RRset:
    digest = _digest(owner)
    return _nsec3(kind, digest - 1, digest + 1, zone, b"")


def _nsec3(kind: Proof, digest: int, following: int, zone: Name, bits: bytes) -> RRset:
    owner = names.prepend(b32hexencode(digest.to_bytes(20, "big")), zone)
    head = bytes([1, kind is Proof.OPT_OUT, 0, 0, 0, 20])
    return RRset(owner, RRType.NSEC3, TTL, (head + following.to_bytes(20, "big") + bits,))


class Signer:
    """RRSIGs by one key for whatever zone, valid two weeks about *wall*."""

    def __init__(self, key: Key, wall: float) -> None:
        self._key = key
        self._window = (int(wall) - 14 * DAY_S, int(wall) + 14 * DAY_S)
        self._made: dict[tuple[RRset, Name], RRset] = {}

    def sign_section(self, section: Sequence[RRset], zone: Name) -> list[RRset]:
        """*section* with the signatures that a server of *zone* has: of its own, not of glue."""
        return [self._sign(rrset, zone) for rrset in section]

    def _sign(self, rrset: RRset, marked: Name) -> RRset:
        is_wildcard = marked.startswith(_STAR)
        zone = marked[len(_STAR) :] if is_wildcard else marked
        is_cut = rrset.rtype in _NEVER_SIGNED and rrset.owner != zone
        if not zone or is_cut or not names.is_subdomain(rrset.owner, zone):
            return rrset
        found = self._made.get((rrset, marked))
        if found is None:
            owner = _STAR + zone if is_wildcard and rrset.rtype == RRType.A else rrset.owner
            signature = self._key.rrsig(
                owner, rrset.rtype, rrset.ttl, rrset.rdatas, signer=zone, window=self._window
            )
            found = rrset._replace(signatures=(signature,))
            self._made[rrset, marked] = found
        return found
