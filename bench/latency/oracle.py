"""The optimum: what each question would take if the best living address were always asked and
nothing were lost.

Cold: the TLD's referral and the leaf's answer, one after the other (root and TLD delegations
known, name server addresses free). Warm: the leaf's answer. Jitter is drawn as the emulator
draws it.
"""

import random

from bench.latency.latency_world import Lookup, ServerSet, World
from bench.latency.scenarios import Change, Path, Paths, State


def paths_at(start: Paths, changes: tuple[Change, ...], phase: str, at_s: float) -> Paths:
    """The paths in force *at_s* seconds into *phase*."""
    now = dict(start)
    for change in changes:
        if change.phase == phase and change.at_s <= at_s:
            now |= change.paths
    return now


def best_path(servers: ServerSet, paths: Paths) -> Path | None:
    """The quickest of the set that answers at all, None if nobody does."""
    living = [paths[a] for a, _ in servers.addresses() if paths[a].state is State.UP]
    return min(living, key=lambda path: path.rtt_ms, default=None)


def _round_trip_ms(path: Path, rng: random.Random) -> float:
    return path.rtt_ms + sum(rng.expovariate(1 / path.jitter_ms) for _ in range(2))


def optimum_ms(
    world: World, lookup: Lookup, paths: Paths, rng: random.Random, *, cold: bool
) -> float | None:
    """Milliseconds, or None when no path to an answer exists."""
    steps = [best_path(world.set_of(lookup.zone), paths)]
    if cold:
        steps.append(best_path(world.set_of(world.parent_of(lookup.zone)), paths))
    total_ms = 0.0
    for path in steps:
        if path is None:
            return None
        total_ms += _round_trip_ms(path, rng)
    return total_ms


def optima(
    world: World,
    asked: list[tuple[Lookup, float]],
    start: Paths,
    changes: tuple[Change, ...],
    phase: str,
) -> list[float]:
    """The optimum of every question that can be answered, in the order asked."""
    rng = random.Random(f"{world.seed} oracle {phase}")
    moments = sorted({change.at_s for change in changes if change.phase == phase})
    by_moment = [paths_at(start, changes, phase, -1.0)]
    by_moment += [paths_at(start, changes, phase, moment) for moment in moments]
    found: list[float] = []
    for lookup, at_s in asked:
        paths = by_moment[sum(moment <= at_s for moment in moments)]
        took_ms = optimum_ms(world, lookup, paths, rng, cold=phase == "cold")
        if took_ms is not None:
            found.append(took_ms)
    return found
