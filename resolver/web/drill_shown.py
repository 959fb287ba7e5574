"""What a drill came to: what would still resolve if the link were cut. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from resolver.limits import WEB_ROWS
from resolver.runtime.duration import duration
from resolver.web.charts import bar
from resolver.web.html import Html, joined, table, tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    Reply = dict[str, Any]

# Of the reply, and the colour that it has elsewhere.
_KINDS: Final = {"fresh": "cache", "stale": "stale", "unknown": "local", "failed": "failed"}


def drilled(items: Sequence[Reply]) -> Html:
    """The verdict, the curve, what each feature is worth, and what fails first."""
    report = next((one["report"] for one in items if "report" in one), None)
    if report is None:
        return tag("p", "Nothing came of it.")
    failing = [row for one in items for row in one.get("failing", ())]
    return joined((
        tag("p", tag("strong", report["verdict"])),
        tag("p", f"Servers: {report['servers']}", class_="note"),
        _curve(report["moments"]), _worth(report), _failing(failing),
    ))  # fmt: skip


def _curve(moments: Sequence[Reply]) -> Html:
    rows = [
        (
            _at(one["after_s"]),
            *(
                joined((bar(one[kind], colour), tag("span", f"{100 * one[kind]:.0f} %")))
                for kind, colour in _KINDS.items()
            ),
        )
        for one in moments
    ]
    heads = ("Asked", "Fresh", "Expired", "Not known", "Fails")
    return table(heads, rows, label="Shares of use that would resolve, by the time after the cut")


def _worth(report: Reply) -> Html:
    heads = [_at(one["after_s"]) for one in report["moments"]]
    rows = [
        (
            f"{one['feature']} {'gives' if one['is_on'] else 'would add'}",
            *(f"{points:+g}" for points in one["points"]),
        )
        for one in report["worth"]
    ]
    if not rows:
        return Html()
    shown = table(("Points of", *heads), rows, label="What each feature is worth")
    return tag("details", tag("summary", "What each feature is worth"), shown, id="worth")


def _failing(rows: Sequence[Reply]) -> Html:
    if not rows:
        return tag("p", "No name in use would fail.", class_="none good")
    shown = [
        (f"{row['name']} {row['type']}", _at(row["after_s"]), row["cut"], row["why"])
        for row in rows[:WEB_ROWS]
    ]
    heads = ("Name", "Fails", "At", "Why")
    more = f"and {len(rows) - WEB_ROWS} more" if len(rows) > WEB_ROWS else ""
    return joined((
        tag("h3", "What fails first"), table(heads, shown, label="Names that would fail"),
        tag("p", more, class_="note"),
    ))  # fmt: skip


def _at(after_s: float) -> str:
    return f"after {duration(after_s)}" if after_s else "at once"
