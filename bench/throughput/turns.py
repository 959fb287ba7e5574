"""Contestants in turn within each round, medians over the rounds, and how a table is printed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.throughput import load
from bench.throughput.contestants import Peer, Responder, Running, compiled, contestants

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and how long to measure."""

    folder: Path
    server_core: int
    load_core: int
    rounds: int
    seconds: float
    only: frozenset[str]
    names: int
    compiled: Path | None = None  # where ourselves are compiled, or will be; None: nowhere

    def peers(self) -> list[Peer]:
        peers = [peer for peer in contestants() if not self.only or peer.name in self.only]
        if self.compiled is not None:
            peers.insert(1, compiled(self.compiled))
        return peers

    def running(self, peers: list[Peer], *, delay_ms: int = 0) -> Running:
        def make() -> Responder:
            return Responder(self.folder, core=self.load_core, delay_ms=delay_ms)

        return Running(peers, self.folder, core=self.server_core, make=make)


_SELVES = ("ours", "compiled")
Results = dict[str, dict[str, load.Cost]]  # row → contestant → cost


def show(title: str, results: Results, *, reference: str, extra: str = "per_second") -> None:
    """Rows of CPU µs a query, and the ratios of ours, interpreted and compiled, to *reference*."""
    names = list(dict.fromkeys(name for row in results.values() for name in row))
    selves = [name for name in _SELVES if name in names]
    print(f"\n## {title}\n")
    print("| load | " + " | ".join([*names, *(f"{name} ÷ {reference}" for name in selves)]) + " |")
    print("|---|" + "---:|" * (len(names) + len(selves)))
    for row, costs in results.items():
        cells = []
        for name in names:
            cost = costs.get(name)
            if cost is None:
                cells.append("–")
                continue
            more = f" ({cost.per_second / 1e3:.0f}k/s)" if extra == "per_second" else ""
            lost = f", {cost.lost} lost" if cost.lost else ""
            cells.append(f"{cost.cpu_us:.2f} µs{more}{lost}")
        cells += [_ratio(costs.get(name), costs.get(reference)) for name in selves]
        print(f"| {row} | " + " | ".join(cells) + " |", flush=True)


def _ratio(cost: load.Cost | None, to: load.Cost | None) -> str:
    return f"{cost.cpu_us / to.cpu_us:.2f}" if cost and to else "–"


def in_turn(
    bench: Bench, peers: list[Peer], work: dict[str, Callable[[Peer], load.Cost]]
) -> Results:
    """Every row for every contestant, *rounds* times in turn; the medians."""
    runs: dict[tuple[str, str], list[load.Cost]] = defaultdict(list)
    for _ in range(bench.rounds):
        for row, measure in work.items():
            for peer in peers:
                runs[row, peer.name].append(measure(peer))
    results: Results = {row: {} for row in work}
    for (row, name), costs in runs.items():
        results[row][name] = load.median(costs)
    return results
