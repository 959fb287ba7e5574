"""The figures of a comparison: as a table, as JSON, as a plot in the terminal, and as a PNG."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from resolver.cli.compare import quantile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from resolver.cli.compare import Contestant, Sample

_BLOCKS = " ▁▂▃▄▅▆▇█"
_COLUMNS = 48
_FIRST_MS, _LAST_MS = 0.1, 5000.0
HEAD = (
    f"{'resolver':<24} {'pass':<5} {'asked':>5} {'good':>6} {'mean':>8} {'p50':>8} {'p95':>8}"
    f" {'p99':>8} ms"
)


def figures(samples: Sequence[Sample]) -> dict[str, Any]:
    """What one pass of one contestant comes to; times in milliseconds, of good answers only."""
    times = sorted(time for time in map(_time_ms, samples) if time is not None)
    outcomes: dict[str, int] = {}
    for sample in samples:
        outcomes[sample.outcome] = outcomes.get(sample.outcome, 0) + 1
    made: dict[str, Any] = {"asked": len(samples), "good": len(times), "outcomes": outcomes}
    if times:
        made["mean_ms"] = sum(times) / len(times)
        for name, share in (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)):
            made[name] = quantile(times, share)
    return made


def table(contestants: Sequence[Contestant]) -> str:
    """One line for each pass of each contestant; who cannot be reached is named as such."""
    lines = [HEAD]
    for contestant in contestants:
        where = f"{contestant.name} {contestant.server.host}"
        if not contestant.is_reachable:
            lines.append(f"{where:<24} unreachable from here: no answer to a first question")
            continue
        for label, samples in contestant.passes.items():
            lines.append(_row(where, label, figures(samples)))
    return "\n".join(lines)


def document(contestants: Sequence[Contestant], *, definition: str) -> dict[str, Any]:
    """The same, and every single sample, as plain values."""
    return {
        "cold": definition,
        "resolvers": [
            {
                "name": contestant.name,
                "address": contestant.server.host,
                "port": contestant.server.port,
                "reachable": bool(contestant.is_reachable),
                "passes": {
                    label: figures(samples) | {"times_ms": [_time_ms(one) for one in samples]}
                    for label, samples in contestant.passes.items()
                },
            }
            for contestant in contestants
        ],
    }


def plot(contestants: Sequence[Contestant]) -> str:
    """How the times spread, a row each: from 0.1 ms to 5 s, each column a step of a log scale."""
    rows = []
    for contestant in contestants:
        for label, samples in contestant.passes.items():
            times = [time for time in map(_time_ms, samples) if time is not None]
            if times:
                rows.append(f"{contestant.name:<18} {label:<5} {_bar(times)}")
    if not rows:
        return ""
    marks = {_column(ms): text for ms, text in ((1, "1"), (10, "10"), (100, "100"), (1000, "1000"))}
    scale = "".join(marks.get(column, "") or "·" for column in range(_COLUMNS))
    return "\n".join([*rows, f"{'':<18} {'ms':<5} {scale}"])


def png(contestants: Sequence[Contestant], path: Path) -> None:
    """Cumulative distributions. Raises ImportError where matplotlib is not installed."""
    from matplotlib.figure import Figure  # noqa: PLC0415  # an extra, and slow to load

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for contestant in contestants:
        for label, samples in contestant.passes.items():
            times = sorted(time for time in map(_time_ms, samples) if time is not None)
            shares = [100 * (rank + 1) / len(samples) for rank in range(len(times))]
            style = "-" if label == "cold" else "--"
            axes.step(times, shares, style, where="post", label=f"{contestant.name}, {label}")
    axes.set(xscale="log", ylim=(0, 100), xlabel="milliseconds", ylabel="% of names answered")
    axes.grid(visible=True, which="both", alpha=0.2)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=150)


def _time_ms(sample: Sample) -> float | None:
    """Milliseconds of a good answer; None for every other."""
    if not sample.is_good or sample.elapsed_s is None:
        return None
    return round(1000 * sample.elapsed_s, 3)


def _row(where: str, label: str, found: dict[str, Any]) -> str:
    good = 100 * found["good"] / found["asked"] if found["asked"] else 0.0
    times = [found.get(key) for key in ("mean_ms", "p50_ms", "p95_ms", "p99_ms")]
    shown = " ".join(f"{time:8.1f}" if time is not None else f"{'–':>8}" for time in times)
    bad = {name: count for name, count in found["outcomes"].items() if name != "NOERROR"}
    notes = ", ".join(f"{count} {name}" for name, count in sorted(bad.items()))
    return f"{where:<24} {label:<5} {found['asked']:5} {good:5.1f}% {shown}  {notes}".rstrip()


def _column(ms: float) -> int:
    span = math.log(_LAST_MS / _FIRST_MS)
    place = math.log(max(ms, _FIRST_MS) / _FIRST_MS) / span
    return min(_COLUMNS - 1, int(place * _COLUMNS))


def _bar(times: Sequence[float]) -> str:
    counts = [0] * _COLUMNS
    for time in times:
        counts[_column(time)] += 1
    most = max(counts)
    return "".join(_BLOCKS[math.ceil(8 * count / most)] for count in counts)
