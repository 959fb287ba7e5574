"""What the bench of memory calls a miss is one, and its budget is the daemon's."""

from __future__ import annotations

from bench.attack.bed import Usage
from bench.attack.client import Phase
from bench.attack.run import Report
from bench.memory import __main__ as bench
from bench.memory.internet import made_world
from resolver.protocol import names
from resolver.protocol.codes import RRType

MEBI = 1 << 20


def report(peak_mb: float, *, kills: int = 0, is_alive: bool = True) -> Report:
    usage = Usage(100.0, 20, 1.0, 60.0)
    phases = [Phase([1.0] * 100, [2.0] * 100)] * 3
    return Report(
        "ours", "said", is_alive, before=usage, serving_mb=peak_mb, kills=kills, after=usage,
        phases=phases,
    )  # fmt: skip


def test_over_the_budget_by_more_than_a_quarter_is_a_miss() -> None:
    assert bench.missed(report(125.0), 100.0) == []
    assert bench.missed(report(126.0), 100.0) == ["RSS 126 MB, budget 100"]
    assert bench.missed(report(50.0), 100.0) == []
    assert bench.missed(report(50.0), 40.0) == ["RSS 60 MB, budget 40"]  # before and after count


def test_who_was_killed_is_told() -> None:
    assert bench.missed(report(50.0, kills=1), 100.0) == ["1 killed"]
    assert bench.missed(report(50.0, is_alive=False), 100.0) == ["0 killed"]
    row = bench.cells(report(80.0, kills=2, is_alive=False), 100.0)
    assert row[:7] == ["100", "60", "80", "80%", "40", "0", "2, DEAD"]
    assert len(row) == len(bench.HEADER) - 1


def test_the_budget_is_what_a_daemon_takes_in_such_a_cgroup() -> None:
    assert bench.budget_of(1, 512 * MEBI) == 128 * MEBI
    assert bench.budget_of(2, 512 * MEBI) == (24 + 2 * 64 + 9) * MEBI + 4096


def test_each_name_of_the_week_has_an_answer() -> None:
    world = made_world()
    zone = world.zones[names.from_text("site7.tld2.")]
    found = zone.lookup(names.from_text("h99.site7.tld2."), RRType.A)
    assert found.answer[0].rdatas == (bytes([10, 0, 7, 1]),)
