"""What a drill came to, for people: lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolver.cli.control_parts import table
from resolver.runtime.duration import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Reply = dict[str, Any]


def item(reply: Reply) -> Iterator[str]:
    """One piece of the reply of `control drill`."""
    if "progress" in reply:
        yield progress(reply)
    elif "report" in reply:
        yield from report(reply["report"])
    else:
        yield from failing(reply["failing"])


def progress(reply: Reply) -> str:
    return f"{reply['progress']}: {reply['done']} of {reply['of']} names"


def report(found: Reply) -> Iterator[str]:
    """The sentence, the shares, and what each feature is worth."""
    yield found["verdict"]
    yield f"servers: {found['servers']}"
    if not found["is_whole"]:
        yield "not all that the names depend on could be looked at: there is too much of it"
    yield ""
    rows = [
        (_at(one["after_s"]), *(_share(one[kind]) for kind in _KINDS), str(one["names"]))
        for one in found["moments"]
    ]
    yield from table([("ASKED", "FRESH", "STALE", "NOT KNOWN", "FAILS", "NAMES TOLD"), *rows])
    yield ""
    heads = [_at(one["after_s"]) for one in found["moments"]]
    worth = [
        (one["feature"], "gives" if one["is_on"] else "would add", *map(_points, one["points"]))
        for one in found["worth"]
    ]
    yield from table([("POINTS OF", "", *heads), *worth])


_SHOWN = 40  # a screen
_KINDS = ("fresh", "stale", "unknown", "failed")


def failing(rows: Sequence[Reply]) -> Iterator[str]:
    """Names, the first time at which each fails, and why."""
    yield ""
    heads = ("NAME", "TYPE", "USE", "FAILS", "AT", "WHY")
    yield from table([heads, *map(_failing, rows[:_SHOWN])])
    if len(rows) > _SHOWN:
        yield f"… and {len(rows) - _SHOWN} more (--json has them)"


def _failing(row: Reply) -> tuple[str, ...]:
    at = _at(row["after_s"]) + (" perhaps" if row["is_unknown"] else "")
    return row["name"], row["type"], f"{row['weight']:g}", at, row["cut"], row["why"]


def _at(after_s: float) -> str:
    return f"after {duration(after_s)}" if after_s else "at once"


def _share(part: float) -> str:
    return f"{100 * part:.0f} %"


def _points(points: float) -> str:
    return f"{points:+.0f}" if round(points) else "0"
