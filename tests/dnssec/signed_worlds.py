"""Worlds of signed zones, and a driver that feeds the validator from them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from resolver.dnssec.anchors import AnchorRecord, Anchors
from resolver.dnssec.context import Context
from resolver.dnssec.keystore import KeyStore
from resolver.dnssec.steps import Need, Work
from resolver.dnssec.validator import validate
from resolver.model import Link, RRset, Status
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.dnssec.signed_zones import WALL, Hashed, Zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from resolver.dnssec.steps import Validated, Validating
    from resolver.model import Name


class World:
    """Zones by apex, an anchor, and the links of all questions."""

    def __init__(
        self, *zones: Zone, anchor: Zone | None = None, spoil: Spoil | None = None
    ) -> None:
        self.zones = {zone.apex: zone for zone in zones}
        top = anchor or zones[0]
        self.anchors = Anchors.of(AnchorRecord(top.apex, RRType.DS, ds) for ds in top.ds)
        self.keystore = KeyStore()
        self.spoil = spoil
        self.asked: list[Need] = []
        self.signatures = self.hashes = 0
        self.settings: dict[str, Any] = {}
        self.wall: float = WALL
        self.now = 0.0

    def link(self, qname: Name, qtype: int) -> Link:
        scope = names.parent(qname) if qtype == RRType.DS and qname != names.ROOT else qname
        zone = next(self.zones[up] for up in names.ancestors(scope) if up in self.zones)
        link = zone.answer(qname, qtype)
        return link if self.spoil is None else self.spoil(link)

    def context(self) -> Context:
        return Context(self.anchors, self.keystore, self.wall, self.now, **self.settings)

    def validate(self, qname: str, qtype: int = RRType.A) -> Validated:
        return self.validate_link(self.link(names.from_text(qname), qtype))

    def validate_link(
        self, link: Link, beside: Sequence[RRset] = (), *, is_forwarded: bool = False
    ) -> Validated:
        self.asked.clear()
        return self.drive(validate(link, self.context(), beside, lambda _: is_forwarded))

    def drive(self, steps: Validating) -> Validated:
        findings = None
        while True:
            try:
                step = steps.send(findings)
            except StopIteration as stop:
                validated: Validated = stop.value
                return validated
            findings = None
            if isinstance(step, Work):
                self.signatures += step.signatures
                self.hashes += step.hashes
            else:
                self.asked += step
                findings = {need: self.find(need) for need in step}

    def find(self, need: Need) -> Link | None:
        return None if need.tries else self.link(need.name, need.rtype)

    def questions(self) -> list[tuple[str, int]]:
        return [(names.to_text(need.name), need.rtype) for need in self.asked]


if TYPE_CHECKING:
    Spoil = Callable[[Link], Link]


def rrsets_of(link: Link) -> Iterator[RRset]:
    return itertools.chain(link.answer, link.authority)


def without(link: Link, rtypes: Iterable[int]) -> Link:
    """*link* with no record of *rtypes* in its authority section."""
    kept = tuple(rrset for rrset in link.authority if rrset.rtype not in set(rtypes))
    return Link(link.question, link.zone, link.verdict, link.rcode, link.answer, kept)


def unsigned(link: Link) -> Link:
    """*link* as a server without DNSSEC would send it."""
    return Link(
        link.question,
        link.zone,
        link.verdict,
        link.rcode,
        tuple(rrset._replace(signatures=()) for rrset in link.answer),
        tuple(
            rrset._replace(signatures=())
            for rrset in link.authority
            if rrset.rtype not in (RRType.NSEC, RRType.NSEC3, RRType.DS)
        ),
    )


def usual_zone(apex: str) -> Zone:
    """A zone with one of everything that a proof can be about."""
    at = "" if apex == "." else f".{apex}"
    zone = Zone(names.from_text(apex))
    zone.add(apex, "SOA", f"ns{at} host{at} 1 2 3 4 300").add(apex, "NS", f"ns{at}")
    zone.add(f"ns{at}", "A", "192.0.2.1").add(f"www{at}", "A", "192.0.2.2", "192.0.2.3")
    zone.add(f"*.wild{at}", "A", "192.0.2.4").add(f"alias{at}", "CNAME", f"www{at}")
    zone.add(f"deep.ent{at}", "TXT", '"x"').add(f"tree{at}", "DNAME", "elsewhere.test.")
    zone.add(f"*.cwild{at}", "CNAME", f"www{at}")
    return zone


def usual_world(
    *algorithms: int, hashed: Hashed | None = None, spoil: Spoil | None = None
) -> World:
    """A root, test. signed below it, and below that a signed and an unsigned child."""
    algorithms = algorithms or (13,)
    signed = usual_zone("signed.test.").sign(*algorithms, hashed=hashed)
    plain = usual_zone("plain.test.")
    test = usual_zone("test.").add("signed.test.", "NS", "ns.signed.test.")
    test.add("plain.test.", "NS", "ns.plain.test.").add("hidden.plain2.test.", "NS", "ns.test.")
    test.add_ds(signed).sign(*algorithms, hashed=hashed)
    root = usual_zone(".").add("test.", "NS", "ns.test.").add_ds(test).sign(*algorithms)
    return World(root, test, signed, plain, spoil=spoil)


def is_secure(validated: Validated) -> bool:
    return validated.status is Status.SECURE
