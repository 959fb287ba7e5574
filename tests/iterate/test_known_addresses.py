"""What is known without asking: lent glue, and whether a second wind may find more."""

from __future__ import annotations

from resolver.cache.delegation import DelegationCache
from resolver.cache.rrset import RRsetCache
from resolver.delegation import Delegation, KnownAddresses, Server
from resolver.iterate.known_addresses import fill_from_cache, has_second_wind, lent_glue
from resolver.model import Question, Rank
from resolver.protocol.codes import RRType
from tests.making import name, rrset

FAMILIES = (RRType.A, RRType.AAAA)
ZONE, NS = name("example.com."), name("ns1.elsewhere.test.")
FOURTH, SIXTH = Server("192.0.2.1", 53, NS), Server("2001:db8::1", 53, NS)


def lender(*servers: Server) -> DelegationCache:
    """The nameserver's own zone, delegated until 100 with *servers* as glue of its nameserver."""
    delegations = DelegationCache()
    delegations.put(Delegation(name("elsewhere.test."), (NS,), {NS: servers}, expires_at=100.0))
    return delegations


def test_glue_is_lent_as_long_as_its_delegation_lasts() -> None:
    delegations = lender(FOURTH, SIXTH)
    assert lent_glue(NS, delegations, FAMILIES, 99.0) == KnownAddresses((FOURTH, SIXTH), 100.0)
    assert lent_glue(NS, delegations, FAMILIES, 100.0) is None


def test_of_families_that_are_never_asked_nothing_is_lent() -> None:
    assert lent_glue(NS, lender(FOURTH, SIXTH), (RRType.AAAA,), 0.0) == KnownAddresses(
        (SIXTH,), 100.0
    )
    assert lent_glue(NS, lender(FOURTH), (RRType.AAAA,), 0.0) is None


def test_what_is_borrowed_is_not_lent_on() -> None:
    """Else an address would live on after the referral that gave it."""
    delegations = lender(FOURTH)
    borrower = Delegation(ZONE, (NS,), expires_at=1e9)
    delegations.put(borrower)
    fill_from_cache(borrower, RRsetCache(1 << 16), delegations, FAMILIES, 0.0)
    assert borrower.servers() == (FOURTH,)
    assert borrower.glue == {}
    fill_from_cache(borrower, RRsetCache(1 << 16), delegations, FAMILIES, 100.0)
    assert borrower.servers() == ()


def test_a_looked_up_address_comes_before_a_lent_one_and_leaves_glue_alone() -> None:
    rrsets = RRsetCache(1 << 16)
    found = rrset("ns1.elsewhere.test. 60 A 192.0.2.7")
    rrsets.put(found, rank=Rank.AUTH_ANSWER, now=0.0, zone=name("elsewhere.test."))
    borrower = Delegation(ZONE, (NS,))
    fill_from_cache(borrower, rrsets, lender(FOURTH), FAMILIES, 0.0)
    assert [server.host for server in borrower.servers()] == ["192.0.2.7"]
    owner = Delegation(ZONE, (NS,), {NS: (FOURTH,)})
    fill_from_cache(owner, rrsets, lender(FOURTH), FAMILIES, 0.0)
    assert owner.servers() == (FOURTH,)


def test_a_second_wind_needs_something_that_was_not_tried() -> None:
    nobody = DelegationCache()
    inside = name("ns.example.com.")
    known = Delegation(ZONE, (inside,), {inside: (FOURTH,)})
    assert not has_second_wind(known, nobody, FAMILIES, 0.0, set())
    doubtful = Delegation(ZONE, (NS,), {NS: (FOURTH,)})
    assert has_second_wind(doubtful, nobody, FAMILIES, 0.0, set())
    assert has_second_wind(Delegation(ZONE, (NS,)), lender(FOURTH), FAMILIES, 0.0, set())


def test_look_ups_that_wait_for_us_are_no_hope() -> None:
    waiting = Delegation(ZONE, (NS,))
    waiting.book.begin(Question(NS, RRType.A), good_until=1e9)
    assert has_second_wind(waiting, DelegationCache(), FAMILIES, 0.0, set())
    assert not has_second_wind(waiting, DelegationCache(), FAMILIES, 0.0, {NS})
