"""The chain of trust in words: a line per link, from the trust anchor to the answer or its denial.

Whatever was proven is shown with the key that signed it and the time until which that holds; a cut
without DS, with the NSEC or NSEC3 that says so; what is bogus, with the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dns.dnssectypes import Algorithm, DSDigest

from resolver.dnssec.canonical import label_count, signed_owner
from resolver.dnssec.findings import Kind
from resolver.dnssec.flaws import instant
from resolver.dnssec.validation_events import CutValidated, LinkValidated, ZoneJudged
from resolver.model import Status
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import RRType, type_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.dnssec.findings import Proven
    from resolver.model import Name


class Line(NamedTuple):
    """One link: what is said of *name*."""

    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.name:<20} {self.text}"


class Recorder:
    """Subscribe it to the bus; each link is kept once, however often it is proven."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def __call__(self, event: object) -> None:
        if isinstance(event, ZoneJudged):
            self._add(event.trust.zone, _zone(event))
        elif isinstance(event, CutValidated):
            self._add(event.name, _cut(event))
        elif isinstance(event, LinkValidated):
            for one in event.proven:
                self._add(one.received.owner, [_set(one)])
            self._add(event.outcome.question.qname, [_end(event)])

    def _add(self, name: Name, texts: Iterable[str]) -> None:
        for text in texts:
            line = Line(names.to_text(name), text)
            if line not in self.lines:
                self.lines.append(line)


def _zone(event: ZoneJudged) -> Iterator[str]:
    """What vouches for a zone, if it is an anchor, and the keys that this makes good."""
    trust, anchor, is_anchor, rrsig = event
    if is_anchor:
        tags = [f"DS {_ds(rdata)}" for rdata in anchor.ds]
        tags += [f"DNSKEY {_key(rdata)}" for rdata in anchor.keys]
        yield f"{', '.join(tags)}: trust anchor"
    if rrsig is not None:
        tags = sorted(str(key.tag) for key in trust.keys)
        yield f"DNSKEY {', '.join(tags)}: {_signed(rrsig)}"
    else:
        why = "" if trust.flaw is None else f": {trust.flaw.sentence}"
        yield f"{trust.status.value}{why}"


def _cut(event: CutValidated) -> Iterator[str]:
    link = event.link
    for one in link.proof:
        if one.received.rtype != RRType.SOA:
            yield _set(one) if one.received.owner == event.name else f"proof: {_whole(one)}"
    match link.kind:
        case Kind.SIGNED:
            return
        case Kind.UNSIGNED:
            why = "no DS, unsigned from here on"
            yield why if link.flaw is None else f"{why}: {link.flaw.sentence}"
        case Kind.NOT_A_CUT | Kind.ABSENT:
            yield "no zone cut"
        case Kind.BOGUS:
            yield "bogus" if link.flaw is None else f"bogus: {link.flaw.sentence}"


def _end(event: LinkValidated) -> str:
    outcome, validated = event.outcome, event.validated
    asked = type_text(outcome.question.qtype)
    verdict = "" if validated.status is Status.BOGUS else f" ({outcome.verdict.value})"
    why = f": {validated.sentence}" if validated.sentence else ""
    return f"{asked}{verdict} is {validated.status.value}{why}"


def _whole(one: Proven) -> str:
    return f"{names.to_text(one.received.owner)} {_set(one)}"


def _set(one: Proven) -> str:
    """A proven RRset: what of it leads on, and its signature."""
    rrset = one.received
    data = ""
    if rrset.rtype == RRType.DS:
        data = " " + ", ".join(map(_ds, rrset.rdatas))
    elif rrset.rtype in (RRType.CNAME, RRType.DNAME):
        data = f" to {names.to_text(rrset.rdatas[0].lower())}"
    elif rrset.rtype == RRType.NSEC:
        data = f" to {names.to_text(rdata_fields.nsec(rrset.rdatas[0]).next)}"
    if one.rrsig is None:
        return f"{type_text(rrset.rtype)}{data}: proven before"
    if one.rrsig.labels < label_count(rrset.owner):
        data += f" from {names.to_text(signed_owner(rrset.owner, one.rrsig.labels))}"
    return f"{type_text(rrset.rtype)}{data}: {_signed(one.rrsig)}"


def _signed(rrsig: rdata_fields.Rrsig) -> str:
    key = f"key {rrsig.key_tag} ({_algorithm(rrsig.algorithm)}) of {names.to_text(rrsig.signer)}"
    return f"signed by {key} until {instant(rrsig.expiration)}"


def _ds(rdata: bytes) -> str:
    ds = rdata_fields.ds(rdata)
    return f"{ds.key_tag} ({_algorithm(ds.algorithm)}, {DSDigest.to_text(ds.digest_type)})"


def _key(rdata: bytes) -> str:
    return f"{rdata_fields.key_tag(rdata)} ({_algorithm(rdata_fields.dnskey(rdata).algorithm)})"


def _algorithm(number: int) -> str:
    return Algorithm.to_text(number)
