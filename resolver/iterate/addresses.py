"""Addresses of a zone cut's nameservers: from glue, from the cache, and by sub-queries.

Glue of the referral itself is used at once; names without glue are looked up, two at a time and in
the resolver's own nursery, bounded per cut and per client query (NXNSAttack, NRDelegation). Nobody
waits here while glue is at hand: that choice is the exchange's. What is found comes beside what is
known: the rules are the address book's (`delegation`).
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

import trio

from resolver.delegation import KnownAddresses
from resolver.errors import LinkDown, ResolutionFailed, WorkExceeded
from resolver.iterate.known_addresses import doubtful, servers_of
from resolver.limits import ADDRESS_RECHECK_SECONDS, NS_LOOKUPS_PER_CUT, SEARCH_JOIN_SECONDS
from resolver.model import Question
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from resolver.budget import Share
    from resolver.model import Delegation, Name, Server
    from resolver.runtime.clock import Clock


class Lookup(Protocol):
    """Addresses of one name and type by a sub-query. Raises ResolutionFailed."""

    async def __call__(self, question: Question, budget: Share) -> Sequence[bytes]: ...


class ParentLookup(Protocol):
    """Addresses of a nameserver inside the cut, from the servers above it; None if they fail."""

    async def __call__(
        self, delegation: Delegation, question: Question, budget: Share
    ) -> tuple[Server, ...] | None: ...


class Spawn(Protocol):
    """Starts a task in the resolver's nursery."""

    def __call__(self, function: object, *args: object) -> None: ...


class Effort(enum.Enum):
    """How far to go for addresses on behalf of one question.

    NORMAL: names that have none, then the other address type of those that have. PROBE: only names
    that have none, and until somebody replied. AFTER_PROBE: NORMAL, at servers that are in doubt
    for what they made of a probe. SECOND_WIND: names that are known by referrals alone, once all
    those addresses failed.
    """

    NORMAL = "normal"
    PROBE = "probe"
    AFTER_PROBE = "after a probe"
    SECOND_WIND = "second wind"


class Lookups(NamedTuple):
    """Look-ups, and how they are made: *width* names at a time, of the address types *rtypes*."""

    lookup: Lookup
    spawn: Spawn
    rtypes: Sequence[int]
    clock: Clock
    width: int


class Means(NamedTuple):
    """How addresses are had: what all finders of one walker share."""

    lookups: Lookups
    lend: Callable[[Name], KnownAddresses | None]
    ask_parent: ParentLookup


def looks_up(
    delegation: Delegation, budget: Share, means: Means, effort: Effort
) -> Callable[[], Awaitable[bool]]:
    """`AddressFinder.more` of a finder that is made when it is first called: most never are."""
    finder: AddressFinder | None = None
    known = len(delegation.book.servers)

    def more() -> Awaitable[bool]:
        nonlocal finder
        if finder is None:
            finder = AddressFinder(delegation, budget, means, effort, known=known)
        return finder.more()

    return more


class AddressFinder:
    """Looks up the unresolved nameserver names of one cut, on behalf of one request."""

    __slots__ = ("_book", "_budget", "_delegation", "_effort", "_known", "_left", "_lookups",
                 "_means", "_tried")  # fmt: skip

    def __init__(
        self,
        delegation: Delegation,
        budget: Share,
        means: Means,
        effort: Effort = Effort.NORMAL,
        *,
        known: int | None = None,
    ) -> None:
        self._delegation = delegation
        self._book = delegation.book
        self._budget = budget
        self._means = means
        self._lookups = means.lookups
        self._effort = effort
        self._left = NS_LOOKUPS_PER_CUT
        self._known = len(self._book.servers) if known is None else known
        self._tried: set[Question] = set()

    async def more(self) -> bool:
        """Look up the next one or two names; True as soon as one of them has an address.

        False when nothing is left to look up. Raises WorkExceeded when the budget ends it.
        """
        while wanted := self._candidates()[: min(self._lookups.width, self._left)]:
            chosen = [
                Question(name, rtype)
                for name in self._paid(wanted)
                for rtype in self._book.open_types(name, self._lookups.rtypes)
            ]
            for question in chosen:
                self._begin(question)
            if await self._first_of(chosen):
                return self._got_on()
        if await self._of_others():
            return True
        if self._effort is not Effort.PROBE and await self._other_families():
            return True
        return await self._from_parent()

    def _candidates(self) -> list[Name]:
        """Names that a sub-query can find: not those inside the cut itself, unless it has servers.

        Nor those that were tried, nor those that this very look-up is for.
        """
        zone = self._delegation.zone
        can_ask_inside = bool(self._delegation.servers()) or zone == names.ROOT
        tried = {question.qname for question in self._tried}
        possible = [
            name
            for name in self._wanted()
            if name not in tried and (can_ask_inside or not names.is_subdomain(name, zone))
        ]
        ancestors = {question.qname for question in self._budget.ancestors}
        candidates = [name for name in possible if name not in ancestors]
        self._budget.whole.was_cut_short |= len(candidates) < len(possible)
        return candidates

    def _wanted(self) -> Sequence[Name]:
        """In a second wind, what the first did not try."""
        if self._effort is Effort.SECOND_WIND:
            return doubtful(self._delegation, self._lookups.rtypes)
        return self._book.unresolved

    def _paid(self, wanted: Sequence[Name]) -> list[Name]:
        """As many of *wanted* as the budget has look-ups for. Raises WorkExceeded if none."""
        paid: list[Name] = []
        for name in wanted:
            try:
                self._budget.spend_ns_lookup()
            except WorkExceeded:
                self._budget.whole.was_cut_short = True  # our bound, not a fact about the zone
                if not paid:
                    raise
                break
            paid.append(name)
        self._left -= len(paid)
        return paid

    def _begin(self, question: Question) -> None:
        until = self._lookups.clock.now() + ADDRESS_RECHECK_SECONDS
        self._book.begin(question, good_until=until)

    def _got_on(self) -> bool:
        self._known = len(self._book.servers)
        return True

    # --- others' look-ups, the other address type, the parent ------------------------------

    async def _of_others(self) -> bool:
        """Wait for look-ups that others began, or that we left running; True at a new address.

        Not for those that wait for us: their names are among our own ancestors, or time tells.
        """
        ancestors = {question.qname for question in self._budget.ancestors}
        with trio.move_on_after(SEARCH_JOIN_SECONDS):
            while len(self._book.servers) <= self._known:
                searching = set(self._book.searching())
                if ancestors.issuperset(searching):
                    self._budget.whole.was_cut_short |= bool(searching)
                    return False
                news = trio.Event()
                self._book.watch(news.set)
                await news.wait()
            return self._got_on()
        return False

    async def _other_families(self) -> bool:
        """Nameservers outside the cut of which one address type only is known, and was asked."""
        delegation = self._delegation
        for name in delegation.nameservers:
            known = {one.rtype for one in self._book.of(name)}
            if not known or names.is_subdomain(name, delegation.zone):
                continue
            for rtype in self._book.open_types(name, self._lookups.rtypes):
                question = Question(name, rtype)
                if rtype in known or question in self._tried | self._budget.ancestors:
                    continue
                if self._left <= 0 or not self._paid([name]):
                    return False
                self._begin(question)
                if await self._add(question):
                    return self._got_on()
        return False

    async def _from_parent(self) -> bool:
        """Nameservers inside the cut, without glue: only the parent's servers can know them."""
        delegation = self._delegation
        if self._left <= 0 or delegation.servers():
            return False
        inside = [
            name for name in self._book.unresolved if names.is_subdomain(name, delegation.zone)
        ]
        for name in inside[: self._left]:
            self._paid([name])
            if await self._ask_parent(name):
                return self._got_on()
        return False

    async def _ask_parent(self, name: Name) -> bool:
        """What the parent says of *name* is glue: it holds as long as the delegation."""
        delegation = self._delegation
        questions = [Question(name, rtype) for rtype in self._lookups.rtypes]
        for question in questions:
            self._begin(question)
        try:
            for question in questions:
                servers = await self._means.ask_parent(delegation, question, self._budget)
                if servers:
                    return self._book.lend({name: KnownAddresses(servers, delegation.expires_at)})
                if servers is not None:
                    self._book.settle(question, ())
        finally:
            self._give_up(questions)
        return False

    # --- look-ups --------------------------------------------------------------------------

    async def _first_of(self, chosen: list[Question]) -> bool:
        """Run the look-ups side by side; return at the first address, the rest goes on."""
        if self._lookups.width == 1:
            return await self._serially(chosen)
        done = trio.Event()
        pending = [len(chosen)]
        found = [False]
        for question in chosen:
            self._lookups.spawn(self._one, question, done, pending, found)
        await done.wait()
        return found[0]

    async def _serially(self, chosen: list[Question]) -> bool:
        """One after the other, for they are of one name."""
        try:
            for question in chosen:
                if await self._add(question):
                    return True
                if self._book.is_partial(question.qname):
                    return False  # its servers failed: another name first, time is short
            return False
        finally:
            self._give_up(chosen)

    async def _one(
        self, question: Question, done: trio.Event, pending: list[int], found: list[bool]
    ) -> None:
        try:
            with trio.move_on_at(self._budget.deadline):
                if await self._add(question):
                    found[0] = True
                    done.set()
        finally:
            pending[0] -= 1
            if pending[0] == 0:
                done.set()

    async def _add(self, question: Question) -> bool:
        """One look-up; its addresses join the book. True if the name has one now.

        Failures are the name's, not ours.
        """
        name, rtype, _ = question
        self._tried.add(question)
        try:
            rdatas = await self._lookups.lookup(question, self._budget)
        except WorkExceeded:
            self._budget.whole.was_cut_short = True  # our bound, not a fact about the zone
            if self._lookups.width == 1 and self._budget.whole.queries <= 0:
                raise
            return False
        except LinkDown:
            return False  # nothing was found out
        except ResolutionFailed:
            self._book.fail(question)  # the failure cache lets others try again soon
            return False
        else:
            found = servers_of(name, rtype, rdatas)
            self._settle(question, found)
            return self._share() or bool(found)
        finally:
            self._book.abandon(question)  # if it is not over

    def _settle(self, question: Question, found: list[Server]) -> None:
        """Mostly a look-up ends at the glue of the nameserver's own zone."""
        given = self._means.lend(question.qname)
        is_glue = given is not None and set(given.servers).issuperset(found)
        self._book.settle(question, found, is_glue=is_glue)

    def _give_up(self, questions: Iterable[Question]) -> None:
        """Those that did not get their turn are anybody's to look up."""
        for question in questions:
            self._book.abandon(question)

    def _share(self) -> bool:
        """Give every name the glue that the look-up met on its way: mostly, all there is."""
        lent = {
            name: given
            for name in self._delegation.nameservers
            if not self._book.of(name) and (given := self._means.lend(name)) is not None
        }
        return self._book.lend(lent)
