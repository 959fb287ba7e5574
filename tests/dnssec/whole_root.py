"""A small root zone with ZONEMD, signed by keys that are made here; dnspython makes its digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.dnssec
import dns.name
import dns.rdataset
import dns.rdatatype
import dns.zone
from dns.zonetypes import DigestHashAlgorithm

from resolver.dnssec.algorithms import Sha1Policy
from resolver.dnssec.anchors import AnchorRecord, Anchors
from resolver.dnssec.whole_zone import Accepted, judge
from resolver.dnssec.zonemd import ZoneRecord
from resolver.iterate.root_form import pack
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.dnssec.data import parsed
from tests.dnssec.signed_zones import TTL, WALL, Zone

if TYPE_CHECKING:
    from resolver.dnssec.anchors import Anchor
    from resolver.dnssec.whole_zone import Refused

SERIAL = 2026073102
_SHA384 = "1 1"
_EMPTY = f"{_SHA384} {'00' * 48}"


def whole_root(
    serial: int = SERIAL, *, window: tuple[int, int] | None = None, timers: str = "1800 900 604800"
) -> Zone:
    """Root, com. (signed), net. and org. (unsigned), glue; its ZONEMD is right."""
    zone = Zone(names.ROOT)
    zone.window = window or zone.window
    zone.add(".", "SOA", f"a.root-servers.net. nstld.test. {serial} {timers} 86400")
    zone.add(".", "NS", "a.root-servers.net.", "b.root-servers.net.")
    zone.add(".", "ZONEMD", f"{serial} {_EMPTY}")
    zone.add("com.", "NS", "a.nic.com.", "ns.elsewhere.org.")
    zone.add("com.", "DS", f"1 13 2 {'11' * 32}")
    zone.add("net.", "NS", "ns.net.", "a.nic.com.").add("org.", "NS", "ns.net.")
    zone.add("a.nic.com.", "A", "192.0.2.11", "192.0.2.12").add("a.nic.com.", "AAAA", "2001:db8::1")
    zone.add("ns.net.", "A", "192.0.2.10")
    zone.add("a.root-servers.net.", "A", "198.41.0.4")
    zone.sign()
    seal(zone)
    return zone


def seal(zone: Zone) -> None:
    """Put the digest of all that is in *zone* into its ZONEMD, and sign that."""
    old = parsed(RRType.ZONEMD, zone.data[names.ROOT, RRType.ZONEMD][0])
    made = as_dnspython(records_of(zone)).compute_digest(DigestHashAlgorithm.SHA384)
    rdata = old.replace(digest=made.digest).to_wire()
    assert isinstance(rdata, bytes)
    zone.data[names.ROOT, RRType.ZONEMD] = [rdata]
    zone.signed[names.ROOT, RRType.ZONEMD] = zone.signed_rrset(names.ROOT, RRType.ZONEMD, [rdata])


def records_of(zone: Zone) -> list[ZoneRecord]:
    """All records, in no order that counts."""
    found = []
    for (owner, rtype), rdatas in zone.data.items():
        found += [ZoneRecord(owner, rtype, TTL, rdata) for rdata in rdatas]
        signed = zone.signed.get((owner, rtype))
        for signature in signed.signatures if signed else ():
            found.append(ZoneRecord(owner, RRType.RRSIG, TTL, signature))
    return found


def as_dnspython(records: list[ZoneRecord]) -> dns.zone.Zone:
    zone = dns.zone.Zone(dns.name.root, relativize=False)
    for owner, rtype, ttl, octets in records:
        rdata = parsed(rtype, octets)
        name = dns.name.from_wire(owner, 0)[0]
        kind = dns.rdatatype.RdataType.make(rtype)
        rdataset = zone.find_rdataset(name, kind, rdata.covers(), create=True)
        rdataset.add(rdata, ttl)
    return zone


def anchor_of(zone: Zone) -> Anchor:
    anchors = Anchors.of(AnchorRecord(names.ROOT, RRType.DS, ds) for ds in zone.ds)
    return anchors.by_name[names.ROOT]


def judged(
    records: list[ZoneRecord], anchor: Anchor, *, wall: float = WALL, held: int | None = None
) -> Accepted | Refused:
    return judge(records, anchor, Sha1Policy.VALIDATE, wall=wall, held=held)


def packed(zone: Zone) -> bytes:
    """The file of *zone*, which is right."""
    accepted = judged(records_of(zone), anchor_of(zone))
    assert isinstance(accepted, Accepted), accepted
    return pack(accepted, anchor_of(zone))
