"""Zone cuts: bounded, and gone when their time is over."""

from __future__ import annotations

import pytest

from resolver.cache.delegation import Cut, DelegationCache
from resolver.limits import DELEGATION_CACHE_OCTETS
from resolver.model import Delegation
from resolver.protocol.names import from_text


def cut(zone: str) -> Delegation:
    return Delegation(from_text(zone), (from_text(f"ns.{zone}"),), {}, expires_at=100.0)


def test_a_cut_is_found_while_it_lives() -> None:
    kept = DelegationCache()
    one = cut("one.test")
    kept.put(one)
    assert kept.get(one.zone, 99.0) is one
    assert kept.get(one.zone, 100.0) is None


@pytest.mark.reaches("DELEGATION_CACHE_OCTETS")
def test_memory_is_bounded() -> None:
    """Zones that a hostile zone makes up push one another out."""
    kept = DelegationCache()
    most = DELEGATION_CACHE_OCTETS // Cut(cut("00000.test")).octets()
    for at in range(most + 10):
        kept.put(cut(f"{at:05}.test"))
    assert 0.9 * most < len(kept) <= most
    assert kept.get(from_text("00000.test"), 1.0) is None
