"""6 is it true: may a transferred copy of the root zone take the place of its servers (RFC 8806)?

Only as a whole: one SOA, no older than the copy that is held (RFC 1982); the keys that an anchor
vouches for have signed SOA and ZONEMD, and the digest is that of all records (RFC 8976 §4); nothing
is in it that has no business in a root zone. What the zone says of a name is judged again, record
by record, when somebody asks. About a second of CPU: for a process of its own, never for the loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from resolver.dnssec import zonemd
from resolver.dnssec.entry import usable, verified_keys
from resolver.dnssec.flaws import Flaw, rrset_text
from resolver.dnssec.signature import instant_of, verify_rrset
from resolver.model import Link, Question, RRset, Verdict
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import Rcode, RRType

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from resolver.dnssec.algorithms import Sha1Policy
    from resolver.dnssec.anchors import Anchor
    from resolver.dnssec.steps import Work
    from resolver.dnssec.zonemd import ZoneRecord
    from resolver.model import Name

T = TypeVar("T")
_HALF = 1 << 31
_AT_APEX = frozenset({RRType.SOA, RRType.NS, RRType.NSEC, RRType.DNSKEY, RRType.ZONEMD})
_AT_CUT = frozenset({RRType.NS, RRType.DS, RRType.NSEC, RRType.A, RRType.AAAA})
_GLUE = frozenset({RRType.A, RRType.AAAA})
_MUST_APEX = frozenset({RRType.NS, RRType.NSEC})
_MUST_CUT = frozenset({RRType.NS, RRType.NSEC})
_MUST_BE_SIGNED = (RRType.SOA, RRType.DNSKEY, RRType.ZONEMD)


class Accepted(NamedTuple):
    """A copy that may be used, until *valid_until* (Unix seconds): its key signatures' first end.

    *rrsets*: all of the zone, signatures attached.
    """

    serial: int
    valid_until: float
    rrsets: tuple[RRset, ...]


class Refused(NamedTuple):
    """A copy that may not, and why, in a sentence for the log."""

    sentence: str


def judge(
    records: Sequence[ZoneRecord],
    anchor: Anchor,
    sha1: Sha1Policy,
    *,
    wall: float,
    held: int | None,
) -> Accepted | Refused:
    """Is the root zone of *records* complete, genuine and no older than serial *held*, at *wall*?

    Never raises on records whose rdata are well-formed. O(n log n).
    """
    rrsets = tuple(grouped(records))
    stray = _stray(rrsets)
    if stray:
        return Refused(stray)
    return genuine(records, rrsets, anchor, sha1, wall=wall, held=held)


def genuine(
    records: Sequence[ZoneRecord],
    rrsets: tuple[RRset, ...],
    anchor: Anchor,
    sha1: Sha1Policy,
    *,
    wall: float,
    held: int | None,
) -> Accepted | Refused:
    """The same of *anchor*'s zone, whatever it is made of. *rrsets* are those of *records*."""
    apex = {rrset.rtype: rrset for rrset in rrsets if rrset.owner == anchor.name}
    for rtype in _MUST_BE_SIGNED:
        if rtype not in apex:
            return Refused(f"{rrset_text(anchor.name, rtype)} is missing from it")
    if len(apex[RRType.SOA].rdatas) != 1:
        return Refused(f"it has {len(apex[RRType.SOA].rdatas)} SOA records")
    serial = rdata_fields.soa(apex[RRType.SOA].rdatas[0]).serial
    if held is not None and is_older(serial, held):
        return Refused(f"its serial {serial} is older than {held}, which is held")
    valid_until = _signed_until(apex, anchor, sha1, wall)
    if isinstance(valid_until, Flaw):
        return Refused(valid_until.sentence)
    digest = zonemd.verify(anchor.name, records)
    if digest is not zonemd.Completeness.RIGHT:
        return Refused(f"its ZONEMD digest is {digest.value}")
    return Accepted(serial, valid_until, rrsets)


def is_older(serial: int, other: int) -> bool:
    """Is *serial* before *other*, or incomparable with it? (RFC 1982 §3.2)."""
    return serial != other and (other - serial) % (2 * _HALF) <= _HALF


# --- its shape -------------------------------------------------------------------------------


def grouped(records: Iterable[ZoneRecord]) -> Iterable[RRset]:
    """RRsets with their signatures, in the order in which they came; a signature alone is dropped.

    Records of one set have one TTL, the lowest (RFC 2181 §5.2).
    """
    rdatas: dict[tuple[Name, int], list[bytes]] = {}
    signatures: dict[tuple[Name, int], list[bytes]] = {}
    ttls: dict[tuple[Name, int], int] = {}
    for owner, rtype, ttl, rdata in records:
        if rtype == RRType.RRSIG:
            signatures.setdefault((owner, rdata[0] << 8 | rdata[1]), []).append(rdata)
            continue
        key = owner, rtype
        rdatas.setdefault(key, []).append(rdata)
        ttls[key] = min(ttl, ttls.get(key, ttl))
    for (owner, rtype), found in rdatas.items():
        signed_by = tuple(signatures.get((owner, rtype), ()))
        yield RRset(owner, rtype, ttls[owner, rtype], tuple(found), signed_by)


def _stray(rrsets: Iterable[RRset]) -> str:
    """What has no business in a root zone, or is missing from it; "" if all is as it should be."""
    types: dict[Name, set[int]] = {names.ROOT: set()}
    for rrset in rrsets:
        types.setdefault(rrset.owner, set()).add(rrset.rtype)
    for owner, found in types.items():
        label_count = names.count(owner)
        allowed = (_AT_APEX, _AT_CUT, _GLUE)[min(label_count, 2)]
        must = (_MUST_APEX, _MUST_CUT, frozenset[int]())[min(label_count, 2)]
        for rtype in sorted(found - allowed):
            return f"{rrset_text(owner, rtype)} has no place in it"
        for rtype in sorted(must - found):
            return f"{rrset_text(owner, rtype)} is missing from it"
        if label_count and (names.suffix(owner, 1) not in types or names.is_wildcard(owner)):
            return f"{names.to_text(owner)} is under no delegation of it"
    return ""


# --- its keys --------------------------------------------------------------------------------


def _signed_until(
    apex: dict[int, RRset], anchor: Anchor, sha1: Sha1Policy, wall: float
) -> float | Flaw:
    """When the first signature ends over DNSKEY, SOA and ZONEMD, all of them verified at *wall*."""
    zone = anchor.name
    vouched = usable(zone, anchor, sha1)
    if isinstance(vouched, Flaw):
        return vouched
    question = Question(zone, RRType.DNSKEY)
    finding = Link(question, zone, Verdict.ANSWER, Rcode.NOERROR, (apex[RRType.DNSKEY],))
    proven = _done(verified_keys(zone, finding, vouched, wall=wall))
    if isinstance(proven, Flaw):
        return proven
    signatures = [proven.rrsig]
    for rtype in (RRType.SOA, RRType.ZONEMD):
        verified = _done(verify_rrset(apex[rtype], zone, proven.keys, wall=wall))
        if verified.flaw is not None:
            return verified.flaw
        signatures.append(verified.rrsig)
    return min(instant_of(one.expiration, wall) for one in signatures if one is not None)


def _done(steps: Generator[Work, None, T]) -> T:
    """What *steps* come to, with all the work that they announce done at once."""
    try:
        while True:
            next(steps)
    except StopIteration as stop:
        result: T = stop.value
        return result
