"""warm: the list with its scores, and names that are kept warm at an operator's word."""

from __future__ import annotations

import msgspec
import pytest
import trio

from resolver.config.schema import Config
from resolver.daemon.reload import reload
from resolver.limits import WARM_BY_HAND
from resolver.model import Question, Source
from resolver.operate.verb import Refused
from resolver.operate.warm import WARM
from tests.making import question
from tests.operate.operated import desk
from tests.recurse.household import village
from tests.support import trio_test

WWW = question("www.example.net. A")


@trio_test
async def test_a_name_is_fetched_and_stays_until_it_is_let_go() -> None:
    async with desk(village()) as it:
        reply = await it.do(WARM, name="www.example.net")
        assert reply == {"name": "www.example.net.", "type": "A", "kept_warm": True}
        await trio.sleep(10)
        assert (await it.home.ask(WWW)).source is Source.CACHE
        for _ in range(3):
            await trio.sleep(290)
            assert (await it.home.ask(WWW)).source is Source.CACHE
        (row,) = (await it.do(WARM))["names"]
        assert (row["name"], row["by_hand"], row["ttl"]) == ("www.example.net.", True, 300)
        await reload(it.home.daemon, it.home.daemon.config)
        assert WWW in it.running.overrides.warm
        await it.do(WARM, name="www.example.net", off=True)
        (row,) = (await it.do(WARM, name="list"))["names"]
        assert row["by_hand"] is False
        with pytest.raises(Refused, match="is not kept warm by control"):
            await it.do(WARM, name="www.example.net", off=True)


@trio_test
async def test_the_most_used_stands_first_after_those_by_hand() -> None:
    async with desk(village()) as it:
        warm, now = it.home.parts.base.prefetch.warm, it.home.parts.clock.now()
        for number, score in enumerate((1.0, 3.0, 2.0)):
            warm.add(question(f"h{number}.example.net. A"), 300, now + 300, now).score = score
        await it.do(WARM, name="h0.example.net")
        reply = await it.do(WARM)
        assert [row["name"][:2] for row in reply["names"]] == ["h0", "h1", "h2"]
        assert reply["known"] == 3


@pytest.mark.reaches("WARM_BY_HAND")
@trio_test
async def test_there_are_not_too_many() -> None:
    async with desk(village()) as it:
        warm = it.running.overrides.warm
        warm.update(
            {Question(bytes((1, number)) + b"\0", 1): None for number in range(WARM_BY_HAND)}
        )
        with pytest.raises(Refused, match=f"{WARM_BY_HAND} are kept warm by hand already"):
            await it.do(WARM, name="one.more.example")


@trio_test
async def test_where_nothing_is_renewed_it_is_refused() -> None:
    config = Config()
    resolution = msgspec.structs.replace(config.resolution, prefetch=False)
    async with desk(village(), msgspec.structs.replace(config, resolution=resolution)) as it:
        with pytest.raises(Refused, match="nothing is renewed here"):
            await it.do(WARM, name="www.example.net")
        assert (await it.do(WARM))["names"] == []
