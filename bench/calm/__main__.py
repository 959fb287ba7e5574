"""`python -m bench.calm`: an outage after use, as issue 12 wants it survived.

At full length in virtual time: an hour of use of 300 names (TTLs of 20 to 300 s, ten questions a
second), two hours without a link, the return. Exit status 1 where ours misses a bar.
"""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.calm import tally, virtual
from resolver.cli import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

BENCHMARKS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
EXIT_OVER = 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.calm", description=__doc__)
    parser.add_argument("--cut", nargs="+", choices=virtual.CUTS, default=list(virtual.CUTS))
    parser.add_argument("--scale", type=float, default=1, help="divide all times by this")
    parser.add_argument("--returns", type=int, default=20, help="how many cuts are healed in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    return parser.parse_args()


def _rows(arguments: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """Each line of the table, and whether ours keeps to the bars in it."""
    for cut in arguments.cut:
        story = virtual.Story(
            cut,
            use_s=int(virtual.HOUR_S / arguments.scale),
            cut_s=int(2 * virtual.HOUR_S / arguments.scale),
            returns=arguments.returns,
            seed=arguments.seed,
        )
        found = virtual.live(story)
        yield tally.row(virtual.TITLES[cut], "ours", found), found.is_within_bars


def main() -> int:
    """0 if ours keeps to its bars with each cut."""
    arguments = _arguments()
    logging.disable()  # what the resolver says of its outages
    print(f"{dt.datetime.now(dt.UTC).date()}, load {os.getloadavg()[0]:.1f}\n\n{tally.HEAD}")
    lines, is_good = [tally.HEAD], True
    for line, is_within in _rows(arguments):
        print(line, flush=True)
        lines.append(line)
        is_good &= is_within
    if arguments.write:
        text = BENCHMARKS.read_text("utf-8")
        BENCHMARKS.write_text(tables.insert(text, "calm", "\n".join(lines)), "utf-8")
    return 0 if is_good else EXIT_OVER


if __name__ == "__main__":
    sys.exit(main())
