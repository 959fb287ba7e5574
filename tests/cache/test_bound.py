"""Caches that are made smaller while they are in use, some at each step, and larger again."""

from __future__ import annotations

import pytest

from resolver.cache.shards import Shards
from resolver.limits import CACHE_PURGE_ENTRIES
from resolver.packets.packet import Packet, shared_layout
from resolver.packets.shards import PacketShards
from tests.cache.test_denial import Learner

_OCTETS = 100


class Thing:
    def octets(self) -> int:
        return _OCTETS


def filled(count: int) -> Shards[Thing]:
    cache: Shards[Thing] = Shards(count * _OCTETS * 2)
    for number in range(count):
        cache.put(number, Thing())
    return cache


def test_what_is_over_leaves_the_least_recently_used_first() -> None:
    cache = filled(1000)
    assert cache.get(0) is not None
    assert sum(cache.bound(400 * _OCTETS)) == 600 == cache.evicted
    assert cache.octets == 400 * _OCTETS == cache.most
    assert cache.get(0) is not None
    assert cache.get(1) is None


def test_it_stays_so_small() -> None:
    cache = filled(1000)
    list(cache.bound(10 * _OCTETS))
    for number in range(2000, 2100):
        cache.put(number, Thing())
    assert len(cache) == 10


def test_no_step_is_long() -> None:
    cache = filled(5 * CACHE_PURGE_ENTRIES)
    assert max(cache.bound(_OCTETS)) == CACHE_PURGE_ENTRIES


def test_a_larger_bound_is_room_at_once() -> None:
    cache = filled(10)
    list(cache.bound(5 * _OCTETS))
    assert list(cache.bound(1000 * _OCTETS)) == []
    for number in range(100, 200):
        cache.put(number, Thing())
    assert len(cache) == 105


def test_all_but_one_may_leave() -> None:
    """Who holds nothing has no size to go by; one costs nothing."""
    cache = filled(100)
    assert sum(cache.bound(0)) == 99
    cache.put("new", Thing())
    assert len(cache) == 1


@pytest.mark.parametrize("retired", [False, True])
def test_ready_replies_leave_likewise(retired: bool) -> None:  # noqa: FBT001
    shards = PacketShards(1 << 20)
    for number in range(1000):
        layout = shared_layout(60, 4, 1172, 0)
        shards.put(b"%d" % number, Packet(1 << 470, layout, 1, 300, 300))
    before = shards.octets
    if retired:
        shards.retire()
    gone = sum(shards.bound(before // 4))
    assert shards.octets <= before // 4
    assert gone >= (1000 if retired else 740)
    assert not shards._retired
    assert shards.most <= before // 4


def test_proven_gaps_leave_a_zone_at_each_step() -> None:
    learner = Learner()
    for zone in ("signed.test.", "test.", "."):
        for word in "abcdefgnopuvxyz":
            learner.ask(f"{word}{'' if zone == '.' else '.'}{zone}".rstrip(".") + ".")
    before = learner.cache.octets
    steps = list(learner.cache.bound(before // 2))
    assert steps == [1] * len(steps)
    assert 0 < learner.cache.octets <= before // 2 == learner.cache.most
