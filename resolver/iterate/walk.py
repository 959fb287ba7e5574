"""Walk: from the closest known zone cut down to an answer (RFC 1034 §5.3.3).

Each turn asks the servers of one cut one question (minimised, RFC 9156), and the verdict says what
comes next: a referral that descends moves the cut, everything else ends the walk. Bounded by the
budget, which sub-queries share, and by REFERRALS. Does not chase aliases and does not validate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from resolver.errors import ExchangeFailed, WorkExceeded
from resolver.iterate.addresses import Effort, Lookups
from resolver.iterate.ask import CutAsker
from resolver.iterate.classify import Classifier
from resolver.iterate.configured import Configured
from resolver.iterate.minimise import Minimiser
from resolver.iterate.scrub import glue_of
from resolver.limits import LOOKUP_WIDTH, MAX_TTL_SECONDS, REFERRALS
from resolver.model import Delegation, Link, Question, Rank, Referral, RRset, Verdict
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.ip_addresses import address_octets

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from collections.abc import Set as AbstractSet

    from resolver.budget import Share
    from resolver.cache.delegation import DelegationCache
    from resolver.cache.negative import NegativeCache
    from resolver.cache.rrset import RRsetCache
    from resolver.iterate.addresses import Lookup, Spawn
    from resolver.model import Name, Server
    from resolver.runtime.clock import Clock
    from resolver.upstream.request import Ask, Reply


_FAMILIES = (RRType.A, RRType.AAAA)
_FULL = Effort.NORMAL
_NO_NAMES: frozenset[Name] = frozenset()


class ReferralHook(Protocol):
    """Told of each referral: starts the fetch of a signed child's DNSKEY beside the question."""

    def __call__(self, delegation: Delegation, budget: Share) -> None: ...


def _expects_none(zone: Name, has_ds: bool) -> bool:  # noqa: FBT001
    del zone, has_ds
    return False


@dataclass(frozen=True, slots=True)
class WalkSettings:
    """What configuration says about walking. *rtypes*: address types asked for nameservers.

    *expects_signatures* of a zone, given whether its parent showed a DS. *yielding* and *primed*
    are configured zones with `first` and `prime`.
    """

    minimise: bool = True
    rtypes: Sequence[int] = _FAMILIES
    width: int = LOOKUP_WIDTH
    min_ttl: int = 0
    max_ttl: int = MAX_TTL_SECONDS
    yielding: frozenset[Name] = frozenset()
    primed: frozenset[Name] = frozenset()
    harden_glue: bool = True
    expects_signatures: Callable[[Name, bool], bool] = _expects_none


class Walker:
    """Everything a walk needs but the question; shared by all walks."""

    def __init__(
        self,
        *,
        ask: Ask,
        rrsets: RRsetCache,
        negatives: NegativeCache,
        delegations: DelegationCache,
        fixed: dict[Name, Delegation],
        hints: Delegation,
        clock: Clock,
        lookup: Lookup,
        spawn: Spawn,
        settings: WalkSettings,
        on_referral: ReferralHook,
    ) -> None:
        self._ask = ask
        self._rrsets = rrsets
        self._negatives = negatives
        self._delegations = delegations
        self._fixed = fixed
        self._hints = hints
        self._clock = clock
        self._settings = settings
        self._configured = Configured(
            ask,
            clock,
            yielding=settings.yielding,
            primed=settings.primed,
            expects_signatures=settings.expects_signatures,
        )
        self._on_referral = on_referral
        self._asker = CutAsker(
            ask,
            Lookups(lookup, spawn, settings.rtypes, clock, settings.width),
            rrsets,
            delegations,
            above=lambda zone: self.closest(Question(zone, RRType.DS)),
            spare=hints if self.asks_the_root else None,
        )

    def closest(self, question: Question, passed: AbstractSet[Name] = _NO_NAMES) -> Delegation:
        """The cut to start from; a DS question starts above its own name (RFC 4035 §3.1.4.1).

        *passed*: configured zones that count as if they were not (their servers failed).
        """
        now = self._clock.now()
        fixed, delegations = self._fixed, self._delegations
        name = question.qname
        if question.qtype == RRType.DS:
            name = names.parent(name)
        while True:
            found = fixed.get(name)
            if found is not None and name not in passed:
                return found
            found = delegations.get(name, now)
            if found is not None:
                return found
            if name == names.ROOT:
                return self._hints
            name = name[name[0] + 1 :]

    def cut_of(self, zone: Name) -> Delegation | None:
        """What is known of *zone*'s own cut, though it be over."""
        found = self._fixed.get(zone) or self._delegations.peek(zone)
        return self._hints if found is None and zone == names.ROOT else found

    @property
    def asks_the_root(self) -> bool:
        """False where a forward or stub zone "." says whom to ask instead of the root's servers."""
        return names.ROOT not in self._fixed

    @property
    def is_root_signed(self) -> bool:
        """Are signatures to be expected of the root's servers? Only an anchor says so."""
        return self._settings.expects_signatures(names.ROOT, False)  # noqa: FBT003 - above is none

    def is_configured(self, delegation: Delegation) -> bool:
        """True for forward and stub zones: their nameservers have no names."""
        return self._fixed.get(delegation.zone) is delegation

    def walk(
        self,
        question: Question,
        budget: Share,
        *,
        excluded: frozenset[str] = frozenset(),
        glue_will_do: bool = False,
    ) -> Awaitable[tuple[Link, ...]]:
        """Links of the answer to *question*: one Link per link. Raises ResolutionFailed.

        *glue_will_do*: a nameserver's address is wanted, and the walk ends at the first referral
        that brings it, with a link whose verdict is REFERRAL. Glue is asked, never answered.
        """
        delegation = self.closest(question)
        if delegation.zone in self._configured.zones and self.is_configured(delegation):
            return self._configured.walk(
                question,
                budget,
                closest=self.closest,
                walk_from=lambda start: self._walk_from(
                    start, question, budget, excluded, glue_will_do=glue_will_do
                ),
            )
        return self._walk_from(delegation, question, budget, excluded, glue_will_do=glue_will_do)

    def walk_from_above(self, question: Question, budget: Share) -> Awaitable[tuple[Link, ...]]:
        """The same from the zone cut above the name, as if none at it were known: to renew it."""
        above = self.closest(Question(question.qname, RRType.DS))
        return self._walk_from(above, question, budget, frozenset())

    async def _walk_from(
        self,
        delegation: Delegation,
        question: Question,
        budget: Share,
        excluded: frozenset[str],
        *,
        glue_will_do: bool = False,
    ) -> tuple[Link, ...]:
        minimiser = Minimiser(
            question, is_enabled=self._settings.minimise and not delegation.is_forward
        )
        for _ in range(REFERRALS):
            probe = minimiser.probe(delegation.zone)
            if probe is not question:
                probe = self._next_probe(minimiser, delegation)
            effort = _FULL if probe is question else Effort.PROBE
            if effort is _FULL and minimiser.stumbled_at == delegation.zone:
                effort = Effort.AFTER_PROBE
            classifier = Classifier(probe, delegation)
            request = self._asker.request(classifier, delegation, budget, excluded, effort)
            known = delegation.book.servers
            try:
                reply = await self._ask(request)
            except ExchangeFailed as error:
                if effort is Effort.PROBE:  # some refuse or drop what they do not expect
                    minimiser.stumble(delegation.zone)
                    continue
                reply = await self._asker.once_more(request, classifier, known, error)
            _, links, referral = reply.classified
            if referral is not None:
                referral = self._with_its_glue(referral, reply)
                delegation = self._descend(referral, delegation, budget)
                if glue_will_do and question.qname in referral.glue:
                    return (_glue_link(question, referral),)
                continue
            if probe is question:
                return links
            self._learn_from_probe(minimiser, probe, links[0])
        raise WorkExceeded("REFERRALS")

    def _with_its_glue(self, referral: Referral, reply: Reply) -> Referral:
        """Without `resolution.harden_glue`, what the reply says of other zones' names too."""
        if self._settings.harden_glue:
            return referral
        every = glue_of(reply.message, referral.nameservers, names.ROOT)
        return referral._replace(glue=every)

    def _next_probe(self, minimiser: Minimiser, delegation: Delegation) -> Question:
        """The next name to ask, skipping those the cache knows to exist."""
        while True:
            probe = minimiser.probe(delegation.zone)
            if probe == minimiser.question:
                return probe
            now = self._clock.now()
            known = self._negatives.get(probe.qname, probe.qtype, now)
            exists = known is not None and known.rcode == Rcode.NOERROR
            if exists or self._rrsets.get(probe.qname, probe.qtype, now) is not None:
                minimiser.advance(probe)
            else:
                return probe

    def _learn_from_probe(self, minimiser: Minimiser, probe: Question, outcome: Link) -> None:
        """A name that exists leads one label on; anything odd brings out the full question."""
        if outcome.verdict not in (Verdict.ANSWER, Verdict.NODATA):
            minimiser.give_up()
            return
        if outcome.verdict is Verdict.NODATA:
            self._negatives.put(
                probe, outcome.rcode, outcome.authority, zone=outcome.zone, now=self._clock.now()
            )
        minimiser.advance(probe)

    def _descend(self, referral: Referral, parent: Delegation, budget: Share) -> Delegation:
        """Keep what the referral says and stand at its cut."""
        now = self._clock.now()
        ttl = min(max(referral.ttl, self._settings.min_ttl), self._settings.max_ttl)
        glue = self._of_our_families(referral.glue)
        delegation = Delegation(
            referral.zone,
            referral.nameservers,
            glue,
            expires_at=(expires_at := _end_of(parent, now + ttl)),
            ttl=max(expires_at - now, 0.0),
            is_signed=self._settings.expects_signatures(
                referral.zone, any(rrset.rtype == RRType.DS for rrset in referral.proof)
            ),
            way=parent.way,
        )
        if delegation.book.unresolved:
            self._carry_on(delegation, now)
        if delegation.expires_at > now:  # else it serves this walk, and replaces no living one
            self._delegations.put(delegation)
        self._keep_proof(referral, parent.zone, ttl, now)
        self._on_referral(delegation, budget)
        return delegation

    def _carry_on(self, delegation: Delegation, now: float) -> None:
        """A parent that says the same again takes nothing away: look-ups that run, run for all."""
        known = self._delegations.get(delegation.zone, now)
        if (
            known is not None
            and known.glue == delegation.glue
            and set(known.nameservers) == set(delegation.nameservers)
        ):
            delegation.book = known.book

    def _of_our_families(
        self, glue: dict[Name, tuple[Server, ...]]
    ) -> dict[Name, tuple[Server, ...]]:
        """*glue* without addresses that are never asked: such a name is one to be looked up."""
        rtypes = self._settings.rtypes
        if len(rtypes) == len(_FAMILIES):
            return glue
        usable = {
            name: tuple(server for server in servers if server.rtype in rtypes)
            for name, servers in glue.items()
        }
        return {name: servers for name, servers in usable.items() if servers}

    def _keep_proof(self, referral: Referral, zone: Name, ttl: int, now: float) -> None:
        """DS and its denial are the parent's authoritative data (RFC 4035 §3.1.4.1)."""
        question = Question(referral.zone, RRType.DS)
        for rrset in referral.proof:
            if rrset.rtype == RRType.DS:
                self._rrsets.put(rrset, rank=Rank.AUTH_AUTHORITY, now=now, zone=zone)
                return
        if referral.proof:
            least = min(ttl, *(rrset.ttl for rrset in referral.proof))
            self._negatives.put(
                question, Rcode.NOERROR, referral.proof, zone=zone, now=now, ttl=least
            )


def _end_of(parent: Delegation, wanted: float) -> float:
    """When a delegation ends that *parent*'s servers gave: with *parent* at the latest.

    They speak for the zone only as long as it is theirs (ghost and phoenix domains, CVE-2022-30698
    and CVE-2022-30699); `cache.min_ttl` does not prolong that either. The root's own never is taken
    away: its set expires to be primed anew.
    """
    return wanted if parent.zone == names.ROOT else min(wanted, parent.expires_at)


def _glue_link(question: Question, referral: Referral) -> Link:
    """The glue that a referral brought for the very name that is looked up."""
    hosts = [one.host for one in referral.glue[question.qname] if one.rtype == question.qtype]
    rdatas = tuple(address_octets(host) for host in hosts)
    glue = (RRset(question.qname, question.qtype, referral.ttl, rdatas),) if rdatas else ()
    return Link(question, referral.zone, Verdict.REFERRAL, Rcode.NOERROR, glue)
