"""The root zone of a virtual world as a transfer would bring it, with ZONEMD."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from dns.zonetypes import DigestHashAlgorithm

from resolver.dnssec.anchors import AnchorRecord, Anchors
from resolver.dnssec.whole_zone import Accepted
from resolver.dnssec.zonemd import ZoneRecord
from resolver.iterate.root_form import pack
from resolver.model import RRset
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import RRType
from tests.dnssec.whole_root import as_dnspython, judged

if TYPE_CHECKING:
    from resolver.dnssec.anchors import Anchor
    from resolver.lab.world import World

_SHA384 = b"\1\1"


def publish(
    world: World, serial: int, *, refresh: int = 7200, retry: int = 3600, expire: int = 1_209_600
) -> None:
    """Have another root zone in *world*, at its servers too."""
    root = world.zones[names.ROOT]
    held = root.data[names.ROOT][RRType.SOA]
    timers = struct.pack("!IIII", serial, refresh, retry, expire)
    rdata = held.rdatas[0][:-20] + timers + held.rdatas[0][-4:]
    root.data[names.ROOT][RRType.SOA] = held._replace(rdatas=(rdata,))
    transferred(world)


def transferred(world: World) -> list[ZoneRecord]:
    """All records of the root zone of *world*, which is signed: its chain is made anew."""
    root = world.zones[names.ROOT]
    assert root.signer is not None
    root.data[names.ROOT].pop(RRType.ZONEMD, None)
    serial = rdata_fields.soa(root.data[names.ROOT][RRType.SOA].rdatas[0]).serial
    head = serial.to_bytes(4, "big") + _SHA384
    empty = head + bytes(48)
    root.add(names.ROOT, RRType.ZONEMD, empty)
    root.signer = signer = root.signer.renewed()
    held = [rrset for sets in root.data.values() for rrset in sets.values()]
    rrsets = [root.signed(rrset) for rrset in held if rrset.rtype != RRType.ZONEMD]
    spans = [signer.nsec_at(owner) for owner in root.data if not root.occluded(owner)]
    rrsets += [signer.sign(signer.dnskeys), *(span for span in spans if span is not None)]
    records = [one for rrset in rrsets for one in _records(rrset)]
    whole = as_dnspython([*records, ZoneRecord(names.ROOT, RRType.ZONEMD, root.ttl, empty)])
    digest = whole.compute_digest(DigestHashAlgorithm.SHA384).digest
    zonemd = RRset(names.ROOT, RRType.ZONEMD, root.ttl, (head + digest,))
    root.data[names.ROOT][RRType.ZONEMD] = zonemd
    return [*records, *_records(signer.sign(zonemd))]


def anchor_of(world: World) -> Anchor:
    signer = world.zones[names.ROOT].signer
    assert signer is not None
    return Anchors.of([AnchorRecord(names.ROOT, RRType.DS, signer.ds())]).by_name[names.ROOT]


def packed_root(world: World, *, wall: float) -> bytes:
    """The file that is made of it."""
    accepted = judged(transferred(world), anchor_of(world), wall=wall)
    assert isinstance(accepted, Accepted), accepted
    return pack(accepted, anchor_of(world))


def _records(rrset: RRset) -> list[ZoneRecord]:
    owner, rtype, ttl, rdatas, signatures = rrset
    signed = [ZoneRecord(owner, RRType.RRSIG, ttl, rdata) for rdata in signatures]
    return [*(ZoneRecord(owner, rtype, ttl, rdata) for rdata in rdatas), *signed]
