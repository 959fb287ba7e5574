"""3 do we know: what proven gaps say about names nobody asked for yet (aggressive NSEC, RFC 8198).

Keeps the validated NSEC and NSEC3 records of each zone in the zone's own order, its SOA and the
wildcards seen, and makes denials from them. Nothing enters that was not proven RRset by RRset;
opt-out records never do; records that span next to nothing (white lies, RFC 4470 and 9824) are not
worth it. A denial lives no longer than SOA, SOA minimum and its NSEC records allow (RFC 9077).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from resolver import limits
from resolver.cache.gaps import ENTRY_OCTETS, HashGap, Order, Proven, SpanGap, octets_of
from resolver.cache.negative import kept_seconds
from resolver.limits import MAX_NEGATIVE_TTL_SECONDS
from resolver.model import Ede, Link, RRset, Source, Status, Verdict
from resolver.protocol import names, nsec, nsec3, rdata_fields
from resolver.protocol.codes import EdeCode, Rcode, RRType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.cache.learning import Learning
    from resolver.model import Name, Question

_NOT_DENIABLE = frozenset({RRType.ANY, RRType.RRSIG, RRType.NSEC, RRType.NSEC3})
_WIDTH_WORTH_KEEPING = 1 << limits.NSEC3_GAP_BITS
_SYNTHESIZED = Ede(EdeCode.SYNTHESIZED)


class _Zone:
    """What is proven about one zone."""

    def __init__(self) -> None:
        self.soa: Proven | None = None
        self.spans: Order[tuple[bytes, ...], SpanGap] = Order()
        self.intervals: Order[bytes, HashGap] = Order()
        self.params: nsec3.Params | None = None
        self.wildcards: dict[tuple[Name, int], Proven] = {}
        self.octets = ENTRY_OCTETS


class _Made(NamedTuple):
    """A denial or a wildcard's answer, and the records that prove it."""

    verdict: Verdict
    proof: tuple[Proven, ...]
    wildcard: Proven | None = None


class DenialCache:
    """Proven gaps of many zones, bounded in octets; the zone asked for longest ago goes first.

    *max_ttl*: seconds that a gap is kept at most, whatever its TTL.
    """

    COUNTS: ClassVar = {
        "synthesised": "Answers made of denials that were proven for other names (RFC 8198).",
    }

    def __init__(
        self, octets: int = limits.DENIAL_RANGE_OCTETS, *, max_ttl: int = MAX_NEGATIVE_TTL_SECONDS
    ) -> None:
        self._limit = octets
        self._max_ttl = max_ttl
        self._zones: OrderedDict[Name, _Zone] = OrderedDict()
        self.octets = 0
        self.synthesised = 0
        self._told: dict[Question, tuple[Link, float]] = {}  # denials made, and when
        self.learnt: Learning | None = None  # a `Proven` each, for who keeps it on disk

    def __len__(self) -> int:
        return sum(len(zone.spans.at) + len(zone.intervals.at) for zone in self._zones.values())

    def __repr__(self) -> str:
        return f"<DenialCache of {len(self)} gaps in {len(self._zones)} zones>"

    def clear(self) -> None:
        self._zones.clear()
        self.octets = 0
        self._told.clear()

    @property
    def most(self) -> int:
        """Octets that it may have."""
        return self._limit

    def bound(self, octets: int) -> Iterator[int]:
        """Have at most *octets* from now on. What is over leaves first, a zone at each step. Yields
        how many went."""
        while self.octets > octets and self._zones:
            _, oldest = self._zones.popitem(last=False)
            self.octets -= oldest.octets
            yield 1
        self._limit = octets

    def take_over(self, old: DenialCache) -> None:
        """Have all that *old* keeps; it goes on with nothing."""
        self._zones, old._zones = old._zones, self._zones
        self.octets, old.octets = old.octets, self.octets
        self._told, old._told = old._told, self._told

    def forget(self, name: Name) -> None:
        """Drop the zones at and below *name*, and the one that *name* is in (flush)."""
        for apex in list(self._zones):
            if names.is_subdomain(apex, name) or names.is_subdomain(name, apex):
                self.octets -= self._zones.pop(apex).octets
        self._told.clear()

    # --- learning -----------------------------------------------------------------------------

    def learn(self, rrsets: Iterable[RRset], now: float) -> None:
        """Keep what serves denial of *rrsets*, each of which was proven secure with its TTL."""
        for rrset in rrsets:
            if not rrset.signatures or rrset.ttl <= 0:
                continue
            proven = Proven(rrset, now + kept_seconds(rrset.ttl, most=self._max_ttl))
            if self.take_back(proven) and self.learnt is not None:
                self.learnt.append(proven)

    def take_back(self, proven: Proven) -> bool:
        """Keep *proven*, which is new or lay on disk; False if no denial is made of its kind."""
        rrset = proven.rrset
        signature = rdata_fields.rrsig(rrset.signatures[0])
        if rrset.rtype == RRType.SOA and signature.signer == rrset.owner:
            self._zone(rrset.owner).soa = proven
        elif rrset.rtype == RRType.NSEC:
            self._learn_nsec(signature.signer, proven)
        elif rrset.rtype == RRType.NSEC3:
            self._learn_nsec3(signature.signer, proven)
        elif signature.labels < names.count(rrset.owner) - names.is_wildcard(rrset.owner):
            self._learn_wildcard(signature, proven)
        else:
            return False
        while self.octets > self._limit and self._zones:
            _, oldest = self._zones.popitem(last=False)
            self.octets -= oldest.octets
        return True

    def _zone(self, apex: Name) -> _Zone:
        zone = self._zones.get(apex)
        if zone is None:
            zone = self._zones[apex] = _Zone()
            self.octets += zone.octets
        return zone

    def _grow(self, zone: _Zone, octets: int) -> None:
        zone.octets += octets
        self.octets += octets

    def _learn_nsec(self, apex: Name, kept: Proven) -> None:
        owner = kept.rrset.owner
        parsed = rdata_fields.nsec(kept.rrset.rdatas[0])
        if parsed.next.endswith(b"\x01\x00" + owner) or len(kept.rrset.rdatas) != 1:
            return
        zone = self._zone(apex)
        gap = SpanGap(nsec.Span(apex, owner, *parsed), kept)
        self._grow(zone, zone.spans.put(names.canonical_key(owner), gap))

    def _learn_nsec3(self, apex: Name, kept: Proven) -> None:
        owner, parsed = kept.rrset.owner, rdata_fields.nsec3(kept.rrset.rdatas[0])
        low = nsec3.digest_in(owner[1 : 1 + owner[0]])
        if parsed.algorithm != nsec3.SHA1 or parsed.flags != 0 or low is None:
            return  # opt-out is a flag
        if parsed.iterations > limits.AGGRESSIVE_NSEC3_ITERATIONS:
            return
        width = int.from_bytes(parsed.next_hash, "big") - int.from_bytes(low, "big")
        if 0 < width < _WIDTH_WORTH_KEEPING:
            return
        zone = self._zone(apex)
        params = nsec3.Params(parsed.iterations, parsed.salt)
        if params != zone.params:  # a new salt makes the old hashes worthless
            self._grow(zone, -sum(octets_of(gap.kept.rrset) for gap in zone.intervals.at.values()))
            zone.params, zone.intervals = params, Order()
        interval = nsec3.Interval(low, parsed.next_hash, parsed.types, is_opt_out=False)
        self._grow(zone, zone.intervals.put(low, HashGap(interval, kept)))

    def _learn_wildcard(self, signature: rdata_fields.Rrsig, kept: Proven) -> None:
        owner = b"\x01*" + names.suffix(kept.rrset.owner, signature.labels)
        zone = self._zone(signature.signer)
        old = zone.wildcards.get((owner, kept.rrset.rtype))
        zone.wildcards[owner, kept.rrset.rtype] = kept
        self._grow(zone, octets_of(kept.rrset) - (octets_of(old.rrset) if old else 0))

    # --- answering ----------------------------------------------------------------------------

    def synthesise(self, question: Question, now: float, *, least: int = 0) -> Link | None:
        """An answer that the gaps prove, as if the zone had been asked; None if they do not.

        *least*: zones whose names are shorter, in octets, have no say.
        """
        qname, qtype, _ = question
        if qtype in _NOT_DENIABLE:
            return None
        found = self._closest(names.parent(qname) if qtype == RRType.DS else qname, now)
        if found is None:
            return None
        apex, zone = found
        if len(apex) < least:
            return None
        made = _from_spans(zone, qname, qtype, now) or _from_hashes(zone, apex, qname, qtype, now)
        if made is None or zone.soa is None:
            return None
        self._zones.move_to_end(apex)
        self.synthesised += 1
        link = _outcome(question, apex, zone.soa, made, now)
        if made.wildcard is None:
            told = self._told
            told[question] = link, now
            if len(told) > limits.TOLD_GAPS:
                del told[next(iter(told))]
        return link

    def told(self, question: Question) -> tuple[Link, float] | None:
        """The denial made for *question* last, though its time be over, and when."""
        return self._told.get(question)

    def _closest(self, name: Name, now: float) -> tuple[Name, _Zone] | None:
        """The deepest zone with a live SOA at or above *name*."""
        zones = self._zones
        while True:
            zone = zones.get(name)
            if zone is not None and zone.soa is not None and zone.soa.expires_at > now:
                return name, zone
            if name == names.ROOT:
                return None
            name = names.parent(name)


def _from_spans(zone: _Zone, qname: Name, qtype: int, now: float) -> _Made | None:
    """RFC 8198 §§5.1-5.3 with NSEC."""
    gap = zone.spans.before(names.canonical_key(qname), now)
    if gap is None:
        return None
    span = gap.what
    if span.owner == qname:
        is_absent = nsec.lacks(span.types, qtype, is_root=qname == names.ROOT)
        return _Made(Verdict.NODATA, (gap.kept,)) if is_absent else None
    if not span.covers(qname):
        return None
    if names.is_subdomain(span.after, qname):  # an empty non-terminal
        return _Made(Verdict.NODATA, (gap.kept,))
    return _in_span(zone, gap, qname, qtype, now)


def _in_span(zone: _Zone, gap: SpanGap, qname: Name, qtype: int, now: float) -> _Made | None:
    """What the wildcard's place says of a *qname* that *gap* covers."""
    wildcard = b"\x01*" + gap.what.encloser(qname)
    other = zone.spans.before(names.canonical_key(wildcard), now)
    if other is None:
        return None
    both = (gap.kept,) if other is gap else (gap.kept, other.kept)
    if other.what.owner == wildcard:
        return _by_wildcard(zone, wildcard, qtype, other.what.types, both, now)
    if other.what.covers(wildcard) and not other.what.empties(wildcard):
        return _Made(Verdict.NXDOMAIN, both)
    return None


class _Hashes:
    """Looks names up among the intervals of one zone."""

    def __init__(self, zone: _Zone, params: nsec3.Params, now: float) -> None:
        self._intervals, self._params, self._now = zone.intervals, params, now

    def find(self, name: Name) -> tuple[HashGap | None, HashGap | None]:
        """The gap that begins at the hash of *name*, or the one that covers it."""
        digest = nsec3.digest_of(name, self._params)
        gap = self._intervals.before(digest, self._now)
        if gap is None:
            return None, None
        if gap.what.low == digest:
            return gap, None
        return None, gap if gap.what.covers(digest) else None


def _from_hashes(zone: _Zone, apex: Name, qname: Name, qtype: int, now: float) -> _Made | None:
    """RFC 8198 §§5.1-5.3 with NSEC3: a match; or closest encloser, next closer and wildcard."""
    depth = names.count(qname) - names.count(apex)
    if zone.params is None or depth > limits.AGGRESSIVE_NSEC3_LABELS:
        return None
    hashes = _Hashes(zone, zone.params, now)
    match, cover = hashes.find(qname)
    if match is not None:
        is_absent = nsec.lacks(match.what.types, qtype, is_root=qname == names.ROOT)
        return _Made(Verdict.NODATA, (match.kept,)) if is_absent else None
    encloser = qname
    while cover is not None and encloser != apex:
        encloser, next_closer = names.parent(encloser), cover
        match, cover = hashes.find(encloser)
        if match is not None:
            if nsec.cuts_off(match.what.types):
                return None
            proof = (next_closer.kept, match.kept)
            return _below_encloser(zone, hashes, encloser, qtype, proof, now)
    return None


def _below_encloser(
    zone: _Zone,
    hashes: _Hashes,
    encloser: Name,
    qtype: int,
    proof: tuple[Proven, ...],
    now: float,
) -> _Made | None:
    """What the wildcard's place says once the closest encloser is proven."""
    wildcard = b"\x01*" + encloser
    match, cover = hashes.find(wildcard)
    if match is not None:
        whole = (*proof, match.kept)
        return _by_wildcard(zone, wildcard, qtype, match.what.types, whole, now)
    if cover is None:
        return None
    # one record may cover both the next closer name and the wildcard
    return _Made(Verdict.NXDOMAIN, proof if cover.kept in proof else (*proof, cover.kept))


def _by_wildcard(
    zone: _Zone,
    wildcard: Name,
    qtype: int,
    types: frozenset[int],
    proof: tuple[Proven, ...],
    now: float,
) -> _Made | None:
    """NODATA if the wildcard lacks the type, its data if we have seen it (RFC 8198 §5.3).

    The first of *proof* shows that nothing closer exists, which is all that data needs.
    """
    if nsec.lacks(types, qtype, is_root=False):
        return _Made(Verdict.NODATA, proof)
    for rtype, verdict in ((qtype, Verdict.ANSWER), (RRType.CNAME, Verdict.CNAME)):
        kept = zone.wildcards.get((wildcard, rtype))
        if kept is not None and kept.expires_at > now:
            return _Made(verdict, proof[:1], kept)
    return None


def _outcome(question: Question, apex: Name, soa: Proven, made: _Made, now: float) -> Link:
    """*made* as if the zone had said it, with the TTLs that are left (RFC 8198 §5.4)."""
    proof, answer = made.proof, made.wildcard
    if answer is None:
        proof = (soa, *proof)
    ends = min(kept.expires_at for kept in (*proof, *((answer,) if answer else ())))
    ttl = int(ends - now)
    if answer is None:
        ttl = min(ttl, rdata_fields.soa_minimum(soa.rrset.rdatas[0]))
    return Link(
        question=question,
        zone=apex,
        verdict=made.verdict,
        rcode=Rcode.NXDOMAIN if made.verdict is Verdict.NXDOMAIN else Rcode.NOERROR,
        answer=(answer.rrset._replace(owner=question.qname, ttl=ttl),) if answer else (),
        authority=tuple(kept.rrset._replace(ttl=ttl) for kept in proof),
        status=Status.SECURE,
        ede=(_SYNTHESIZED,),
        source=Source.CACHE,
    )
