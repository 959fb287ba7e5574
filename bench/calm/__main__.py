"""`python -m bench.calm`: an outage after an hour of use.

At full length in virtual time: an hour of use of 300 names (TTLs of 20 to 300 s, ten questions a
second), two hours without a link, the return; with --real at 1 : 30 on real sockets, beside others.
Exit status 1 where ours misses a bar.
"""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.calm import real, tally, virtual
from bench.outage.kinds import KINDS
from resolver.cli import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

BENCHMARKS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
EXIT_OVER = 1
REAL_CUTS = ("hole", "link")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.calm", description=__doc__)
    cuts = dict.fromkeys([*virtual.CUTS, *REAL_CUTS])
    parser.add_argument("--cut", nargs="+", choices=cuts, help="default: all that there are")
    parser.add_argument("--real", action="store_true", help="at 1 : 30, beside others; as root")
    parser.add_argument("--resolvers", nargs="+", choices=real.RESOLVERS, default=real.RESOLVERS)
    parser.add_argument("--returns", type=int, help="how many cuts are healed in all")
    parser.add_argument("--scale", type=float, default=1, help="divide use and cut by this")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    arguments = parser.parse_args()
    unknown = {*(arguments.cut or ())} - {*(KINDS if arguments.real else virtual.CUTS)}
    if unknown:
        parser.error(f"not in virtual time: {', '.join(sorted(unknown))}")
    return arguments


def _virtual(arguments: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """Each line of the table, and whether ours keeps to the bars in it."""
    for cut in arguments.cut or virtual.CUTS:
        found = virtual.live(virtual.Story(
            cut,
            use_s=int(virtual.HOUR_S / arguments.scale),
            cut_s=int(2 * virtual.HOUR_S / arguments.scale),
            returns=arguments.returns or virtual.RETURNS,
            seed=arguments.seed,
        ))  # fmt: skip
        line = tally.row(virtual.TITLES[cut], "ours", found, watched_s=virtual.RETURN_S)
        yield line, found.is_within_bars()


def _real(arguments: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    for cut in arguments.cut or REAL_CUTS:
        story = real.Story(
            cut, tuple(arguments.resolvers), arguments.returns or real.RETURNS, arguments.seed
        )
        for name, found in real.live(story).items():
            line = tally.row(KINDS[cut].title, name, found, watched_s=real.RETURN_S)
            yield line, name != "ours" or found.is_within_bars(packets_per_s=real.PACKETS_BAR)


def main() -> int:
    """0 if ours keeps to its bars with each cut."""
    arguments = _arguments()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(130))  # so that no namespace is left behind
    logging.disable()  # what the resolver says of its outages
    when = f"{dt.datetime.now(dt.UTC).date()}, load {os.getloadavg()[0]:.0f}"
    print(f"{when}\n\n{tally.HEAD}")
    lines, is_good = [tally.HEAD], True
    for line, is_within in (_real if arguments.real else _virtual)(arguments):
        print(line, flush=True)
        lines.append(line)
        is_good &= is_within
    lines.append(f"\n{when} to {os.getloadavg()[0]:.0f}, seed {arguments.seed}.")
    print(lines[-1])
    if arguments.write:
        text = BENCHMARKS.read_text("utf-8")
        BENCHMARKS.write_text(
            tables.insert(text, "calm-real" if arguments.real else "calm", "\n".join(lines)),
            "utf-8",
        )
    return 0 if is_good else EXIT_OVER


if __name__ == "__main__":
    sys.exit(main())
