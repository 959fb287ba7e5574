"""resolver limits: every bound of the program as a markdown table; the README's is made so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver import limits
from resolver.limits import Limit

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

HEAD = "| limit | default | from | to | what it bounds | why |\n|---|---:|---:|---:|---|---|"


def run(_options: argparse.Namespace) -> int:
    print(markdown())
    return 0


def entries() -> Iterator[tuple[str, Limit]]:
    """Name and bound, in the order of the file."""
    for name, value in vars(limits).items():
        if isinstance(value, Limit):
            yield name, value


def markdown() -> str:
    """The table, without a newline at its end."""
    rows = [
        f"| {name} | {_number(limit.default)} | {_number(limit.floor)} | {_number(limit.ceiling)}"
        f" | {limit.unit} | {limit.source} |"
        for name, limit in entries()
    ]
    return "\n".join([HEAD, *rows])


def text() -> str:
    """The same for a terminal, one line each."""
    return "\n".join(
        f"  {name:<26} {_number(limit.default):>12}  {limit.unit}" for name, limit in entries()
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
