"""`python -m bench.week`: what renewal ahead of need saves a home, and what it costs, in a week.

Virtual time and a model of a cache (see `rules`); ours is the program's own code. The names that
people visit are made up, or taken from FILE: one query a line, the name first (dnsperf's form).
Exit status 1 if ours misses a bar.
"""

import argparse
import collections
import pathlib
import sys

from bench.week.household import AAAA, HTTPS, A, Household
from bench.week.rules import Counts, Off, Ours, Technitium, Unbound, foresight, run

SAVED_BAR, EXTRA_BAR, WASTED_BAR = 0.60, 0.15, 0.50
EXIT_OVER = 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.week", description=__doc__)
    parser.add_argument("file", nargs="?", type=pathlib.Path, help="queries to take names from")
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    return parser.parse_args()


def popular_names(path: pathlib.Path) -> list[str]:
    """The names of a list of queries, the most asked first."""
    lines = path.read_text("ascii", errors="replace").splitlines()
    asked = [line.split()[0] for line in lines if line.split()]
    counted = collections.Counter(name for name in asked if "arpa" not in name)
    return [name.rstrip(".").lower() for name, _ in counted.most_common() if _is_plain(name)]


def _is_plain(name: str) -> bool:
    labels = name.rstrip(".").split(".")
    return len(labels) > 1 and all(0 < len(one) < 40 and "\\" not in one for one in labels)


def row(name: str, counts: Counts, off: Counts) -> str:
    """One line of the table."""
    saved, extra, wasted = shares(counts, off)
    return (
        f"| {name} | {counts.waited / counts.queries:.1%} | {-saved:+.0%} | {extra:+.1%} "
        f"| {counts.renewals} | {wasted:.0%} |"
    )


def shares(counts: Counts, off: Counts) -> tuple[float, float, float]:
    """Waits saved, packets added, renewals in vain."""
    ended = counts.used + counts.wasted
    return (
        1 - counts.waited / off.waited,
        counts.packets / off.packets - 1,
        counts.wasted / ended if ended else 0.0,
    )


def main() -> int:
    """0 if ours keeps to its bars with each seed."""
    arguments = _arguments()
    known = popular_names(arguments.file) if arguments.file else []
    is_good = True
    for seed in arguments.seeds:
        queries = Household(seed, known).queries(arguments.days)
        types = collections.Counter(question.rtype for _, question in queries)
        mix = ", ".join(f"{types[rtype] / len(queries):.0%}" for rtype in (A, AAAA, HTTPS))
        distinct = len({question for _, question in queries})
        print(f"seed {seed}: {len(queries)} queries, {distinct} questions; A, AAAA, HTTPS: {mix}\n")
        print("| rule | queries that wait | against off | packets | renewals | in vain |")
        print("|---" * 6 + "|")
        off = run(Off(), queries)
        for model in (Off(), Unbound(), Technitium(), Ours()):
            counts = run(model, queries)
            print(row(model.name, counts, off), flush=True)
            if isinstance(model, Ours):
                saved, extra, wasted = shares(counts, off)
                is_good &= saved >= SAVED_BAR and extra <= EXTRA_BAR and wasted <= WASTED_BAR
        least = foresight(queries, SAVED_BAR)
        print(
            f"\nknowing all that is to come, {SAVED_BAR:.0%} of waits are saved for {least:+.0%}\n"
        )
    return 0 if is_good else EXIT_OVER


if __name__ == "__main__":
    sys.exit(main())
