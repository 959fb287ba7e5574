"""RRsets: rank, whole replacement, clamps, expiry."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from resolver.cache.rrset import RRsetCache
from resolver.limits import RRSET_CACHE_OCTETS_RANGE
from resolver.model import Rank, RRset, Status
from resolver.protocol import names
from tests.making import name, rrset
from tests.support import examples

MIB = 1 << 20
WWW = name("www.example.")


def cache(**options: int) -> RRsetCache:
    return RRsetCache(MIB, **options)


@pytest.mark.rfc("RFC 1035 §3.2.1")
@pytest.mark.rfc("RFC 1035 §7.4")
def test_a_ttl_counts_down_to_nothing() -> None:
    kept = cache()
    kept.put(rrset("www.example. 60 A 192.0.2.1"), rank=Rank.AUTH_ANSWER, now=100.0, zone=WWW)
    entry = kept.get(WWW, 1, 130.5)
    assert entry is not None
    assert entry.current(130.5).ttl == 29
    assert kept.get(WWW, 1, 160.0) is None


@pytest.mark.rfc("RFC 1035 §3.2.1")
def test_ttl_zero_is_not_kept() -> None:
    kept = cache()
    assert (
        kept.put(rrset("www.example. 0 A 192.0.2.1"), rank=Rank.AUTH_ANSWER, now=0.0, zone=WWW)
        is None
    )
    assert kept.get(WWW, 1, 0.0) is None


@pytest.mark.rfc("RFC 2181 §5.4.1")
def test_lower_rank_never_replaces_higher() -> None:
    kept = cache()
    kept.put(rrset("www.example. 60 A 192.0.2.1"), rank=Rank.AUTH_ANSWER, now=0.0, zone=WWW)
    kept.put(rrset("www.example. 60 A 192.0.2.66"), rank=Rank.GLUE, now=1.0, zone=WWW)
    entry = kept.get(WWW, 1, 2.0)
    assert entry is not None
    assert entry.rdatas == (bytes([192, 0, 2, 1]),)


@pytest.mark.rfc("RFC 2181 §5.4.1")
def test_lower_rank_replaces_what_has_expired() -> None:
    kept = cache()
    kept.put(rrset("www.example. 60 A 192.0.2.1"), rank=Rank.AUTH_ANSWER, now=0.0, zone=WWW)
    kept.put(rrset("www.example. 60 A 192.0.2.66"), rank=Rank.GLUE, now=61.0, zone=WWW)
    entry = kept.get(WWW, 1, 62.0)
    assert entry is not None
    assert entry.rank is Rank.GLUE


@pytest.mark.rfc("RFC 2181 §5")
def test_an_rrset_is_replaced_as_a_whole() -> None:
    kept = cache()
    both = rrset("www.example. 60 A 192.0.2.1", "www.example. 60 A 192.0.2.2")
    kept.put(both, rank=Rank.AUTH_ANSWER, now=0.0, zone=WWW)
    kept.put(rrset("www.example. 60 A 192.0.2.3"), rank=Rank.AUTH_ANSWER, now=1.0, zone=WWW)
    entry = kept.get(WWW, 1, 2.0)
    assert entry is not None
    assert entry.rdatas == (bytes([192, 0, 2, 3]),)


@pytest.mark.rfc("RFC 8767 §4")
def test_a_ttl_with_its_top_bit_set_is_large_then_capped() -> None:
    kept = cache(max_ttl=86_400)
    assert kept.clamp(0x8000_0001) == 86_400


def test_clamps_apply_to_both_ends() -> None:
    kept = cache(min_ttl=300, max_ttl=600)
    assert [kept.clamp(ttl) for ttl in (0, 10, 400, 3600)] == [300, 300, 400, 600]


def test_memory_is_bounded_in_octets() -> None:
    kept = RRsetCache(200_000)
    for number in range(2_000):
        owner = names.from_labels((str(number).encode(), b"example"))
        kept.put(RRset(owner, 1, 60, (bytes(4),)), rank=Rank.AUTH_ANSWER, now=0.0, zone=WWW)
    assert 100_000 < kept.octets <= 200_000
    assert len(kept) < 2_000


class AgainstDict(RuleBasedStateMachine):
    """The cache against a plain dict: same look-ups after any order of puts and passing time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.cache = RRsetCache(MIB)
        self.model: dict[bytes, tuple[RRset, Rank, float]] = {}

    @rule(
        owner=st.sampled_from([b"\x01a\0", b"\x01b\0", b"\x01c\0"]),
        ttl=st.integers(0, 100),
        rank=st.sampled_from(list(Rank)),
        octet=st.integers(0, 255),
    )
    def put(self, owner: bytes, ttl: int, rank: Rank, octet: int) -> None:
        made = RRset(owner, 1, ttl, (bytes([octet]),))
        self.cache.put(made, rank=rank, now=self.now, zone=b"\0", status=Status.INSECURE)
        old = self.model.get(owner)
        outranked = old is not None and old[2] > self.now and old[1] > rank
        if ttl and not outranked:
            self.model[owner] = (made, rank, self.now + ttl)

    @rule(seconds=st.floats(0.1, 60.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def same_content(self) -> None:
        for owner in (b"\x01a\0", b"\x01b\0", b"\x01c\0"):
            entry = self.cache.get(owner, 1, self.now)
            known = self.model.get(owner)
            if known is None or known[2] <= self.now:
                assert entry is None
            else:
                assert entry is not None
                assert entry.current(self.now)._replace(ttl=known[0].ttl) == known[0]
                assert entry.current(self.now).ttl <= known[0].ttl


AgainstDict.TestCase.settings = settings(max_examples=examples(30), stateful_step_count=30)
TestAgainstDict = AgainstDict.TestCase


def test_memory_is_bounded() -> None:
    """At the least that a configuration may ask for: the least recently used leave."""
    least = RRSET_CACHE_OCTETS_RANGE[0]
    kept = RRsetCache(least)
    for at in range(10_000):
        owner = name(f"n{at}.example.")
        made = rrset(f"n{at}.example. 60 A 192.0.2.1")
        kept.put(made, rank=Rank.AUTH_ANSWER, now=0.0, zone=owner)
    assert 0 < kept.octets <= least
    assert kept.get(name("n0.example."), 1, 1.0) is None
    assert kept.get(name("n9999.example."), 1, 1.0) is not None
