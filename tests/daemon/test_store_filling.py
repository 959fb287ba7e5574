"""The filter of names on disk is filled from the file by one worker, and anew where it is full."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.cache.store import Row, base_of
from resolver.cache.store_sqlite import SqliteStore
from resolver.daemon.store_filling import keep_filter
from resolver.errors import StoreFailed
from resolver.limits import (
    STORE_COMMIT_SECONDS,
    STORE_FILTER_KEYS,
    STORE_FILTER_PAUSE_SECONDS,
    STORE_FILTER_SECONDS,
    STORE_FILTER_TWICE_SECONDS,
)
from resolver.model import Source
from resolver.telemetry.shared_counters import SharedCounters, Slot
from tests.cache.shelf import WWW, Bench, entry
from tests.daemon.persisting import life
from tests.making import question
from tests.recurse.household import village
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    found = Bench(tmp_path / "store.sqlite")
    yield found
    found.file.close()


class Hops:
    """Calls instead of threads; each is noted with its time."""

    def __init__(self) -> None:
        self.at: list[float] = []

    async def __call__(self, function: Callable[..., object], *arguments: object) -> object:
        self.at.append(trio.current_time())
        return function(*arguments)


@pytest.mark.reaches("STORE_FILTER_KEYS", "STORE_FILTER_PAUSE_SECONDS")
@trio_test
async def test_it_is_filled_a_little_at_a_time_and_then_counts(bench: Bench) -> None:
    """Until then every look-up goes to the file, which it is told to have read in."""
    many = [Row(number << 8, 1, 1, b"x") for number in range(1, 1202)]
    bench.file.write(many)
    bench.learn(entry())
    hops = Hops()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_filter, bench.store, hops)
        await trio.testing.wait_all_tasks_blocked()
        assert bench.store.filter.state.current == 0
        assert bench.bring(WWW)
        await trio.sleep(1.0)
        nursery.cancel_scope.cancel()
    assert bench.store.filter.is_whole
    assert len(hops.at) == 2 + 1202 // 500 + 2  # the last of each finds that there is no more
    assert hops.at[2] - hops.at[1] == pytest.approx(0.002)
    assert (STORE_FILTER_KEYS, STORE_FILTER_PAUSE_SECONDS) == (500, 0.002)
    assert not any(bench.store.filter.lacks(row.number >> 8) for row in many)
    bench.another()
    assert bench.bring(WWW)
    assert bench.store.filter.lacks(1 << 20)


@pytest.mark.reaches("STORE_FILTER_SECONDS", "STORE_FILTER_TWICE_SECONDS")
@trio_test
async def test_where_it_is_full_it_is_made_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Larger at the next look; of the same size once in an hour, to forget what is gone."""
    rng, begun = random.Random(1), []
    filter_, begin = bench.store.filter, bench.store.filter.begin

    def noted(octets: int) -> object:
        begun.append(trio.current_time())
        return begin(octets)

    def stuff() -> None:
        filter_.add([rng.getrandbits(32) for _ in range(200_000)])

    monkeypatch.setattr(type(filter_), "begin", lambda _, octets: noted(octets))
    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_filter, bench.store, Hops())
        await trio.sleep(0.5)
        stuff()
        await trio.sleep(3590)
        assert len(begun) == 1
        await trio.sleep(100)
        assert len(begun) == 2
        assert not filter_.is_full()
        stuff()
        monkeypatch.setattr(type(bench.file), "size_octets", (1 << 16) * 32)
        before = trio.current_time()
        await trio.sleep(61)
        nursery.cancel_scope.cancel()
    assert len(begun) == 3
    assert begun[1] - start >= 3600
    assert begun[2] - before <= 60
    assert (STORE_FILTER_SECONDS, STORE_FILTER_TWICE_SECONDS) == (60, 3600)


@trio_test
async def test_a_file_that_fails_ends_nothing_and_is_tried_again(bench: Bench) -> None:
    bench.learn(entry())
    file, bench.store.file = bench.store.file, None
    calls = iter([StoreFailed("the disk is gone"), None])

    async def hop(function: Callable[..., object], *arguments: object) -> object:
        if (error := next(calls, None)) is not None:
            raise error
        return function(*arguments)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_filter, bench.store, hop)
        await trio.sleep(1)
        bench.store.file = file
        await trio.sleep(61)
        assert bench.store.filter.state.current == 0
        await trio.sleep(61)
        assert bench.store.filter.is_whole
        nursery.cancel_scope.cancel()
    bench.another()
    assert bench.bring(WWW)


@trio_test
async def test_a_file_that_was_begun_anew_meanwhile_is_read_again(bench: Bench) -> None:
    """What was read belongs to the one before."""

    async def hop(function: Callable[..., object], *arguments: object) -> object:
        if bench.store.file is bench.file:
            bench.store.file = None
        return function(*arguments)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_filter, bench.store, hop)
        await trio.sleep(1)
        assert bench.store.filter.state.current == 0
        nursery.cancel_scope.cancel()


@trio_test
async def test_the_filter_is_that_of_all_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look-up of a name that the other worker learnt sends no packet; of one that none
    has learnt, it does not even ask the disk."""
    world, board = village(), SharedCounters(2)
    looked: list[object] = []
    cold = SqliteStore.cold

    def noted(file: SqliteStore, base: int | None, numbers: Sequence[int]) -> object:
        looked.append(base)
        return cold(file, base, numbers)

    monkeypatch.setattr(SqliteStore, "cold", noted)
    async with (
        life(world, tmp_path, slot=Slot(board, 0)) as first,
        life(world, tmp_path, slot=Slot(board, 1)) as second,
    ):
        await trio.sleep(0.5)
        store = second.daemon.persistence.store
        assert store is not None
        assert store.filter.is_whole
        await first.ask("www.example.net. A")
        assert looked == []
        await trio.sleep(STORE_COMMIT_SECONDS * 1.5)
        assert (await second.ask("www.example.net. A"))[2] == {Source.CACHE}
        assert second.sent == []
        assert looked[0] == base_of(question("www.example.net. A").qname)
