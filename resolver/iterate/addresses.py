"""Addresses of a zone cut's nameservers: from glue, from the cache, and by sub-queries.

Glue of the referral itself is used at once; names without glue are looked up, two at a time and in
the resolver's own nursery, bounded per cut and per client query (NXNSAttack, NRDelegation). Nobody
waits here while glue is at hand: that choice is the exchange's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import trio

from resolver.errors import ResolutionFailed, WorkExceeded
from resolver.limits import (
    ADDRESS_RECHECK_SECONDS,
    ADDRESSES_PER_NAMESERVER,
    NS_LOOKUPS_PER_CUT,
    SEARCH_JOIN_SECONDS,
)
from resolver.model import Question, Server
from resolver.protocol import names
from resolver.protocol.addresses import address_text
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resolver.cache.delegation import DelegationCache
    from resolver.cache.rrset import RRsetCache
    from resolver.clock import Clock
    from resolver.model import Budget, Delegation, Name


_LOOKUPS = int(NS_LOOKUPS_PER_CUT)


class Lookup(Protocol):
    """Addresses of one name and type by a sub-query. Raises ResolutionFailed."""

    async def __call__(self, question: Question, budget: Budget) -> Sequence[bytes]: ...


class ParentLookup(Protocol):
    """Addresses of a nameserver inside the cut itself, from the servers above the cut."""

    async def __call__(self, delegation: Delegation, name: Name, budget: Budget) -> bool: ...


class Spawn(Protocol):
    """Starts a task in the resolver's nursery."""

    def __call__(self, function: object, *args: object) -> None: ...


def lent_glue(name: Name, delegations: DelegationCache, now: float) -> tuple[Server, ...]:
    """Addresses that a referral at or above *name* gave for it; asked, but never answered from."""
    for ancestor in names.ancestors(name):
        delegation = delegations.get(ancestor, now)
        if delegation is not None and name in delegation.glue:
            return delegation.glue[name]
    return ()


def fill_from_cache(
    delegation: Delegation,
    rrsets: RRsetCache,
    delegations: DelegationCache,
    rtypes: Sequence[int],
    now: float,
) -> None:
    """Give *delegation* every address that is known for names that have none.

    Looked-up addresses first, else the glue of the nameserver's own zone: one query saved.
    """
    if delegation.refresh_at <= now:
        delegation.addresses = dict(delegation.glue)
        delegation.refresh_at = float("inf")
    elif len(delegation.addresses) >= len(delegation.nameservers):
        return
    for name in delegation.nameservers:
        if name in delegation.addresses:
            continue
        servers: list[Server] = []
        for rtype in rtypes:
            entry = rrsets.get(name, rtype, now)
            if entry is not None:
                servers += _servers(name, rtype, entry.rdatas)
                delegation.refresh_at = min(delegation.refresh_at, entry.expires_at)
        if not servers:
            lent = lent_glue(name, delegations, now)
            servers += [server for server in lent if server.rtype in rtypes]
            if servers:
                delegation.glue[name] = tuple(servers)
        if servers:
            delegation.addresses[name] = tuple(servers)


def borrow_glue(delegation: Delegation, delegations: DelegationCache, now: float) -> bool:
    """Second wind of a cut whose servers all failed: addresses that another referral gave.

    Parent and child may differ about a nameserver's address, and either may be the one that works.
    True if there is something new to try; names outside the cut that had only glue are looked up.
    """
    is_new = False
    for name in delegation.nameservers:
        known = delegation.addresses.get(name, ())
        lent = lent_glue(name, delegations, now)
        fresh = tuple(server for server in lent if server not in known)
        if fresh:
            delegation.addresses[name] = (*known, *fresh)
            is_new = True
        elif name in delegation.glue and not names.is_subdomain(name, delegation.zone):
            del delegation.glue[name]
            delegation.addresses.pop(name, None)
            is_new = True
    return is_new


def _servers(name: Name, rtype: int, rdatas: Sequence[bytes]) -> list[Server]:
    hosts = [address_text(rtype, rdata) for rdata in rdatas[: int(ADDRESSES_PER_NAMESERVER)]]
    return [Server(host, 53, name) for host in hosts if host is not None]


def _count(delegation: Delegation) -> int:
    return sum(map(len, delegation.addresses.values()))


class Means(NamedTuple):
    """How addresses are had: what all finders of one walker share."""

    lookup: Lookup
    lend: Callable[[Name], tuple[Server, ...]]
    spawn: Spawn
    rtypes: Sequence[int]
    clock: Clock
    width: int
    ask_parent: ParentLookup


class AddressFinder:
    """Looks up the unresolved nameserver names of one cut, on behalf of one inquiry."""

    __slots__ = ("_budget", "_delegation", "_known", "_left", "_means", "_tried")

    def __init__(self, delegation: Delegation, budget: Budget, means: Means) -> None:
        self._delegation = delegation
        self._budget = budget
        self._means = means
        self._left = _LOOKUPS
        self._known = _count(delegation)
        self._tried: set[Question] = set()

    def _candidates(self) -> list[Name]:
        """Unresolved names that a sub-query can find: not those inside the cut itself."""
        zone = self._delegation.zone
        has_servers = any(True for _ in self._delegation.servers())
        ancestors = {question.qname for question in self._budget.ancestors}
        tried = {question.qname for question in self._tried}
        possible = [
            name
            for name in self._delegation.unresolved()
            if (has_servers or zone == names.ROOT or not names.is_subdomain(name, zone))
            and name not in tried
        ]
        candidates = [name for name in possible if name not in ancestors]
        self._budget.purse.entangled |= len(candidates) < len(possible)
        return candidates

    async def more(self) -> bool:
        """Look up the next one or two names; True as soon as one of them has an address.

        False when nothing is left to look up. Raises WorkExceeded when the budget ends it.
        """
        while True:
            chosen = self._candidates()[: min(self._means.width, self._left)]
            if not chosen:
                return (
                    await self._of_others()
                    or await self._other_families()
                    or await self._from_parent()
                )
            self._left -= len(chosen)
            for name in chosen:
                self._budget.spend_ns_lookup()
                self._delegation.addresses[name] = ()  # in progress: nobody else starts it
                self._delegation.searches.update(Question(name, one) for one in self._means.rtypes)
            self._delegation.refresh_at = min(
                self._delegation.refresh_at,
                self._means.clock.now() + float(ADDRESS_RECHECK_SECONDS),
            )
            if await self._first_of(chosen):
                self._known = _count(self._delegation)
                return True

    async def _of_others(self) -> bool:
        """Wait for look-ups that others began, or that we left running; True at a new address.

        Not for those that wait for us: their names are among our own ancestors, or time tells.
        """
        delegation = self._delegation
        ancestors = {question.qname for question in self._budget.ancestors}
        with trio.move_on_after(float(SEARCH_JOIN_SECONDS)):
            while (found := _count(delegation)) <= self._known:
                if ancestors.issuperset(search.qname for search in delegation.searches):
                    self._budget.purse.entangled |= bool(delegation.searches)
                    return False
                if delegation.news is None:
                    delegation.news = trio.Event()
                await delegation.news.wait()
            self._known = found
            return True
        return False

    async def _other_families(self) -> bool:
        """Nameservers outside the cut of which one address type only was ever looked up or lent."""
        delegation = self._delegation
        for name in delegation.nameservers:
            known = delegation.addresses.get(name)
            if not known or names.is_subdomain(name, delegation.zone):
                continue
            for rtype in self._means.rtypes:
                question = Question(name, rtype)
                has_family = any(one.is_ipv6 == (rtype == RRType.AAAA) for one in known)
                if has_family or question in self._tried or question in self._budget.ancestors:
                    continue
                if self._left <= 0:
                    return False
                self._left -= 1
                self._budget.spend_ns_lookup()
                if await self._add(name, rtype):
                    self._known = _count(delegation)
                    return True
        return False

    def _share(self) -> bool:
        """Give every name the glue that the look-up met on its way: mostly, all there is."""
        addresses = self._delegation.addresses
        is_new = False
        for name in self._delegation.nameservers:
            if not addresses.get(name):
                lent = self._means.lend(name)
                if lent:
                    addresses[name] = self._delegation.glue[name] = lent
                    is_new = True
        return is_new

    def _end(self, question: Question, *, is_settled: bool) -> None:
        """One look-up is over; wake those who wait for it. Unsettled, others may try again."""
        delegation = self._delegation
        delegation.searches.discard(question)
        if not is_settled and not delegation.addresses.get(question.qname, True):
            del delegation.addresses[question.qname]
        if delegation.news is not None:
            delegation.news.set()
            delegation.news = None

    async def _from_parent(self) -> bool:
        """Nameservers inside the cut, without glue: only the parent's servers can know them."""
        delegation = self._delegation
        if self._left <= 0 or any(True for _ in delegation.servers()):
            return False
        inside = [
            name for name in delegation.unresolved() if names.is_subdomain(name, delegation.zone)
        ]
        for name in inside[: self._left]:
            self._left -= 1
            self._budget.spend_ns_lookup()
            delegation.addresses[name] = ()
            try:
                if await self._means.ask_parent(delegation, name, self._budget):
                    return True
            except ResolutionFailed:  # our link or our bound: nothing was found out
                delegation.addresses.pop(name, None)
                raise
        return False

    async def _first_of(self, chosen: list[Name]) -> bool:
        """Run the look-ups side by side; return at the first address, the rest goes on."""
        if self._means.width == 1:
            return await self._serially(chosen[0])
        done = trio.Event()
        pending = [len(chosen) * len(self._means.rtypes)]
        found = [False]
        for name in chosen:
            for rtype in self._means.rtypes:
                self._means.spawn(self._one, name, rtype, done, pending, found)
        await done.wait()
        return found[0]

    async def _serially(self, name: Name) -> bool:
        try:
            for rtype in self._means.rtypes:
                if await self._add(name, rtype):
                    return True
                if name not in self._delegation.addresses:
                    return False  # its servers failed: another name first, time is short
            return False
        finally:
            self._delegation.searches.difference_update(
                Question(name, rtype) for rtype in self._means.rtypes
            )

    async def _one(
        self, name: Name, rtype: int, done: trio.Event, pending: list[int], found: list[bool]
    ) -> None:
        try:
            with trio.move_on_at(self._budget.deadline):
                if await self._add(name, rtype):
                    found[0] = True
                    done.set()
        finally:
            pending[0] -= 1
            if pending[0] == 0:
                done.set()

    async def _add(self, name: Name, rtype: int) -> bool:
        """One look-up; its addresses join the delegation. Failures are the name's, not ours."""
        question = Question(name, rtype)
        self._tried.add(question)
        is_settled = False
        try:
            rdatas = await self._means.lookup(question, self._budget)
            servers = _servers(name, rtype, rdatas)
            known = self._delegation.addresses.get(name, ())
            self._delegation.addresses[name] = (
                *known,
                *(server for server in servers if server not in known),
            )
            is_settled = True
            return self._share() or bool(servers)
        except WorkExceeded:
            self._budget.purse.entangled = True  # our bound, not a fact about the zone
            if self._means.width == 1 and self._budget.purse.queries <= 0:
                raise
            return False
        except ResolutionFailed:
            return False  # the failure cache remembers, and lets others try again soon
        finally:
            self._end(question, is_settled=is_settled)
