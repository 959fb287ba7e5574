"""Where memory is short caches give way, in steps, and grow back when it is over."""

from __future__ import annotations

import logging
import os
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.cache.failure import Failure
from resolver.config.load import loads
from resolver.config.shares import shares_of
from resolver.daemon.memory_keeper import MemoryKeeper, Strain, caches_of
from resolver.limits import (
    MEMORY_CALM_SECONDS,
    MEMORY_IDLE_SECONDS,
    MEMORY_LOOK_SECONDS,
    MEMORY_TIGHT_LOOK_SECONDS,
    SHORTAGE_LOG_SECONDS,
)
from resolver.runtime.memory_signs import MemorySigns
from tests.recurse.household import house, village
from tests.runtime.memory_files import MEBI
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.daemon.wiring import Parts

_PAGE = os.sysconf("SC_PAGE_SIZE")
_BUDGET = 128 * MEBI


class Signs(MemorySigns):
    """A kernel that says what a test wants."""

    def __init__(self) -> None:
        self.resident_octets = self.looks = 0
        self.part_left = 1.0
        self.part_waited = 0.0

    def resident(self) -> int:
        self.looks += 1
        return self.resident_octets

    def left(self) -> float:
        return self.part_left

    def waited(self, now: float) -> float:  # noqa: ARG002
        return self.part_waited


class Keeper(MemoryKeeper):
    """One with signs of the test's, and lists of any size."""

    def __init__(self, parts: Parts) -> None:
        self.said = Signs()
        self.lists = 0
        self.given_back = 0
        super().__init__(lambda: parts, lambda: self.lists, signs=self.said, on_last=self._note)

    def _note(self) -> None:
        self.given_back += 1

    async def looks(self, count: int) -> list[float]:
        """The part that caches may have after each of so many looks."""
        found = []
        for _ in range(count):
            await self.look()
            found.append(self.part)
        return found


@asynccontextmanager
async def kept() -> AsyncIterator[tuple[Keeper, Parts]]:
    async with house(village(), loads(f"memory = {_BUDGET}")) as home:
        yield Keeper(home.daemon.parts), home.daemon.parts


def are_bounded(parts: Parts, part: float) -> bool:
    """May all caches have that *part* of their shares now, and no more?"""
    shares = shares_of(parts.config)
    parts_now = [cache.most / octets for cache, octets in caches_of(parts, shares)]  # type: ignore[attr-defined]
    return parts_now == pytest.approx([part] * len(parts_now), abs=0.002)


@trio_test
async def test_while_nothing_is_short_nothing_is_done() -> None:
    async with kept() as (keeper, parts):
        assert await keeper.looks(3) == [1.0] * 3
        assert are_bounded(parts, 1.0)
        assert (keeper.shrinks, keeper.growths) == (0, 0)


@pytest.mark.reaches("MEMORY_SHRINK_PART", "MEMORY_SHRUNK_LEAST", "MEMORY_TIGHT_PART")
@trio_test
async def test_near_a_limit_caches_shrink_by_an_eighth_at_each_look_to_an_eighth() -> None:
    async with kept() as (keeper, parts):
        keeper.said.part_left = 0.101
        assert await keeper.looks(1) == [1.0]
        keeper.said.part_left = 0.099
        assert await keeper.looks(8) == [0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0.125]
        assert are_bounded(parts, 0.125)
        assert keeper.shrinks == 7
        assert keeper.given_back == keeper.last_resorts == 0


@pytest.mark.reaches("MEMORY_STALL_PART")
@trio_test
async def test_where_tasks_wait_for_memory_caches_shrink() -> None:
    async with kept() as (keeper, _):
        keeper.said.part_waited = 0.049
        assert await keeper.looks(1) == [1.0]
        keeper.said.part_waited = 0.051
        assert await keeper.looks(2) == [0.875, 0.75]


@pytest.mark.reaches("MEMORY_OVER_PART")
@trio_test
async def test_over_the_budget_they_shrink_as_long_as_the_process_grows() -> None:
    async with kept() as (keeper, _):
        keeper.said.resident_octets = int(1.12 * _BUDGET)
        assert await keeper.looks(2) == [1.0, 1.0]
        keeper.said.resident_octets = int(1.13 * _BUDGET)
        assert await keeper.looks(3) == [0.875, 0.875, 0.875]
        keeper.said.resident_octets += MEBI
        assert await keeper.looks(1) == [0.75]


@pytest.mark.reaches("MEMORY_LAST_PART")
@trio_test
async def test_where_the_kernel_is_about_to_kill_they_are_emptied_at_once() -> None:
    async with kept() as (keeper, parts):
        for number in range(100):
            parts.memory.failures.entries.put(number, Failure(0.0, 1.0, ()))
        waiting = SimpleNamespace(learnt=[1, 2])
        parts.memory.second = waiting  # type: ignore[assignment]
        keeper.said.part_left = 0.041
        assert await keeper.looks(1) == [0.875]
        keeper.said.part_left = 0.039
        assert await keeper.looks(2) == [0.125, 0.125]
        assert len(parts.memory.failures) == 1
        assert not waiting.learnt
        assert (keeper.given_back, keeper.last_resorts, keeper.strain) == (1, 1, Strain.LAST)


@trio_test
async def test_caches_that_have_shrunk_to_the_least_are_emptied_too() -> None:
    """A real cgroup: eight steps while it came near, and then there was nothing left to do."""
    async with kept() as (keeper, parts):
        keeper.said.part_left = 0.05
        await keeper.looks(8)
        for number in range(100):
            parts.memory.failures.entries.put(number, Failure(0.0, 1.0, ()))
        keeper.said.part_left = 0.01
        await keeper.looks(3)
        assert len(parts.memory.failures) == 1
        assert (keeper.given_back, keeper.last_resorts, keeper.shrinks) == (1, 1, 7)


@pytest.mark.reaches("MEMORY_CALM_SECONDS")
@trio_test
async def test_they_grow_back_slowly() -> None:
    async with kept() as (keeper, parts):
        keeper.said.part_left = 0.05
        await keeper.looks(2)
        keeper.said.part_left = 0.9
        assert await keeper.looks(1) == [0.75]
        await trio.sleep(MEMORY_CALM_SECONDS - 1)
        assert await keeper.looks(1) == [0.75]
        await trio.sleep(1)
        assert await keeper.looks(2) == [0.875, 0.875]
        assert are_bounded(parts, 0.875)
        await trio.sleep(30)
        assert await keeper.looks(1) == [1.0]
        assert are_bounded(parts, 1.0)
        assert keeper.growths == 2


class Still:
    """Nobody is there."""

    is_still = True

    async def rest(self, seconds: float) -> None:
        await trio.sleep(seconds)


@pytest.mark.reaches("MEMORY_IDLE_SECONDS")
@trio_test
async def test_while_nobody_asks_it_looks_seldom() -> None:
    async with kept() as (keeper, _), trio.open_nursery() as nursery:
        keeper._pace = pace = Still()
        nursery.start_soon(keeper.keep)
        await trio.sleep(10 * MEMORY_IDLE_SECONDS - 1)
        assert keeper.said.looks == 10
        pace.is_still = False
        await trio.sleep(10 * MEMORY_LOOK_SECONDS)
        assert keeper.said.looks == 20
        pace.is_still = True
        keeper.said.part_left = 0.05
        await trio.sleep(MEMORY_LOOK_SECONDS)
        assert keeper.part < 1.0
        looks, keeper.said.part_left = keeper.said.looks, 0.5
        await trio.sleep(5 * MEMORY_LOOK_SECONDS)
        assert keeper.said.looks >= looks + 5  # caches grow back as soon as they may
        nursery.cancel_scope.cancel()


@trio_test
async def test_caches_give_way_to_lists() -> None:
    async with kept() as (keeper, parts):
        whole = shares_of(parts.config).caches
        keeper.lists = whole // 4
        await keeper.look()
        assert are_bounded(parts, 0.75)
        keeper.lists = 0
        await keeper.look()
        assert are_bounded(parts, 1.0)


@trio_test
async def test_lists_that_leave_no_room_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async with kept() as (keeper, parts):
        keeper.lists = 500 * MEBI
        await keeper.looks(3)
        assert are_bounded(parts, 4 * MEBI / shares_of(parts.config).caches)
        (line,) = caplog.messages
        assert line.startswith("lists, policy zones and the disk's index take 500 MiB")
        assert line.endswith("a budget of 128 MiB (memory)")


@trio_test
async def test_other_parts_after_a_reload_are_no_larger() -> None:
    async with kept() as (keeper, parts):
        keeper.said.part_left = 0.05
        await keeper.looks(1)
        for cache, octets in caches_of(parts, shares_of(parts.config)):
            list(cache.bound(octets))  # as new ones are
        keeper._bounded = None, keeper._bounded[1]
        keeper.said.part_left = 0.5
        await keeper.looks(1)
        assert are_bounded(parts, 0.875)


@trio_test
async def test_it_is_told_when_it_begins_and_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    async with kept() as (keeper, _):
        for _ in range(3):
            keeper.said.part_left = 0.05
            await keeper.looks(2)
            keeper.said.part_left = 0.5
            for _ in range(3):
                await keeper.looks(1)
                await trio.sleep(MEMORY_CALM_SECONDS)
        await trio.sleep(SHORTAGE_LOG_SECONDS)
        assert [line.partition(":")[0] for line in caplog.messages] == [
            "memory is short",
            "memory is no longer short",
        ] * 3


@pytest.mark.reaches("MEMORY_LOOK_SECONDS", "MEMORY_TIGHT_LOOK_SECONDS")
@trio_test
async def test_it_looks_more_often_while_memory_is_short() -> None:
    async with kept() as (keeper, _), trio.open_nursery() as nursery:
        looks: list[float] = []
        nursery.start_soon(keeper.keep)
        began = trio.current_time()
        look = keeper.look

        async def noted() -> None:
            looks.append(trio.current_time() - began)
            await look()

        keeper.look = noted  # type: ignore[method-assign]
        await trio.sleep(MEMORY_LOOK_SECONDS * 2.5)
        assert looks == [0.0, 2.0, 4.0] == [at * MEMORY_LOOK_SECONDS for at in range(3)]
        keeper.said.part_left = 0.05
        await trio.sleep(2)
        assert looks[3:] == [6.0, 6.25, 6.5, 6.75]
        assert looks[4] - looks[3] == MEMORY_TIGHT_LOOK_SECONDS
        nursery.cancel_scope.cancel()


@trio_test
async def test_a_look_that_finds_no_memory_for_itself_ends_nothing() -> None:
    """RLIMIT_AS: whoever reads a file may be the one that gets none."""
    async with kept() as (keeper, parts), trio.open_nursery() as nursery:
        keeper.said.left = _no_memory  # type: ignore[method-assign]
        nursery.start_soon(keeper.keep)
        await trio.sleep(2 * MEMORY_LOOK_SECONDS + 1)
        assert parts.base.shortage.shortages == 3
        nursery.cancel_scope.cancel()


def _no_memory() -> float:
    raise MemoryError
