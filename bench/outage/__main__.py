"""`python -m bench.outage`: how soon resolvers are back with the network, and tell that it is gone.

Each row is a run of its own in an emulated Internet (see bench/latency; needs root), all resolvers
side by side: every way to lose the network, for 75 s and with --long for 600 s as well.
"""

import argparse
import datetime as dt
import os
import pathlib
import signal
import sys
import tempfile

from bench.latency.lab import Lab
from bench.latency.run import Plan, Run, compile_tools, make_world
from bench.latency.scenarios import SCENARIOS
from bench.outage.kinds import KINDS, UNFAKEABLE, Kind, offer_fakes
from bench.outage.watch import WATCH_S, Row, watch

RESOLVERS = ("ours", "unbound", "named", "kresd", "pdns")
SHORT_S, LONG_S = 75, 600
BAR_S = 1.0
EXIT_OVER = 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.outage", description=__doc__)
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--resolvers", nargs="+", default=list(RESOLVERS))
    parser.add_argument("--seconds", type=int, nargs="+", help=f"how long (default {SHORT_S})")
    parser.add_argument("--long", action="store_true", help=f"{LONG_S} s too")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def one_row(kind: Kind, seconds: int, resolvers: list[str], seed: int) -> list[Row]:
    """A fresh world and fresh resolvers, one outage."""
    names = tuple(f"{name}*" if kind.fakes_time else name for name in able(kind, resolvers))
    world = make_world(kind.world, seed)
    with tempfile.TemporaryDirectory(prefix="outage-") as scratch, Lab() as lab:
        directory = pathlib.Path(scratch)
        directory.chmod(0o755)
        run = Run(lab, directory, world, SCENARIOS["healthy"], Plan(names))
        run.start()
        return watch(run, kind, seconds)


def able(kind: Kind, resolvers: list[str]) -> list[str]:
    """Those that a row can be run with: not every program lives with libfaketime."""
    return [name for name in resolvers if not (kind.fakes_time and name in UNFAKEABLE)]


def _cells(rows: list[Row], resolvers: list[str]) -> str:
    cells = []
    by_name = {row.resolver: row for row in rows}
    for name in resolvers:
        row = by_name.get(name)
        if row is None:
            cells.append("–")
            continue
        back = f"> {WATCH_S}" if row.back_s is None else f"{row.back_s:.1f}"
        middle, worst = row.told()
        silence = f", {row.silent} silent" if row.silent else ""
        cells.append(f"{back} ({middle:.2f}, {worst:.1f}{silence})")
    return " | ".join(cells)


def is_within_bar(row: Row) -> bool:
    """Back within a second, and every failure told within one."""
    return row.back_s is not None and row.back_s <= BAR_S and row.told()[1] <= BAR_S


def main() -> int:
    """0 if ours keeps to the bar in every row."""
    arguments = _arguments()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(130))
    offer_fakes()
    compile_tools()
    durations = arguments.seconds or [SHORT_S, *([LONG_S] if arguments.long else [])]
    today = dt.datetime.now(dt.UTC).date()
    print(f"{today}, load {os.getloadavg()[0]:.1f}: seconds from the mending to the first answer")
    print("(in brackets: median and worst seconds until unknown names failed meanwhile)\n")
    print("| cut | s | " + " | ".join(arguments.resolvers) + " |")
    print("|---" * (2 + len(arguments.resolvers)) + "|")
    is_good = True
    try:
        for seconds in durations:
            for name in arguments.kind:
                rows = one_row(KINDS[name], seconds, arguments.resolvers, arguments.seed)
                print(
                    f"| {KINDS[name].title} | {seconds} | {_cells(rows, arguments.resolvers)} |",
                    flush=True,
                )
                is_good &= all(is_within_bar(row) for row in rows if row.resolver == "ours")
    except RuntimeError as error:
        print(f"outage: {error}", file=sys.stderr)
        return 2
    print(f"\nload at the end {os.getloadavg()[0]:.1f}, seed {arguments.seed}")
    return 0 if is_good else EXIT_OVER


if __name__ == "__main__":
    sys.exit(main())
