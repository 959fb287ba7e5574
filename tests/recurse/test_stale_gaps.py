"""What was told from a proven gap (RFC 8198) is told in an outage too."""

from __future__ import annotations

import pytest
import trio

from resolver import limits
from resolver.cache.denial import DenialCache
from resolver.model import Source
from resolver.protocol.codes import Rcode
from tests.making import question
from tests.recurse.household import house, village
from tests.recurse.silent_town import DAY, kill
from tests.support import trio_test


@pytest.mark.parametrize(
    ("learnt", "text", "rcode"),
    [
        ("www.example.net. TXT", "www.example.net. AAAA", Rcode.NOERROR),
        ("gone.example.net. A", "gone.example.net. AAAA", Rcode.NXDOMAIN),
        ("gone.example.net. A", "gond.example.net. AAAA", Rcode.NXDOMAIN),
        ("gone.example.net. A", "sub.gone.example.net. AAAA", Rcode.NXDOMAIN),
    ],
)
@trio_test
async def test_what_a_gap_denied_is_denied_in_an_outage(learnt: str, text: str, rcode: int) -> None:
    world = village(is_signed=True)
    asked = question(text)
    async with house(world) as home:
        await home.ask(question(learnt))
        sent = home.sent
        answer = await home.ask(asked)
        assert (answer.rcode, set(answer.sources)) == (rcode, {Source.CACHE})
        assert home.sent == sent
        kill(world)
        await trio.sleep(DAY)
        late = await home.ask(asked)
        assert (late.rcode, len(late.answer), set(late.sources)) == (rcode, 0, {Source.STALE})


@pytest.mark.reaches("TOLD_GAPS")
@trio_test
async def test_a_flood_of_names_that_do_not_exist_is_not_kept() -> None:
    world = village(is_signed=True)
    async with house(world) as home:
        await home.ask(question("gone.example.net. A"))
        denial, now = home.parts.memory.denial, home.parts.clock.now()
        assert isinstance(denial, DenialCache)
        asked = [question(f"gond{number}.example.net. A") for number in range(2100)]
        for one in asked:
            assert denial.synthesise(one, now) is not None
        assert [denial.told(one) is None for one in asked] == [True] * 100 + [False] * 2000
        assert limits.TOLD_GAPS == 2000
