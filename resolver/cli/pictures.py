"""Pictures that commands draw (matplotlib, an extra): what is looked at before, and the curves."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING, Any

from resolver.cli.control_parts import inert
from resolver.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

_TICKS = ((60, "1 min"), (3600, "1 h"), (86_400, "1 d"), (604_800, "7 d"), (2_592_000, "30 d"))
_COLORS = {"fresh": "#2a7f3f", "stale": "#d9a521", "far": "#b03030", "near": "#2a7f3f"}
_ROWS = 40
_DPI = 150


def look_at(key: str, path: str | None) -> None:
    """A picture can be drawn, and written to *path*, if one is wanted. Raises ConfigError: what
    takes minutes must not be for nothing."""
    if path is not None and importlib.util.find_spec("matplotlib") is None:
        expected = 'matplotlib, which is not installed: pip install "resolver[cli]"'
        raise ConfigError(key, path, expected)
    look_at_file(key, path)


def look_at_file(key: str, path: str | None) -> None:
    """The same of any file."""
    if path is None:
        return
    directory = os.path.dirname(path) or "."  # noqa: PTH120  # pathlib raises where one may not look
    if not path or os.path.isdir(path) or not os.path.isdir(directory):  # noqa: PTH112
        raise ConfigError(key, path, "a file to write, in a directory that there is")
    is_there = os.path.exists(path)  # noqa: PTH110
    if not os.access(path if is_there else directory, os.W_OK if is_there else os.W_OK | os.X_OK):
        raise ConfigError(key, path, "a file that you may write")


def write(figure: Figure, path: str) -> None:
    figure.savefig(path, dpi=_DPI)


def drill_curve(report: dict[str, Any]) -> Figure:
    """The share of uses that is told fresh, and stale, by the time after the cut."""
    from matplotlib.figure import Figure  # noqa: PLC0415  # an extra, and slow to load

    times = [max(point[0], 1.0) for point in report["curve"]]
    fresh = [100 * point[1] for point in report["curve"]]
    told = [100 * (point[1] + point[2]) for point in report["curve"]]
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(times, 0, fresh, step="post", color=_COLORS["fresh"], label="fresh")
    axes.fill_between(times, fresh, told, step="post", color=_COLORS["stale"], label="stale")
    axes.set(xscale="log", xlim=(30, max(times)), ylim=(0, 101))
    ticks = [(at, text) for at, text in _TICKS if at <= max(times)]
    axes.set_xticks([at for at, _ in ticks], [text for _, text in ticks])
    axes.minorticks_off()
    axes.set_title(f"What still resolves: {_plain(report['servers'])}", fontsize="medium")
    axes.set_xlabel("time after the cut")
    axes.set_ylabel("of all use, %")
    axes.grid(visible=True, alpha=0.2)
    axes.legend(fontsize="small", loc="lower left")
    return figure


def zone_rtts(rows: Sequence[dict[str, Any]], link_ms: float) -> Figure:
    """A bar from the nearest server of each zone to the farthest; *link_ms*: where far begins."""
    from matplotlib.figure import Figure  # noqa: PLC0415  # see above

    shown = [row for row in rows if row["nearest_ms"] is not None][:_ROWS]
    figure = Figure(figsize=(9, max(2.5, 0.28 * len(shown) + 1.2)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(shown):
        color = _COLORS["near" if row["near"] else "far"]
        axes.plot([row["nearest_ms"], row["farthest_ms"]], [place, place], color=color, lw=2)
        axes.plot([row["nearest_ms"]], [place], "o", color=color, ms=5)
    axes.axvline(link_ms, color="gray", ls="--", lw=1, label=f"far from here on: {link_ms:.0f} ms")
    axes.set_yticks(range(len(shown)), [_plain(row["zone"]) for row in shown], fontsize="small")
    axes.invert_yaxis()
    axes.set(xscale="log")
    axes.set_xlabel("round trip to its servers, ms (dot: the nearest)")
    axes.set_title("Zones in use, the most used first")
    axes.grid(visible=True, axis="x", alpha=0.2)
    axes.legend(fontsize="small", loc="best")
    return figure


def _plain(text: str) -> str:
    """No formula in it: matplotlib reads what stands between dollars."""
    return inert(text).replace("$", r"\$")
