"""6 is it true: is a copy of a whole zone complete (message digest for zones, RFC 8976)?

For zones that are held as a copy, such as the root's (RFC 8806). The ZONEMD record must have been
validated before, or the digest shows only that file and digest agree. Scheme SIMPLE, SHA-384 and
SHA-512; O(n log n) over all records.
"""

from __future__ import annotations

import enum
import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.dnssec.canonical import canonical_rdata
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.model import Name

_SIMPLE: Final = 1
_HASHES: Final = {1: hashlib.sha384, 2: hashlib.sha512}


class ZoneRecord(NamedTuple):
    owner: Name
    rtype: int
    ttl: int
    rdata: bytes


class Completeness(enum.Enum):
    """What the apex's ZONEMD records say of the copy."""

    RIGHT = "right"
    WRONG = "wrong"
    ABSENT = "absent"
    UNSUPPORTED = "unsupported"


class Zonemd(NamedTuple):
    serial: int
    scheme: int
    algorithm: int
    digest: bytes


def parse(rdata: bytes) -> Zonemd:
    return Zonemd(int.from_bytes(rdata[:4], "big"), rdata[4], rdata[5], rdata[6:])


def verify(apex: Name, records: Iterable[ZoneRecord]) -> Completeness:
    """Compare the digest of *records* with the apex's ZONEMD (RFC 8976 §4). One match is enough."""
    zone = [ZoneRecord(*record) for record in records]
    apex_records = [record for record in zone if record.owner == apex]
    soas = {record.rdata for record in apex_records if record.rtype == RRType.SOA}
    claims = [
        parse(rdata)
        for rdata in {record.rdata for record in apex_records if record.rtype == RRType.ZONEMD}
    ]
    if not claims:
        return Completeness.ABSENT
    if len(soas) != 1:
        return Completeness.WRONG
    # two records of one scheme and hash contradict each other: neither counts (§2.2)
    kinds = Counter((claim.scheme, claim.algorithm) for claim in claims)
    usable = [
        claim
        for claim in claims
        if claim.scheme == _SIMPLE
        and claim.algorithm in _HASHES
        and kinds[claim.scheme, claim.algorithm] == 1
    ]
    if not usable:
        return Completeness.UNSUPPORTED
    serial = rdata_fields.soa(soas.pop()).serial
    octets = _in_order(apex, zone)
    for claim in usable:
        if claim.serial == serial and digest(octets, claim.algorithm) == claim.digest:
            return Completeness.RIGHT
    return Completeness.WRONG


def digest(octets: bytes, algorithm: int) -> bytes:
    return _HASHES[algorithm](octets).digest()


def _in_order(apex: Name, zone: list[ZoneRecord]) -> bytes:
    """All that the digest covers, in canonical form and order, duplicates dropped (§3.3)."""
    rows = {
        (
            names.canonical_key(record.owner),
            record.rtype,
            canonical_rdata(record.rtype, record.rdata),
        ): record
        for record in zone
        if not _is_left_out(apex, record)
    }
    parts: list[bytes] = []
    for key in sorted(rows):
        record, rdata = rows[key], key[2]
        parts += (
            record.owner,
            record.rtype.to_bytes(2, "big"),
            b"\0\1",
            record.ttl.to_bytes(4, "big"),
            len(rdata).to_bytes(2, "big"),
            rdata,
        )
    return b"".join(parts)


def _is_left_out(apex: Name, record: ZoneRecord) -> bool:
    """The apex's ZONEMD, its signature, and what is not in the zone."""
    if not names.is_subdomain(record.owner, apex):
        return True
    if record.owner != apex:
        return False
    if record.rtype == RRType.RRSIG:
        return int.from_bytes(record.rdata[:2], "big") == RRType.ZONEMD
    return record.rtype == RRType.ZONEMD
