"""Packets in shards: bounded in octets, and what was asked for stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import CACHE_SHARD_ENTRIES, PACKET_SWEEP
from resolver.packets.packet import Packet, PacketLayout
from resolver.packets.shards import PacketShards, weight


def packet(octets: int = 100) -> Packet:
    return Packet(1, PacketLayout(octets, 0, 0, 0), born=0, due=10, expires=10)


def key(at: int) -> bytes:
    return at.to_bytes(4, "big")


def kept_of(shards: PacketShards) -> dict[bytes, Packet]:
    (only,), _ = shards.table
    return only


def test_the_oldest_leave_unless_they_were_hit() -> None:
    shards = PacketShards(200 * weight(key(0), packet()))
    for at in range(200):
        shards.put(key(at), packet())
    kept = kept_of(shards)
    kept[key(3)].hit = 7
    shards.put(key(200), packet())
    assert key(2) not in kept
    assert key(3) in kept
    assert key(200) in kept


def test_a_second_chance_is_used_up() -> None:
    """What was hit long ago, and not since it was spared, leaves in its turn."""
    shards = PacketShards(200 * weight(key(0), packet()))
    shards.put(key(0), packet())
    kept_of(shards)[key(0)].hit = 7
    seen = set()
    for at in range(1, 800):
        shards.put(key(at), packet())
        seen.add((at, key(0) in kept_of(shards)))
    assert (250, True) in seen
    assert (799, False) in seen


def test_room_is_found_when_all_were_hit() -> None:
    shards = PacketShards(200 * weight(key(0), packet()))
    for at in range(1000):
        shards.put(key(at), packet())
        for one in kept_of(shards).values():
            one.hit = at
    assert 100 < len(shards) <= 200
    assert key(999) in kept_of(shards)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 200)), max_size=200))
def test_octets_are_counted_right(puts: list[tuple[int, int]]) -> None:
    shards = PacketShards(5_000)
    for at, size in puts:
        shards.put(key(at), packet(size))
    assert shards.octets == sum(weight(*entry) for entry in kept_of(shards).items())
    assert shards.octets <= 5_000
    assert not puts or key(puts[-1][0]) in kept_of(shards)


@pytest.mark.reaches("CACHE_SHARD_ENTRIES")
def test_a_shard_never_grows_large() -> None:
    """Small packets leave before their octets are too many: growing a large dict is a stall."""
    most = CACHE_SHARD_ENTRIES
    shards = PacketShards(most * 256)
    for at in range(most + 10):
        shards.put(key(at), packet(1))
    assert most - PACKET_SWEEP < len(shards) <= most


@pytest.mark.reaches("PACKET_SWEEP")
def test_room_is_made_by_the_piece() -> None:
    """What leaves at once is many enough to make finding it cheap, and few enough for nobody."""
    shards = PacketShards(CACHE_SHARD_ENTRIES * 256)
    for at in range(CACHE_SHARD_ENTRIES + 1):
        shards.put(key(at), packet(1))
    assert len(shards) == CACHE_SHARD_ENTRIES + 1 - PACKET_SWEEP


def test_what_is_retired_is_not_counted_and_goes_as_others_come() -> None:
    """All at once it would hold the loop up; left to its age, a cache looks full of nothing."""
    shards = PacketShards(200 * weight(key(0), packet()))
    for at in range(200):
        shards.put(key(at), packet())
    before = kept_of(shards)
    shards.retire()
    assert (len(shards), shards.octets) == (0, 0)
    sizes = [len(before)]
    for at in range(5):
        shards.put(key(at), packet())
        sizes.append(len(before))
    assert sizes == [max(200 - each * PACKET_SWEEP, 0) for each in range(6)]
    assert (len(shards), shards.evicted) == (5, 0)
    shards.retire()
    shards.clear()
    assert shards._retired == []
