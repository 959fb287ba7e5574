"""Several workers' numbers on one page."""

from __future__ import annotations

import os

import pytest
import trio

from resolver.limits import BOARD_SECONDS, SLOT_LOOKS, SLOT_OCTETS
from resolver.telemetry.metrics import Family, Registry
from resolver.telemetry.shared_counters import _HEAD, SharedCounters, Slot
from tests.support import trio_test

HITS = "resolver_hits_total"


def test_what_a_child_posts_its_parent_shows() -> None:
    """The mapping is shared across a fork, each worker's numbers under its own label."""
    board = SharedCounters(2)
    board.post(0, {HITS: 3})
    child = os.fork()
    if child == 0:
        board.note_start(1)
        board.post(1, {HITS: 4, "resolver_in_flight": 0.5})
        os._exit(0)
    os.waitpid(child, 0)
    families = {
        HITS: Family(HITS, "Hits."),
        "resolver_in_flight": Family("resolver_in_flight", "On the way."),
    }
    assert board.text(families) == (
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


def test_half_written_numbers_are_not_shown() -> None:
    """A worker that dies while it writes leaves its slot odd; its successor mends it."""
    board = SharedCounters(1)
    board.post(0, {HITS: 3})
    edition, octets, starts = board._head(0)
    _HEAD.pack_into(board._memory, 0, edition + 1, octets, starts)
    assert board.read(0) == {}
    board.post(0, {HITS: 5})
    assert board.read(0)[HITS] == 5


@pytest.mark.reaches("SLOT_OCTETS")
def test_too_many_numbers_are_our_fault() -> None:
    room = SLOT_OCTETS - _HEAD.size - len('{"":1}')
    board = SharedCounters(1)
    board.post(0, {"x" * room: 1})
    with pytest.raises(ValueError, match="more numbers"):
        board.post(0, {"x" * (room + 1): 1})


@pytest.mark.reaches("SLOT_LOOKS")
def test_numbers_that_are_being_written_are_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    board = SharedCounters(1)
    looks: list[int] = []

    def half_written(worker: int) -> tuple[int, int, int]:
        looks.append(worker)
        return 1, 2, 1

    monkeypatch.setattr(board, "_head", half_written)
    assert board.read(0) == {}
    assert len(looks) == SLOT_LOOKS


@pytest.mark.reaches("BOARD_SECONDS")
@trio_test
async def test_numbers_are_posted_again_and_again_and_fresh_where_asked() -> None:
    board = SharedCounters(2)
    count = 0
    registry = Registry()
    registry.total("hits", "Hits.", lambda: count)
    place = Slot(board, 1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(place.keep_posting, registry)
        await trio.sleep(0.01)
        count = 7
        await trio.sleep(0.9 * BOARD_SECONDS)
        assert board.read(1)[HITS] == 0
        assert f'{HITS}{{worker="1"}} 7\n' in place.page(registry).text()
        count = 8
        await trio.sleep(BOARD_SECONDS)
        assert board.read(1)[HITS] == 8
        nursery.cancel_scope.cancel()
