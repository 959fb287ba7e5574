"""Zone cuts: bounded, and gone when their time is over."""

from __future__ import annotations

import pytest

from resolver.cache.delegation import Cut, DelegationCache
from resolver.limits import DELEGATION_CACHE_OCTETS
from resolver.model import Delegation
from resolver.protocol.names import from_text


def cut(zone: str) -> Delegation:
    return Delegation(from_text(zone), (from_text(f"ns.{zone}"),), {}, expires_at=100.0)


def test_the_closest_living_cut_is_found() -> None:
    kept = DelegationCache()
    for zone in ("test", "one.test"):
        kept.put(cut(zone))
    found = kept.closest(from_text("www.one.test"), 1.0)
    assert found is not None
    assert found.zone == from_text("one.test")
    assert kept.closest(from_text("www.one.test"), 100.0) is None


@pytest.mark.reaches("DELEGATION_CACHE_OCTETS")
def test_memory_is_bounded() -> None:
    """Zones that a hostile zone makes up push one another out."""
    kept = DelegationCache()
    most = DELEGATION_CACHE_OCTETS // Cut(cut("00000.test")).octets()
    for at in range(most + 10):
        kept.put(cut(f"{at:05}.test"))
    assert 0.9 * most < len(kept) <= most
    assert kept.get(from_text("00000.test"), 1.0) is None
