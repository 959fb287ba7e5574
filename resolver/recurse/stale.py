"""Serve-stale (RFC 8767): may what is over still be told, and how is it told?

Never in health: what is known is told only while it lasts, and asked for anew after that. What is
over is told where asking failed, where the client has waited for `resolution.stale_after`
(`recurse.early`), in an outage, and for a zone none of whose servers answered the last two tries.

Each link of a chain is judged for itself. It was validated, or proven to need no validation, when
it came, and is told with the status that it had then, but not as secure once its signatures have
run out. A later answer, a denial or another type, is what counts from then on, be it over too. A
delegation is a lease: what lies below one that its parent took back is told no more, nor what lies
below one that has been over for `cache.stale_max`. Waits for nobody and asks nobody.
RFC 8767 §4, §5, §6; RFC 8914 §4.4 and §4.20; RFC 8020.
"""

from __future__ import annotations

import enum
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from resolver.dnssec.signature import instant_of
from resolver.errors import LinkDown
from resolver.limits import SIGNATURE_SKEW_SECONDS, SILENT_CUTS, STALE_RENEWALS
from resolver.model import NOT_JUDGED, Ede, Source, Status
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import EdeCode, Rcode, RRType
from resolver.recurse.kept_links import link_of
from resolver.runtime.duration import duration

if TYPE_CHECKING:
    from resolver.cache.delegation import DelegationCache
    from resolver.cache.negative import Negative
    from resolver.cache.rrset import Entry
    from resolver.errors import ResolutionFailed
    from resolver.model import Link, Name, Question, RRset
    from resolver.recurse.known import Known
    from resolver.runtime.clock import Clock


class Why(enum.Enum):
    """Why what is over is told. The value names its counter."""

    FAILURE = "failure"
    SLOW = "slow"
    OUTAGE = "outage"

    __hash__ = object.__hash__


class StaleRules(NamedTuple):
    """What the operator decided: seconds of TTL in a reply, seconds that what is over counts, names
    that are never told so (with all below), and whether signatures may have run out since."""

    ttl: int
    max_s: float
    never: frozenset[Name] = frozenset()
    past_signatures: bool = True


class Servers(Protocol):
    """What is known of those who serve a zone."""

    def silent_s(self, zone: Name) -> float | None:
        """Seconds since one of them answered anything; None: none did."""

    def asked(self, zone: Name) -> Name:
        """The zone whose servers are asked for it: one above once its delegation is over."""

    def are_silent(self, zone: Name) -> bool:
        """Did none of those who are asked answer the last two tries?"""

    def are_cut_off(self, zone: Name) -> bool:
        """Is there no route to any of those who are asked, as of a moment ago?"""


class Stale:
    """Finds what may be told of what is over, words it, and counts it."""

    COUNTS: ClassVar = {
        "failure": "Links told though their time was over, because asking failed.",
        "slow": "The same, because the client had waited for long.",
        "outage": "The same, because nobody answered at all.",
    }

    def __init__(
        self,
        memory: Known,
        delegations: DelegationCache,
        servers: Servers,
        rules: StaleRules,
        *,
        clock: Clock,
    ) -> None:
        self.failure = 0
        self.slow = 0
        self.outage = 0
        self.silent_cuts: dict[Name, None] = {}
        """Zones whose servers are silent: false, at no cost, as long as everybody answers."""
        self._memory = memory
        self._delegations = delegations
        self._servers = servers
        self._rules = rules
        self._clock = clock
        self._told: dict[Question, None] = {}
        self._is_at_once = False

    def tell_at_once(self) -> None:
        """An operator says so: nobody waits for servers where there is something to tell."""
        self._is_at_once = True
        self.silent_cuts[names.ROOT] = None

    def __repr__(self) -> str:
        return f"<Stale {self.failure} {self.slow} {self.outage}, {len(self.silent_cuts)} silent>"

    # --- for the resolver --------------------------------------------------------------------

    def instead(self, question: Question, error: ResolutionFailed) -> Link | None:
        """What is told of *question* though asking failed with *error*; None: nothing is.

        Where signatures that ran out are the reason, *error* says so.
        """
        kept = self._kept(question)
        if kept is None:
            return None
        is_ours = isinstance(error, LinkDown)
        why, servers = Why.OUTAGE if is_ours else Why.FAILURE, self._servers
        if (servers.are_cut_off if is_ours else servers.are_silent)(kept.zone):
            self.silent_cuts[self._servers.asked(kept.zone)] = None
            if len(self.silent_cuts) > SILENT_CUTS:
                del self.silent_cuts[next(iter(self.silent_cuts))]
        link = self._told_as(question, kept, why)
        if link is None:
            text = "what is known was signed, and the signatures have expired"
            error.ede = (*error.ede, Ede(EdeCode.SIGNATURE_EXPIRED, text))
        return link

    def at_once(self, question: Question) -> Link | None:
        """What is told of *question* without waiting: its zone's servers are silent, or there is no
        route to them."""
        kept = self._kept(question)
        if kept is None:
            return None
        if self._is_at_once:
            return self._told_as(question, kept, Why.OUTAGE)
        asked = self._servers.asked(kept.zone)
        if asked not in self.silent_cuts:
            return None
        if self._servers.are_cut_off(asked):
            return self._told_as(question, kept, Why.OUTAGE)
        if not self._servers.are_silent(asked):
            del self.silent_cuts[asked]
            return None
        return self._told_as(question, kept, Why.FAILURE)

    def meanwhile(self, question: Question) -> Link | None:
        """What is told of *question* while it takes long to ask."""
        kept = self._kept(question)
        return None if kept is None else self._told_as(question, kept, Why.SLOW)

    def has(self, question: Question) -> bool:
        """Is there something that would be told?"""
        return self._kept(question) is not None

    def end_leases(self, denial: Link) -> None:
        """A zone that denies a name took back the delegations that it had at or above it."""
        soas = [rrset.owner for rrset in denial.authority if rrset.rtype == RRType.SOA]
        if soas:
            for name in names.ancestors(denial.question.qname):
                if len(name) <= len(soas[0]):
                    break
                self._delegations.end_lease(name, self._clock.now())

    def take_told(self) -> list[Question]:
        """What was told in the outage that has ended, the last first."""
        told, self._told = self._told, {}
        return list(reversed(told))

    # --- judging -----------------------------------------------------------------------------

    def _kept(self, question: Question) -> Entry | Negative | None:
        """What is over and may be told."""
        kept = self._memory.kept(question)
        if kept is None or kept.status in NOT_JUDGED:
            return None
        now = self._clock.now()
        if not kept.expires_at <= now < kept.expires_at + self._rules.max_s:
            return None
        if self._is_never_told(question.qname) or not self._is_leased(kept.zone, now):
            return None
        return None if self._is_delegated_since(question, kept) else kept

    def _is_never_told(self, name: Name) -> bool:
        never = self._rules.never
        return bool(never) and any(above in never for above in names.ancestors(name))

    def _is_leased(self, zone: Name, now: float) -> bool:
        """Not taken back, nor over for too long, as far as is remembered of *zone*'s cuts."""
        for name in names.ancestors(zone):
            cut = self._delegations.peek(name)
            if cut is not None and now >= cut.expires_at + self._rules.max_s:
                return False
        return True

    def _is_delegated_since(self, question: Question, kept: Entry | Negative) -> bool:
        """Is the name another zone's by now, whose servers are to be heard?"""
        qname = question.qname
        for name in names.ancestors(names.parent(qname) if question.qtype == RRType.DS else qname):
            if len(name) <= len(kept.zone):
                break
            cut = self._delegations.peek(name)
            if cut is not None and cut.ttl and cut.expires_at - cut.ttl > kept.learnt_at:
                return True
        return False

    def _told_as(self, question: Question, kept: Entry | Negative, why: Why) -> Link | None:
        """*kept* as it is told; None if its signatures forbid it. Counted."""
        now, wall = self._clock.now(), self._clock.wall()
        link = link_of(question, kept, now)
        ended = _signatures_ended(link, wall) if link.status is Status.SECURE else None
        if ended is not None and not self._rules.past_signatures:
            return None
        text = self._sentence(kept.zone)
        if ended is not None:
            at = datetime.fromtimestamp(ended, UTC)
            text += f"; signature expired at {at:%Y-%m-%dT%H:%M:%SZ}"
        setattr(self, why.value, getattr(self, why.value) + 1)
        if why is Why.OUTAGE:
            self._remember(question)
        return worded(
            link, ttl=min(self._rules.ttl, kept.ttl or self._rules.ttl), text=text, wall=wall
        )

    def _remember(self, question: Question) -> None:
        self._told.pop(question, None)
        self._told[question] = None
        if len(self._told) > STALE_RENEWALS:
            del self._told[next(iter(self._told))]

    def _sentence(self, zone: Name) -> str:
        cut, silent_s = names.to_text(zone), self._servers.silent_s(zone)
        if silent_s is None:
            return f"no server of {cut} answers"
        if silent_s < 1:
            return f"no server of {cut} gave a usable answer"
        return f"no server of {cut} answered for {duration(silent_s)}"


def worded(link: Link, *, ttl: int, text: str, wall: float) -> Link:
    """*link* as it is told: TTLs of *ttl*, the extended error, no signature that is over.

    It is not secure any more if a signature is over (RFC 4035 §4.3: nobody can tell).
    """
    code = EdeCode.STALE_NXDOMAIN if link.rcode == Rcode.NXDOMAIN else EdeCode.STALE_ANSWER
    status = link.status
    if status is Status.SECURE and _signatures_ended(link, wall) is not None:
        status = Status.INSECURE
    return replace(
        link,
        answer=tuple(_lasting(rrset, ttl, wall) for rrset in link.answer),
        authority=tuple(_lasting(rrset, ttl, wall) for rrset in link.authority),
        status=status,
        ede=(*link.ede, Ede(code, text)),
        source=Source.STALE,
    )


def _lasting(rrset: RRset, ttl: int, wall: float) -> RRset:
    signatures = tuple(one for one in rrset.signatures if not _is_over(_end_of(one, wall), wall))
    return rrset._replace(ttl=ttl, signatures=signatures)


def signatures_end(link: Link, wall: float) -> float | None:
    """When the last signature of one of its RRsets ends, in Unix seconds; None: it has none."""
    ends = [
        max(_end_of(rdata, wall) for rdata in rrset.signatures)
        for rrset in (*link.answer, *link.authority)
        if rrset.signatures
    ]
    return min(ends, default=None)


def _signatures_ended(link: Link, wall: float) -> float | None:
    """The same, if it has ended; None: they last."""
    first = signatures_end(link, wall)
    return first if first is not None and _is_over(first, wall) else None


def _end_of(signature: bytes, wall: float) -> float:
    return instant_of(rdata_fields.rrsig(signature).expiration, wall)


def _is_over(end: float, wall: float) -> bool:
    return end + SIGNATURE_SKEW_SECONDS < wall
