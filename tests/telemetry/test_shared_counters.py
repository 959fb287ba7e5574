"""Several workers' numbers on one page."""

from __future__ import annotations

import os

import pytest
import trio

from resolver.limits import SHARED_COUNTERS_SECONDS, SLOT_LOOKS, SLOT_OCTETS
from resolver.telemetry.metrics import Family, Registry
from resolver.telemetry.shared_counters import _HEAD, SharedCounters, Slot
from tests.support import trio_test

HITS = "resolver_hits_total"


def test_what_a_child_posts_its_parent_shows() -> None:
    """The mapping is shared across a fork, each worker's numbers under its own label."""
    counters = SharedCounters(2)
    counters.post(0, {HITS: 3})
    child = os.fork()
    if child == 0:
        counters.note_start(1)
        counters.post(1, {HITS: 4, "resolver_in_flight": 0.5})
        os._exit(0)
    os.waitpid(child, 0)
    families = {
        HITS: Family(HITS, "Hits."),
        "resolver_in_flight": Family("resolver_in_flight", "On the way."),
    }
    assert counters.text(families) == (
        "# HELP resolver_worker_starts_total Processes that began to be this worker.\n"
        "# TYPE resolver_worker_starts_total counter\n"
        'resolver_worker_starts_total{worker="0"} 0\n'
        'resolver_worker_starts_total{worker="1"} 1\n'
        "# HELP resolver_hits_total Hits.\n"
        "# TYPE resolver_hits_total counter\n"
        'resolver_hits_total{worker="0"} 3\n'
        'resolver_hits_total{worker="1"} 4\n'
        "# HELP resolver_in_flight On the way.\n"
        "# TYPE resolver_in_flight gauge\n"
        'resolver_in_flight{worker="1"} 0.5\n'
    )


def test_labels_of_a_number_stand_beside_the_workers() -> None:
    """And all numbers of a metric stand together, whoever has some of them only."""
    counters = SharedCounters(2)
    counters.post(0, {'resolver_knocks_total{door="front"}': 3, HITS: 1})
    counters.post(1, {'resolver_knocks_total{door="back"}': 4})
    knocks = "resolver_knocks_total"
    page = counters.text({knocks: Family(knocks, "Knocks."), HITS: Family(HITS, "Hits.")})
    assert page.splitlines()[4:8] == [
        "# HELP resolver_knocks_total Knocks.",
        "# TYPE resolver_knocks_total counter",
        'resolver_knocks_total{door="front",worker="0"} 3',
        'resolver_knocks_total{door="back",worker="1"} 4',
    ]


def test_half_written_numbers_are_not_shown() -> None:
    """A worker that dies while it writes leaves its slot odd; its successor mends it."""
    counters = SharedCounters(1)
    counters.post(0, {HITS: 3})
    edition, octets, starts = counters._head(0)
    _HEAD.pack_into(counters._memory, 0, edition + 1, octets, starts)
    assert counters.read(0) == {}
    counters.post(0, {HITS: 5})
    assert counters.read(0)[HITS] == 5


@pytest.mark.reaches("SLOT_OCTETS")
def test_too_many_numbers_are_our_fault() -> None:
    room = SLOT_OCTETS - _HEAD.size - len('{"":1}')
    counters = SharedCounters(1)
    counters.post(0, {"x" * room: 1})
    with pytest.raises(ValueError, match="more numbers"):
        counters.post(0, {"x" * (room + 1): 1})


@pytest.mark.reaches("SLOT_LOOKS")
def test_numbers_that_are_being_written_are_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counters = SharedCounters(1)
    looks: list[int] = []

    def half_written(worker: int) -> tuple[int, int, int]:
        looks.append(worker)
        return 1, 2, 1

    monkeypatch.setattr(counters, "_head", half_written)
    assert counters.read(0) == {}
    assert len(looks) == SLOT_LOOKS


@pytest.mark.reaches("SHARED_COUNTERS_SECONDS")
@trio_test
async def test_numbers_are_posted_again_and_again_and_fresh_where_asked() -> None:
    counters = SharedCounters(2)
    count = 0
    registry = Registry()
    registry.total("hits", "Hits.", lambda: count)
    place = Slot(counters, 1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(place.keep_posting, registry)
        await trio.sleep(0.01)
        count = 7
        await trio.sleep(0.9 * SHARED_COUNTERS_SECONDS)
        assert counters.read(1)[HITS] == 0
        assert f'{HITS}{{worker="1"}} 7\n' in place.page(registry).text()
        count = 8
        await trio.sleep(SHARED_COUNTERS_SECONDS)
        assert counters.read(1)[HITS] == 8
        nursery.cancel_scope.cancel()
