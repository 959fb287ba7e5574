"""Negative answers: NXDOMAIN and NODATA apart, bounded by their SOA (RFC 2308)."""

from __future__ import annotations

import pytest

from resolver.cache.negative import NegativeCache
from resolver.limits import DENIAL_WITHOUT_SOA_SECONDS
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from tests.making import name, question, rrset

SOA = rrset("example. 300 SOA ns.example. root.example. 1 2 3 4 60")
ZONE = name("example.")
ASKED = question("www.example. A")


def cache(**options: int) -> NegativeCache:
    return NegativeCache(1 << 20, **options)


@pytest.mark.rfc("RFC 2308 §5")
def test_nxdomain_holds_for_every_type_nodata_for_one() -> None:
    kept = cache()
    kept.put(ASKED, Rcode.NXDOMAIN, (SOA,), zone=ZONE, now=0.0)
    assert kept.get(ASKED.qname, RRType.TXT, 1.0) is not None
    kept = cache()
    kept.put(ASKED, Rcode.NOERROR, (SOA,), zone=ZONE, now=0.0)
    assert kept.get(ASKED.qname, RRType.TXT, 1.0) is None
    assert kept.get(ASKED.qname, RRType.A, 1.0) is not None


@pytest.mark.rfc("RFC 4074 §4")
def test_nxdomain_that_no_soa_above_backs_holds_for_the_type_asked() -> None:
    """Nobody signs for it, or the SOA stands at the very name, which therefore exists."""
    own = rrset("www.example. 300 SOA ns.example. root.example. 1 2 3 4 60")
    for authority in ((), (own,)):
        kept = cache()
        kept.put(ASKED, Rcode.NXDOMAIN, authority, zone=ZONE, now=0.0)
        known = kept.get(ASKED.qname, RRType.A, 1.0)
        assert known is not None
        assert known.rcode == Rcode.NXDOMAIN
        assert kept.get(ASKED.qname, RRType.TXT, 1.0) is None
        assert kept.nxdomain(ASKED.qname, 1.0) is None


@pytest.mark.parametrize("rtype", [0, 65_535])
def test_a_type_that_nobody_has_denies_itself_only(rtype: int) -> None:
    """Whoever asks for type 0 must not take a name away from everybody."""
    kept = cache()
    kept.put(ASKED._replace(qtype=rtype), Rcode.NOERROR, (SOA,), zone=ZONE, now=0.0)
    assert kept.get(ASKED.qname, rtype, 1.0) is not None
    assert kept.get(ASKED.qname, RRType.A, 1.0) is None


@pytest.mark.rfc("RFC 2308 §5")
def test_the_smaller_of_ttl_and_minimum_counts_down() -> None:
    kept = cache()
    kept.put(ASKED, Rcode.NXDOMAIN, (SOA,), zone=ZONE, now=0.0)
    entry = kept.get(ASKED.qname, RRType.A, 10.0)
    assert entry is not None
    assert entry.current(10.0)[0].ttl == 50
    assert kept.get(ASKED.qname, RRType.A, 60.0) is None


@pytest.mark.rfc("RFC 2308 §5")
@pytest.mark.reaches("DENIAL_WITHOUT_SOA_SECONDS")
def test_without_a_soa_it_is_kept_for_a_breath() -> None:
    """One packet for each client's question is worse than the loops that the RFC fears."""
    kept = cache()
    kept.put(ASKED, Rcode.NXDOMAIN, (), zone=ZONE, now=0.0)
    breath = DENIAL_WITHOUT_SOA_SECONDS
    assert kept.get(ASKED.qname, RRType.A, breath - 0.1) is not None
    assert kept.get(ASKED.qname, RRType.A, breath) is None


def test_without_a_soa_the_operators_least_ttl_counts() -> None:
    kept = cache(min_ttl=60)
    kept.put(ASKED, Rcode.NXDOMAIN, (), zone=ZONE, now=0.0)
    assert kept.get(ASKED.qname, RRType.A, 59.0) is not None


def test_what_is_kept_longer_says_so() -> None:
    """A denial raised to the least TTL is told with the seconds that are left of it."""
    kept = cache(min_ttl=5000)
    entry = kept.put(ASKED, Rcode.NXDOMAIN, (SOA,), zone=ZONE, now=0.0)
    assert entry is not None
    assert [rrset.ttl for rrset in entry.current(1000.0)] == [min(max(SOA.ttl, 5000), 2600)]


@pytest.mark.rfc("RFC 2308 §5")
def test_the_cap_holds() -> None:
    kept = cache(max_ttl=20)
    kept.put(ASKED, Rcode.NXDOMAIN, (SOA,), zone=ZONE, now=0.0)
    assert kept.get(ASKED.qname, RRType.A, 21.0) is None


@pytest.mark.rfc("RFC 8020 §2")
def test_names_beside_it_are_not_denied() -> None:
    kept = cache()
    kept.put(ASKED, Rcode.NXDOMAIN, (SOA,), zone=ZONE, now=0.0)
    assert kept.get(names.from_text("ww.example."), RRType.A, 1.0) is None
