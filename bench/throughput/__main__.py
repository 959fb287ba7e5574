"""Tables of CPU per query: `python -m bench.throughput [TABLE ...] [--rounds N] [--seconds S]`.

Server on one core, load and authority on another, contestants in turn within each round, medians
over rounds. Ratios within one run are what counts: the machine decides the rest.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from bench.throughput import tables
from bench.throughput.pairs import pairs
from bench.throughput.turns import Bench

PAIRS = "pairs"


def _compiled(wanted: Path | None, folder: Path) -> Path | None:
    return folder / "compiled" if wanted == Path() else wanted


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.throughput", description=__doc__)
    names = ", ".join(tables.TABLES)
    parser.add_argument("table", nargs="*", help=f"which of: {names} (default: all)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one timed run")
    parser.add_argument("--peers", default="", help="comma-separated; default: all installed")
    parser.add_argument("--names", type=int, default=1_000_000, help="in tables of many names")
    parser.add_argument(
        "--compiled",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="TREE",
        help="also ourselves, compiled: here, or as `python -m tools.compile TREE` has it",
    )
    parser.add_argument("--against", type=Path, help="another checkout, for the table `pairs`")
    parser.add_argument("--store", action="store_true", help="`pairs`: this tree keeps its cache")
    parser.add_argument("--policy", action="store_true", help="`pairs`: this tree has lists, views")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        parser.error("two CPUs are needed: one for the server, one for the load")
    wanted = options.table or list(tables.TABLES)
    if options.against is not None and wanted != [PAIRS]:
        parser.error(f"--against is for the table {PAIRS}: {PAIRS} --against DIR --rounds 15")
    if (options.store or options.policy) and wanted != [PAIRS]:
        parser.error(f"--store and --policy are for the table {PAIRS}")
    if PAIRS in wanted and (options.against is None or not (options.against / "resolver").is_dir()):
        parser.error(f"{PAIRS} needs --against DIR, a checkout that has resolver/")
    for name in wanted:
        if name not in tables.TABLES and name != PAIRS:
            parser.error(f"no table {name!r}; there are: {names}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the contestants on the way out
    with tempfile.TemporaryDirectory(prefix="throughput-") as folder:
        bench = Bench(
            folder=Path(folder),
            server_core=cores[0],
            load_core=cores[1],
            rounds=options.rounds,
            seconds=options.seconds,
            only=frozenset(filter(None, options.peers.split(","))),
            names=options.names,
            compiled=_compiled(options.compiled, Path(folder)),
        )
        for name in wanted:
            if name == PAIRS:
                against = options.against.resolve()
                pairs(bench, against, keeps=options.store, judges=options.policy)
            else:
                tables.TABLES[name](bench)


if __name__ == "__main__":
    main()
