"""The table, the JSON file and the pictures of a set of runs."""

import dataclasses
import json
import pathlib
import statistics
from collections.abc import Iterable

from bench.latency.measure import Figures
from bench.latency.run import Result

COLUMNS = (
    "mean_ms",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "failed_percent",
    "packets_per_query",
    "near_best_percent",
)
HEADS = ("mean", "p50", "p95", "p99", "fail %", "pkt/q", "near %")
PHASES = ("cold", "warm")


def median_of(figures: Iterable[Figures], column: str) -> float | None:
    """Median over the seeds."""
    values = [value for f in figures if (value := getattr(f, column)) is not None]
    return statistics.median(values) if values else None


def by_scenario(results: list[Result]) -> dict[str, list[Result]]:
    """Results in groups that differ in their seed only."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(f"{result.scenario} ({result.world})", []).append(result)
    return groups


def _cell(value: float | None, column: str) -> str:
    if value is None:
        return "-"
    return (
        f"{value:.2f}"
        if column == "packets_per_query"
        else f"{value:.1f}"
        if "percent" in column
        else f"{value:.0f}"
    )


def table(title: str, results: list[Result]) -> str:
    """One scenario in Markdown: a row per resolver, both phases side by side."""
    phases = [phase for phase in PHASES if phase in results[0].figures["oracle"]]
    heads = ["resolver", *(f"{phase} {head}" for phase in phases for head in HEADS)]
    seeds = ", ".join(str(result.seed) for result in results)
    lines = [
        f"\n**{title}** - seeds {seeds}; {_quality(results)}\n",
        "| " + " | ".join(heads) + " |",
    ]
    lines.append("|" + "---|" * len(heads))
    for name in results[0].figures:
        cells = [name]
        for phase in phases:
            of_phase = [result.figures[name][phase] for result in results]
            cells += [_cell(median_of(of_phase, column), column) for column in COLUMNS]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _quality(results: list[Result]) -> str:
    late = [late for result in results for late in result.lateness.values()]
    valid = sum(result.is_valid for result in results)
    p99_ms, p999_ms = max(x.p99_us for x in late) / 1000, max(x.p999_us for x in late) / 1000
    return (
        f"{valid} of {len(results)} runs valid; emulator late at worst p99 {p99_ms:.2f} ms, "
        f"p99.9 {p999_ms:.2f} ms, max {max(x.worst_us for x in late) / 1000:.1f} ms; "
        f"machine {statistics.fmean(r.busy_percent for r in results):.0f} % busy, "
        f"load {max(r.load for r in results):.1f}"
    )


def write_json(results: list[Result], path: pathlib.Path) -> None:
    """Everything, the single times included."""
    path.write_text(json.dumps([dataclasses.asdict(result) for result in results]))


def draw(title: str, results: list[Result], path: pathlib.Path) -> None:
    """Share of questions answered within t, cold and warm, all seeds together."""
    import matplotlib as mpl  # noqa: PLC0415 - a second to load, and only pictures need it

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    phases = [phase for phase in PHASES if phase in results[0].figures["oracle"]]
    figure, axes = plt.subplots(1, len(phases), figsize=(6 * len(phases), 4.2), squeeze=False)
    for axis, phase in zip(axes[0], phases, strict=True):
        for name in results[0].figures:
            times = sorted(ms for result in results for ms in result.figures[name][phase].took_ms)
            shares = [1 - (index + 0.5) / len(times) for index in range(len(times))]
            style = {"oracle": ("k", ":", 1.5), "ours": ("crimson", "-", 2.4)}
            colour, line, width = style.get(name, (None, "--" if "tuned" in name else "-", 1.0))
            axis.plot(times, shares, label=name, color=colour, linestyle=line, linewidth=width)
        axis.set(xscale="log", yscale="log", xlabel="ms", title=f"{title}: {phase}")
        axis.set(xlim=(4, 13000), ylim=(1e-3, 1), ylabel="share of questions that take longer")
        axis.grid(visible=True, which="both", alpha=0.25)
    axes[0][-1].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
