"""CPU that validation adds to a miss: `python -m bench.signed.cost`, ours beside Unbound's.

Four daemons run side by side, each resolver with validation and without, and are asked for the same
names in turns; each name once, its zone's keys known. An answer takes one signature check, a NODATA
two. The bar is three times what Unbound adds. CPU time of the processes, median of the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import TYPE_CHECKING, NamedTuple

from bench.common import processes
from bench.realworld import software
from bench.signed import ask, compare, daemons, signed_world
from bench.signed.catalogue import LENIENT, TOP, Entry
from bench.signed.questions import Asked
from bench.signed.zone import usual
from tests.simulation import netns

if TYPE_CHECKING:
    from bench.signed.signed_world import SignedWorld

ZONES = {"RSA-2048": ("rsa.", 8), "P-256": ("p256.", 13), "Ed25519": ("ed25519.", 15)}
KINDS = {"answer": "A", "NODATA": "TXT"}
BAR = 3.0
NEEDED = ("unbound", software.PROGRAMS[software.NSD], software.PROGRAMS[software.KNOT])
MICRO = 1e6


class Daemon(NamedTuple):
    """One of the four."""

    label: str
    address: str
    program: netns.Program
    validates: bool


def start_all(it: SignedWorld) -> list[Daemon]:
    found = []
    for number, validates in enumerate((True, False)):
        mine, other = f"127.0.1.{number + 1}", f"127.0.2.{number + 1}"
        ours = daemons.start_ours(it, address=mine, validate=validates)
        theirs = daemons.start_unbound(it, address=other, validate=validates)
        found.append(Daemon("ours", mine, ours, validates))
        found.append(Daemon("unbound", other, theirs, validates))
    return found


def entries(names: int) -> list[Entry]:
    hosts = tuple(f"n{number} A 192.0.2.7" for number in range(names))
    zones = [
        Entry(apex, usual(algorithm), LENIENT, more=hosts) for apex, algorithm in ZONES.values()
    ]
    return [Entry(".", usual(8), TOP), *zones]


def cpu_per_miss(it: SignedWorld, daemon: Daemon, apex: str, rtype: str, part: range) -> float:
    """Seconds of CPU for each name in *part*. Raises if one is not answered as it should be."""
    queries = [Asked(f"n{number}.{apex}", rtype, "do").wire() for number in part]
    before = processes.cpu_s(daemon.program.process.pid)
    replies = ask.ask_all(it.client, daemon.address, queries, window=8)
    spent = processes.cpu_s(daemon.program.process.pid) - before
    for seen in map(compare.seen, replies):
        if seen.rcode != "NOERROR" or seen.ad != daemon.validates:
            raise RuntimeError(f"{daemon.label} said {seen} below {apex}")
    return spent / len(part)


def measure(it: SignedWorld, names: int, rounds: int) -> dict[tuple[str, str, str], list[float]]:
    """(algorithm, kind, resolver) → CPU per miss without validation, and with it."""
    daemons = start_all(it)
    for apex, _ in ZONES.values():  # the keys, the cut and what else only the first one pays
        for daemon in daemons:
            cpu_per_miss(it, daemon, apex, "A", range(2))
    size = (names - 2) // rounds
    parts = [range(2 + turn * size, 2 + (turn + 1) * size) for turn in range(rounds)]
    spent: dict[tuple[str, str, str, bool], list[float]] = {}
    for part in parts:
        for algorithm, (apex, _) in ZONES.items():
            for kind, rtype in KINDS.items():
                for daemon in daemons:
                    cost = cpu_per_miss(it, daemon, apex, rtype, part)
                    key = (algorithm, kind, daemon.label, daemon.validates)
                    spent.setdefault(key, []).append(cost)
    return {
        (algorithm, kind, label): [
            MICRO * statistics.median(spent[algorithm, kind, label, validates])
            for validates in (False, True)
        ]
        for algorithm in ZONES
        for kind in KINDS
        for label in ("ours", "unbound")
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.signed.cost", description=__doc__)
    parser.add_argument("--names", type=int, default=1000, help="per zone (default 1000)")
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    arguments = parser.parse_args()
    if reason := netns.missing(*NEEDED):
        print(f"cost: {reason}", file=sys.stderr)
        return 2
    with signed_world.running(entries(arguments.names)) as it:
        found = measure(it, arguments.names, arguments.rounds)
    print("CPU µs per miss: without validation, with it, added")
    print(f"{'':20} {'ours':^26}   {'Unbound':^26}  {'ratio of the added':>18}")
    worst = 0.0
    for algorithm in ZONES:
        for kind in KINDS:
            ours, theirs = (found[algorithm, kind, label] for label in ("ours", "unbound"))
            ratio = (ours[1] - ours[0]) / (theirs[1] - theirs[0])
            worst = max(worst, ratio)
            shown = "   ".join(
                f"{one[0]:8.0f} {one[1]:8.0f} {one[1] - one[0]:8.0f}" for one in (ours, theirs)
            )
            print(f"{algorithm:10} {kind:9} {shown}  {ratio:18.2f}")
    print(f"worst ratio {worst:.2f}, bar {BAR:.0f}")
    return int(worst > BAR)


if __name__ == "__main__":
    sys.exit(main())
