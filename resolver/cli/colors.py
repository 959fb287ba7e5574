"""Colours for people at a terminal, laid over finished lines; text for programs stays as it is.

NO_COLOR (no-color.org) and TERM=dumb are obeyed; --color says otherwise.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

_RESET, _DIM, _BOLD = "\033[0m", "\033[2m", "\033[1m"
_GOOD, _ODD, _BAD, _KIND = "\033[32m", "\033[33m", "\033[31m", "\033[36m"
_STATUS = {"NOERROR": _GOOD, "NXDOMAIN": _ODD}
_FIELDS = 5  # of a record: owner, TTL, class, type, data


def are_wanted(when: str, stream: TextIO) -> bool:
    """*when*: "always", "never", or "auto": if *stream* is a terminal that can."""
    if when != "auto":
        return when == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") in ("", "dumb"):
        return False
    return stream.isatty()


def laid_over(text: str) -> str:
    """*text* in the form of dig: the status in its colour, comments dim, data bold."""
    return "\n".join(map(_line, text.split("\n")))


def _line(line: str) -> str:
    if line.startswith(";; "):
        word = line[3:].partition(",")[0]
        if word.isupper() and ", " in line:
            return f"{_STATUS.get(word, _BAD)}{line}{_RESET}"
        return f"{_DIM}{line}{_RESET}"
    fields = line.split("\t")
    if len(fields) < _FIELDS or line.startswith(";"):
        return f"{_DIM}{line}{_RESET}" if line.startswith(";") else line
    *owner, kind, data = fields
    return "\t".join([*owner, f"{_KIND}{kind}{_RESET}", f"{_BOLD}{data}{_RESET}"])
