"""`python -m bench.latency.explain RESULTS [RESOLVER]`: where the time beyond the optimum goes.

Cold questions are sorted by what had to be found: the first of a TLD, the first of an operator, a
zone with servers of its own. For each kind the mean excess over the optimum, and its share of the
mean over all questions; then the worst questions by name, to be looked up in a trace.
"""

import argparse
import json
import pathlib
import random
import statistics
from collections.abc import Iterator
from typing import NamedTuple

from bench.latency.latency_world import Lookup, World
from bench.latency.run import make_world

WORST = 12


class Row(NamedTuple):
    """One question: what it took beyond the optimum."""

    excess_ms: float
    took_ms: float
    optimum_ms: float
    kind: str
    qname: str


def kinds(world: World, lookups: list[Lookup], *, cold: bool) -> Iterator[str]:
    """What each question had to find out, given those before it."""
    seen: set[object] = set()
    for index, lookup in enumerate(lookups):
        servers, tld = world.zones[lookup.zone].servers, world.parent_of(lookup.zone)
        kind = world.sets[servers].kind.value
        if not cold:
            yield f"{kind}, round {index // len(world.leaves) + 1}"
            continue
        if kind == "operator" and servers not in seen:
            kind = "operator's first"
        if tld not in seen:
            kind += ", TLD's first"
        seen |= {servers, tld}
        yield kind


def rows_of(
    world: World, figures: dict[str, dict[str, dict[str, list[float]]]], resolver: str, phase: str
) -> list[Row]:
    """The questions of a phase as the run asked them."""
    took, best = (figures[name][phase]["took_ms"] for name in (resolver, "oracle"))
    rng = random.Random(f"{world.seed} {phase}")
    lookups = world.lookups(rng, len(took), first_round=0 if phase == "cold" else 1)
    found = zip(took, best, kinds(world, lookups, cold=phase == "cold"), lookups, strict=True)
    return [Row(t - b, t, b, kind, lookup.qname) for t, b, kind, lookup in found]


def explain(rows: list[Row]) -> Iterator[str]:
    """Lines of text: by kind, then the worst."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        groups.setdefault(row.kind, []).append(row.excess_ms)
    for kind, excess in sorted(groups.items(), key=lambda item: -sum(item[1])):
        share_ms, p90 = sum(excess) / len(rows), sorted(excess)[int(0.9 * len(excess))]
        yield (
            f"{kind:32} {len(excess):5} questions, {statistics.fmean(excess):7.1f} ms beyond "
            f"(p90 {p90:.0f}), {share_ms:5.1f} ms of the mean"
        )
    for row in sorted(rows, reverse=True)[:WORST]:
        yield f"  {row.took_ms:6.0f} ms, optimum {row.optimum_ms:4.0f}: {row.qname} ({row.kind})"


def main() -> None:
    """Explain every result of the file."""
    parser = argparse.ArgumentParser(prog="bench.latency.explain", description=__doc__)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("resolver", nargs="?", default="ours")
    arguments = parser.parse_args()
    for result in json.loads(arguments.results.read_text()):
        world = make_world(result["world"], result["seed"])
        for phase in result["figures"][arguments.resolver]:
            print(f"\n{result['scenario']}, seed {result['seed']}, {phase}: {arguments.resolver}")
            for line in explain(rows_of(world, result["figures"], arguments.resolver, phase)):
                print(line)


if __name__ == "__main__":
    main()
