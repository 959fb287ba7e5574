"""Zones of a scenario that are held whole: would the verifier of the root's copy let them be used?

We hold a copy of the root alone, so such a file is not played: what its last answer shows, that
the copy of its zone is used or that it is not, must be what `dnssec.whole_zone` says of that zone,
its keys vouched for by the file's anchor or by the DS that the running resolver has validated.
Where that is proven to be unsigned, which no root is, the digest alone is compared. How a zone
comes (AXFR) and what is told from it is not looked at: records are read from the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.rdataset
import dns.rdatatype
import dns.zone
import trio

from resolver.budget import Share
from resolver.dnssec import zonemd
from resolver.dnssec.algorithms import Sha1Policy
from resolver.dnssec.anchors import Anchor
from resolver.dnssec.whole_zone import Refused, genuine, grouped
from resolver.dnssec.zonemd import Completeness, ZoneRecord
from resolver.errors import ResolutionFailed
from resolver.model import Question, Status
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.daemon.run import Daemon
    from tests.simulation.scenario_model import ConfiguredZone, Entry, Scenario

SECONDS = 10.0


def is_used(scenario: Scenario) -> bool:
    """Is the last answer of the file that of a zone which is used?"""
    last = [step.entry for step in scenario.steps if step.kind == "CHECK_ANSWER" and step.entry][-1]
    return last.is_positive


async def judged(zone: ConfiguredZone, scenario: Scenario, daemon: Daemon) -> str:
    """Why *zone* may not be used; "" if it may."""
    records = list(_records(zone, scenario))
    apex = names.from_text(zone.zone)
    try:
        anchor = await _anchor(apex, daemon)
    except ResolutionFailed as error:
        return f"refused: its DS cannot be had ({error})"
    if anchor is None:
        digest = zonemd.verify(apex, records)
        return "" if digest is Completeness.RIGHT else f"refused: its digest is {digest.value}"
    verdict = genuine(
        records,
        tuple(grouped(records)),
        anchor,
        Sha1Policy.VALIDATE,
        wall=daemon.parts.clock.wall(),
        held=None,
    )
    return f"refused: {verdict.sentence}" if isinstance(verdict, Refused) else ""


async def _anchor(apex: bytes, daemon: Daemon) -> Anchor | None:
    """What vouches for the zone's keys; None if nothing does, and that is proven or unchecked."""
    anchors = daemon.parts.anchors
    if anchors is None:
        return None
    if apex in anchors.by_name:
        return anchors.by_name[apex]
    budget = Share.for_client(trio.current_time() + SECONDS)
    answer = await daemon.resolver.resolve(Question(apex, RRType.DS), budget)
    if answer.status is not Status.SECURE or not answer.answer:
        return None
    return Anchor(apex, answer.answer[0].rdatas)


# --- its records ---------------------------------------------------------------------------------


def _records(zone: ConfiguredZone, scenario: Scenario) -> Iterator[ZoneRecord]:
    """Those that its primary transfers, or else those of its file."""
    transfer = _transfer(zone, scenario)
    if transfer is not None:
        messages = (transfer, *transfer.more)
        found = [rrset for message in messages for rrset in message.sections["ANSWER"]]
        first_soa, *rest = found
        yield from _as_records(first_soa.name.to_wire(), first_soa)
        for rrset in rest:
            if rrset.rdtype != dns.rdatatype.SOA:  # a transfer ends with the one it began with
                yield from _as_records(rrset.name.to_wire(), rrset)
        return
    text = "\n".join(scenario.head.files[str(zone.settings["file"])])
    whole = dns.zone.from_text(text, zone.zone, relativize=False, check_origin=False)
    for name, rdataset in whole.iterate_rdatasets():
        yield from _as_records(name.to_wire(), rdataset)


def _transfer(zone: ConfiguredZone, scenario: Scenario) -> Entry | None:
    for block in scenario.ranges:
        if set(block.addresses) & set(zone.addresses):
            for entry in block.entries:
                if any(asked.rdtype == dns.rdatatype.AXFR for asked in entry.question):
                    return entry
    return None


def _as_records(owner: bytes | None, rdataset: dns.rdataset.Rdataset) -> Iterable[ZoneRecord]:
    assert owner is not None
    for rdata in rdataset:
        octets = rdata.to_wire()
        assert octets is not None
        yield ZoneRecord(owner.lower(), int(rdataset.rdtype), rdataset.ttl, octets)
