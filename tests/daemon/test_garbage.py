"""Cyclic garbage is found soon, whoever makes it and however busy the daemon is."""

from __future__ import annotations

import gc
import time
import weakref
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.daemon import garbage
from resolver.daemon.garbage import Collector, Work
from resolver.limits import (
    GARBAGE_ASIDE_FORCED,
    GARBAGE_ASIDE_OBJECTS,
    GARBAGE_COUNT_SECONDS,
    GARBAGE_IDLE_SECONDS,
    GARBAGE_MISSES,
    GARBAGE_OBJECT_US,
    GARBAGE_OLD_OBJECTS,
    GARBAGE_PASS_US,
    GARBAGE_SECONDS,
    GARBAGE_YOUNG_LEAST,
    GARBAGE_YOUNG_LOOKS,
    GARBAGE_YOUNG_MOST,
    GARBAGE_YOUNG_OBJECTS,
    GARBAGE_YOUNG_PASSES,
)
from tests.support import set_limit, trio_test

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class Cycle:
    """What only the collector frees."""

    def __init__(self) -> None:
        self.own = self


class Load:
    """Counters that a daemon would have."""

    def __init__(self, misses: int, hits: int = 0) -> None:
        """So many in each look."""
        self._per_look = misses, misses + hits

    def work(self) -> Work:
        misses, queries = (
            int(each * trio.current_time() / GARBAGE_SECONDS) for each in self._per_look
        )
        return Work(misses, queries, in_flight=0)


@asynccontextmanager
async def collecting(load: Load) -> AsyncIterator[Collector]:
    collector = Collector()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(collector.run, load.work)
        await trio.sleep(GARBAGE_SECONDS / 2)
        yield collector
        nursery.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    assert gc.get_threshold() == threshold
    assert gc.get_freeze_count() == 0
    assert gc.isenabled()


CALM = Load(0)
BUSY = Load(10 * GARBAGE_MISSES, 1000)


@pytest.mark.reaches("GARBAGE_IDLE_SECONDS")
@trio_test
async def test_cycles_of_calm_times_are_freed_at_the_next_look() -> None:
    async with collecting(CALM):
        await trio.sleep(GARBAGE_SECONDS)
        seen = weakref.ref(Cycle())
        kept: list[list[object]] = [[] for _ in range(100)]
        await trio.sleep(GARBAGE_IDLE_SECONDS)
        assert seen() is None
        assert kept


@pytest.mark.reaches("GARBAGE_YOUNG_MOST")
@trio_test
async def test_cycles_made_under_load_are_freed_while_they_are_made() -> None:
    """A library that leaves one behind for every client, and no quiet moment for hours."""
    async with collecting(BUSY) as collector:
        seen = [weakref.ref(Cycle()) for _ in range(10 * GARBAGE_YOUNG_MOST)]
        assert sum(each() is not None for each in seen) <= GARBAGE_YOUNG_MOST
        assert collector.collected_objects >= 9 * GARBAGE_YOUNG_MOST
        assert collector.aside == 0


@pytest.mark.reaches(
    "GARBAGE_PASS_US", "GARBAGE_YOUNG_LEAST", "GARBAGE_YOUNG_MOST", "GARBAGE_YOUNG_OBJECTS"
)
@trio_test
async def test_after_a_long_pass_the_next_is_over_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand misses that wait are half a million objects, all of them in use and cold."""
    now = [0.0]
    monkeypatch.setattr(time, "thread_time", lambda: now[0])
    collector = Collector()

    def after(*took_us: int, generation: int = 1) -> int:
        for one in took_us:
            info = {"generation": generation, "collected": 0, "uncollectable": 0}
            collector._note("start", info)
            now[0] += (one + 0.5) / 1e6
            collector._note("stop", info)
        return gc.get_threshold()[0]

    before = gc.get_threshold()
    gc.disable()  # none of its own
    try:
        gc.set_threshold(GARBAGE_YOUNG_OBJECTS, *before[1:])
        assert after(GARBAGE_PASS_US, GARBAGE_PASS_US // 2) == GARBAGE_YOUNG_OBJECTS
        assert after(1, generation=0) == GARBAGE_YOUNG_OBJECTS
        assert after(GARBAGE_PASS_US // 2 - 1) == 2 * GARBAGE_YOUNG_OBJECTS
        assert after(*[1] * 9) == GARBAGE_YOUNG_MOST
        assert after(GARBAGE_PASS_US + 1, generation=0) == GARBAGE_YOUNG_MOST // 2
        assert after(*[GARBAGE_PASS_US + 1] * 9) == GARBAGE_YOUNG_LEAST
        assert gc.get_threshold()[1] == GARBAGE_YOUNG_PASSES
    finally:
        gc.enable()
        gc.set_threshold(*before)


@pytest.mark.reaches("GARBAGE_YOUNG_PASSES")
@trio_test
async def test_what_dies_after_its_first_pass_is_found_by_the_second() -> None:
    """Connections live for seconds; under load nothing is quiet meanwhile."""
    async with collecting(BUSY):
        assert gc.get_threshold()[1] == GARBAGE_YOUNG_PASSES
        gc.collect(1)
        gc.set_threshold(GARBAGE_YOUNG_OBJECTS, *gc.get_threshold()[1:])
        alive = [Cycle() for _ in range(GARBAGE_YOUNG_OBJECTS + 100)]  # one pass
        seen = [weakref.ref(each) for each in alive]
        del alive
        others: list[list[object]] = [
            [] for _ in range((2 + GARBAGE_YOUNG_PASSES) * GARBAGE_YOUNG_MOST)
        ]
        assert not any(each() for each in seen)
        assert others


@trio_test
async def test_only_survivors_are_set_aside() -> None:
    """Many older objects would make each pass long; what is garbage among them goes first."""
    async with collecting(CALM) as collector:
        kept: list[list[object]] = [[] for _ in range(GARBAGE_OLD_OBJECTS)]
        seen = weakref.ref(Cycle())
        await trio.sleep(2 * GARBAGE_SECONDS)
        assert collector.aside >= len(kept) // 2
        assert seen() is None
        assert len(gc.get_objects()) < GARBAGE_OLD_OBJECTS


@pytest.mark.parametrize(
    ("load", "times"), [(CALM, 1), (BUSY, GARBAGE_ASIDE_FORCED)], ids=["idle", "busy"]
)
@pytest.mark.reaches("GARBAGE_GROWTH_PART")
@trio_test
async def test_growth_of_what_is_set_aside_brings_a_full_pass(
    load: Load, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What turns into garbage later than all passes is not kept for ever."""
    set_limit(monkeypatch, garbage, "GARBAGE_ASIDE_OBJECTS", 10_000)
    # Of all that the tests have loaded a quarter would be too much.
    set_limit(monkeypatch, garbage, "GARBAGE_GROWTH_PART", 1000)
    async with collecting(load) as collector:
        before = collector.full_passes
        late = Cycle()
        seen = weakref.ref(late)
        kept: list[list[object]] = [[] for _ in range(2 * GARBAGE_OLD_OBJECTS)]
        await trio.sleep(2 * GARBAGE_SECONDS)
        assert gc.get_freeze_count() > GARBAGE_OLD_OBJECTS
        del late  # set aside by now
        assert seen() is not None or collector.full_passes > before
        for _ in range(times):
            kept += [[] for _ in range(2 * GARBAGE_OLD_OBJECTS)]
            await trio.sleep(2 * GARBAGE_SECONDS)
        if load is BUSY:
            await trio.sleep(GARBAGE_COUNT_SECONDS)
        assert seen() is None
        assert collector.full_passes > before
        assert collector.aside <= times * 2 * GARBAGE_OLD_OBJECTS


@trio_test
async def test_a_full_cache_is_not_walked_again_and_again() -> None:
    """Objects that were set aside and are still there do not bring a full pass at every look."""
    async with collecting(CALM) as collector:
        kept: list[list[object]] = [[] for _ in range(GARBAGE_ASIDE_OBJECTS + 1000)]
        await trio.sleep(2 * GARBAGE_SECONDS)
        passes = collector.full_passes
        await trio.sleep(20 * GARBAGE_SECONDS)
        assert collector.full_passes <= passes + 1
        assert kept


@trio_test
async def test_the_young_are_looked_through_by_time_where_the_count_stands_still() -> None:
    """As many old objects freed as new ones made: CPython would make no pass at all."""
    async with collecting(BUSY) as collector:
        kept: list[list[object]] = [[] for _ in range(GARBAGE_YOUNG_LEAST // 2)]
        await trio.sleep(GARBAGE_SECONDS)
        seen = weakref.ref(Cycle())
        passes = collector.passes
        await trio.sleep(GARBAGE_SECONDS / 2)
        assert seen() is None
        assert collector.passes > passes
        assert kept


@pytest.mark.reaches("GARBAGE_OBJECT_US")
@pytest.mark.parametrize(("more_us", "is_aside"), [(1, True), (-1000, False)])
@trio_test
async def test_what_is_older_is_set_aside_as_soon_as_passes_over_it_would_be_long(
    more_us: int,
    is_aside: bool,  # noqa: FBT001
) -> None:
    """A thousand queries a second that wait for one silent zone do not wait for the next look."""
    async with collecting(CALM) as collector:
        kept: list[list[object]] = [[] for _ in range(GARBAGE_OLD_OBJECTS + 100)]
        gc.collect()  # they are older now
        collector._middle_us = int(GARBAGE_OLD_OBJECTS * GARBAGE_OBJECT_US) + more_us
        collector._began = time.thread_time()
        collector._note("stop", {"generation": 1, "collected": 0})
        for _ in range(2):
            await trio.lowlevel.checkpoint()
        assert (collector.aside > GARBAGE_OLD_OBJECTS) is is_aside
        assert kept


@pytest.mark.reaches("GARBAGE_PASS_US")
def test_the_longer_a_look_at_the_young_takes_the_sooner_is_the_next() -> None:
    """Where as many objects die as are made, those that wait for a server are all young."""
    collector = Collector()
    pauses = []
    for took_us in (GARBAGE_PASS_US, *[GARBAGE_PASS_US + 1] * 4, *[GARBAGE_PASS_US // 4] * 4):
        collector._pace_looks(took_us)
        pauses.append(collector._pause_s * GARBAGE_YOUNG_LOOKS / GARBAGE_SECONDS)
    assert pauses == pytest.approx([1, 0.5, 0.25, 0.2, 0.2, 0.4, 0.8, 1, 1])


@pytest.mark.reaches("GARBAGE_YOUNG_LOOKS")
@trio_test
async def test_the_young_are_looked_at_several_times_in_each_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at: list[float] = []

    def collect(generation: int = 2) -> None:
        if generation == 1:
            at.append(trio.current_time())

    monkeypatch.setattr(gc, "collect", collect)
    async with collecting(BUSY):
        await trio.sleep(4 * GARBAGE_SECONDS)
    gaps = {round(later - before, 6) for before, later in pairwise(at)}
    assert len(at) > 2 * GARBAGE_YOUNG_LOOKS
    assert gaps == {GARBAGE_SECONDS / GARBAGE_YOUNG_LOOKS}


@trio_test
async def test_an_idle_moment_has_nothing_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand queries that wait for a dead zone are many objects, and all of them in use."""
    set_limit(monkeypatch, garbage, "GARBAGE_ASIDE_OBJECTS", 10_000)
    set_limit(monkeypatch, garbage, "GARBAGE_GROWTH_PART", 1000)
    collector = Collector()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(collector.run, lambda: Work(0, 0, in_flight=10_000))
        await trio.sleep(GARBAGE_SECONDS / 2)
        kept: list[list[object]] = [[] for _ in range(2 * GARBAGE_OLD_OBJECTS)]
        await trio.sleep(3 * GARBAGE_SECONDS)
        assert collector.aside > 10_000
        assert collector.full_passes == 1  # the one at the start
        assert kept
        nursery.cancel_scope.cancel()


@pytest.mark.reaches("GARBAGE_SECONDS", "GARBAGE_MISSES")
@pytest.mark.parametrize(
    ("misses", "is_quiet"), [(GARBAGE_MISSES, True), (GARBAGE_MISSES + 1, False)]
)
@trio_test
async def test_few_misses_are_a_quiet_look(
    misses: int,
    is_quiet: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[tuple[float, bool]] = []
    began = trio.current_time()

    def look(_: Collector, *, is_quiet: bool, is_idle: bool) -> None:
        del is_idle
        looks.append((trio.current_time() - began, is_quiet))

    monkeypatch.setattr(Collector, "look", look)
    async with collecting(Load(misses)):
        await trio.sleep(GARBAGE_SECONDS)
    ((at, was_quiet),) = looks
    assert at == pytest.approx(GARBAGE_SECONDS)
    assert was_quiet is is_quiet


@pytest.mark.reaches("GARBAGE_OLD_OBJECTS")
def test_older_objects_are_set_aside_once_they_are_many() -> None:
    for survivors, aside in (
        (GARBAGE_OLD_OBJECTS, 0),
        (GARBAGE_OLD_OBJECTS + 1, GARBAGE_OLD_OBJECTS + 1),
    ):
        collector = Collector()
        collector._survivors = survivors
        collector.look(is_quiet=False, is_idle=False)
        assert collector.aside == aside
    gc.unfreeze()


@pytest.mark.reaches("GARBAGE_ASIDE_OBJECTS", "GARBAGE_ASIDE_FORCED", "GARBAGE_COUNT_SECONDS")
@pytest.mark.parametrize(
    ("aside", "is_idle", "passes"),
    [
        (GARBAGE_ASIDE_OBJECTS, True, 0),
        (GARBAGE_ASIDE_OBJECTS + 1, True, 1),
        (GARBAGE_ASIDE_OBJECTS * GARBAGE_ASIDE_FORCED, False, 0),
        (GARBAGE_ASIDE_OBJECTS * GARBAGE_ASIDE_FORCED + 1, False, 1),
    ],
)
def test_many_objects_aside_wait_for_an_idle_moment_and_very_many_do_not(
    aside: int,
    is_idle: bool,  # noqa: FBT001
    passes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collector = Collector()
    monkeypatch.setattr(gc, "get_freeze_count", lambda: aside)
    collector._aside = aside
    looks = 1 if is_idle else 1 + int(GARBAGE_COUNT_SECONDS / GARBAGE_SECONDS)
    for _ in range(looks):
        assert collector.full_passes == 0
        collector._mind_what_is_aside(is_idle=is_idle)
    assert collector.full_passes == passes
    gc.unfreeze()
    monkeypatch.undo()
