"""geo zones, geo survey: how near zones are served; only a survey that is wanted asks anybody."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import trio

from resolver.iterate.root_form import RootForm
from resolver.lab.faults import Path
from resolver.limits import SURVEY_REPLY_SECONDS, SURVEY_SECONDS, ZONES_DAYS
from resolver.operate.geo_survey import SURVEY
from resolver.operate.geo_zones import ZONES
from resolver.operate.verb import Refused
from resolver.protocol import names
from tests.iterate.lab_root import packed_root
from tests.making import question
from tests.operate.operated import Desk, desk, distant
from tests.recurse.household import WALL, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.lab.world import World

WWW = question("www.example.net. A")


async def told(it: Desk, verb: Any, **given: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What is said of all, and the zones."""
    items = await it.items(verb, **given)
    head = next(item for item in items if "geography" in item)
    return head, [zone for item in items for zone in item.get("zones", ())]


@trio_test
async def test_zones_in_use_are_told_without_a_packet() -> None:
    world = village()
    for number, host in enumerate(("192.0.2.10", "192.0.2.20", "192.0.2.21")):
        world.faults.set(host, Path(delay_s=0.002 + 0.1 * number))
    async with desk(world) as it:
        await it.home.ask(WWW)
        sent = it.home.sent
        head, zones = await told(it, ZONES)
        assert it.home.sent == sent
        assert (head["names"], head["known"]) == (1, 3)
        assert [(zone["zone"], zone["uses"]) for zone in zones] == [
            (".", 1.0), ("net.", 1.0), ("example.net.", 1.0),
        ]  # fmt: skip
        net = zones[1]
        assert (net["servers"], net["measured"], net["near"], net["standing"]) == (
            1, 1, 1, "one near",
        )  # fmt: skip
        assert (net["operators"], net["prefixes"]) == (1, 1)


@pytest.mark.reaches("ZONES_DAYS")
@trio_test
async def test_what_was_not_used_for_so_long_is_not_shown() -> None:
    async with desk(village()) as it:
        await it.home.ask(WWW)
        await trio.sleep((ZONES_DAYS - 0.5) * 86_400)
        assert (await told(it, ZONES))[0]["names"] == 1
        await trio.sleep(86_400)
        assert (await told(it, ZONES)) == ((await told(it, ZONES))[0], [])
        assert (await told(it, ZONES, days=ZONES_DAYS + 1))[0]["names"] == 1


# --- the survey ----------------------------------------------------------------------------------


def countries(count: int, *, are_dead: bool = False) -> World:
    """The village, with top-level domains of two letters beside net., a server each."""
    world = village()
    root = world.zones[names.ROOT]
    for number in range(count):
        host = f"198.18.{number}.53"
        zone = world.zone(f"a{chr(97 + number % 26)}." if number < 26 else f"b{chr(71 + number)}.")
        world.serve(zone, "ns", host, path=Path(dead=are_dead))
        world.delegate(zone)
    world.sign(root, wall=WALL)
    return world


def hold_copy(it: Desk, world: World) -> None:
    form = RootForm.read_untrusted(packed_root(world, wall=WALL))
    it.home.parts.base.root_copy.use(form)


@trio_test
async def test_a_survey_asks_nobody_unless_it_is_wanted() -> None:
    async with desk(distant(village())) as it:
        await it.home.ask(WWW)
        await it.running.forget_servers()
        sent = it.home.sent
        head, zones = await told(it, SURVEY)
        assert it.home.sent == sent
        assert (head["known"], head["to_be_asked"], head["not_measured"]) == (1, 1, 1)
        assert [zone["standing"] for zone in zones] == ["not measured"]
        head, zones = await told(it, SURVEY, yes=True)
        assert it.home.sent == sent + 1
        assert (head["to_be_asked"], head["not_measured"]) == (0, 0)
        assert zones[0]["measured"] == 1


@pytest.mark.reaches("SURVEY_SECONDS", "SURVEY_REPLY_SECONDS")
@trio_test
async def test_servers_are_asked_one_after_the_other_and_silence_is_borne() -> None:
    """Within the time that a silent one is given, the last of them is done."""
    world = countries(30, are_dead=True)
    async with desk(world) as it:
        hold_copy(it, world)
        begun = trio.current_time()
        items = await it.items(SURVEY, tlds="cc", yes=True)
        took = trio.current_time() - begun
        assert [item["done"] for item in items if "progress" in item] == [30]
        assert 6.0 <= took <= 6.0 + 5.0
        assert took >= 29 * 0.2 + 2.0
        head = next(item for item in items if "geography" in item)
        assert head["to_be_asked"] == 30


@trio_test
async def test_who_leaves_ends_it() -> None:
    world = countries(50)
    async with desk(world) as it:
        hold_copy(it, world)
        run: Any = SURVEY.run(it.running, SURVEY.arguments(tlds="all", yes=True))
        async with aclosing(run) as items:
            assert (await anext(items))["done"] == 32
        sent = it.home.sent
        await trio.sleep(60)
        assert sent <= it.home.sent <= sent + 1


@trio_test
async def test_all_of_them_only_a_copy_of_the_root_zone_knows() -> None:
    world = countries(3)
    async with desk(world) as it:
        with pytest.raises(Refused, match="only a copy of the root zone knows all of them"):
            await told(it, SURVEY, tlds="cc")
        hold_copy(it, world)
        _, zones = await told(it, SURVEY, tlds="all")
        assert [zone["zone"] for zone in zones] == ["aa.", "ab.", "ac.", "net."]
        assert all(zone["servers"] == 1 for zone in zones)
        _, zones = await told(it, SURVEY, tlds="cc")
        assert [zone["zone"] for zone in zones] == ["aa.", "ab.", "ac."]
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"tlds": "some"}, SURVEY.arguments)


def test_the_pace_is_five_a_second() -> None:
    assert (SURVEY_SECONDS, SURVEY_REPLY_SECONDS) == (0.2, 5.0)
