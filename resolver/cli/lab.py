"""resolver lab: the names of the Internet that `--lab` simulates, and what each is there to show.

The list is data: nothing is simulated, and nothing is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.lab.catalogue import SHOWN

if TYPE_CHECKING:
    import argparse

HEAD = ("NAME", "TYPE", "ANSWER", "WHAT IT SHOWS")


def run(_options: argparse.Namespace) -> int:
    print(listing())
    return 0


def listing() -> str:
    """The table, its columns as wide as they need to be."""
    rows = [HEAD, *SHOWN]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )
