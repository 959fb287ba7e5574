"""stale: expired answers are told as an operator says, whatever is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import trio

from resolver.config.schema import Config
from resolver.errors import ResolutionFailed
from resolver.lab.faults import Path
from resolver.model import Source
from resolver.operate.stale import STALE
from tests.making import question
from tests.operate.operated import Desk, desk
from tests.recurse.household import budget, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.lab.world import World

WWW = question("www.example.net. A")


def configured(*, serves: bool) -> Config:
    config = Config()
    resolution = msgspec.structs.replace(config.resolution, serve_stale=serves)
    return msgspec.structs.replace(config, resolution=resolution)


async def source(it: Desk) -> Source | None:
    """Where an answer comes from, though nobody is there to ask; None: there is none."""
    try:
        return (await it.home.daemon.resolver.resolve(WWW, budget())).source
    except ResolutionFailed:
        return None


def silence(world: World) -> None:
    for host in ("192.0.2.20", "192.0.2.21"):
        world.faults.set(host, Path(dead=True))


@pytest.mark.parametrize(
    ("serves", "mode", "expected"),
    [
        (True, "auto", Source.STALE),
        (True, "off", None),
        (False, "auto", None),
        (False, "on", Source.STALE),
        (True, "on", Source.STALE),
    ],
)
@trio_test
async def test_what_is_over_is_told_as_the_operator_says(
    mode: str, expected: Source | None, *, serves: bool
) -> None:
    world = village()
    async with desk(world, configured(serves=serves)) as it:
        await source(it)
        reply = await it.do(STALE, mode=mode)
        assert (reply["mode"], reply["configured"]) == (mode, serves)
        assert reply["is_served"] is (expected is not None)
        silence(world)
        await trio.sleep(400)
        assert await source(it) is expected


@trio_test
async def test_now_it_is_told_at_once_and_asked_for_beside_that() -> None:
    async with desk(village()) as it:
        await source(it)
        await it.do(STALE, mode="now")
        await trio.sleep(400)
        assert await source(it) is Source.STALE
        await trio.sleep(5)
        assert await source(it) is Source.CACHE  # it was renewed meanwhile
        await it.do(STALE, mode="auto")
        await trio.sleep(400)
        assert await source(it) is Source.NETWORK


@trio_test
async def test_without_a_word_nothing_changes() -> None:
    async with desk(village()) as it:
        parts = it.home.daemon.parts
        reply: dict[str, Any] = await it.do(STALE)
        assert (reply["mode"], reply["ttl"], it.home.daemon.parts) == ("auto", 30, parts)
