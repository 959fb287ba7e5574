"""`python -m bench.reloads`: another configuration again and again, while clients ask.

First as long without a reload, then with them: forwards, stubs, clients, lists, views, rewrites,
limits, listeners come and go, in turn. Every query's latency is dnsperf's; after each reload it is
asked whether it took effect. Status 1 where a bar is missed: nothing lost, nothing wrong, the 99th
percentile of hits at most twice the quiet one and 1 ms, memory flat.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.reloads.bed import Bed
from bench.reloads.changes import CHANGES
from bench.reloads.load import Heard, Load
from resolver.cli import tables

if TYPE_CHECKING:
    from bench.reloads.changes import Change

BENCHMARKS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
RELOADS, EVERY_S, HITS, MISSES, NAMES = 200, 0.25, 20_000, 200, 1000
FILL: Final = 30_000  # names, so that the caches are full before it is measured
GROWTH: Final = 1.05  # of memory, from the second quarter to the last, that is flat


@dataclass(slots=True)
class Reloads:
    """What came of them."""

    took_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """Memory in the last quarter against the second."""
        quarter = max(len(self.rss_mb) // 4, 1)
        second, last = self.rss_mb[quarter : 2 * quarter], self.rss_mb[-quarter:]
        return statistics.median(last) / statistics.median(second or last)


@dataclass(slots=True)
class Phase:
    """What clients heard meanwhile, and what it cost."""

    hits: Heard
    misses: Heard
    cpu_s: float
    reloads: Reloads

    @property
    def lost(self) -> int:
        return self.hits.lost + self.misses.lost

    @property
    def wrong(self) -> int:
        return sum((self.hits.wrong + self.misses.wrong).values())

    def row(self, title: str, seconds: float) -> str:
        """Of the table."""
        cells = [title, f"{len(self.hits.latencies_ms) / seconds:,.0f}"]
        cells.append(f"{100 * self.cpu_s / seconds:.0f}")
        for heard in (self.hits, self.misses):
            p50, p99 = heard.quantile_ms(0.5), heard.quantile_ms(0.99)
            cells += [f"{p50:.2f}", f"{p99:.2f}", f"{heard.quantile_ms(1):.1f}"]
        return f"| {' | '.join([*cells, str(self.lost), str(self.wrong)])} |"


def go_through(bed: Bed, kinds: tuple[Change, ...], count: int, every_s: float) -> Reloads:
    """*count* reloads, one each *every_s* seconds or as soon as may be."""
    found, there = Reloads(), dict.fromkeys(kinds, False)
    began = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, began + number * every_s - time.monotonic()))
        kind = kinds[number % len(kinds)]
        there[kind] = not there[kind]
        bed.write(tuple(each for each in kinds if there[each]))
        found.took_ms[kind.kind].append(bed.reload() * 1e3)
        if kind.proof is not None:
            wanted = kind.proof.there if there[kind] else kind.proof.gone
            shown = bed.shown(kind.proof, wanted)
            if shown != wanted:
                found.wrong.append(f"{kind.kind}: {kind.proof.qname} is {shown}, not {wanted}")
        found.rss_mb.append(bed.rss_octets / 1e6)
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.reloads", description=__doc__)
    parser.add_argument("--reloads", type=int, default=RELOADS, help=f"how many ({RELOADS})")
    parser.add_argument("--every", type=float, default=EVERY_S, help=f"seconds ({EVERY_S})")
    parser.add_argument("--hits", type=int, default=HITS, help=f"a second ({HITS})")
    parser.add_argument("--misses", type=int, default=MISSES, help=f"a second ({MISSES})")
    parser.add_argument("--names", type=int, default=NAMES, help=f"that are hit ({NAMES})")
    kinds = ", ".join(change.kind for change in CHANGES)
    parser.add_argument("--only", default="", help=f"of {kinds}; with commas")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    return parser.parse_args()


def _phase(
    bed: Bed, load: Load, options: argparse.Namespace, kinds: tuple[Change, ...], count: int
) -> Phase:
    """So long a load, with *count* reloads in it."""
    seconds, before = max(options.reloads * options.every, 1.0), bed.cpu_s
    hits, misses = load.start(seconds=seconds, hits=options.hits, misses=options.misses)
    done = go_through(bed, kinds, count, options.every)
    heard = hits.heard(), misses.heard()
    return Phase(*heard, bed.cpu_s - before, done)


def _report(
    options: argparse.Namespace, quiet: Phase, busy: Phase, seconds: float
) -> tuple[list[str], bool]:
    """The table, and whether the bars are kept."""
    done, bar_ms = busy.reloads, 2 * quiet.hits.quantile_ms(0.99) + 1
    each = ", ".join(
        f"{kind} {statistics.median(took):.0f} ms (at most {max(took):.0f})"
        for kind, took in done.took_ms.items()
    )
    today = f"{dt.datetime.now(dt.UTC).date()}, load {os.getloadavg()[0]:.0f}"
    is_good = (
        not (busy.lost or busy.wrong or done.wrong)
        and busy.hits.quantile_ms(0.99) <= bar_ms
        and done.growth <= GROWTH
    )
    lines = [
        (
            f"{today}. A reload: {each}. Memory at the end: {done.growth:.3f} of what it was. "
            f"The bar: {bar_ms:.2f} ms at the 99th percentile of hits.\n"
        ),
        "| | hits/s | CPU % | hits p50 ms | p99 | max | misses p50 ms | p99 | max | lost | wrong |",
        "|---|" + "---:|" * 10,
        quiet.row("no reload", seconds),
        busy.row(f"{options.reloads} reloads", seconds),
    ]
    return lines, is_good


def main() -> int:
    options = _arguments()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(130))  # so that everything is taken down
    cores = sorted(os.sched_getaffinity(0))
    kinds = tuple(each for each in CHANGES if not options.only or each.kind in options.only)
    seconds = max(options.reloads * options.every, 1.0)
    with (
        tempfile.TemporaryDirectory(prefix="reloads-") as folder,
        Bed(Path(folder), server_core=cores[0], load_core=cores[-1]) as bed,
    ):
        load = Load(Path(folder), core=bed.load_core, names=options.names)
        load.warm(FILL)
        quiet, busy = (_phase(bed, load, options, kinds, count) for count in (0, options.reloads))
        if "Traceback" in bed.log:
            busy.reloads.wrong.append(bed.log[-2000:])
    lines, is_good = _report(options, quiet, busy, seconds)
    print("\n".join(lines))
    for fault in busy.reloads.wrong[:20]:
        print(f"wrong: {fault}")
    print("the bars are kept" if is_good else "a bar is MISSED")
    if options.write:
        text = BENCHMARKS.read_text("utf-8")
        BENCHMARKS.write_text(tables.insert(text, "reloads", "\n".join(lines)), "utf-8")
    return int(not is_good)


if __name__ == "__main__":
    sys.exit(main())
