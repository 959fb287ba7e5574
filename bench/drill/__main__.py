"""`python -m bench.drill`: is what a drill says what then happens, and what does a drill cost?

Each of Gibbard's situations is drilled and then lived through, in virtual time; names are compared
one by one, at once, an hour, a day and a week after the cut. Status 1 where a name that the drill
has fail is told, or one that it has told fails.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from typing import TYPE_CHECKING

from bench.drill import cost
from bench.drill.outcomes import compared, link_ms
from bench.gibbard.situations import NO_WORLD, SITUATIONS

if TYPE_CHECKING:
    from bench.drill.outcomes import Compared


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.drill", description=__doc__)
    parser.add_argument("keys", nargs="*", help="scenarios (default: all), such as G04 G25a")
    parser.add_argument("--verbose", action="store_true", help="name each name that differs")
    told = "the drill goes by round trips alone, where they part who fails from who is spared"
    parser.add_argument("--by-distance", action="store_true", help=told)
    parser.add_argument("--cost", action="store_true", help="only what a drill costs, over sockets")
    parser.add_argument(
        "--pause", type=float, default=cost.PAUSE_S, help="seconds between two drills of that"
    )
    arguments = parser.parse_args()
    logging.disable()
    if arguments.cost:
        return _cost(arguments.pause)
    wrong = 0
    print(
        "scenario  compared  told by both  failed by both  unlike  fresh or stale alike  not known"
    )
    for situation in SITUATIONS:
        if arguments.keys and situation.key not in arguments.keys:
            continue
        far_ms = link_ms(situation) if arguments.by_distance else None
        if arguments.by_distance and far_ms is None:
            continue
        found = compared(situation, far_ms=far_ms)
        unlike = [one for one in found if not one.is_equal]
        wrong += len(unlike)
        print(_row(situation.key, found, len(unlike)), flush=True)
        for one in unlike if arguments.verbose else ():
            print(
                f"    {one.asked.qname} after {one.after_s:g} s: said {one.said}, came {one.came}"
            )
    for key, reason in NO_WORLD.items():
        print(f"{key} is no world: {reason}")
    print(f"{wrong} names came to something else than the drill had said")
    return int(wrong > 0)


def _cost(pause_s: float) -> int:
    """0 where the bars hold: 10 s, no packet, hits' p99 within twice the quiet one and 1 ms."""
    found = cost.measure(pause_s)
    for key, value in found.items():
        print(f"{key}: {value}")
    most_ms = 2 * found["quiet"]["p99_ms"] + 1
    is_good = (
        found["worst_seconds"] <= MOST_SECONDS
        and not found["packets"]
        and found["loaded"]["p99_ms"] <= most_ms
    )
    print("within the bars" if is_good else "beyond the bars")
    return int(not is_good)


MOST_SECONDS = 10.0


def _row(key: str, found: list[Compared], unlike: int) -> str:
    known = [one for one in found if one.said != "unknown"]
    counted = Counter((one.said, one.came) for one in known)
    both = sum(counted[pair] for pair in counted if "failed" not in pair)
    alike = counted["fresh", "fresh"] + counted["stale", "stale"]
    return (
        f"{key:<9} {len(known):8}  {both:12}  {counted['failed', 'failed']:14}  {unlike:6}  "
        f"{alike:12} of {both:<4} {len(found) - len(known):8}"
    )


if __name__ == "__main__":
    sys.exit(main())
