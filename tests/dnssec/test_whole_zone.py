"""A copy of the root zone that is damaged, cut, replayed or foreign is never used (RFC 8806)."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from resolver.dnssec.anchors import builtin_root
from resolver.dnssec.whole_zone import Accepted, Refused, is_older
from resolver.dnssec.zonemd import ZoneRecord
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.dnssec.data import FOLDER, MISSING, quick_zone
from tests.dnssec.signed_zones import DAY, WALL, Zone
from tests.dnssec.whole_root import SERIAL, anchor_of, judged, records_of, seal, whole_root

if TYPE_CHECKING:
    from pathlib import Path

ROOT = names.ROOT


def refused(records: list[ZoneRecord], zone: Zone, **options: float) -> str:
    """Why *records* are not used, judged by the anchor of *zone*."""
    verdict = judged(records, anchor_of(zone), **options)  # type: ignore[arg-type]
    assert isinstance(verdict, Refused), verdict
    return verdict.sentence


def test_a_whole_zone_is_accepted_until_its_first_signature_ends() -> None:
    zone = whole_root()
    verdict = judged(records_of(zone), anchor_of(zone))
    assert isinstance(verdict, Accepted)
    assert (verdict.serial, verdict.valid_until) == (SERIAL, WALL + 7 * DAY)
    com = next(one for one in verdict.rrsets if one[:2] == (b"\3com\0", RRType.DS))
    assert len(com.signatures) == 1
    soa = zone.signed_rrset(ROOT, RRType.SOA, zone.data[ROOT, RRType.SOA])
    zone.window = (WALL - DAY, WALL + DAY)
    shorter = zone.signed_rrset(ROOT, RRType.SOA, zone.data[ROOT, RRType.SOA])
    zone.signed[ROOT, RRType.SOA] = shorter
    assert soa != shorter
    seal(zone)
    verdict = judged(records_of(zone), anchor_of(zone))
    assert isinstance(verdict, Accepted)
    assert verdict.valid_until == WALL + DAY


@pytest.mark.rfc("RFC 8976 §4")
def test_a_zone_without_one_of_its_records_is_refused() -> None:
    """Truncated: whichever is missing."""
    zone = whole_root()
    records = records_of(zone)
    for index in range(len(records)):
        refused(records[:index] + records[index + 1 :], zone)


def test_a_zone_with_a_damaged_octet_is_refused() -> None:
    """In TTLs and data; what the digest leaves out has a signature, but for that one's TTL."""
    zone = whole_root()
    records = records_of(zone)
    for index, record in enumerate(records):
        rdata = record.rdata[:-1] + bytes((record.rdata[-1] ^ 1,))
        if record.rtype not in (RRType.NS, RRType.NSEC):  # these would be no names any more
            refused([*records[:index], record._replace(rdata=rdata), *records[index + 1 :]], zone)
        if RRType.ZONEMD not in (record.rtype, record.rdata[0] << 8 | record.rdata[1]):
            refused([*records[:index], record._replace(ttl=1), *records[index + 1 :]], zone)


def test_another_address_for_a_nameserver_is_refused() -> None:
    """Glue has no signature: the digest vouches for it."""
    zone = whole_root()
    zone.data[names.from_text("ns.net."), RRType.A] = [bytes((192, 0, 2, 66))]
    assert refused(records_of(zone), zone) == "its ZONEMD digest is wrong"


def test_an_older_zone_is_refused() -> None:
    """A replay: right in all, but of yesterday (RFC 1982)."""
    zone = whole_root()
    records, anchor = records_of(zone), anchor_of(zone)
    assert refused(records, zone, held=SERIAL + 1) == (
        f"its serial {SERIAL} is older than {SERIAL + 1}, which is held"
    )
    assert isinstance(judged(records, anchor, held=SERIAL), Accepted)
    assert isinstance(judged(records, anchor, held=SERIAL - 1), Accepted)


@pytest.mark.rfc("RFC 1982 §3.2")
def test_serials_go_round() -> None:
    assert not is_older(5, (1 << 32) - 5)
    assert is_older((1 << 32) - 5, 5)
    assert is_older(0, 1 << 31)  # which of the two is later, nobody can say
    assert is_older(1 << 31, 0)


def test_a_zone_of_other_keys_is_refused() -> None:
    """Wrongly signed: each signature is right, but no anchor vouches for the keys."""
    zone, other = whole_root(), Zone(ROOT)
    other.prepare_keys(14)
    assert "no DNSKEY of . matches" in refused(records_of(zone), other)


@pytest.mark.parametrize("rtype", [RRType.SOA, RRType.ZONEMD, RRType.DNSKEY])
def test_a_wrong_signature_over_soa_zonemd_or_keys_is_refused(rtype: int) -> None:
    zone = whole_root()
    good = zone.signed[ROOT, rtype]
    spoilt = tuple(octets[:-1] + bytes((octets[-1] ^ 1,)) for octets in good.signatures)
    zone.signed[ROOT, rtype] = good._replace(signatures=spoilt)
    if rtype != RRType.ZONEMD:  # its own signature is not in the digest
        seal(zone)
    assert "is wrong" in refused(records_of(zone), zone)
    zone.signed[ROOT, rtype] = good._replace(signatures=())
    assert "has no signature" in refused(records_of(zone), zone)


@pytest.mark.parametrize("days", [-8, 8])
def test_signatures_that_are_not_in_force_are_refused(days: int) -> None:
    zone = whole_root()
    assert "it is" in refused(records_of(zone), zone, wall=WALL + days * DAY)


@pytest.mark.rfc("RFC 8976 §4")
def test_a_zone_without_zonemd_is_refused() -> None:
    zone = whole_root()
    del zone.data[ROOT, RRType.ZONEMD]
    assert refused(records_of(zone), zone) == ". ZONEMD is missing from it"


def test_a_digest_of_another_zone_is_refused() -> None:
    zone, other = whole_root(), whole_root(SERIAL + 1)
    zone.data[ROOT, RRType.ZONEMD] = other.data[ROOT, RRType.ZONEMD]
    zone.signed[ROOT, RRType.ZONEMD] = other.signed[ROOT, RRType.ZONEMD]
    assert refused(records_of(zone), zone) == "its ZONEMD digest is wrong"


@pytest.mark.parametrize(
    ("owner", "rtype", "text", "why"),
    [
        ("www.com.", "TXT", "x", "www.com. TXT has no place in it"),
        ("deep.com.", "NS", "ns.net.", "deep.com. NS has no place in it"),
        ("com.", "MX", "1 ns.net.", "com. MX has no place in it"),
        (".", "A", "192.0.2.1", ". A has no place in it"),
        ("ns.nobody.", "A", "192.0.2.1", "ns.nobody. is under no delegation of it"),
        (".", "SOA", "a. b. 1 2 3 4 5", "it has 2 SOA records"),
        ("com.", "SOA", "a. b. 1 2 3 4 5", "com. SOA has no place in it"),
    ],
)
def test_names_and_types_that_are_foreign_to_a_root_zone_are_refused(
    owner: str, rtype: str, text: str, why: str
) -> None:
    """CVE-2026-33612: what a transfer brings must not end up beside the zone."""
    zone = whole_root()
    zone.add(owner, rtype, text)
    assert refused(records_of(zone), zone) == why


def test_a_wildcard_is_refused() -> None:
    zone = whole_root()
    zone.add("*.", "NS", "ns.net.").data[b"\1*\0", RRType.NSEC] = [b"\0\0\1\x40"]
    assert refused(records_of(zone), zone) == "*. is under no delegation of it"


def test_nothing_at_all_is_refused() -> None:
    assert "missing" in refused([], whole_root())


# --- the real one ----------------------------------------------------------------------------


def real(path: Path) -> list[ZoneRecord]:
    return [ZoneRecord(*record) for record in quick_zone(path)]


@pytest.mark.skipif(not FOLDER.is_dir(), reason=MISSING)
def test_the_real_root_zone_by_the_real_anchors(tmp_path: Path) -> None:
    anchor = builtin_root().by_name[ROOT]
    records = real(FOLDER / "root" / "root.zone")
    verdict = judged(records, anchor, wall=1_786_000_000.0)
    assert isinstance(verdict, Accepted)
    assert (verdict.serial, verdict.valid_until) == (2026073102, 1_786_651_200.0)
    late = judged(records, anchor, wall=1_795_000_000.0)
    assert isinstance(late, Refused)
    assert "expired 2026-08-" in late.sentence
    short = judged(records[:-1], anchor, wall=1_786_000_000.0)
    assert isinstance(short, Refused)
    old = tmp_path / "old.zone"
    old.write_bytes(gzip.decompress((FOLDER / "root/old/root-2020101902.zone.gz").read_bytes()))
    absent = judged(real(old), anchor, wall=1_603_000_000.0)
    assert absent == Refused(". ZONEMD is missing from it")
