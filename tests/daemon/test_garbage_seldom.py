"""When garbage is looked for: seldom while nobody asks, and never at length while many wait."""

from __future__ import annotations

import gc
from itertools import pairwise

import pytest
import trio

from resolver.daemon import garbage
from resolver.limits import (
    GARBAGE_COUNT_SECONDS,
    GARBAGE_IDLE_SECONDS,
    GARBAGE_SECONDS,
    GARBAGE_YOUNG_LEAST,
    GARBAGE_YOUNG_MOST,
)
from tests.daemon.test_garbage import BUSY, CALM, collecting
from tests.support import set_limit, trio_test


class Turns(trio.abc.Instrument):
    """Counts how often the loop was woken."""

    count = 0

    def after_io_wait(self, timeout: float) -> None:
        del timeout
        self.count += 1


@trio_test
async def test_who_has_nothing_to_do_sleeps() -> None:
    """A laptop's processor wakes for each look: two a second once, though nobody asked anything."""
    async with collecting(CALM) as collector:
        await trio.sleep(GARBAGE_SECONDS)
        assert collector.is_still
        turns = Turns()
        trio.lowlevel.add_instrument(turns)
        await trio.sleep(10 * GARBAGE_IDLE_SECONDS)
        trio.lowlevel.remove_instrument(turns)
        assert turns.count <= 30  # of which some are this test's clock


@trio_test
async def test_new_objects_end_its_sleep() -> None:
    async with collecting(CALM) as collector:
        await trio.sleep(GARBAGE_SECONDS)
        began = trio.current_time()
        with trio.fail_after(GARBAGE_IDLE_SECONDS / 2):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(collector.rest, GARBAGE_IDLE_SECONDS)
                await trio.sleep(GARBAGE_SECONDS)
                kept: list[list[object]] = [[] for _ in range(GARBAGE_YOUNG_MOST + 1000)]
        assert trio.current_time() - began == pytest.approx(GARBAGE_SECONDS)
        assert kept


@trio_test
async def test_what_is_aside_is_not_counted_while_many_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two looks a second walked all that 10,000 waiting misses are made of: 60 ms without a hit."""
    walks: list[float] = []

    def walk() -> int:
        walks.append(trio.current_time())
        return 0

    monkeypatch.setattr(gc, "get_freeze_count", walk)
    set_limit(monkeypatch, garbage, "GARBAGE_ASIDE_OBJECTS", 1000)
    set_limit(monkeypatch, garbage, "GARBAGE_GROWTH_PART", 1 << 30)
    async with collecting(BUSY) as collector:
        walks.clear()
        began = trio.current_time()
        while trio.current_time() < began + 3 * GARBAGE_COUNT_SECONDS:
            collector._aside = 10_000
            await trio.sleep(GARBAGE_SECONDS)
        assert 2 <= len(walks) <= 3
        assert min(at - before for before, at in pairwise(walks)) >= GARBAGE_COUNT_SECONDS
    monkeypatch.undo()


@trio_test
async def test_a_short_pass_of_our_own_does_not_put_off_the_next() -> None:
    """It is short because few are young by then; the next by count would be over twice as many."""
    async with collecting(BUSY) as collector:
        gc.set_threshold(GARBAGE_YOUNG_LEAST, *gc.get_threshold()[1:])
        for _ in range(5):
            collector._young_pass()
        assert gc.get_threshold()[0] == GARBAGE_YOUNG_LEAST
