"""nta: nothing is validated below a name, for a while; then it is, and nothing old is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import trio

from resolver.config.schema import Config
from resolver.errors import ResolutionFailed
from resolver.limits import (
    NEGATIVE_ANCHOR_SECONDS,
    NEGATIVE_ANCHOR_SECONDS_RANGE,
    NEGATIVE_ANCHORS,
    OVERRIDES_LOOK_SECONDS,
)
from resolver.model import Status
from resolver.operate.asked import seconds_of
from resolver.operate.nta import NTA
from resolver.operate.verb import Refused
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.making import question
from tests.operate.operated import desk
from tests.recurse.household import WALL, budget, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.lab.world import World

ADD, REMOVE, LIST = NTA
WWW = question("www.example.net. A")


def broken() -> World:
    """example.net's addresses are signed wrong."""
    world = village()
    for apex in ("example.net.", "net.", "."):
        spoils = frozenset({RRType.A}) if apex == "example.net." else frozenset[int]()
        world.sign(world.zones[names.from_text(apex)], wall=WALL, spoils=spoils)
    return world


@pytest.mark.rfc("RFC 7646 §2")
@trio_test
async def test_a_broken_zone_resolves_unproven_until_it_is_removed() -> None:
    async with desk(broken()) as it:
        daemon = it.home.daemon  # whose resolver is another one after each change
        with pytest.raises(ResolutionFailed):
            await daemon.resolver.resolve(WWW, budget())
        reply = await it.do(ADD, name="Example.NET", for_="2h")
        assert reply["name"] == "example.net."
        assert reply["until"] == round(it.home.parts.clock.wall() + 7200)
        answer = await daemon.resolver.resolve(WWW, budget())
        assert answer.status is Status.INSECURE
        (one,) = (await it.do(LIST))["negative_anchors"]
        assert (one["name"], one["from"], one["left_s"]) == ("example.net.", "control", 7200)
        assert (await it.do(REMOVE, name="example.net"))["forgotten"] > 0
        with pytest.raises(ResolutionFailed):
            await daemon.resolver.resolve(WWW, budget())
        assert (await it.do(LIST))["negative_anchors"] == []


@pytest.mark.reaches("NEGATIVE_ANCHOR_SECONDS")
@trio_test
async def test_it_ends_by_itself_and_what_was_kept_below_goes() -> None:
    async with desk(broken()) as it:
        await it.do(ADD, name="example.net")
        daemon = it.home.daemon
        assert (await daemon.resolver.resolve(WWW, budget())).status is Status.INSECURE
        await trio.sleep(NEGATIVE_ANCHOR_SECONDS - 10)
        assert (await daemon.resolver.resolve(WWW, budget())).status is Status.INSECURE
        await trio.sleep(11)
        assert daemon.parts.memory.peek(WWW, 0.0) is None
        assert daemon.parts.base.overrides.negative == {}
        with pytest.raises(ResolutionFailed):
            await daemon.resolver.resolve(WWW, budget())


@pytest.mark.reaches("OVERRIDES_LOOK_SECONDS")
@trio_test
async def test_the_wall_clock_may_be_set_meanwhile() -> None:
    async with desk(broken()) as it:
        await it.do(ADD, name="example.net", for_="1d")
        clock = it.home.parts.clock
        await it.home.daemon.resolver.resolve(WWW, budget())
        before = clock.wall
        clock.wall = lambda: before() + 100_000  # type: ignore[method-assign]
        await trio.sleep(OVERRIDES_LOOK_SECONDS + 1)
        assert it.home.daemon.parts.memory.peek(WWW, 0.0) is None
        assert (await it.do(LIST))["negative_anchors"] == []


@trio_test
async def test_what_the_configuration_says_stays() -> None:
    config = Config()
    dnssec = msgspec.structs.replace(config.dnssec, negative_trust_anchors=("example.net.",))
    async with desk(broken(), msgspec.structs.replace(config, dnssec=dnssec)) as it:
        with pytest.raises(Refused, match="the configuration has it"):
            await it.do(REMOVE, name="example.net")
        await it.do(ADD, name="example.net", for_="1m")
        await it.do(REMOVE, name="example.net")
        (one,) = (await it.do(LIST))["negative_anchors"]
        assert (one["from"], one["left_s"]) == ("configuration", None)


@pytest.mark.reaches("NEGATIVE_ANCHORS")
@trio_test
async def test_there_are_not_too_many() -> None:
    async with desk(village(is_signed=True)) as it:
        negative = it.running.overrides.negative
        for number in range(NEGATIVE_ANCHORS):
            negative[names.from_text(f"z{number}.example.")] = WALL + 1e6
        with pytest.raises(Refused, match=f"there are {NEGATIVE_ANCHORS} already"):
            await it.do(ADD, name="one.more.example")
        await it.do(ADD, name="z7.example", for_="3h")  # another end


@trio_test
async def test_where_nothing_is_validated_there_is_none() -> None:
    async with desk(village()) as it:
        with pytest.raises(Refused, match=r"dnssec\.validate is false"):
            await it.do(ADD, name="example.net")
        assert (await it.do(LIST))["negative_anchors"] == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("90", 90),
        ("30m", 1800),
        ("30 min", 1800),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1 h 30 min", 5400),
        ("1d 2h 3m 4s", 93_784),
        ("2D", 172_800),
        ("1w", 604_800),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert seconds_of(text, NEGATIVE_ANCHOR_SECONDS_RANGE) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "8d", "soon", "-1h", "1.5h", "1y", "9" * 12, "30m1h", "1h 1h", "1h 30"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(Refused, match="is no time from"):
        seconds_of(text, NEGATIVE_ANCHOR_SECONDS_RANGE)
