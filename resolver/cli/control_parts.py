"""What the forms of `control` are made of: tables."""

from __future__ import annotations

import json
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


def json_line(octets: bytes) -> str:
    """What the daemon said, for programs: all in ASCII, so that nothing in it moves a cursor."""
    text = octets.decode()
    if text.isascii() and text.isprintable():
        return text
    return json.dumps(json.loads(text), separators=(",", ":")).replace("\x7f", "\\u007f")


def inert(line: str) -> str:
    """*line* without what moves a cursor, colours, or turns the direction of text."""
    return "".join(sign if sign.isprintable() else "?" for sign in line)
