"""What the forms of `control` are made of: tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GAP: Final = "  "


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """*rows*, each column as wide as its widest."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield _GAP.join(cells).rstrip()


def inert(line: str) -> str:
    """*line* without what moves a cursor, colours, or turns the direction of text."""
    return "".join(sign if sign.isprintable() else "?" for sign in line)
