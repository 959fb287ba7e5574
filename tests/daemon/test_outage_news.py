"""What one worker finds of a way out, the others go by."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from resolver.config import hints
from resolver.daemon.outage_news import OutageNews, OutageTable, number_of
from resolver.iterate.priming import hints_delegation
from resolver.telemetry.shared_counters import SharedCounters, Slot
from tests.support import trio_test
from tests.upstream.test_ways import forwarding
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from resolver.upstream.ways import Ways

ROOT = hints_delegation(hints.load())


class Clock:
    """As far ahead of trio's as that of a machine that has slept."""

    def now(self) -> float:
        return trio.current_time() + 12_345.0

    def wall(self) -> float:
        return 1.8e9


async def _worker(slots: SharedCounters, number: int, nursery: trio.Nursery) -> Ways:
    """The ways of a worker that has begun."""
    world = World(named=(ROOT, forwarding("192.0.2.1")))
    await nursery.start(world.dispatcher.run)
    ways = world.dispatcher.ways
    nursery.start_soon(OutageNews(Slot(slots, number), ways, Clock()).run)
    await trio.testing.wait_all_tasks_blocked()
    return ways


def _find_cut(ways: Ways) -> None:
    """As it is found out by silence."""
    corp = ways.of(forwarding("192.0.2.1"))
    corp.asked_at, corp.awaited = trio.current_time(), 1
    corp.refused = 1  # nothing answers any more, for certain
    ways._decide(corp, trio.current_time())


async def _heard() -> None:
    """The bell is of the real world: its clock does not stand still for tests."""
    await trio.sleep(0.05)


@pytest.mark.parametrize("knows_better", [False, True])
def test_a_cut_and_its_end_are_believed_at_once(knows_better: bool) -> None:  # noqa: FBT001
    """But by who has heard an answer since; the public tree is another way."""

    async def main() -> None:
        slots = SharedCounters(3)
        async with trio.open_nursery() as nursery:
            one, other = [await _worker(slots, number, nursery) for number in (0, 1)]
            corp = other.of(forwarding("192.0.2.1"))
            if knows_better:
                corp.reach._families[False].t_ok = trio.current_time() + 1
            await trio.sleep(0.01)
            _find_cut(one)
            await _heard()
            assert corp.is_cut(trio.current_time()) is not knows_better
            assert not other.public.is_cut(trio.current_time())
            late = await _worker(slots, 2, nursery)
            assert late.cut_off(trio.current_time()) == 1
            one.end(one.of(forwarding("192.0.2.1")), trio.current_time())
            await _heard()
            for ways in (other, late):
                assert ways.cut_off(trio.current_time()) == 0
            nursery.cancel_scope.cancel()

    trio.run(main)


def test_a_table_has_an_entry_for_each_way_and_says_when_it_is_full() -> None:
    table = OutageTable(mmap.mmap(-1, mmap.PAGESIZE))
    room = mmap.PAGESIZE // 24
    for way in range(1, room + 1):
        assert table.said(way) is None
        assert table.say(way, float(way), is_cut=True)
    assert not table.say(room + 1, 0.0, is_cut=True)
    assert table.said(room + 1) is None
    assert table.say(7, 8.0, is_cut=False)
    assert table.said(7) == (8.0, False)
    assert table.said(8) == (8.0, True)


@trio_test
async def test_ways_are_told_apart_by_their_servers() -> None:
    ways = World(named=(ROOT, forwarding("192.0.2.1"))).dispatcher.ways
    numbers = [number_of(way) for way in ways]
    ways.name([ROOT, forwarding("192.0.2.2")])
    assert number_of(ways.public) == numbers[0]
    assert number_of(ways.of(forwarding("192.0.2.2"))) not in numbers
    assert len(set(numbers)) == 2
