"""Text that others wrote, as it may be shown: no character of it does anything."""

from __future__ import annotations

import sys


def inert(text: str, most: int = sys.maxsize) -> str:
    """*text*, *most* characters of it, with what moves a cursor, turns a line round or cannot be
    seen (Unicode's control, format and private characters) spelled out: "\\u202e"."""
    cut = f"{text[:most]}…" if len(text) > most else text
    if cut.isprintable():
        return cut
    return "".join(sign if sign.isprintable() else _spelled(ord(sign)) for sign in cut)


def _spelled(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004
