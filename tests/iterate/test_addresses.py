"""Addresses of nameservers: how long others' look-ups are waited for, and when to look anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver.cache.delegation import DelegationCache
from resolver.cache.rrset import RRsetCache
from resolver.iterate.addresses import AddressFinder, Means, fill_from_cache
from resolver.lab.virtual_time import VirtualClock
from resolver.limits import ADDRESS_RECHECK_SECONDS, NS_LOOKUPS_PER_CUT, SEARCH_JOIN_SECONDS
from resolver.model import Budget, Delegation, Purse, Question
from resolver.protocol.codes import RRType
from resolver.protocol.names import from_text
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.clock import Clock
    from resolver.model import Name

NS = tuple(from_text(f"ns{at}.elsewhere.test") for at in range(20))
ZONE = from_text("example.com")


class Finding:
    """What is found where all look-ups come back empty."""

    def __init__(self, delegation: Delegation) -> None:
        self.asked: list[Name] = []
        self.clock: Clock = VirtualClock()
        purse = Purse(queries=100, ns_lookups=20, crypto=0, hashes=0, deadline=1e9)
        self.delegation, self.budget = delegation, Budget(purse)
        self.means = Means(
            self.look_up, lambda _: (), lambda *_: None, (RRType.A,), self.clock, 1, self.nobody
        )

    def finder(self) -> AddressFinder:
        """For one inquiry more."""
        return AddressFinder(self.delegation, self.budget, self.means)

    async def look_up(self, question: Question, _: Budget) -> Sequence[bytes]:
        self.asked.append(question.qname)
        return ()

    async def nobody(self, *_: object) -> bool:
        return False


@pytest.mark.reaches("SEARCH_JOIN_SECONDS")
@trio_test
async def test_look_ups_of_others_are_not_waited_for_for_long() -> None:
    """They may wait for ours."""
    theirs = Question(NS[0], RRType.A)
    delegation = Delegation(ZONE, NS[:1], {NS[0]: ()}, searches={theirs})
    finding = Finding(delegation)
    began = trio.current_time()
    assert not await finding.finder().more()
    assert trio.current_time() - began == pytest.approx(float(SEARCH_JOIN_SECONDS))
    assert finding.asked == []


@pytest.mark.rfc("RFC 9520 §3.2")
@pytest.mark.reaches("ADDRESS_RECHECK_SECONDS")
@trio_test
async def test_a_name_without_an_address_is_looked_up_again_after_a_while() -> None:
    delegation = Delegation(ZONE, NS[:1])
    finding = Finding(delegation)
    rrsets, delegations = RRsetCache(1 << 20), DelegationCache()
    waits = (0.0, float(ADDRESS_RECHECK_SECONDS) - 0.1, 0.2)
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
    assert finding.asked == list(NS[: int(NS_LOOKUPS_PER_CUT)])
