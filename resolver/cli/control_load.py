"""resolver control cache load FILE: reads a dump, and sends it to the daemon piece by piece.

The daemon opens no file of anybody's; what it says of lines that it cannot use is told with their
numbers in the file.
"""

from __future__ import annotations

import json
import re
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from resolver.limits import CONTROL_LINE_OCTETS, LOAD_ERRORS
from resolver.operate.cache_files import FIRST
from resolver.operate.cache_text import BEGINS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from typing import TextIO

    from resolver.cli.control_session import Session

    Entry = tuple[int, list[str]]  # the number of its first line, and its lines

_MOST: Final = CONTROL_LINE_OCTETS // 2  # octets of lines in one request: escapes take more
_TIME: Final = re.compile(re.escape(FIRST) + r", at (\d{1,12})\b")
_COUNTS: Final = ("taken", "known", "expired", "left_out", "wrong")
FAILED: Final = 1
WRONG_USE: Final = 2


def run(session: Session, options: argparse.Namespace) -> int:
    """0 if every line could be used, 1 if one could not, 2 if there is no such file."""
    try:
        with _opened(options.words) as file:
            found = _sent(session, file)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        print(f"resolver control: cache load: {' '.join(options.words)}: {reason}", file=sys.stderr)
        return WRONG_USE
    if options.json:
        print(json.dumps(found))
    else:
        for one in found["errors"]:
            print(f"line {one['line']}: {one['error']}", file=sys.stderr)
        print(", ".join(f"{found[key]} {key.replace('_', ' ')}" for key in _COUNTS))
    return FAILED if found["wrong"] else 0


def _opened(words: list[str]) -> AbstractContextManager[TextIO]:
    """The one file that is named; "-" is what comes in."""
    if words == ["-"]:
        return nullcontext(sys.stdin)
    return Path(*words[:1]).open(encoding="utf-8")


def _sent(session: Session, lines: Iterable[str]) -> dict[str, Any]:
    """What the daemon made of *lines*, all requests together."""
    found: dict[str, Any] = dict.fromkeys(_COUNTS, 0)
    found["errors"] = []
    at = 0.0
    for first, batch, told_at in _batches(lines):
        at = told_at or at
        reply = session.ask("cache load", file=batch, line=first, at=at)
        for key in _COUNTS:
            found[key] += reply[key]
        found["errors"] += reply["errors"][: LOAD_ERRORS - len(found["errors"])]
    return found


def _batches(lines: Iterable[str]) -> Iterator[tuple[int, list[str], float]]:
    """Whole entries, as many as go into one request: the number of their first line, they, and the
    Unix time that stood before them."""
    first, batch, size, at = 1, [""][:0], 0, 0.0
    for number, entry in _entries(lines):
        octets = sum(len(line.encode("utf-8", "replace")) + 3 for line in entry)
        told = _TIME.match(entry[0])
        if batch and (size + octets > _MOST or told is not None):
            yield first, batch, at
            batch, size = [], 0
        if told is not None:
            at = float(told[1])
        if not batch:
            first = number
        batch += entry
        size += octets
    if batch:
        yield first, batch, at


def _entries(lines: Iterable[str]) -> Iterator[Entry]:
    """Each begins with a line of its own kind, or with the one that says when it was."""
    entry: list[str] = []
    begun, size = 1, 0
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n")
        if text.startswith((BEGINS, FIRST)) and entry:
            yield begun, entry
            entry = []
        if not entry:
            begun, size = number, 0
        entry.append(text)
        size += len(text)
        if size > _MOST:  # an entry without end: what is left of it is none
            yield begun, [one[:_MOST] for one in entry][-1:]
            entry = []
    if entry:
        yield begun, entry
