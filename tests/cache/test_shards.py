"""Shards: bounded in octets, least recently used first."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.cache.shards import Shards
from resolver.limits import CACHE_PURGE_ENTRIES, CACHE_SHARD_ENTRIES


class Blob(NamedTuple):
    size: int

    def octets(self) -> int:
        return self.size


def test_the_least_recently_used_goes_first() -> None:
    kept: Shards[Blob] = Shards(300)
    for key in "abc":
        kept.put(key, Blob(100))
    assert kept.get("a") is not None
    kept.put("d", Blob(100))
    assert kept.get("b") is None
    assert kept.get("a") is not None


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 200)), max_size=200))
def test_octets_are_counted_right(puts: list[tuple[int, int]]) -> None:
    kept: Shards[Blob] = Shards(5_000)
    for key, size in puts:
        kept.put(key, Blob(size))
    assert kept.octets == sum(blob.size for _, blob in kept.items())
    assert kept.octets <= 5_000


def test_clear_forgets_all() -> None:
    kept: Shards[Blob] = Shards(5_000)
    kept.put("a", Blob(10))
    kept.clear()
    assert (len(kept), kept.octets, kept.get("a")) == (0, 0, None)


@pytest.mark.reaches("CACHE_SHARD_ENTRIES")
def test_a_shard_never_grows_large() -> None:
    """Small values leave before their octets are too many: growing a large dict is a stall."""
    most = CACHE_SHARD_ENTRIES
    kept: Shards[Blob] = Shards(most * 512)
    for key in range(most + 10):
        kept.put(key, Blob(1))
    assert len(kept) == most
    assert kept.get(9) is None


@pytest.mark.reaches("CACHE_PURGE_ENTRIES")
def test_others_have_their_turn_while_a_cache_is_emptied() -> None:
    """Some entries at each step, whether all go or only those of a zone."""
    kept: Shards[Blob] = Shards(5_000)
    for key in range(3 * CACHE_PURGE_ENTRIES):
        kept.put(key, Blob(1))
    sizes = [len(kept) for _ in kept.purge(lambda key: key % 2 == 0)]
    assert sizes == [CACHE_PURGE_ENTRIES * part // 2 for part in (5, 4, 3)]
    assert [len(kept) for _ in kept.drain()] == [CACHE_PURGE_ENTRIES // 2, 0]
