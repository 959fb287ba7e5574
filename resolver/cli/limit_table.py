"""The limits as text: what `resolver limits` prints and docs/limits.md shows.

Apart from the other tables, which need the schema of the configuration and load it.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from resolver.limits.listing import entries

if TYPE_CHECKING:
    from resolver.limits.listing import Entry
    from resolver.limits.table import Row

LIMITS_HEAD = "| limit | value | what it bounds | why |\n|---|---:|---|---|"


def limits_markdown() -> str:
    """The tables of limits, one a room, without a newline at their end."""
    blocks = [
        "\n".join([f"## {title[0].upper()}{title[1:]}\n", LIMITS_HEAD, *map(_limit, rows)])
        for title, rows in groupby(entries(), key=lambda entry: entry.title)
    ]
    return "\n\n".join(blocks)


def _limit(entry: Entry) -> str:
    name, _, row = entry
    return f"| {name} | {number(row.value)}{_range(row)} | {row.unit} | {row.why} |"


def _range(row: Row) -> str:
    """Only what can be set has a range."""
    if row.between is None:
        return ""
    return f" ({number(row.between[0])} to {number(row.between[1])})"


def number(value: float) -> str:
    """1,232 or 0.8."""
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
