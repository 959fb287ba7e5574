"""What outlives the process beside records: servers, what is kept warm, octets written."""

from __future__ import annotations

import itertools
import logging
from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest
import trio
from hypothesis import example, given
from hypothesis import strategies as st

from resolver.cache.write_ledger import WriteLedger
from resolver.daemon import keepsakes
from resolver.daemon.keepsakes import (
    Keepsakes,
    OctetsWritten,
    Servers,
    Warm,
    servers_untrusted,
)
from resolver.errors import WireError
from resolver.limits import STORE_NOTE_RATE, STORE_NOTE_SECONDS, STORE_SERVERS
from resolver.recurse.prefetch import Prefetch
from resolver.runtime import disk_use
from resolver.telemetry.shared_counters import SharedCounters, Slot
from resolver.upstream.infra import Infra, Kept
from resolver.upstream.server_state import EdnsState
from tests.cache.shelf import FakeClock
from tests.daemon.persisting import kill, life
from tests.making import question
from tests.recurse.household import WALL, slow_village, village
from tests.support import set_limit, trio_test

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.config.schema import Config
    from resolver.model import Question
    from tests.daemon.persisting import Home

NAMES = [question(f"n{number}.example.net. A") for number in range(3)]
BUSY_DAY = [(0, 1000, 0, 0, 0)]  # so many packets to servers in this hour


def use(home: Home, times: dict[Question, int]) -> None:
    """Each question was used so often, an hour between; there is a budget for renewals."""
    base = home.daemon.parts.base
    base.prefetch.budget.restore(BUSY_DAY, base.clock.now(), away_s=0)
    for asked, often in times.items():
        now = base.clock.now()
        known = base.prefetch.warm.add(asked, 300, now, now)
        known.score, known.quarters, known.chances = float(often), 15, [0.9, 0.9]


async def order(home: Home) -> list[Question]:
    """What is warm, in the order in which it is renewed."""
    await trio.sleep(10)
    entries = home.daemon.parts.base.prefetch.warm.entries
    return sorted(entries, key=lambda one: entries[one].begins_at)


@trio_test
async def test_what_is_warm_comes_back_in_order_of_use(tmp_path: Path) -> None:
    """After a kill: renewed before anybody asks, the most used first."""
    world = village()
    for asked in NAMES:
        world.zones[asked.qname[3:]].add_address(f"n{NAMES.index(asked)}", "192.0.2.83", ttl=300)
    async with life(world, tmp_path) as home:
        use(home, {NAMES[0]: 1, NAMES[1]: 5, NAMES[2]: 3})
        await trio.sleep(4)
        kill(home)
    async with life(world, tmp_path, wall=WALL + 3 * STORE_NOTE_SECONDS) as home:
        expected = [NAMES[1], NAMES[2], NAMES[0]]
        assert await order(home) == expected
        now = home.daemon.parts.clock.now()
        for asked in expected:
            assert home.daemon.parts.memory.recall(asked, now) is not None


@trio_test
async def test_an_orderly_end_loses_nothing_of_what_is_warm(tmp_path: Path) -> None:
    async with life(village(), tmp_path) as home:
        use(home, {NAMES[0]: 2})
    async with life(village(), tmp_path, wall=WALL + 10) as home:
        await trio.sleep(0.1)
        base = home.daemon.parts.base
        assert set(base.prefetch.warm.entries) == {NAMES[0]}
        assert base.prefetch.budget.allowed >= 100


@trio_test
async def test_each_worker_has_its_own_list_back(tmp_path: Path) -> None:
    board = SharedCounters(2)
    async with (
        life(village(), tmp_path, slot=Slot(board, 0)) as first,
        life(village(), tmp_path, slot=Slot(board, 1)) as second,
    ):
        use(first, {NAMES[0]: 2})
        use(second, {NAMES[1]: 2})
    for number in (0, 1):
        slot = Slot(SharedCounters(2), number)
        async with life(village(), tmp_path, slot=slot, wall=WALL + 10) as home:
            await trio.sleep(0.1)
            assert set(home.daemon.parts.base.prefetch.warm.entries) == {NAMES[number]}


@trio_test
async def test_round_trip_times_and_habits_come_back_as_a_guess(tmp_path: Path) -> None:
    world = slow_village()
    async with life(world, tmp_path) as home:
        await home.ask("www.example.net. A")
        infra = home.daemon.parts.infra
        for state in infra.states.values():
            state.note_edns(EdnsState.BROKEN, trio.current_time())
        await trio.sleep(4)
        kill(home)
    async with life(world, tmp_path, wall=WALL + 100) as home:
        await trio.sleep(0.1)
        states = home.daemon.parts.infra.states
        known = {key[0]: state for key, state in states.items() if state.hint}
        assert known["192.0.2.20"].edns is EdnsState.BROKEN
        assert not known["192.0.2.20"].n


class Due:
    """What would be written of it all, by a daemon of which nothing else is looked at."""

    def __init__(self, home: Home) -> None:
        self.writer = home.daemon.persistence._writer
        assert self.writer is not None
        self.all = Keepsakes(home.daemon.parts.base, self.writer, WriteLedger())

    def due(self) -> list[str]:
        return [name for name, _ in self.all._new(trio.current_time())]


@trio_test
async def test_nothing_is_written_while_nothing_is_learnt(tmp_path: Path) -> None:
    async with life(village(), tmp_path) as home:
        kept = Due(home)
        assert kept.due() == []
        await home.ask("www.example.net. A")
        await trio.sleep(STORE_NOTE_SECONDS)
        assert kept.due() == ["servers", "neighbours", "written"]
        await trio.sleep(STORE_NOTE_SECONDS)
        assert kept.due() == []
        use(home, {NAMES[0]: 2})
        await trio.sleep(STORE_NOTE_SECONDS)
        assert kept.due() == ["warm", "written"]
        await trio.sleep(STORE_NOTE_SECONDS)
        assert kept.due() == []


@pytest.mark.reaches("STORE_NOTE_SECONDS")
@trio_test
async def test_a_kill_loses_half_of_a_life_and_ten_minutes_at_most(tmp_path: Path) -> None:
    """Somebody asks something each second."""
    async with life(village(), tmp_path) as home:
        kept, times = Due(home), []
        for second in range(3 * STORE_NOTE_SECONDS):
            use(home, {NAMES[0]: 2})
            if kept.due():
                times.append(second)
            await trio.sleep(1)
    waits = [after - before for before, after in itertools.pairwise(times)]
    assert times[0] == 0
    assert len(times) < 15
    assert max(waits) <= STORE_NOTE_SECONDS + 1
    assert all(wait <= max(at, 1) + 1 for at, wait in zip(times, waits, strict=False))


@trio_test
async def test_what_came_back_is_not_written_again(tmp_path: Path) -> None:
    async with life(village(), tmp_path) as home:
        use(home, {NAMES[0]: 2})
    config = with_prefetch_off
    async with life(village(), tmp_path, config, wall=WALL + 10) as home:
        await trio.sleep(5)
        written = home.daemon.persistence._keepsakes
        assert written is not None
        assert written._new(trio.current_time() + STORE_NOTE_SECONDS) == []


def with_prefetch_off(config: Config) -> Config:
    resolution = msgspec.structs.replace(config.resolution, prefetch=False)
    return msgspec.structs.replace(config, resolution=resolution)


@pytest.mark.reaches("STORE_NOTE_RATE")
@trio_test
async def test_a_large_note_is_written_more_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten megabytes a day at most, however much is warm."""
    async with life(village(), tmp_path) as home:
        set_limit(monkeypatch, keepsakes, "STORE_NOTE_SECONDS", 1)
        use(home, {question(f"n{number}.example.net. A"): 2 for number in range(1000)})
        kept = Due(home)
        sizes = dict(kept.all._new(trio.current_time()))
        wait_s = len(sizes["warm"]) / STORE_NOTE_RATE
        assert wait_s > 100
        await trio.sleep(wait_s - 1)
        use(home, {NAMES[0]: 3})
        assert kept.due() == []
        await trio.sleep(2)
        assert kept.due() == ["warm", "written"]


@pytest.mark.interpreted
@pytest.mark.reaches("STORE_SERVERS")
@trio_test
async def test_of_many_servers_the_last_to_answer_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with life(village(), tmp_path) as home:
        infra = home.daemon.parts.infra
        many = [
            Kept(f"192.0.{at // 256}.{at % 256}", 53, "udp", "", srtt_s=0.1, age_s=at)
            for at in range(STORE_SERVERS + 10)
        ]
        monkeypatch.setattr(infra, "snapshot", lambda _: list(reversed(many)))
        notes = dict(Due(home).all._new(trio.current_time()))
        assert servers_untrusted(notes["servers"]) == many[:STORE_SERVERS]


@trio_test
async def test_octets_of_a_day_are_counted_over_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kernel counts them; the counter is the process', the gauge the last 24 hours'."""
    written = iter(range(0, 1 << 30, 4096))
    monkeypatch.setattr(disk_use, "octets_written", lambda: next(written))

    def told(home: Home) -> tuple[float, float]:
        values = home.daemon.registry.values()
        return (
            values["resolver_store_octets_written_total"],
            values["resolver_store_octets_written_day"],
        )

    async with life(village(), tmp_path) as home:
        await home.ask("www.example.net. A")
        await trio.sleep(2)
        total, day = told(home)
        assert total == day > 0
    async with life(village(), tmp_path, wall=WALL + 7200) as home:
        await trio.sleep(0.5)
        assert told(home) == (0, day)
    async with life(village(), tmp_path, wall=WALL + 90_000) as home:
        await trio.sleep(0.5)
        assert told(home) == (0, 0)


# --- what is read back --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["servers", "warm", "written"])
@trio_test
async def test_a_note_that_is_none_is_told_and_the_others_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    async with life(slow_village(), tmp_path) as home:
        use(home, {NAMES[0]: 2})
        await home.ask("www.example.net. A")
    async with life(slow_village(), tmp_path, wall=WALL + 10) as home:
        await trio.sleep(0.1)
        writer = home.daemon.persistence._writer
        assert writer is not None
        writer.keep_note(name, b"\xff", home.daemon.parts.clock.now())
        kill(home)
    with caplog.at_level(logging.WARNING):
        async with life(slow_village(), tmp_path, wall=WALL + 20) as home:
            await trio.sleep(0.1)
            base = home.daemon.parts.base
            is_back = {
                "servers": any(state.hint for state in base.infra.states.values()),
                "warm": bool(base.prefetch.warm.entries),
            }
            assert is_back == {"servers": name != "servers", "warm": name != "warm"}
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"what was kept of {name} cannot be read: a note is none")


_numbers = st.integers(-(1 << 70), 1 << 70) | st.floats(allow_nan=False, allow_infinity=False)
_values = st.recursive(
    st.none() | st.booleans() | _numbers | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=8),
    max_leaves=40,
)
_servers = st.lists(
    st.tuples(
        st.text(max_size=20), _numbers, st.sampled_from(["udp", "tcp", "x"]), st.text(max_size=4),
        _numbers, _numbers,
        st.tuples(
            st.sampled_from(["works", "broken", "unknown", "x"]), _numbers, _numbers, _numbers,
            st.booleans(), st.booleans(),
        ),
    ),
    max_size=3,
)  # fmt: skip
_notes = st.binary(max_size=60) | st.builds(msgspec.json.encode, _values | _servers)


@given(_notes, st.none() | st.floats(0, 1e12))
@example(b"[" * 10_000, None)
@example(b"[[],[[0,1,0,0,0]]]", 1e9)
@example(b"[[[" + b'"AA==",1,300,0.0,1e300,255,[9.0,-9.0]]],[[0,-5,7,0,0]]]', 1.0)
def test_notes_untrusted(octets: bytes, age_s: float | None) -> None:
    """Whatever the octets: taken, and what comes of it may be kept again; or WireError."""
    clock = FakeClock()
    prefetch = Prefetch(clock)
    infra = Infra(rng=Random(0))
    for one in (
        Servers(infra, "servers", now=lambda: 5.0),
        Warm(prefetch, clock, "warm"),
        OctetsWritten(WriteLedger(), clock, "written"),
    ):
        try:
            one.take_back_untrusted(octets, age_s)
        except WireError:
            continue
        again, _ = one.octets()
        one.take_back_untrusted(again, age_s)
    for known in prefetch.warm.entries.values():
        assert known.is_wanted(clock.now(), clock.wall()) in (True, False)
    for state in infra.states.values():
        assert state.knows_edns(5.0) in (True, False)
