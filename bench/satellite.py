"""The selector behind a satellite, and what its link profile is worth: in virtual time.

The world of `bench.selection` behind an access of its own. *leo*: every 15 s another way, 20 to
60 ms longer than the wire for all servers alike, 5 ms of jitter, 1 % of packets lost, and for
150 ms after each change every other packet. *geo*: 560 ms longer, 8 ms of jitter, 0.5 % lost. That
is a model, not a measurement of any satellite. Each seed is run twice: as the resolver is, and with
its profile held at that of a link like any other. `python -m bench.satellite --help`.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from typing import TYPE_CHECKING, Final

import trio

from bench import selection
from bench.latency.scenarios import SCENARIOS
from resolver.lab.virtual_time import run
from resolver.upstream.link_profile import LinkProfile

if TYPE_CHECKING:
    from bench.latency.scenarios import Path, Paths

SLOT_S: Final = 15.0
LEO_MS, LEO_JITTER_MS, LEO_LOSS = (20.0, 60.0), 5.0, 0.01
CHANGE_S, CHANGE_LOSS = 0.15, 0.5
GEO_MS, GEO_JITTER_MS, GEO_LOSS = 560.0, 8.0, 0.005


class SatellitePath(selection.WanPath):
    """The wire's path, and the access before it."""

    def __init__(self, path: Path, rng: random.Random, kind: str, seed: int) -> None:
        super().__init__(path, rng)
        self._kind = kind
        self._seed = seed

    def draw_delay(self, rng: random.Random) -> float:
        """Each way has half of what the access adds."""
        more_ms, jitter_ms = GEO_MS, GEO_JITTER_MS
        if self._kind == "leo":
            slot = random.Random(f"{self._seed} {trio.current_time() // SLOT_S}")
            more_ms, jitter_ms = slot.uniform(*LEO_MS), LEO_JITTER_MS
        added_ms = (more_ms + self._rng.expovariate(1 / jitter_ms)) / 2
        return super().draw_delay(rng) + added_ms / 1000

    def swallows(self, size: int, rng: random.Random) -> bool:
        """Lost on the wire, or in space."""
        loss = GEO_LOSS / 2
        if self._kind == "leo":
            is_changing = trio.current_time() % SLOT_S < CHANGE_S
            loss = CHANGE_LOSS if is_changing else LEO_LOSS / 2
        return self._rng.random() < loss or super().swallows(size, rng)


class Bench(selection.Bench):
    """One kind of satellite, one seed."""

    def __init__(self, kind: str, seed: int) -> None:
        self.kind = kind
        super().__init__(SCENARIOS["healthy"], seed)

    def _set(self, paths: Paths) -> None:
        self.paths |= paths
        for address, path in paths.items():
            way = SatellitePath(path, self.rng, self.kind, self.seed)
            self.network.faults.set(address, way)  # type: ignore[arg-type]


def held(link: LinkProfile, looks_like: str, access_s: float) -> None:
    """As for a link like any other, whatever it looks like."""
    del looks_like
    _FIT(link, "", access_s)


_FIT = LinkProfile.fit


def phases(kind: str, seed: int, *, is_held: bool) -> list[selection.Phase]:
    """Cold and warm."""
    bench = Bench.__new__(Bench)

    async def story() -> list[selection.Phase]:
        bench.__init__(kind, seed)  # type: ignore[misc]
        with tempfile.TemporaryDirectory() as directory:
            return await bench.phases(bench.config(directory))

    LinkProfile.fit = held if is_held else _FIT  # type: ignore[assignment, method-assign]
    try:
        return run(story, seed=seed)
    finally:
        LinkProfile.fit = _FIT  # type: ignore[method-assign]


def main() -> None:
    """Print one row a kind, seed, profile and phase, and the means over all seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=["leo", "geo"])
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 1 on")
    parser.add_argument("--rate", type=float, default=5.0, help="questions a second")
    arguments = parser.parse_args()
    selection.RATE_PER_S = arguments.rate
    print("kind profile seed phase     mean    p50    p95    p99 fail%   q/n  near% optimum")
    for kind in arguments.kinds:
        for label, is_held in (("held", True), ("fitted", False)):
            found: dict[str, list[selection.Phase]] = {"cold": [], "warm": []}
            for seed in range(1, arguments.seeds + 1):
                for name, phase in zip(found, phases(kind, seed, is_held=is_held), strict=True):
                    found[name].append(phase)
                    print(f"{kind:4} {label:7} {seed:4} {name}  {phase.row()}", flush=True)
            for name, all_seeds in found.items():
                took = statistics.fmean(ms for phase in all_seeds for ms in phase.took_ms)
                packets = sum(one.packets for one in all_seeds)
                asked = sum(len(one.took_ms) for one in all_seeds)
                share = packets / asked
                print(f"{kind:4} {label:7}  all {name}  {took:7.1f} ms, {share:.2f} packets")


if __name__ == "__main__":
    main()
