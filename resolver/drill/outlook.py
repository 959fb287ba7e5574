"""Until when a question can be answered, once only some servers answer: closed sets over the facts.

From the moment of the drill on the servers that are kept answer, the others are silent, for good.
So whatever can be had at one time can be had at all times before it, and of each thing one number
is enough: *until when*. A zone's servers can be asked as long as its delegation is held, or the
parent gives it anew, and one address of them is kept; an address that did not come with the
delegation, as long as it is held or can be looked up; what they say is believed as long as the
zone's chain of trust is held or can be had. A name is told fresh while each link of its alias chain
is held or can be asked for, and stale for some time after. What depends on itself cannot be had:
the values are the least that agree with each other, found by going round until nothing changes.

It is taken that names in use stay in use: what can be renewed is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.drill.facts import ALWAYS, NEVER, Asked
from resolver.limits import CHAIN_LENGTH, CUT_LEAST_TTL, CUT_RENEWAL_PART
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from resolver.drill.facts import Cut, Fact, Index
    from resolver.protocol.names import Name

_ADDRESSES = (RRType.A, RRType.AAAA)
_DEEPEST = 120  # things behind each other: two or three a zone; SUBQUERY_DEPTH is no deeper


class Features(NamedTuple):
    """What bears on an outage: a copy of the root zone, renewal ahead of need, and for how many
    seconds what is over is told (0: not at all)."""

    local_root: bool
    keeps_warm: bool
    stale_s: float


class Terms(NamedTuple):
    """What stays the same in all turns of one drill.

    *kept*: addresses that go on answering. *as_it_is*: the features that are on now, by which the
    facts came about. *anchors*, *waived*: trust anchors, and negative ones; none: nothing is
    validated. *never_stale*: names that are never told stale, with all below. *is_cold*: as if
    nothing were held.
    """

    kept: frozenset[str]
    as_it_is: Features
    anchors: frozenset[bytes] = frozenset()
    waived: frozenset[bytes] = frozenset()
    never_stale: frozenset[bytes] = frozenset()
    past_signatures: bool = True
    is_cold: bool = False


class Outlook:
    """What *index* comes to under *features*: `settle` first, for all that will be asked."""

    def __init__(self, index: Index, terms: Terms, features: Features) -> None:
        self.index = index
        self.terms = terms
        self.features = features
        self._found: dict[Hashable, float] = {}  # by the last round, or this one so far
        self._done: set[Hashable] = set()
        self._used: frozenset[Asked] = frozenset()
        self._depth = 0

    def __repr__(self) -> str:
        return f"<Outlook {self.features}, {len(self._found)} values>"

    def settle(self, asked: Iterable[Asked]) -> None:
        """Work out all that *asked* depends on. O(rounds × facts); there are about as many rounds
        as zones are stacked behind each other's nameservers."""
        questions = list(asked)
        self._used = frozenset(questions)
        before: dict[Hashable, float] | None = None
        while before != self._found:
            before = dict(self._found)
            self._done.clear()
            for question in questions:
                for link, _ in self.chain(question):
                    self.link_until(link)

    def _value(self, node: Hashable, work: Callable[[], float]) -> float:
        """What *node* is worth: worked out once a round, and as in the last one where it is met
        again on the way to itself, or further behind the question than anybody would look."""
        if node not in self._done and self._depth < _DEEPEST:
            self._done.add(node)
            self._found.setdefault(node, NEVER)
            self._depth += 1
            self._found[node] = work()
            self._depth -= 1
        return self._found.get(node, NEVER)

    # --- names -------------------------------------------------------------------------------

    def chain(self, asked: Asked) -> Iterator[tuple[Asked, Fact | None]]:
        """The links of the alias chain, as far as it is known; the last has no alias."""
        for _ in range(CHAIN_LENGTH):
            fact = self.index.facts.get(asked)
            yield asked, fact
            if fact is None or not fact.target:
                return
            asked = Asked(fact.target, asked.rtype)

    def link_until(self, asked: Asked) -> float:
        """Until when one link is told fresh: as it is held, or asked for."""
        fact = self.index.facts.get(asked)
        held = NEVER if fact is None else self.held(fact)
        return max(held, self.answers_until(self.zone_of(asked)))

    def zone_of(self, asked: Asked) -> Name:
        """Whose servers are asked: those of the closest cut that is known."""
        is_above = asked.rtype == RRType.DS and asked.name != names.ROOT
        cut = self.index.closest(names.parent(asked.name) if is_above else asked.name)
        return names.ROOT if cut is None else cut.zone

    def is_sure(self, asked: Asked) -> bool:
        """Is it known who would be asked? Of a name that was never looked up it is if names in its
        zone were; else there may be a cut that nobody has seen."""
        return asked in self.index.facts or self.zone_of(asked) in self.index.answering

    def held(self, fact: Fact) -> float:
        """Until when *fact* counts, without asking."""
        terms = self.terms
        if terms.is_cold:
            return NEVER
        if self.features.keeps_warm == terms.as_it_is.keeps_warm:
            return fact.left_s
        if not self.features.keeps_warm:
            return fact.left_s if fact.alone_s is None else min(fact.left_s, fact.alone_s)
        return max(fact.left_s, fact.ttl / 2) if fact.asked in self._used else fact.left_s

    def stale_until(self, asked: Asked) -> float:
        """Until when one link is told at all."""
        fact, stale_s = self.index.facts.get(asked), self.features.stale_s
        fresh = self.link_until(asked)
        if fact is None or not fact.is_judged or not stale_s:
            return fresh
        never = self.terms.never_stale
        if never and any(name in never for name in names.ancestors(asked.name)):
            return fresh
        ended = max(self.held(fact), fresh)
        until = min([ended + stale_s, *self._leases(fact.zone)])
        if not self.terms.past_signatures and fact.signed_s is not None:
            until = min(until, max(fact.signed_s, ended))
        return max(fresh, until)

    def _leases(self, zone: Name) -> Iterator[float]:
        """What lies below a delegation is told for as long after its end as an answer is."""
        for name in names.ancestors(zone):
            cut = self.index.cuts.get(name)
            if cut is not None and not cut.is_fixed:
                yield max(cut.left_s, self.cut_until(name)) + self.features.stale_s

    # --- zones -------------------------------------------------------------------------------

    def answers_until(self, zone: Name) -> float:
        """Until when *zone*'s servers answer, and are believed."""
        return min(self.asked_until(zone), self.trusted_until(zone))

    def asked_until(self, zone: Name) -> float:
        """Until when a server of *zone* can be asked."""
        return self._value(("ask", zone), lambda: self._asked_until(zone))

    def _asked_until(self, zone: Name) -> float:
        cut = self.index.cuts.get(zone)
        if zone == names.ROOT and self.features.local_root:
            return ALWAYS
        if cut is None:
            return NEVER
        return min(self.cut_until(zone), self.reached_until(cut))

    def reached_until(self, cut: Cut) -> float:
        """Until when one address of its servers is known that is kept."""
        kept = self.terms.kept
        if any(host in kept for host in cut.hosts()):
            return ALWAYS
        return max(map(self.address_until, cut.nameservers), default=NEVER)

    def address_until(self, nameserver: Name) -> float:
        """Until when an address of *nameserver* that is kept is held, or can be looked up."""
        return self._value(("address", nameserver), lambda: self._address_until(nameserver))

    def _address_until(self, nameserver: Name) -> float:
        until = NEVER
        for rtype in _ADDRESSES:
            asked = Asked(nameserver, rtype)
            for link, fact in self.chain(asked):
                if fact is not None and not self.terms.kept.isdisjoint(fact.hosts):
                    looked_up = self.asked_until(self.zone_of(link))
                    until = max(until, self.held(fact), looked_up)
        return until

    def cut_until(self, zone: Name) -> float:
        """Until when *zone*'s delegation is held, or its parent gives it anew."""
        return self._value(("cut", zone), lambda: self._cut_until(zone))

    def _cut_until(self, zone: Name) -> float:
        cut, above = self.index.cuts.get(zone), self.index.above(zone)
        if cut is None:
            return NEVER
        if cut.is_fixed or above is None:
            return ALWAYS
        renewed = self.asked_until(above.zone)
        if renewed not in (NEVER, ALWAYS):  # it never outlives its parent's
            renewed = min(renewed + cut.ttl, self.cut_until(above.zone))
        return max(self._held_cut(cut), renewed)

    def _held_cut(self, cut: Cut) -> float:
        """Delegations in use are renewed in the last fifth of their time, or at its end: what is
        left of one at any moment is the more."""
        if self.terms.is_cold:
            return NEVER
        as_it_is = self.features.keeps_warm == self.terms.as_it_is.keeps_warm
        if as_it_is or cut.ttl < CUT_LEAST_TTL:
            return cut.left_s
        part = 1 - CUT_RENEWAL_PART
        if self.features.keeps_warm:
            return part * cut.ttl + (1 - part) * max(cut.left_s, 0.0)
        return min(cut.left_s, max((cut.left_s - part * cut.ttl) / (1 - part), 0.0))

    # --- trust -------------------------------------------------------------------------------

    def trusted_until(self, zone: Name) -> float:
        """Until when it is established, or can be, what *zone* signs with, or that it need not."""
        if not self.terms.anchors:
            return ALWAYS
        return self._value(("trust", zone), lambda: self._trusted_until(zone))

    def _trusted_until(self, zone: Name) -> float:
        anchored = False
        for name in names.ancestors(zone):
            if name in self.terms.waived:
                return ALWAYS
            if name in self.terms.anchors:
                anchored = True
                break
        if not anchored:
            return ALWAYS
        known, above = self.index.trusts.get(zone), self.index.above(zone)
        held = NEVER if known is None or self.terms.is_cold else known.left_s
        if zone in self.terms.anchors:
            return max(held, self._set_until(Asked(zone, RRType.DNSKEY), zone))
        if above is None:
            return held
        parents = self.index.trusts.get(above.zone)
        if parents is not None and not parents.is_secure:
            return max(held, self.trusted_until(above.zone))
        had = min(
            self.trusted_until(above.zone), self._set_until(Asked(zone, RRType.DS), above.zone)
        )
        cut = self.index.cuts.get(zone)
        is_signed = known.is_secure if known is not None else cut is not None and cut.is_signed
        if is_signed:
            had = min(had, self._set_until(Asked(zone, RRType.DNSKEY), zone))
        return max(held, had)

    def _set_until(self, asked: Asked, zone: Name) -> float:
        """Until when a set of DS or DNSKEY, or the proof that there is none, is held or had."""
        fact = self.index.facts.get(asked)
        return max(NEVER if fact is None else self.held(fact), self.asked_until(zone))
