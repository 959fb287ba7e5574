"""Caches change hands whole, are purged in slices, and whoever stays behind leaves no trace."""

from __future__ import annotations

import pytest

from resolver.cache.delegation import DelegationCache
from resolver.cache.negative import NegativeCache
from resolver.cache.rrset import RRsetCache
from resolver.cache.shards import Shards
from resolver.model import Delegation, Question, Rank
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from tests.making import rrset

SIZE = 64 << 20  # many shards
WWW = rrset("www.example.com. 300 A 192.0.2.1")
HOST = rrset("host.corp. 300 A 192.0.2.2")
CORP = names.from_text("corp.")


def below_corp(name: names.Name) -> bool:
    return names.is_subdomain(name, CORP)


def filled() -> RRsetCache:
    cache = RRsetCache(SIZE)
    for each in (WWW, HOST):
        assert cache.put(each, rank=Rank.AUTH_ANSWER, now=0, zone=names.ROOT)
    return cache


def test_all_is_handed_over_and_the_old_goes_on_by_itself() -> None:
    old, fresh = filled(), RRsetCache(SIZE, max_ttl=60)
    entry = old.get(WWW.owner, RRType.A, 1)
    octets = old.octets
    fresh.take_over(old)
    assert fresh.get(WWW.owner, RRType.A, 1) is entry
    assert (fresh.octets, old.octets) == (octets, 0)
    assert old.get(WWW.owner, RRType.A, 1) is None
    late = rrset("late.example.com. 300 A 192.0.2.3")
    old.put(late, rank=Rank.AUTH_ANSWER, now=1, zone=names.ROOT)
    assert old.get(late.owner, RRType.A, 1) is not None
    assert fresh.get(late.owner, RRType.A, 1) is None
    kept = fresh.put(late, rank=Rank.AUTH_ANSWER, now=1, zone=names.ROOT)
    assert kept is not None
    assert kept.expires_at == 61


def test_what_is_purged_is_gone_and_does_not_come_back() -> None:
    cache = filled()
    for _ in cache.purge(below_corp):
        pass
    assert cache.get(WWW.owner, RRType.A, 1) is not None
    assert cache.get(HOST.owner, RRType.A, 1) is None
    cache.put(HOST, rank=Rank.AUTH_ANSWER, now=1, zone=names.ROOT)
    assert cache.get(HOST.owner, RRType.A, 1) is None
    fresh = RRsetCache(SIZE)
    fresh.take_over(cache)
    assert len(fresh) == 1
    fresh.put(HOST, rank=Rank.AUTH_ANSWER, now=1, zone=names.ROOT)
    assert fresh.get(HOST.owner, RRType.A, 1) is not None


def test_a_name_purged_half_way_is_not_taken_in_meanwhile() -> None:
    cache = filled()
    purge = cache.purge(below_corp)
    next(purge)
    cache.put(HOST, rank=Rank.AUTH_ANSWER, now=1, zone=names.ROOT)
    for _ in purge:
        pass
    assert cache.get(HOST.owner, RRType.A, 1) is None


def test_drained_is_empty() -> None:
    cache = filled()
    assert sum(1 for _ in cache.drain()) in (1, 2)  # shards that had something
    assert (len(cache), cache.octets) == (0, 0)


def test_a_large_shard_is_gone_through_in_slices() -> None:
    """A step is a turn of the event loop: hits wait for it."""
    shards: Shards[Brick] = Shards(1 << 20)
    for number in range(5000):
        shards.put((b"%d" % number, 1), Brick())
    assert len(shards) == 5000
    left = [len(shards) for _ in shards.purge(lambda key: int(key[0]) % 2 == 0)]
    assert len(left) == 5
    assert left[0] == 5000 - 512
    assert left[-1] == 2500
    assert sum(1 for _ in shards.drain()) == 3
    assert len(shards) == shards.octets == 0


class Brick:
    """A value of a weight."""

    def octets(self) -> int:
        return 10


def test_denials_and_zone_cuts_go_the_same_way() -> None:
    negatives, cuts = NegativeCache(SIZE), DelegationCache(SIZE)
    for name in (WWW.owner, HOST.owner):
        question = Question(name, RRType.AAAA)
        negatives.put(question, Rcode.NOERROR, (), zone=names.ROOT, now=0)
        cuts.put(Delegation(name, (), {}, expires_at=100))
    for cache in (negatives, cuts):
        for _ in cache.purge(below_corp):
            pass
    others, other_cuts = NegativeCache(SIZE), DelegationCache(SIZE)
    others.take_over(negatives)
    other_cuts.take_over(cuts)
    assert others.get(WWW.owner, RRType.AAAA, 1) is not None
    assert others.get(HOST.owner, RRType.AAAA, 1) is None
    assert other_cuts.get(WWW.owner, 1) is not None
    assert other_cuts.get(HOST.owner, 1) is None
    assert len(negatives) == len(cuts) == 0


def test_caches_of_other_sizes_do_not_fit() -> None:
    with pytest.raises(ValueError, match="one size"):
        Shards(SIZE).take_over(Shards(1 << 20))
