"""`python -m bench.matrix`: mixes of rcode, flags and sections, asked of our daemon and four peers.

A zone's server gives every mix of rcode, AA, RA, answer, authority and additional, beside a server
that tells the truth and alone, unsigned and signed; `tests/iterate/matrix_rules.py` says what is
right. Each resolver runs as shipped, with servers and a namespace of its own. Differences are
grouped by their reasons. Status 1 when ours differs at all, or a peer without a reason.
Needs root, iproute2, and Debian's unbound, bind9, knot-resolver and pdns-recursor (what is missing
is left out).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from bench.common import peers
from bench.matrix.draw import KINDS, draw
from bench.matrix.reasons import REASONS, Difference, reason_for
from bench.matrix.run import Draw, hear
from tests.iterate.matrix_rules import is_secure, right
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.matrix.run import Heard
    from tests.iterate.matrix_world import Scene

SHOWN = 12


def main() -> int:
    arguments = _arguments()
    if reason := netns.missing():
        print(f"matrix: {reason}", file=sys.stderr)
        return 2
    netns.sweep()
    is_wrong = False
    with tempfile.TemporaryDirectory() as directory:
        for kind in KINDS:
            drawn = Draw(draw(arguments.cases, arguments.seed, kind), kind, arguments.seed)
            is_wrong |= _compare(drawn, peers.present(peers.PROGRAMS), Path(directory))
    return int(is_wrong)


def _compare(drawn: Draw, resolvers: Sequence[str], directory: Path) -> bool:
    """Ask all, print what differs; True if that is wrong."""
    found: dict[str, list[Difference]] = {}
    for name in resolvers:
        begun = time.monotonic()
        heard = hear(name, drawn, directory / f"{name}-{drawn.kind}")
        found[name] = list(_differences(heard))
        print(f"{name}: {len(heard)} questions, {time.monotonic() - begun:.0f} s", file=sys.stderr)
    print(
        f"\n{drawn.kind}: {2 * len(drawn.cases)} questions, each case beside the truth and alone\n"
    )
    print("\n".join(_table(found)))
    unexplained = [
        (name, one) for name, some in found.items() for one in some if not reason_for(one)
    ]
    unexplained += [("ours", one) for one in found["ours"] if reason_for(one)]
    for name, one in unexplained[:SHOWN]:
        print(f"  {name}: {one}")
    return bool(unexplained)


def _differences(heard: Mapping[Scene, Heard]) -> Iterable[Difference]:
    for scene, got in heard.items():
        one = Difference(scene.case, scene.alone, right(scene.case), got.seen, got.is_secure)
        is_right_ad = got.is_secure == is_secure(scene.case, got.seen)
        if one.seen is not one.should or not is_right_ad:
            yield one


def _table(found: Mapping[str, Sequence[Difference]]) -> Iterable[str]:
    counts = {name: Counter(map(_label, some)) for name, some in found.items()}
    yield f"| differs from the rules | {' | '.join(found)} | why |"
    yield f"|---|{'---|' * len(found)}---|"
    for reason in REASONS:
        row = [counts[name][reason.label] for name in found]
        if any(row):
            yield f"| {reason.label} | {' | '.join(map(str, row))} | {reason.source} |"
    for label, row in (
        ("without a reason", [counts[name][""] for name in found]),
        ("in all", [len(some) for some in found.values()]),
    ):
        yield f"| {label} | {' | '.join(map(str, row))} | |"


def _label(one: Difference) -> str:
    reason = reason_for(one)
    return reason.label if reason else ""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.matrix", description=__doc__)
    parser.add_argument("--cases", type=int, default=1200, help="of each kind (default 1200)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default 1)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
