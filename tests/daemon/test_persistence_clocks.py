"""Clocks that are wrong, unset or jump: what lay on disk is never told as fresher than it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver.daemon import persistence
from resolver.lab.faults import Path as Way
from resolver.limits import STORE_COMMIT_SECONDS
from resolver.model import Source, Status
from resolver.protocol.codes import Rcode
from tests.daemon.persisting import WWW, first_life, kill, life
from tests.recurse.household import WALL, village
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.lab.world import World

YEAR_1970, YEAR_2100 = 1000.0, 4_102_444_800.0
LATER = STORE_COMMIT_SECONDS * 1.5


@pytest.fixture
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody vouches for the wall clock, as after a start without a time server."""
    monkeypatch.setattr(persistence, "sure_of", lambda _: lambda: False)


def cut(world: World) -> None:
    for host in world.servers:
        world.faults.set(host, Way(dead=True))


@pytest.mark.usefixtures("_unset")
@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize("wall", [YEAR_1970, YEAR_2100, WALL + 10])
@trio_test
async def test_after_a_reboot_with_an_unset_clock_records_count_as_expired(
    tmp_path: Path, wall: float, *, is_signed: bool
) -> None:
    """In health they are asked anew; in an outage they are told, as expired."""
    world = village(is_signed=is_signed)
    await first_life(world, tmp_path)
    if not is_signed:  # else nothing validates: the signatures are of another time
        async with life(world, tmp_path, wall=wall) as home:
            assert (await home.ask("www.example.net. A"))[1:] == (0, {Source.NETWORK})
            kill(home)
    cut(world)
    async with life(world, tmp_path, wall=wall) as home:
        for text, rcode in (("www", Rcode.NOERROR), ("gone", Rcode.NXDOMAIN)):
            _, found, sources = await home.ask(f"{text}.example.net. A")
            assert (found, sources) == (rcode, {Source.STALE})
        (rrset,) = await home.told("www.example.net. A")
        assert rrset.ttl <= 30


@pytest.mark.parametrize("is_sure", [True, False])
@pytest.mark.parametrize("jump", [YEAR_1970, WALL - 3600, WALL + 86_400, YEAR_2100])
@trio_test
async def test_a_clock_that_jumps_and_comes_back_makes_nothing_fresher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float, *, is_sure: bool
) -> None:
    """What was kept before, while and after the clock was wrong; the zone has changed since."""
    monkeypatch.setattr(persistence, "sure_of", lambda _: lambda: is_sure)
    world = village()
    async with life(world, tmp_path) as home:
        clock = home.daemon.parts.clock
        await home.ask("www.example.net. A")
        await trio.sleep(LATER)
        monkeypatch.setattr(clock, "wall", lambda: jump)
        await home.ask("www.glueless.net. A")
        await trio.sleep(LATER)
        monkeypatch.setattr(clock, "wall", lambda: WALL + 20)
        await home.ask("gone.example.net. A")
        await trio.sleep(LATER)
        kill(home)
    for passed_s in (30, 400):  # less and more than their TTLs of 300 s
        async with life(world, tmp_path, wall=WALL + passed_s) as home:
            for text in ("www.example.net. A", "www.glueless.net. A", "gone.example.net. A"):
                status, _, sources = await home.ask(text)
                assert status is Status.INSECURE
                if Source.CACHE in sources:
                    assert passed_s == 30
                    told = await home.told(text)
                    assert all(rrset.ttl <= 300 - 10 for rrset in told)
            kill(home)


@trio_test
async def test_the_clock_that_is_set_at_last_ages_what_came_before(tmp_path: Path) -> None:
    """A board without a battery: what it learnt in 1970 it knows after the next start, as expired.

    The second clock says that decades have passed, and nobody knows better.
    """
    world = village()
    async with life(world, tmp_path, wall=YEAR_1970) as home:
        await home.ask("www.example.net. A")
        await trio.sleep(LATER)
        kill(home)
    async with life(world, tmp_path, wall=WALL) as home:
        assert home.daemon.parts.memory.recall(WWW, home.daemon.parts.clock.now()) is None
        assert (await home.ask("www.example.net. A"))[2] == {Source.NETWORK}
