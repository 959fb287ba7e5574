"""`python -m bench.attack`: attacks on our daemon and on Debian's Unbound, in turn, in one run.

For each: resident memory (start, growth at its peak, what is left of it), descriptors (before,
peak, after), CPU, and what a well-behaved client of another network sees: p50 and p99 of hits and
of misses, quiet, under attack and after. Status 1 if a resolver of ours died or missed a bar.
`--soak SECONDS` has 15 minutes of clients with every ending instead. Needs root, iproute2 and
Debian's unbound. Beside it: `bench.signed.attack` (KeyTrap and its kin), tests/scenarios/attack_*
and tests/recurse/test_attacks.py (NXNS, CAMP, NRDelegation, TsuNAME, forged records), tests/fuzz
(100,000 mutated packets).
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from typing import TYPE_CHECKING

from bench.attack import bed, run, soak
from bench.attack.client import quantile
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER = (
    "attack", "resolver", "RSS MB", "at peak", "after", "descriptors", "CPU %",
    "hits ms quiet / attack / after", "misses ms quiet / attack / after", "back in s", "remark",
)  # fmt: skip
CLEAR, ENCRYPTED = (3, 0), (2, 1)  # bars of misses beside attacks, see `missed`


def main() -> int:
    arguments = _arguments()
    if reason := netns.missing("unbound"):
        print(f"attack: {reason}", file=sys.stderr)
        return 2
    if arguments.soak:
        with bed.made() as it:
            return soak.soak(it, arguments.soak, clients=arguments.clients, names=arguments.names)
    chosen = [each for each in run.ATTACKS if not arguments.only or each.key in arguments.only]
    above: list[str] = []
    print(f"{time.strftime('%Y-%m-%d')}, {run.load()}, {arguments.seconds:.0f} s an attack\n")
    print("| " + " | ".join(HEADER) + " |")
    print("|" + "---|" * len(HEADER))
    with bed.made() as it:
        for each in chosen:
            reports = [
                run.attack(it, each, name, quiet_s=arguments.quiet, attack_s=arguments.seconds)
                for name in each.names
                if name in arguments.resolvers
            ]
            for report in reports:
                print("| " + " | ".join([each.label, *report.cells()]) + " |", flush=True)
            bar = ENCRYPTED if each.settings.encrypts else CLEAR
            found = missed(reports, times=each.work is not None, misses=bar)
            above += [f"{each.key}: {text}" for text in found]
    print(f"\n{run.load()} at the end")
    for text in above:
        print(f"missed: {text}")
    return int(bool(above))


def missed(
    reports: Sequence[run.Report], *, times: bool = True, misses: tuple[int, int] = CLEAR
) -> list[str]:
    """The bars that ours is above; *times*: those of the well-behaved client count.

    *misses*: so many times what their p99 is in quiet, and so many milliseconds more.
    """
    ours = next((each for each in reports if each.name == "ours"), None)
    peer = next((each for each in reports if each.name == "unbound"), None)
    if ours is None:
        return []
    if not ours.is_alive or len(ours.phases) < 3:  # quiet, attack, after
        return ["dead"]
    found = []
    quiet, attacked, _ = ours.phases
    if peer is not None and ours.growth_mb > 2 * max(peer.growth_mb, 0) + run.SLACK_MB:
        found.append(f"RSS grew {ours.growth_mb:.0f} MB, Unbound's {peer.growth_mb:.0f}")
    for what, before, during, factor, more in (
        ("hits", quiet.hits, attacked.hits, 2, 1),
        ("misses", quiet.misses, attacked.misses, *misses),
    ):
        now, most = quantile(during, 0.99), factor * quantile(before, 0.99) + more
        if times and now > most:
            found.append(f"{what} p99 {now:.1f} ms, bar {most:.1f}")
    if math.isnan(ours.recovered_s) or ours.recovered_s > run.RECOVERY_S:
        found.append("not back to the start within 10 s")
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.attack", description=__doc__)
    parser.add_argument("only", nargs="*", help=f"of: {', '.join(a.key for a in run.ATTACKS)}")
    parser.add_argument("--seconds", type=float, default=5, help="of each attack (default 5)")
    parser.add_argument("--quiet", type=float, default=4, help="seconds before it (default 4)")
    parser.add_argument("--resolvers", nargs="+", default=["ours", "unbound", "kresd"])
    parser.add_argument("--soak", type=float, default=0, help="seconds of clients of every ending")
    parser.add_argument("--clients", type=int, default=50_000, help="of the soak, over TCP")
    parser.add_argument("--names", type=int, default=0, help="of the soak, asked first over UDP")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
