"""`python -m bench.signed`: a signed world, asked of our daemon and of Debian's Unbound.

Every question goes to both, with either way of minimising, and a second time from their caches.
Status 1 when an answer differs and no RFC says why. Needs root, iproute2 and Debian's unbound, nsd,
knot and bind9. `bench.signed.cost`, `.aggressive` and `.attack` measure what validation costs.
"""

from __future__ import annotations

import argparse
import sys
import time

from bench.realworld import software
from bench.signed import daemons, questions, run, signed_world
from tests.simulation import netns

NEEDED = ("unbound", *(software.PROGRAMS[one] for one in set(signed_world.PROGRAMS.values())))


def main() -> int:
    arguments = _arguments()
    if reason := netns.missing(*NEEDED):
        print(f"signed: {reason}", file=sys.stderr)
        return 2
    faults = 0
    for minimise in (True, False):
        begun = time.monotonic()
        with signed_world.running() as it:
            signed = sum(entry.recipe is not None for entry in it.entries)
            print(
                f"{len(it.entries)} zones, {signed} of them signed, ready after"
                f" {time.monotonic() - begun:.0f} s; names {'' if minimise else 'not '}minimised"
            )
            asked = questions.draw(it.entries, arguments.questions, seed=arguments.seed)
            daemons.start_ours(it, minimise=minimise)
            daemons.start_unbound(it, minimise=minimise)
            for label in ("fresh", "again"):
                report = run.compare_both(it, asked)
                print(f"{label}: ", end="")
                print("\n".join(report.lines()), flush=True)
                faults += len(report.unexplained)
    return int(faults > 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.signed", description=__doc__)
    parser.add_argument("--questions", type=int, default=6000, help="how many (default 6000)")
    parser.add_argument("--seed", type=int, default=6, help="which ones (default 6)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
