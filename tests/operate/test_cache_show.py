"""cache show: what is kept of a name at each level, and what it is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver.daemon.operated import Operated
from resolver.limits import STORE_COMMIT_SECONDS
from resolver.operate.cache_show import CACHE_SHOW, CacheShowArguments, cache_show
from resolver.operate.verb import Refused
from tests.daemon.persisting import kill, life
from tests.making import question
from tests.operate.operated import Desk, desk
from tests.recurse.household import WALL, village
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.operate.verb import Reply

WWW = question("www.example.net. A")


async def shown(it: Desk, name: str, rtype: str = "") -> list[Reply]:
    entries: list[Reply] = (await it.do(CACHE_SHOW, name=name, type=rtype))["entries"]
    return entries


@trio_test
async def test_data_is_shown_with_rank_status_time_and_records() -> None:
    async with desk(village(is_signed=True)) as it:
        await it.home.ask(WWW)
        await trio.sleep(100)
        (entry,) = await shown(it, "www.example.net")
        assert {key: entry[key] for key in ("level", "kind", "type", "rank", "status", "zone")} == {
            "level": "memory", "kind": "data", "type": "A", "rank": "auth_answer",
            "status": "secure", "zone": "example.net.",
        }  # fmt: skip
        assert entry["ttl"] == 300
        assert 190 < entry["left_s"] < 201
        assert entry["stale_left_s"] > 250_000
        assert entry["records"][0] == f"www.example.net. {int(entry['left_s'])} IN A 192.0.2.80"
        await trio.sleep(300)
        (over,) = await shown(it, "www.example.net", "A")
        assert over["left_s"] < 0
        assert await shown(it, "www.example.net", "AAAA") == []


@trio_test
async def test_denials_failures_cuts_and_what_is_warm_are_shown() -> None:
    async with desk(village(is_signed=True)) as it:
        await it.home.ask(question("gone.example.net. A"))
        await it.home.ask(question("www.example.net. TXT"))
        memory, now = it.home.parts.memory, it.home.parts.clock.now()
        memory.failures.note(WWW, (), now)
        memory.bogus.note(WWW, (), now)
        it.home.parts.base.prefetch.warm.add(WWW, 300, now + 300, now)
        (gone,) = await shown(it, "gone.example.net")
        assert (gone["kind"], gone["type"], gone["rcode"]) == ("denial", "*", "NXDOMAIN")
        assert any(" SOA " in line for line in gone["proof"])
        kinds = [(one["kind"], one["type"]) for one in await shown(it, "www.example.net")]
        assert kinds == [("denial", "TXT"), ("failure", "A"), ("bogus", "A"), ("warm", "A")]
        cuts = [one for one in await shown(it, "example.net") if one["kind"] == "delegation"]
        assert cuts[0]["nameservers"] == ["ns1.example.net.", "ns2.example.net."]
        assert cuts[0]["signed"] is True


@trio_test
async def test_what_lies_on_disk_is_shown_as_it_counts_today(tmp_path: Path) -> None:
    world = village(is_signed=True)
    async with life(world, tmp_path) as home:
        await home.ask("www.example.net. A")
        await home.ask("gone.example.net. A")
        await trio.sleep(STORE_COMMIT_SECONDS * 1.5)
        kill(home)
    async with life(world, tmp_path, wall=WALL + 10) as home:
        running = Operated(home.daemon)
        reply = await cache_show(running, CacheShowArguments(name="www.example.net"))
        (entry,) = reply["entries"]
        assert (entry["level"], entry["kind"], entry["status"]) == ("disk", "data", "secure")
        gone = await cache_show(running, CacheShowArguments(name="gone.example.net"))
        assert [one["kind"] for one in gone["entries"]] == ["denial"]
        cut = await cache_show(running, CacheShowArguments(name="example.net"))
        assert "delegation" in [one["kind"] for one in cut["entries"] if one["level"] == "disk"]
        kill(home)
        none = await cache_show(running, CacheShowArguments(name="www.example.net"))
        assert none["entries"] == []


@trio_test
async def test_names_and_types_that_are_none_are_refused() -> None:
    async with desk(village()) as it:
        for given in ({"name": "a..b"}, {"name": "a", "type": "NO"}, {"name": "a", "type": "ANY"}):
            with pytest.raises(Refused):
                await it.do(CACHE_SHOW, **given)
