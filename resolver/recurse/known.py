"""What the caches know, as links; and links as what the caches keep.

The one place where the RRset, negative, denial and bogus caches are read and written together, so
that an answer from memory and one from the network look the same to whoever chases and validates.
"""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import TYPE_CHECKING

from cachetools import LRUCache

from resolver.cache.failure import FailureCache
from resolver.cache.rrset import Entry
from resolver.iterate.scrub import is_wildcard
from resolver.limits import BOGUS_TTL_SECONDS, FLEETING_DNAMES, ZERO_TTL_DNAME_SECONDS
from resolver.model import NOT_JUDGED, Link, Question, Rank, RRset, Status, Verdict
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import Rcode, RRType
from resolver.recurse.contradictions import is_contradicted
from resolver.recurse.kept_links import link_of, negative_link, negative_of, positive, redirected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from resolver.cache.common_level import CommonLevel
    from resolver.cache.denial import DenialCache
    from resolver.cache.negative import Negative, NegativeCache
    from resolver.cache.rrset import RRsetCache
    from resolver.cache.second_level import SecondLevel
    from resolver.cache.shared_level import Asks
    from resolver.model import Ede, Name
    from resolver.recurse.exempt import Exempt

_SYNTHESISING = (Verdict.DNAME, Verdict.YXDOMAIN)
_NOT_ALIASED = frozenset({RRType.CNAME, RRType.ANY, RRType.RRSIG, RRType.NSEC})
_BESIDE_ALIASES = frozenset({RRType.DS, RRType.DNSKEY})  # at an apex that should have no alias


class Known:
    """All caches of resolution but the packets'. *is_checked*: validation is on.

    *exempt*: zones and anchors of the operator, which nothing learnt above them denies; or None.
    """

    def __init__(
        self,
        rrsets: RRsetCache,
        negatives: NegativeCache,
        failures: FailureCache,
        denial: DenialCache | None,
        *,
        is_checked: bool,
        exempt: Exempt | None = None,
    ) -> None:
        self.rrsets = rrsets
        self.negatives = negatives
        self.failures = failures
        self.bogus = FailureCache(failures.entries.most)
        self.denial = denial
        self.is_checked = is_checked
        self.exempt = exempt
        self.common: CommonLevel | None = None  # what other workers know, where there are any
        self.second: SecondLevel | None = None  # what is on disk, where something is
        self.disk: Callable[[Question], Awaitable[None]] | None = None  # what may take long there
        self.shared: Asks | None = None  # what other machines know, where they share it
        self.on_nxdomain: Callable[[Link], None] = _ignore
        """Called with each NXDOMAIN that was judged, when it is kept."""
        self.dnames = 0  # how many were kept; without any none is looked for
        self._fleeting: LRUCache[Name, Entry] = LRUCache(FLEETING_DNAMES)

    # --- reading ---------------------------------------------------------------------------

    def recall(
        self, question: Question, now: float, *, synthesise: bool = True, proof_only: bool = False
    ) -> Link | None:
        """What is known about *question* itself: data, an alias, a denial; None if nothing.

        *proof_only*: for the validator, a denial will do that came with a referral, without the
        SOA that a client's answer must have (RFC 2308 §3); an alias beside keys will not.
        """
        qname, qtype, _ = question
        if qtype == RRType.ANY:
            return None
        entry = self.rrsets.get(qname, qtype, now)
        if (
            entry is not None
            and entry.rank >= Rank.AUTHORITY
            and self._may_say(entry.zone, question)
        ):
            return positive(question, Verdict.ANSWER, entry, now)
        negative = self.negatives.get(qname, qtype, now)
        if (
            negative is not None
            and (proof_only or not negative.is_proof_only)
            and self._may_say(negative.zone, question)
            and (qtype != RRType.DS or not _is_childs(negative, qname))
            and not self._is_above_waiver(negative, question)
        ):
            return negative_link(question, negative, now)
        if qtype not in _NOT_ALIASED:
            entry = self.rrsets.get(qname, RRType.CNAME, now)
            if (
                entry is not None
                and self._may_say(entry.zone, question)
                and (qtype not in _BESIDE_ALIASES or _covers(entry, qtype, proof_only=proof_only))
            ):
                return positive(question, Verdict.CNAME, entry, now)
        link = self._above(question, now, synthesise=synthesise)
        has_others = self.common is not None or self.second is not None
        if has_others and link is None and self._is_brought(question, now):
            return self.recall(question, now, synthesise=synthesise, proof_only=proof_only)
        return link

    def _is_brought(self, question: Question, now: float) -> bool:
        """Has something of *question* come into the caches that other workers or the disk have?"""
        common, second = self.common, self.second
        if common is not None and common.bring(question, now):
            return True
        return second is not None and second.bring(question, now)

    def peek(self, question: Question, now: float) -> Link | None:
        """What is kept of *question*, though its time be over: data, an alias or a denial.

        See `kept`; its source says whether it is stale, and what is stale has TTL 0.
        """
        best = self.kept(question)
        return None if best is None else link_of(question, best, now)

    def kept(self, question: Question) -> Entry | Negative | None:
        """What is kept of *question* though its time be over, or a proven NXDOMAIN above it.

        Of several what was judged, and of those what was learnt last, unless it was for that moment
        only or is contradicted by what was learnt since. Nothing is synthesised that was not then,
        and what is looked at is not kept any longer for that. None if nothing is left.
        """
        qname, qtype, _ = question
        if qtype == RRType.ANY:
            return None
        found: list[Entry | Negative] = []
        is_alone = qtype in _NOT_ALIASED or qtype in _BESIDE_ALIASES
        for rtype in (qtype,) if is_alone else (qtype, RRType.CNAME):
            entry = self.rrsets.peek(qname, rtype)
            if entry is not None and entry.rank >= Rank.AUTHORITY:
                found.append(entry)
        made = None if self.denial is None else self.denial.told(question)
        found += [
            negative
            for negative in (self.negatives.peek(qname, qtype), made and negative_of(*made))
            if negative is not None
            and not negative.is_proof_only
            and (qtype != RRType.DS or not _is_childs(negative, qname))
            and not self._is_above_waiver(negative, question)
        ]
        found += self._dnames_above(question)
        found = [
            one for one in found if not is_contradicted(one, qname, self.rrsets, self.negatives)
        ]
        found += self._nxdomains_above(question)
        found = [one for one in found if self._may_say(one.zone, question)]
        latest = max(found, key=_worth, default=None)
        return latest if latest is not None and latest.ttl else None

    def _dnames_above(self, question: Question) -> list[Entry]:
        """What redirects a whole subtree, *question*'s name in it, though its time be over."""
        above = list(names.ancestors(question.qname))[1:] if self.dnames else []
        if self.exempt is not None:
            above = self.exempt.inside(above, question)
        found = [self.rrsets.peek(ancestor, RRType.DNAME) for ancestor in above]
        return [entry for entry in found if entry is not None]

    def _nxdomains_above(self, question: Question) -> Iterator[Negative]:
        """Proven denials of ancestors: what is below them ended with them (RFC 8020)."""
        least = 0 if self.exempt is None else self.exempt.least_denier(question)
        for ancestor in list(names.ancestors(question.qname))[1:-1]:
            above = self.negatives.peek_nxdomain(ancestor)
            if above is not None and above.status is Status.SECURE and len(above.zone) >= least:
                yield above

    def _may_say(self, zone: Name, question: Question) -> bool:
        """Does what *zone* says of *question* count, where the operator named another zone?"""
        return self.exempt is None or len(zone) >= self.exempt.least_zone(question)

    def _is_above_waiver(self, negative: Negative, question: Question) -> bool:
        """A proven denial of a name under a negative anchor was proven above it (RFC 7646)."""
        if self.exempt is None or negative.status is not Status.SECURE:
            return False
        return self.exempt.is_waived(question)

    def _above(self, question: Question, now: float, *, synthesise: bool) -> Link | None:
        """What ancestors say: a DNAME, a secure NXDOMAIN (RFC 8020), a validated range.

        Those of them that lie in a configured zone, if the name does.
        """
        qname = question.qname
        exempt = self.exempt
        if self.dnames:
            above = list(names.ancestors(qname))[1:]
            if exempt is not None:
                above = exempt.inside(above, question)
            for ancestor in above:
                entry = self.rrsets.get(ancestor, RRType.DNAME, now)
                if entry is None:
                    entry = self._fleeting_dname(ancestor, now)
                if entry is not None:
                    return redirected(question, entry, now)
        if not self.is_checked or not synthesise:
            return None
        least = 0 if exempt is None else exempt.least_denier(question)
        for ancestor in list(names.ancestors(qname))[1:-1]:
            negative = self.negatives.nxdomain(ancestor, now)
            if (
                negative is not None
                and negative.status is Status.SECURE
                and len(negative.zone) >= least
            ):
                return negative_link(question, negative, now)
        if self.denial is not None:
            return self.denial.synthesise(question, now, least=least)
        return None

    def _fleeting_dname(self, owner: Name, now: float) -> Entry | None:
        """A secure DNAME of TTL 0, whose seconds are counted whole, like every TTL's."""
        entry = self._fleeting.get(owner)
        if entry is None or int(now) - int(entry.expires_at) > ZERO_TTL_DNAME_SECONDS:
            return None
        return entry

    # --- writing ---------------------------------------------------------------------------

    def keep(self, outcome: Link, now: float, *, ttl_cap: int | None = None) -> Link:
        """Store *outcome* as it is judged now; returns it with the TTLs that were kept."""
        if outcome.answer:
            return self._keep_positive(outcome, now, ttl_cap)
        if outcome.rcode == Rcode.NXDOMAIN and outcome.status not in NOT_JUDGED:
            self.on_nxdomain(outcome)
        entry = self.negatives.put(
            outcome.question,
            outcome.rcode,
            outcome.authority,
            zone=outcome.zone,
            now=now,
            status=outcome.status,
            ttl_cap=ttl_cap,
        )
        if entry is None:  # for this moment only (RFC 2308 §5), so nobody else may keep it either
            self._end(outcome, None, now)
            authority = tuple(rrset._replace(ttl=0) for rrset in outcome.authority)
            return replace(outcome, authority=authority)
        authority = entry.current(now)
        return outcome if authority is outcome.authority else replace(outcome, authority=authority)

    def _keep_positive(self, outcome: Link, now: float, ttl_cap: int | None) -> Link:
        kept = [self._keep_rrset(rrset, outcome, now, ttl_cap) for rrset in outcome.answer]
        if all(map(operator.is_, kept, outcome.answer)):
            return outcome
        return replace(outcome, answer=tuple(kept))

    def _keep_rrset(self, rrset: RRset, outcome: Link, now: float, ttl_cap: int | None) -> RRset:
        """Keep *rrset*, unless a DNAME can make it again; returns it with the TTL it has here."""
        ttl = self.rrsets.clamp(rrset.ttl)
        if ttl_cap is not None and ttl > ttl_cap:
            ttl = ttl_cap
        if ttl != rrset.ttl:
            rrset = rrset._replace(ttl=ttl)
        if rrset.rtype == RRType.DNAME:
            self.dnames += 1
            if not ttl and outcome.status is Status.SECURE:
                self._keep_fleeting(rrset, outcome, now)
        if rrset.rtype == RRType.DS and outcome.zone == rrset.owner:
            return rrset  # in a child's answer to ANY: its DS is the parent's to tell
        if rrset.rtype != RRType.CNAME or outcome.verdict not in _SYNTHESISING:
            proof = outcome.authority if rrset.signatures and is_wildcard(rrset) else ()
            self.rrsets.put(
                rrset,
                rank=Rank.AUTH_ANSWER,
                now=now,
                zone=outcome.zone,
                status=outcome.status,
                proof=proof,
            )
            if not ttl:
                self._end(outcome, rrset, now)
        return rrset

    def _end(self, outcome: Link, rrset: RRset | None, now: float) -> None:
        """It was told for this moment only; what was kept before is told no more, even so."""
        question, status = outcome.question, outcome.status
        if rrset is not None:
            question = question._replace(qname=rrset.owner, qtype=rrset.rtype)
        if status in NOT_JUDGED or self.kept(question) is None:
            return
        if rrset is not None:
            self.rrsets.end(rrset, now=now, zone=outcome.zone, status=status)
        else:
            self.negatives.end(question, outcome.rcode, zone=outcome.zone, now=now, status=status)

    def _keep_fleeting(self, rrset: RRset, outcome: Link, now: float) -> None:
        """TTL 0 is for the transaction in progress (RFC 1035 §3.2.1); a page's names are one.

        Only what is proven redirects other names than it was sent for, and they are told TTL 0.
        """
        owner, rtype, _, rdatas, signatures = rrset
        rank, zone = Rank.AUTH_ANSWER, outcome.zone
        self._fleeting[owner] = Entry(
            owner, rtype, rdatas, signatures, rank, outcome.status, now, zone
        )

    def keep_bogus(self, outcome: Link, ede: tuple[Ede, ...], now: float) -> None:
        """Remember that *outcome* is bogus; its data stays, briefly, for those who set CD."""
        self.bogus.note(outcome.question, ede, now)
        self.keep(replace(outcome, status=Status.UNCHECKED), now, ttl_cap=BOGUS_TTL_SECONDS)

    def forgive(self, zone: Name) -> None:
        """Our link was down: what failed in *zone* and below, for want of a key too, is no fact."""
        self.failures.forgive(zone)
        self.bogus.forgive(zone)

    def purge(self, is_wrong: Callable[[Name], bool]) -> Iterator[int]:
        """Forget, for good, RRsets and negatives of names that *is_wrong*, some at each step."""
        yield from self.rrsets.purge(is_wrong)
        yield from self.negatives.purge(is_wrong)

    def drain(self) -> Iterator[int]:
        """Forget all RRsets and negatives, some at each step."""
        yield from self.rrsets.drain()
        yield from self.negatives.drain()

    def take_over(self, old: Known, wrong: Iterable[Name], *, denials: bool = True) -> None:
        """Have all that *old* knows, but nothing at or below the names that are *wrong* now.

        Its RRsets and negatives were purged of them before. Whoever still works with *old* leaves
        no trace here. *denials* False: nothing that is denied or failed, either.
        """
        self.rrsets.take_over(old.rrsets)
        self.bogus.take_over(old.bogus)
        if denials:
            self.negatives.take_over(old.negatives)
            self.failures.take_over(old.failures)
            if self.denial is not None and old.denial is not None:
                self.denial.take_over(old.denial)
        self.dnames = old.dnames
        for zone in wrong:
            self.forgive(zone)
            if self.denial is not None:
                self.denial.forget(zone)

    def take_back(self, entry: Entry, now: float) -> None:
        """Have *entry* again, which lay on disk, unless something newer is here."""
        if self.rrsets.get(entry.owner, entry.rtype, now) is None:
            self.rrsets.entries.put((entry.owner, entry.rtype), entry)
            self.dnames += entry.rtype == RRType.DNAME

    def forget(self, question: Question) -> None:
        """Drop what is kept about one question (a retry after bogus data)."""
        self.rrsets.drop(question.qname, question.qtype)
        self.negatives.drop(question.qname, question.qtype)


def _ignore(_: Link) -> None:
    pass


def _worth(kept: Entry | Negative) -> tuple[bool, float]:
    return kept.status not in NOT_JUDGED, kept.learnt_at


def _is_childs(negative: Negative, name: Name) -> bool:
    """True if the zone at *name* itself denies there: of its DS only the one above can tell.

    RFC 4035 §3.1.4.1, §4.2. A server of both may answer for the child where its parent was asked.
    """
    if name == names.ROOT:
        return False
    owners = [rrset.owner for rrset in negative.authority if rrset.rtype == RRType.SOA]
    owners.append(negative.zone)
    return name in owners


def _covers(alias: Entry, qtype: int, *, proof_only: bool) -> bool:
    """Does *alias* answer for DS or DNSKEY at its name too?

    For DS if the zone above has signed it; else it may be what the child has at its apex, against
    the rules but often. The validator asks for keys rather than believe that there are none.
    """
    if qtype == RRType.DNSKEY:
        return not proof_only
    signers = [rdata_fields.rrsig(rdata).signer for rdata in alias.signatures]
    return bool(signers) and alias.owner not in signers


def alias_target(outcome: Link) -> Name:
    """Where a CNAME or DNAME outcome leads."""
    return outcome.answer[-1].rdatas[0].lower()
