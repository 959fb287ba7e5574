"""The figures of a comparison: as a table, as JSON, as a plot in the terminal, and as a PNG."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from resolver.cli.compare import quantile
from resolver.cli.interception import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from resolver.cli.compare import Contestant, Sample

NONE = Evidence()
_BLOCKS = " ▁▂▃▄▅▆▇█"
_WIDTH, _COLUMNS = 24, 48
_FIRST_MS, _LAST_MS = 0.1, 5000.0
_TICKS = (
    (0.1, "0.1 ms"), (1, "1 ms"), (10, "10 ms"), (100, "100 ms"), (1000, "1 s"),
)  # fmt: skip
HEAD = f"{'pass':<5} {'asked':>5} {'good':>6} {'mean':>8} {'p50':>8} {'p95':>8} {'p99':>8} ms"


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
    places = [f"{each.label} {each.server.host}" for each in contestants]
    width = max(map(len, [*places, " " * _WIDTH]))
    lines = [f"{'resolver':<{width}} {HEAD}"]
    for contestant, place in zip(contestants, places, strict=True):
        where = f"{place:<{width}}"
        if not contestant.takes_part:
            lines.append(f"{where} {_absence(contestant)}")
            continue
        for label, samples in contestant.passes.items():
            lines.append(_row(where, label, figures(samples)))
    return "\n".join(lines)


def remarks(evidence: Evidence, contestants: Sequence[Contestant], split: int) -> list[str]:
    """What a reader has to know before the figures."""
    found = []
    if evidence.replaced:
        hosts = ", ".join(each.server.host for each in evidence.replaced)
        found.append(f"Somebody on the way answers in place of {hosts}.")
    found += [f"{sentence[:1].upper()}{sentence[1:]}." for sentence in evidence.sentences]
    for each in contestants:
        if each.denies_the_root and each.takes_part:
            where = f"{each.label} {each.server.host}"
            found.append(f"{where} denies that the root has nameservers: it has no voice.")
    if any(each.terms is not None and each.takes_part for each in contestants):
        found.append("Encrypted connections are open before the first pass: no handshake counts.")
    if split:
        found.append(f"Of {split} questions the answers were evenly split: counted as good.")
    return found


def document(
    contestants: Sequence[Contestant], *, definition: str, evidence: Evidence = NONE
) -> dict[str, Any]:
    """The same, and every single sample, as plain values."""
    return {
        "cold": definition,
        "interception": {
            "evidence": list(evidence.sentences),
            "addresses": [each.server.host for each in evidence.replaced],
        },
        "resolvers": [
            {
                "name": contestant.name,
                "address": contestant.server.host,
                "port": contestant.server.port,
                "transport": contestant.server.transport.value,
                "reachable": bool(contestant.is_reachable),
                "aside": contestant.aside,
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
    rows = ["How long good answers took: the higher a column, the more of them (log scale)", ""]
    for contestant in contestants:
        if not contestant.takes_part:
            rows.append(f"{contestant.label:<{_WIDTH}} {_absence(contestant)}")
        for label, samples in contestant.passes.items():
            times = [time for time in map(_time_ms, samples) if time is not None]
            shown = _bar(times) if times else "no good answer"
            rows.append(f"{contestant.label:<{_WIDTH}} {label:<5} {shown}".rstrip())
    marks = {_column(ms): "|" for ms, _ in _TICKS}
    scale = "".join(marks.get(column, "·") for column in range(_COLUMNS))
    legend = [" "] * (_COLUMNS + 6)
    for ms, text in _TICKS:
        legend[_column(ms) : _column(ms) + len(text)] = text
    head = f"{'':<{_WIDTH}} {'':<5} "
    return "\n".join([*rows, head + scale, head + "".join(legend).rstrip()])


def png(contestants: Sequence[Contestant], path: Path) -> None:
    """Cumulative distributions. Raises ImportError where matplotlib is not installed."""
    figure = figure_of(contestants)
    figure.savefig(path, dpi=150)


def figure_of(contestants: Sequence[Contestant]) -> Figure:
    """The picture: a curve for each pass of each contestant; who has none is in the legend too."""
    from matplotlib.figure import Figure  # noqa: PLC0415  # an extra, and slow to load

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for number, contestant in enumerate(contestants):
        color = f"C{number}"
        if not contestant.takes_part:
            axes.plot([], [], color=color, label=f"{contestant.label}: {_absence(contestant)}")
        for label, samples in contestant.passes.items():
            times = sorted(time for time in map(_time_ms, samples) if time is not None)
            shares = [100 * (rank + 1) / len(samples) for rank in range(len(times))]
            style = "-" if label == "cold" else "--"
            name = f"{contestant.label}, {label}" + ("" if times else ": no good answer")
            axes.step(times, shares, style, where="post", color=color, label=name)
    axes.set(xscale="log", xlim=(_FIRST_MS, _LAST_MS), ylim=(0, 101))
    axes.set_xticks([ms for ms, _ in _TICKS], [text for _, text in _TICKS])
    axes.minorticks_off()
    axes.set_title("How soon names are answered well")
    axes.set_xlabel("time until the answer")
    axes.set_ylabel("good answers by then, % of the names asked")
    axes.grid(visible=True, alpha=0.2)
    axes.legend(fontsize="small", loc="lower right")
    return figure


def _absence(contestant: Contestant) -> str:
    why = contestant.why or "no answer to a first question"
    return contestant.aside or f"unreachable from here: {why}"


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
    return f"{where} {label:<5} {found['asked']:5} {good:5.1f}% {shown}  {notes}".rstrip()


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
