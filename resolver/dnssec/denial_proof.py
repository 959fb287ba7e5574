"""6 is it true: proofs that something does not exist, whichever kind of record carries them.

`Proofs` holds the NSEC and NSEC3 RRsets of one response that a key of *zone* signed. It answers
four questions: no such name, no such type, no closer match than this wildcard, no signed cut. What
does not verify can neither help nor hurt. RFC 4035 §5.4, RFC 5155 §8.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from resolver.dnssec.flaws import Flaw, Reason, rrset_text
from resolver.dnssec.nsec3 import Nsec3s, Verdict3
from resolver.protocol import names, nsec, rdata_fields
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from resolver.dnssec.steps import Work
    from resolver.model import Name, RRset


class Strength(enum.Enum):
    """How far a denial can be believed."""

    PROVEN = "proven"
    INSECURE = "insecure"
    UNPROVEN = "unproven"


class Denial(NamedTuple):
    strength: Strength
    flaw: Flaw | None = None


class Cut(enum.Enum):
    """What the parent's zone says about a name where a DS was looked for."""

    UNSIGNED = "a zone cut without DS"
    UNSEEN = "perhaps an unsigned zone cut, opted out of the proofs"
    NOT_A_CUT = "not a zone cut"
    ABSENT = "no name at all, nor any below it"
    UNPROVEN = "unproven"


_PROVEN = Denial(Strength.PROVEN)
_NO_NSEC3 = Nsec3s(names.ROOT, ())


class Proofs:
    """The verified NSEC and NSEC3 RRsets of one response; what it is asked may cost `Work`."""

    def __init__(self, zone: Name, rrsets: Sequence[RRset]) -> None:
        self.zone = zone
        self.spans = [
            nsec.Span(zone, rrset.owner, *rdata_fields.nsec(rdata))
            for rrset in rrsets
            if rrset.rtype == RRType.NSEC
            for rdata in rrset.rdatas
        ]
        hashed = [rrset for rrset in rrsets if rrset.rtype == RRType.NSEC3]
        self.nsec3s = Nsec3s(zone, hashed) if hashed else _NO_NSEC3
        self._rrsets = rrsets

    @property
    def ttl(self) -> int:
        return min((rrset.ttl for rrset in self._rrsets), default=0)

    def no_name(self, name: Name) -> Generator[Work, None, Denial]:
        """NXDOMAIN: neither *name* nor a wildcard for it exists."""
        if nsec.has_no_name(self.spans, name):
            return _PROVEN
        if self.nsec3s.is_costly:
            return self._costly()
        verdict = Verdict3.UNPROVEN
        if self.nsec3s:
            verdict = yield from self.nsec3s.no_name(name)
        return _denial(verdict, f"no proof that {names.to_text(name)} does not exist")

    def has_nodata(self, name: Name, qtype: int) -> bool:
        """Do NSEC records alone prove that *name* exists without *qtype*?"""
        return nsec.has_nodata(self.spans, name, qtype)

    def nodata(self, name: Name, qtype: int) -> Generator[Work, None, Denial]:
        """NODATA: *name* exists, itself or by a wildcard, and has no *qtype*."""
        if nsec.has_nodata(self.spans, name, qtype):
            return _PROVEN
        if self.nsec3s.is_costly:
            return self._costly()
        verdict = Verdict3.UNPROVEN
        if self.nsec3s:
            verdict = yield from self.nsec3s.nodata(name, qtype)
        return _denial(verdict, f"no proof that {rrset_text(name, qtype)} does not exist")

    def no_closer(self, name: Name, encloser: Name) -> Generator[Work, None, Denial]:
        """A wildcard answer for *name* from below *encloser* was the closest match there is."""
        if nsec.has_no_closer(self.spans, name, encloser):
            return _PROVEN
        if self.nsec3s.is_costly:
            return self._costly()
        verdict = Verdict3.UNPROVEN
        if self.nsec3s:
            verdict = yield from self.nsec3s.no_closer(name, encloser)
        text = f"no proof that {names.to_text(name)} had to come from a wildcard"
        return _denial(verdict, text)

    def cut(self, name: Name) -> Generator[Work, None, Cut]:
        """What the zone above says of *name* as a zone cut, having denied its DS."""
        for span in self.spans:
            if span.owner == name:
                return _cut_in(span.types)
            if span.covers(name):
                return Cut.NOT_A_CUT if span.empties(name) else Cut.ABSENT
        if self.nsec3s.is_costly:
            return Cut.UNSEEN
        if self.nsec3s:
            return (yield from self._hashed_cut(name))
        return Cut.UNPROVEN

    def _hashed_cut(self, name: Name) -> Generator[Work, None, Cut]:
        matched = yield from self.nsec3s.match(name)
        if matched is not None:
            return _cut_in(matched.types)
        encloser = yield from self.nsec3s.encloser(name)
        if encloser is None:
            return Cut.UNPROVEN
        # under opt-out an unsigned cut leaves no trace (RFC 5155 §8.9)
        return Cut.UNSEEN if encloser.cover.is_opt_out else Cut.ABSENT

    def _costly(self) -> Denial:
        iterations = "NSEC3 records with more iterations than we make"
        text = f"{names.to_text(self.zone)} denies with {iterations}"
        return Denial(Strength.INSECURE, Flaw(Reason.NSEC3_ITERATIONS, text))


def _cut_in(types: frozenset[int]) -> Cut:
    if RRType.DS in types or RRType.SOA in types:
        return Cut.UNPROVEN
    return Cut.UNSIGNED if RRType.NS in types else Cut.NOT_A_CUT


def _denial(verdict: Verdict3, text: str) -> Denial:
    match verdict:
        case Verdict3.PROVEN:
            return _PROVEN
        case Verdict3.OPTED_OUT:
            return Denial(Strength.INSECURE)
        case Verdict3.UNPROVEN:
            return Denial(Strength.UNPROVEN, Flaw(Reason.NSEC_MISSING, text))
