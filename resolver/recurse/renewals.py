"""What `prefetch` knows of the caches and of servers, and how it has them asked.

Aliases are followed link by link, so that only the link that ends first is renewed, and what lies
behind it. A zone cut is renewed by asking the parent for it anew, its DS and DNSKEY beside it; who
asks meanwhile goes on with what is known.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from resolver.errors import ResolutionFailed
from resolver.limits import CUT_LEAST_TTL, CUT_RENEWAL_PART, WARM_RETRY_SECONDS
from resolver.model import Question
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import META_TYPES, RRClass, RRType
from resolver.recurse.alias_chain import AliasChain, leads_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from resolver.iterate.walk import Walker
    from resolver.model import Delegation, Link, Name
    from resolver.recurse.prefetch import Renew
    from resolver.recurse.resolver import Resolver
    from resolver.upstream.dispatcher import Dispatcher


class Renewals:
    """`prefetch.Renewals` of one configuration. *barred*: names with all below, never kept warm."""

    def __init__(
        self,
        resolver: Resolver,
        walker: Walker,
        dispatcher: Dispatcher,
        *,
        now: Callable[[], float],
        outage_now: Callable[[], float],
        barred: frozenset[Name] = frozenset(),
    ) -> None:
        self._resolver = resolver
        self._walker = walker
        self._dispatcher = dispatcher
        self._now = now
        self._outage_now = outage_now
        self._barred = barred

    @property
    def sent(self) -> int:
        """Packets that went to servers since the start."""
        counters = self._dispatcher.counters
        return counters.sent_udp + counters.sent_tcp

    @property
    def is_busy(self) -> bool:
        """So many questions are on their way that nothing else is asked ahead of need."""
        return self._dispatcher.is_busy

    def is_barred(self, question: Question) -> bool:
        """True for names at or below one that is never kept warm, and for what is no plain type."""
        if question.qclass != RRClass.IN or question.qtype in META_TYPES:
            return True
        return any(one in self._barred for one in names.ancestors(question.qname))

    def left(self, question: Question, now: float) -> tuple[float, Question]:
        """Seconds that the answer lasts, 0 if there is none; its link that ends first."""
        first, least = question, float("inf")
        chain = AliasChain(question)
        asked: Question | None = question
        while asked is not None:
            link = self._resolver.memory.recall(asked, now)
            if link is None:
                return 0.0, asked
            left = _ttl(link)
            if left < least:
                first, least = asked, left
            asked = self._behind(link, chain, question)
        return least, first

    def _behind(self, link: Link, chain: AliasChain, question: Question) -> Question | None:
        if not leads_on(link):
            return None
        try:
            target = chain.add(link)
        except ResolutionFailed:
            return None
        return None if target is None else question._replace(qname=target)

    def begin(self, question: Question, done: Callable[[int], None]) -> bool:
        """Renew a link; *done* is told how many packets it took. False if it may not be asked."""
        cut = self._walker.closest(question)
        if self._is_out(cut) or self._resolver.memory.failures.get(question, self._now()):
            return False
        return self._resolver.refresh(question, done)

    def _is_out(self, cut: Delegation) -> bool:
        """Nobody answers on that way out, or no server of the cut did a moment ago."""
        now = self._outage_now()
        if self._dispatcher.ways.of(cut).is_cut(now):
            return True
        states = self._dispatcher.infra.states
        known = [states[one.key] for one in cut.servers() if one.key in states]
        since = now - WARM_RETRY_SECONDS
        silent = [one for one in known if one.fails and one.t_fail > since]
        return bool(silent) and len(silent) == len(cut.servers())

    def rtt_s(self, question: Question) -> float:
        """Smoothed round trip to the nearest server of the cut; 0 if that is not known.

        Three of them by a satellite far up: there what is lost is asked again after a second.
        """
        states = self._dispatcher.infra.states
        servers = self._walker.closest(question).servers()
        known = [states[one.key] for one in servers if one.key in states]
        nearest_s = min((state.srtt for state in known if state.n), default=0.0)
        return self._dispatcher.infra.link.patience * nearest_s

    # --- the zone cuts above ---------------------------------------------------------------------

    def above(self, question: Question, now: float) -> Iterable[Renew]:
        """What renews the zone cuts above *question* that are due, the highest first."""
        cut = self._walker.closest(question)
        found: list[Renew] = []
        while cut.zone != names.ROOT and not self._walker.is_configured(cut):
            found[:0] = self._of_cut(cut, now)
            cut = self._walker.closest(Question(cut.zone, RRType.DS))
        return found

    def _of_cut(self, cut: Delegation, now: float) -> Iterator[Renew]:
        if _is_due(cut.ttl, cut.expires_at, now):
            anew = self._walker.walk_from_above
            yield partial(self._resolver.refresh, Question(cut.zone, RRType.NS), work=anew)
        if cut.is_signed:
            for rtype in (RRType.DS, RRType.DNSKEY):
                if self._is_set_due(cut.zone, rtype, now):
                    yield partial(self._resolver.refresh, Question(cut.zone, rtype))

    def _is_set_due(self, zone: Name, rtype: int, now: float) -> bool:
        """A signed set, whose TTL is known by its signature."""
        rrsets = self._resolver.memory.rrsets
        entry = rrsets.peek(zone, rtype)
        if entry is None or not entry.signatures:
            return False
        ttl = rrsets.clamp(rdata_fields.rrsig(entry.signatures[0]).original_ttl)
        return _is_due(ttl, entry.expires_at, now)


def _is_due(ttl: float, expires_at: float, now: float) -> bool:
    """Is the last part of a long TTL reached?"""
    return ttl >= CUT_LEAST_TTL and expires_at - now <= (1 - CUT_RENEWAL_PART) * ttl


def _ttl(link: Link) -> float:
    """Seconds that *link*, as it was recalled, lasts."""
    return float(min((rrset.ttl for rrset in link.answer or link.authority), default=0))
