"""`python -m bench.restart`: kill it, start it again, and see what it still knows (needs root).

First how soon it answers with a million records on disk, then `kill -9` under load at random
moments, compared answer by answer. Status 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from bench.realworld import root_world, software
from bench.restart import big_store, first
from bench.restart.kills import Kills, Tally
from resolver.cli import tables
from tests import real_data
from tests.simulation import netns

BENCHMARKS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
RECORDS, STARTS = 1_000_000, 7
KILLS, LONG_KILLS = 20, 200
NAMES = 400
RATE = 60.0
BAR_S, BAR_SHARE = 0.6, 0.99


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.restart", description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS, help=f"on disk ({RECORDS})")
    parser.add_argument("--starts", type=int, default=STARTS, help=f"of each kind ({STARTS})")
    parser.add_argument("--kills", type=int, help=f"how many ({KILLS}, --long {LONG_KILLS})")
    parser.add_argument("--names", type=int, default=NAMES, help=f"zones in the world ({NAMES})")
    parser.add_argument("--rate", type=float, default=RATE, help=f"new names a second ({RATE})")
    parser.add_argument("--long", action="store_true", help=f"{LONG_KILLS} kills")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="put the tables into the docs")
    arguments = parser.parse_args()
    if arguments.kills is None:
        arguments.kills = LONG_KILLS if arguments.long else KILLS
    return arguments


def _starts(count: int, starts: int) -> tuple[list[str], bool]:
    with (
        tempfile.TemporaryDirectory(prefix="restart-") as scratch,
        netns.namespace("first") as place,
    ):
        directory = Path(scratch, "full")
        directory.mkdir()
        config = first.configure(directory)
        begun = time.perf_counter()
        octets = big_store.make(config, count)
        took_s = time.perf_counter() - begun
        print(f"a store of {count:,} records, {octets / 1e6:.0f} MB, made in {took_s:.0f} s")
        rows = first.measure(place, config, count, starts=starts)
    lines = [
        f"{_today()}, median and worst of {starts} starts, in turn; the bar: {BAR_S} s.\n",
        "| start | s from exec to the first answer | worst | with a processor of its own | worst |",
        "|---|---:|---:|---:|---:|",
        *(row.cells() for row in rows),
    ]  # fmt: skip
    return lines, all(row.own_s <= BAR_S for row in rows)


def _kills(count: int, names: int, seed: int, rate: float) -> tuple[list[str], bool]:
    data = real_data.FOLDER
    popular = (data / "domains" / "opendns-top-domains.txt").read_text().split()[:names]
    with root_world.running(data / "root" / "root.zone", popular, patience_s=300.0) as it:
        tally = Kills(it, random.Random(seed), rate=rate).run(count)
    for fault in (*tally.missing[:20], *tally.trouble[:20]):
        print("  ", fault)
    is_good = tally.share >= BAR_SHARE and not tally.wrong and not tally.trouble
    return _table(tally, f"{names} zones, seed {seed}, {rate:g} new names a second"), is_good


def _table(tally: Tally, of_what: str) -> list[str]:
    cells = {
        "kills": f"{tally.kills}",
        "queries before": f"{tally.queries:,}",
        "answered more than 2 s before, and asked again": f"{tally.old:,}",
        "without a packet": f"{tally.fresh:,} ({100 * tally.share:.2f} %)",
        "as expired": f"{tally.stale}",
        "not": f"{len(tally.missing)}",
        "wrong": f"{len(tally.wrong)}",
        "damage, tracebacks": f"{len(tally.trouble)}",
        "packets sent": f"{tally.packets}",
    }
    return [
        f"{_today()}, {of_what}; the bar: 99 %, and nothing wrong.\n",
        f"| {' | '.join(cells)} |",
        "|---:" * len(cells) + "|",
        f"| {' | '.join(cells.values())} |",
    ]


def _today() -> str:
    return f"{dt.datetime.now(dt.UTC).date()}, load {os.getloadavg()[0]:.0f}"


def main() -> int:
    arguments = _arguments()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(130))  # so that everything is taken down
    if reason := netns.missing(*software.PROGRAMS.values(), "pdnsutil"):
        print(f"restart: {reason}", file=sys.stderr)
        return 2
    lines: list[str] = []
    is_good = True
    if arguments.starts:
        lines, is_good = _starts(arguments.records, arguments.starts)
        print("\n".join(lines), flush=True)
    if arguments.kills:
        found, is_right = _kills(arguments.kills, arguments.names, arguments.seed, arguments.rate)
        print("\n".join(found), flush=True)
        lines += ["", *found]
        is_good &= is_right
    if arguments.write:
        text = BENCHMARKS.read_text("utf-8")
        BENCHMARKS.write_text(tables.insert(text, "restart", "\n".join(lines)), "utf-8")
    return int(not is_good)


if __name__ == "__main__":
    sys.exit(main())
