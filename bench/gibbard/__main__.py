"""`python -m bench.gibbard`: what resolves in a cut, beside what can, for Gibbard's 32 scenarios.

The whole resolver in virtual time, over a world for each place that the article tells of. Status 1
where a name that can be resolved is not, or one that cannot be is, or what is served at home takes
more than a second in a cut.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from bench.gibbard import report
from bench.gibbard.situations import NO_WORLD, SITUATIONS
from bench.gibbard.story import KEEPS, SERVES_STALE, live_often
from resolver.cli import tables

BENCHMARKS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gibbard", description=__doc__)
    parser.add_argument("keys", nargs="*", help="scenarios (default: all), such as G04 G25a")
    parser.add_argument("--seeds", type=int, default=1, help="how many, from 1 on, summed up")
    parser.add_argument("--unsigned", action="store_true", help="zones without DNSSEC")
    parser.add_argument("--verbose", action="store_true", help="name each question that differs")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    arguments = parser.parse_args()
    unknown = set(arguments.keys) - {situation.key for situation in SITUATIONS}
    if unknown:
        parser.error(f"no world: {', '.join(sorted(unknown))}")
    return arguments


def main() -> int:
    arguments = _arguments()
    logging.disable()  # what the resolver says of its outages
    print(f"stale answers: {SERVES_STALE}, cache kept over a restart: {KEEPS}\n{report.head()}")
    rows, odd = [report.HEAD], 0
    for situation in SITUATIONS:
        if arguments.keys and situation.key not in arguments.keys:
            continue
        seeds = range(1, arguments.seeds + 1)
        phases = live_often(situation, seeds, is_signed=not arguments.unsigned)
        print(f"{situation.key} {situation.title}; fails: {situation.cut or 'nothing'}")
        print("\n".join(report.lines(phases)), flush=True)
        faults = report.faults(phases)
        odd += len(faults)
        rows.append(report.row(situation, phases))
        for fault in faults if arguments.verbose else ():
            print(f"    {fault}")
    for key, reason in NO_WORLD.items():
        print(f"{key} is no world: {reason}")
    print(f"{odd} answers are not what the tables say, or slow")
    if arguments.write:
        text = BENCHMARKS.read_text("utf-8")
        BENCHMARKS.write_text(tables.insert(text, "gibbard", "\n".join(rows)), "utf-8")
    return int(odd > 0)


if __name__ == "__main__":
    sys.exit(main())
