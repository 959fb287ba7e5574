"""What the configuration says reaches the part that it is about."""

from __future__ import annotations

import pytest

from resolver import limits
from resolver.config import load
from resolver.model import Question
from resolver.protocol.codes import EdeCode, RRType
from tests.recurse.household import house, name, village
from tests.support import trio_test


@trio_test
async def test_the_cap_for_denials_binds_those_that_are_made_here_too() -> None:
    """The second name lies in the gap that the first one's denial has proven."""
    base = load.loads("cache.max_negative_ttl = 30")
    async with house(village(is_signed=True), base) as home:
        for label, is_made in (("nosuch", False), ("nosuchthing", True)):
            answer = await home.ask(Question(name(f"{label}.example.net."), RRType.A))
            assert any(ede.code == EdeCode.SYNTHESIZED for ede in answer.ede) is is_made
            assert max(rrset.ttl for rrset in answer.authority) <= 30


@pytest.mark.reaches(
    "PACKET_CACHE_PART",
    "DELEGATION_CACHE_PART",
    "NEGATIVE_CACHE_PART",
    "GAPS_CACHE_PART",
    "FAILURE_CACHE_PART",
)
@trio_test
async def test_each_cache_has_its_part_of_the_memory() -> None:
    """One key for all of them: who changes it need not know how many there are."""
    octets = 128 << 20
    async with house(village(is_signed=True), load.loads(f"cache.size_octets = {octets}")) as home:
        parts = home.daemon.parts
        for cache, part in (
            (parts.memory.rrsets.entries, 1),
            (parts.packets.shards, limits.PACKET_CACHE_PART),
            (parts.delegations.entries, limits.DELEGATION_CACHE_PART),
            (parts.memory.negatives.entries, limits.NEGATIVE_CACHE_PART),
            (parts.memory.denial, limits.GAPS_CACHE_PART),
            (parts.memory.failures.entries, limits.FAILURE_CACHE_PART),
            (parts.memory.bogus.entries, limits.FAILURE_CACHE_PART),
        ):
            assert cache is not None
            assert cache.most == octets // part
