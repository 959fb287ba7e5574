"""This tree beside another checkout of itself, A B A B: CPU a query, and the ratio with its spread.

`python -m bench.throughput pairs --against DIR --rounds 15` answers one question: does the query
path cost more than it did? Machines drift, so each round measures both sides one after the other
(who begins alternates), and one process is not like the next (where its memory lies is worth 5 %
of a miss), so each round has its own. What is told is the geometric mean of the rounds' ratios with
its 95 % interval (Student's t on their logarithms).

`--store` has this tree keep its cache on disk, as a daemon with a `working_directory` does; the
other keeps nothing. What is learnt is written up to a second later: so misses are then asked for
longer than that without a pause, and what is written after the last of them is counted with them.

`--policy` has this tree judge what it answers: a block list of 300,000 names, each fifth name that
is asked for among them, three views, protection against rebinding, and rates for each client.
With `--against .` the other side is this very tree without it: what policy costs, and no more.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, NamedTuple

from bench.lists import made_up
from bench.throughput import load
from bench.throughput.contestants import Peer, ours

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.throughput.turns import Bench

    Measure = Callable[[Peer], load.Cost]

HIT_NAMES = 5_000
MISS_NAMES = 10_000
TURNS = 5  # of each side in a round, one after the other: a neighbour's load lasts a second or more
STORE_TURNS = 2  # of misses with a store, each of MISS_NAMES
LISTED_NAMES = 300_000
BLOCKED_STEP = 5
UNREACHED_RATE = 10_000_000  # tokens a second: kept account of, and never met
SETTLE_S = 2.5  # after each of them, on both sides: two commits
# Two-sided 95 % quantiles of Student's t by degrees of freedom (any table of them); above: normal.
_T = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26, 10: 2.23,
      11: 2.20, 12: 2.18, 13: 2.16, 14: 2.14, 19: 2.09, 24: 2.06, 29: 2.05}  # fmt: skip
_NORMAL = 1.96


class Interval(NamedTuple):
    """The geometric mean of ratios and its 95 % interval."""

    low: float
    mean: float
    high: float


def interval(ratios: list[float]) -> Interval:
    """Of two ratios or more; the interval is as wide as Student's t makes it."""
    logs = [math.log(ratio) for ratio in ratios]
    mean = statistics.fmean(logs)
    freedom = len(logs) - 1
    quantile = _T[max(known for known in _T if known <= freedom)] if freedom < 60 else _NORMAL
    half = quantile * statistics.stdev(logs) / math.sqrt(len(logs))
    return Interval(math.exp(mean - half), math.exp(mean), math.exp(mean + half))


class Row(NamedTuple):
    """One load: how to make a peer ready for it, one turn, and how many turns a round has."""

    warm: Measure
    measure: Measure
    turns: int = TURNS


def pairs(bench: Bench, against: Path, *, keeps: bool, judges: bool) -> None:
    """Hits (plain; in other spelling, with DO and cookies), misses (full answers, minimal ones).

    *keeps*: this tree keeps what it learns on disk. *judges*: it has lists, views and limits.
    """
    told = judging(bench.folder) if judges else ""
    here, there = ours("ours", keeps=keeps, told=told), ours("against", port=5386)
    there.checkout = against
    work = _work(bench, keeps=keeps)
    ratios: dict[str, list[float]] = {row: [] for row in work}
    costs: dict[str, list[tuple[float, float]]] = {row: [] for row in work}
    for at in range(bench.rounds):
        order = (here, there) if at % 2 == 0 else (there, here)
        with bench.running([here, there]) as peers:
            for one in work.values():
                for peer in peers:
                    one.warm(peer)  # what it meets for the first time is not measured
            for row, (_, measure, turns) in work.items():
                spent = {peer.name: 0.0 for peer in peers}
                for _ in range(turns):
                    for peer in order:
                        spent[peer.name] += measure(peer).cpu_us / turns
                ratios[row].append(spent["ours"] / spent["against"])
                costs[row].append((spent["ours"], spent["against"]))
    _show(ratios, costs)


def judging(folder: Path) -> str:
    """Configuration of what `--policy` says, the list in *folder*."""
    path = folder / "blocked.hosts"
    asked = load.plain(HIT_NAMES)[::BLOCKED_STEP]
    blocked = [*made_up(LISTED_NAMES), *(line.split()[0] for line in asked)]
    path.write_text("".join(f"0.0.0.0 {name}\n" for name in blocked))
    return f"""
block = [{{ name = "ads", source = "{path}" }}]
view = [
  {{ name = "here", clients = ["127.0.0.1/32"] }},
  {{ name = "children", clients = ["10.0.0.0/8"], tags = ["child"] }},
  {{ name = "guests", clients = ["192.168.0.0/16"], answer = "refuse" }},
]
resolution.rebinding = true
server.rate_limit = {UNREACHED_RATE}"""


def _work(bench: Bench, *, keeps: bool) -> dict[str, Row]:
    plain = load.names_file(bench.folder, "plain", load.plain(HIT_NAMES))
    mixed = load.names_file(bench.folder, "mixed", load.mixed_case(HIT_NAMES))
    serial = iter(range(1_000_000))

    def hitting(file: Path, options: list[str]) -> Row:
        core, seconds = bench.load_core, bench.seconds / TURNS
        return Row(
            lambda peer: load.run(peer, file, core=core, passes=1, options=options),
            lambda peer: load.run(peer, file, core=core, seconds=seconds, options=options),
        )

    def missing(letter: str) -> Row:
        def measure(peer: Peer) -> load.Cost:
            count = MISS_NAMES if keeps else MISS_NAMES // TURNS
            lines = load.plain(count, prefix=f"{letter}{next(serial)}-")
            file = load.names_file(bench.folder, "misses", lines)
            settle_s = SETTLE_S if keeps else 0.0
            return load.run(peer, file, core=bench.load_core, passes=1, settle_s=settle_s)

        return Row(measure, measure, STORE_TURNS if keeps else TURNS)

    return {
        "hits, plain": hitting(plain, []),
        "hits, mixed case, DO, cookies": hitting(mixed, [*load.DNSSEC_OK, *load.DIG_COOKIE]),
        **{f"misses, {row}": missing(letter) for row, letter in load.MISSES.items()},
    }


def _show(ratios: dict[str, list[float]], costs: dict[str, list[tuple[float, float]]]) -> None:
    print("\n## This tree ÷ the other, CPU a query\n")
    print("| load | rounds | here µs | there µs | ratio | 95 % interval |")
    print("|---|---:|---:|---:|---:|---:|")
    for row, values in ratios.items():
        ours_us = statistics.median(cost[0] for cost in costs[row])
        theirs_us = statistics.median(cost[1] for cost in costs[row])
        low, mean, high = interval(values)
        print(f"| {row} | {len(values)} | {ours_us:.2f} | {theirs_us:.2f} | {mean:.3f} "
              f"| {low:.3f} – {high:.3f} |", flush=True)  # fmt: skip
