"""What the configuration says reaches the part that it is about."""

from __future__ import annotations

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
