"""What the second level costs, without a network: look-ups, and records written, by CPU a piece.

All from the page cache. Each figure is the median of rounds over some thousand names in random
order; the thread's own CPU, so that neighbours cost cold caches but no time.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from resolver.cache.basis import Basis
from resolver.cache.delegation import DelegationCache
from resolver.cache.negative import NegativeCache
from resolver.cache.rrset import Entry, RRsetCache
from resolver.cache.second_level import SecondLevel
from resolver.cache.store import Store
from resolver.cache.store_budget import Budget
from resolver.cache.store_sqlite import SqliteStore
from resolver.cache.store_writer import Writer
from resolver.limits import STORE_OCTETS, STORE_RECORD_OCTETS, STORE_WRITE_OCTETS
from resolver.model import Question, Rank, Status
from resolver.protocol.names import from_text
from resolver.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORDS: Final = 50_000
ASKED: Final = 5_000
AT_ONCE: Final = STORE_WRITE_OCTETS // STORE_RECORD_OCTETS  # a second, over a while
SATURATED: Final = 6_000  # learnt a second by one core
_FIRST: Final = -(1 << 63)


class Bench:
    """A store in *folder*, and a first level that knows nothing."""

    def __init__(self, folder: Path) -> None:
        self.clock = SystemClock()
        self.file = SqliteStore(folder / "store.sqlite", b"k" * 32)
        self.store = Store(
            self.file, b"k" * 32, self.clock, boot=1, is_sure=lambda: True,
            stopwatch=time.perf_counter, disk_reads=lambda: 0, is_cold=False,
        )  # fmt: skip
        self.writer = Writer(self.store, octets=STORE_OCTETS, believes=lambda: True)
        self.level = SecondLevel(
            self.store, Basis(b"p" * 8, b"t" * 8, {}, validates=True),
            rrsets=RRsetCache(1 << 28), negatives=NegativeCache(1 << 22),
            delegations=DelegationCache(),
        )  # fmt: skip

    def written_us(self, entries: Sequence[object]) -> float:
        """Put *entries* to disk as in seconds of ordinary load; µs a record."""
        spent = 0.0
        for start in range(0, len(entries), AT_ONCE):
            self.writer.put(())  # what earlier look-ups noted
            self.level.learnt.extend(entries[start : start + AT_ONCE])
            now = self.clock.now()
            began = time.thread_time()
            items = self.writer.take(self.level, now + start)  # time enough for the budget
            self.writer.write(items, now)
            spent += time.thread_time() - began
            if len(items) != len(entries[start : start + AT_ONCE]):
                raise RuntimeError("the budget has left something out")
        return spent / len(entries) * 1e6

    def fill_filter(self) -> float:
        """Read the names in; µs a record."""
        began, last = time.thread_time(), _FIRST
        self.store.filter.begin(self.file.size_octets)
        while True:
            after, keys = self.file.keys(last, 500)
            self.store.filter.add(keys)
            if after is None:
                break
            last = after
        self.store.filter.finish()
        return (time.thread_time() - began) / RECORDS * 1e6

    def brought_us(self, questions: Sequence[Question], *, is_there: bool) -> float:
        """Look them up as after misses of the first level; µs a question."""
        now = self.clock.now()
        self.level.bring(questions[0], now)
        began = time.thread_time()
        found = sum(self.level.bring(question, now + 1.0) for question in questions)
        spent = time.thread_time() - began
        if found != (len(questions) if is_there else 0):
            raise RuntimeError(f"{found} of {len(questions)} were found")
        return spent / len(questions) * 1e6


def _entries(prefix: str, count: int, now: float) -> list[object]:
    zone = from_text("example.com.")
    return [
        Entry(
            from_text(f"{prefix}{at}.example.com."), 1, (at.to_bytes(4, "big"),), (),
            Rank.AUTH_ANSWER, Status.INSECURE, now + 86_400, zone, ttl=86_400,
        )
        for at in range(count)
    ]  # fmt: skip


def _questions(prefix: str) -> list[Question]:
    chosen = random.Random(1).sample(range(RECORDS), ASKED)
    return [Question(from_text(f"{prefix}{at}.example.com."), 1, 1) for at in chosen]


def _chosen_us(entries: list[object]) -> float:
    """What a saturated core learns in a second, chosen from; µs a thing."""
    busy = iter(range(1000))
    budget = Budget(0.0, lambda: float(next(busy)))
    began = time.thread_time()
    budget.choose(entries, 1.0)
    return (time.thread_time() - began) / len(entries) * 1e6


def second_level(*, rounds: int) -> None:
    """Print the table."""
    rows: dict[str, list[float]] = {}

    def note(row: str, value: float) -> None:
        rows.setdefault(row, []).append(value)

    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="second-level-") as folder:
            bench = Bench(Path(folder))
            entries = _entries("n", RECORDS, bench.clock.now())
            note("a record written", bench.written_us(entries))
            note("the same again", bench.written_us(entries[:10_000]))
            note("left out, of 6,000 learnt in a busy second", _chosen_us(entries[:SATURATED]))
            note("a record read in for the filter", bench.fill_filter())
            for name, prefix, is_there in (("known", "n", True), ("unknown", "x", False)):
                cost = bench.brought_us(_questions(prefix), is_there=is_there)
                note(f"a look-up of a name that is {name}", cost)
            bench.file.close()
    print("\n## The second level, from the page cache\n\n| | µs of CPU |\n|---|---:|")
    for row, values in rows.items():
        print(f"| {row} | {statistics.median(values):.1f} |", flush=True)
