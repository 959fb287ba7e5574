"""Addresses of nameservers: how long others' look-ups are waited for, and when to look anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver.budget import QueryBudget, Share
from resolver.cache.delegation import DelegationCache
from resolver.cache.rrset import RRsetCache
from resolver.delegation import KnownAddresses
from resolver.errors import ResolutionFailed, WorkExceeded
from resolver.iterate.addresses import AddressFinder, Effort, Lookups, Means
from resolver.iterate.known_addresses import fill_from_cache
from resolver.lab.virtual_time import VirtualClock
from resolver.limits import ADDRESS_RECHECK_SECONDS, NS_LOOKUPS_PER_CUT, SEARCH_JOIN_SECONDS
from resolver.model import Delegation, Question, Server
from resolver.protocol.codes import RRType
from resolver.protocol.ip_addresses import address_text
from resolver.protocol.names import from_text
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.model import Name
    from resolver.runtime.clock import Clock

NS = tuple(from_text(f"ns{at}.elsewhere.test") for at in range(20))
ZONE = from_text("example.com")
FOUND = bytes([192, 0, 2, 2])


class Finding:
    """Look-ups whose ends are a script: rdata, or an error to raise; empty where nothing is said.

    Each takes *takes_s*.
    """

    def __init__(self, delegation: Delegation, *, width: int = 1, ns_lookups: int = 20) -> None:
        self.asked: list[Name] = []
        self.parents: list[Name] = []
        self.ends: dict[Question, Sequence[bytes] | Exception] = {}
        self.takes_s = 0.0
        self.clock: Clock = VirtualClock()
        whole = QueryBudget(
            queries=100, ns_lookups=ns_lookups, signature_checks=0, hashes=0, deadline=1e9
        )
        self.delegation, self.budget = delegation, Share(whole)
        self.lent: dict[Name, KnownAddresses] = {}
        self.nursery: trio.Nursery | None = None
        lookups = Lookups(self.look_up, self.spawn, (RRType.A,), self.clock, width)
        self.means = Means(lookups, self.lent.get, self.ask_parent)

    def finder(self, effort: Effort = Effort.NORMAL) -> AddressFinder:
        """For one request more."""
        return AddressFinder(self.delegation, self.budget, self.means, effort)

    async def look_up(self, question: Question, budget: Share) -> Sequence[bytes]:  # noqa: ARG002
        self.asked.append(question.qname)
        await trio.sleep(self.takes_s)
        end = self.ends.get(question, ())
        if isinstance(end, Exception):
            raise end
        return end

    async def ask_parent(
        self,
        delegation: Delegation,  # noqa: ARG002  # called by any name
        question: Question,
        budget: Share,  # noqa: ARG002
    ) -> tuple[Server, ...] | None:
        self.parents.append(question.qname)
        end = self.ends.get(question, ())
        if isinstance(end, Exception):
            return None
        return tuple(Server(address_text(RRType.A, one) or "", 53, question.qname) for one in end)

    def spawn(self, function: object, *args: object) -> None:
        assert self.nursery is not None
        self.nursery.start_soon(function, *args)  # type: ignore[arg-type]


def asked(at: int) -> Question:
    return Question(NS[at], RRType.A)


def hosts(delegation: Delegation) -> list[str]:
    return [server.host for server in delegation.servers()]


def with_glue() -> Delegation:
    """One nameserver outside the cut, known by glue alone."""
    return Delegation(ZONE, NS[:1], {NS[0]: (Server("192.0.2.1", 53, NS[0]),)})


@pytest.mark.reaches("SEARCH_JOIN_SECONDS")
@trio_test
async def test_look_ups_of_others_are_not_waited_for_for_long() -> None:
    """They may wait for ours."""
    theirs = Question(NS[0], RRType.A)
    delegation = Delegation(ZONE, NS[:1])
    delegation.book.begin(theirs, good_until=float("inf"))
    finding = Finding(delegation)
    began = trio.current_time()
    assert not await finding.finder().more()
    assert trio.current_time() - began == pytest.approx(SEARCH_JOIN_SECONDS)
    assert finding.asked == []


@pytest.mark.rfc("RFC 9520 §3.2")
@pytest.mark.reaches("ADDRESS_RECHECK_SECONDS")
@trio_test
async def test_a_name_without_an_address_is_looked_up_again_after_a_while() -> None:
    delegation = Delegation(ZONE, NS[:1])
    finding = Finding(delegation)
    rrsets, delegations = RRsetCache(1 << 20), DelegationCache()
    waits = (0.0, ADDRESS_RECHECK_SECONDS - 0.1, 0.2)
    for wait_s, asked in zip(waits, (1, 1, 2), strict=True):
        await trio.sleep(wait_s)
        fill_from_cache(delegation, rrsets, delegations, (RRType.A,), finding.clock.now())
        if delegation.unresolved():
            assert not await finding.finder().more()
        assert len(finding.asked) == asked


@pytest.mark.rfc("CVE-2020-12667")
@pytest.mark.reaches("NS_LOOKUPS_PER_CUT")
@trio_test
async def test_few_names_of_one_cut_are_looked_up() -> None:
    finding = Finding(Delegation(ZONE, NS))
    assert not await finding.finder().more()
    assert finding.asked == list(NS[:NS_LOOKUPS_PER_CUT])


@pytest.mark.rfc("RFC 1034 §5.3.3")
@trio_test
async def test_a_second_wind_looks_up_beside_the_glue() -> None:
    """Found or not: what the referral gave is there for the next question."""
    for end, wanted in (
        ((FOUND,), ["192.0.2.1", "192.0.2.2"]),
        ((), ["192.0.2.1"]),
        (ResolutionFailed("its servers are broken"), ["192.0.2.1"]),
        (WorkExceeded("SUBQUERY_DEPTH"), ["192.0.2.1"]),
    ):
        finding = Finding(with_glue())
        finding.ends[asked(0)] = end
        assert not await finding.finder().more()
        assert finding.asked == []
        assert await finding.finder(Effort.SECOND_WIND).more() is (len(wanted) > 1)
        assert finding.asked == [NS[0]]
        assert hosts(finding.delegation) == wanted
        await finding.finder(Effort.SECOND_WIND).more()
        assert len(finding.asked) == (2 if isinstance(end, WorkExceeded) else 1)


@trio_test
async def test_a_look_up_that_is_cancelled_leaves_the_name_to_others() -> None:
    """The reply came first: nothing is said about the name."""
    finding = Finding(Delegation(ZONE, NS[:1]))
    finding.takes_s = 1.0
    with trio.move_on_after(0.5):
        await finding.finder().more()
    assert finding.delegation.unresolved() == NS[:1]
    finding.ends[asked(0)] = (FOUND,)
    assert await finding.finder().more()
    assert hosts(finding.delegation) == ["192.0.2.2"]


@trio_test
async def test_walks_side_by_side_look_each_name_up_once() -> None:
    finding = Finding(Delegation(ZONE, NS[:2]), width=2)
    finding.takes_s = 0.1
    finding.ends[asked(1)] = (FOUND,)
    found: list[bool] = []

    async def one() -> None:
        found.append(await finding.finder().more())

    async with trio.open_nursery() as finding.nursery:
        for _ in range(5):
            finding.nursery.start_soon(one)
    assert found == [True] * 5
    assert sorted(finding.asked) == sorted(NS[:2])


@trio_test
async def test_a_budget_that_ends_between_two_names_leaves_none_in_progress() -> None:
    finding = Finding(Delegation(ZONE, NS[:2]), width=2, ns_lookups=1)
    finding.ends[asked(0)] = ResolutionFailed("broken")
    async with trio.open_nursery() as finding.nursery:
        with pytest.raises(WorkExceeded):
            await finding.finder().more()
    assert finding.asked == [NS[0]]
    assert finding.delegation.unresolved() == NS[:2]
    assert finding.budget.whole.was_cut_short  # our bound, not a fact about the zone


@trio_test
async def test_glue_that_a_look_up_meets_is_asked_and_still_looked_up_in_a_second_wind() -> None:
    finding = Finding(Delegation(ZONE, NS[:1]))
    stale = Server("192.0.2.1", 53, NS[0])
    finding.lent[NS[0]] = KnownAddresses((stale,), 1e9)
    finding.ends[asked(0)] = (bytes([192, 0, 2, 1]),)
    assert await finding.finder().more()
    finding.ends[asked(0)] = (FOUND,)
    assert await finding.finder(Effort.SECOND_WIND).more()
    assert hosts(finding.delegation) == ["192.0.2.1", "192.0.2.2"]


@trio_test
async def test_what_the_parent_says_of_a_name_inside_the_cut_holds_as_glue() -> None:
    inside = from_text("ns.example.com")
    question = Question(inside, RRType.A)
    delegation = Delegation(ZONE, (inside,), expires_at=1e9)
    finding = Finding(delegation)
    finding.ends[question] = ResolutionFailed("silent")
    assert not await finding.finder().more()
    assert delegation.unresolved() == (inside,)  # that was no answer: the next may ask again
    finding.ends[question] = (FOUND,)
    assert await finding.finder().more()
    assert finding.parents == [inside] * 2
    delegation.book.expire(ADDRESS_RECHECK_SECONDS + 1)
    assert hosts(delegation) == ["192.0.2.2"]


@trio_test
async def test_a_parent_that_knows_no_address_is_asked_again_after_a_while() -> None:
    inside = from_text("ns.example.com")
    finding = Finding(Delegation(ZONE, (inside,), expires_at=1e9))
    for _ in range(2):
        assert not await finding.finder().more()
    assert finding.parents == [inside]
    await trio.sleep(ADDRESS_RECHECK_SECONDS + 1)
    finding.delegation.book.expire(finding.clock.now())
    assert not await finding.finder().more()
    assert finding.parents == [inside] * 2


@trio_test
async def test_a_second_wind_tries_nothing_a_second_time() -> None:
    """What has no address was looked up in the first, and would spend the budget again."""
    glue = {NS[0]: (Server("192.0.2.1", 53, NS[0]),)}
    finding = Finding(Delegation(ZONE, NS[:2], glue))
    finding.ends[asked(1)] = ResolutionFailed("broken")
    assert not await finding.finder().more()
    assert not await finding.finder(Effort.SECOND_WIND).more()
    assert finding.asked == [NS[1], NS[0]]
