"""resolver drill: asks the daemon what would still resolve if far servers fell silent now."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from resolver.cli import drill_shown, pictures, reported
from resolver.errors import ConfigError
from resolver.limits import CONTROL_LINE_OCTETS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    Reply = dict[str, Any]

USED = "used"
_ROOM = 4096  # octets of the request besides names


def run(options: argparse.Namespace) -> int:
    """0 done; 1 the daemon cannot be asked, or refused; 2 wrong use."""
    return reported.run("drill", options, _report)


def _report(options: argparse.Namespace) -> reported.Report:
    return reported.Report(
        "drill", _given(options), drill_shown.progress, _gathered, _lines, pictures.drill_curve
    )


def _lines(found: Reply) -> Iterator[str]:
    yield from drill_shown.report(found)
    if found["failing"]:
        yield from drill_shown.failing(found["failing"])


def _gathered(replies: Iterable[Reply]) -> Reply:
    """The report, with the names that fail in it."""
    found: Reply = {}
    failing: list[Reply] = []
    for reply in replies:
        found |= reply.get("report", {})
        failing += reply.get("failing", ())
    return found | {"failing": failing}


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """What the verb takes. Raises ConfigError."""
    given: dict[str, Any] = {"after": options.after, "cold": options.cold}
    if options.far_ms is not None:
        given["far_ms"] = options.far_ms
    if options.keep_only:
        given["keep_only"] = options.keep_only
    if options.as_outage is not None:
        given["as_outage"] = options.as_outage
    if options.names != USED:
        given["names"] = _names(options.names)
    return given


def _names(path: str) -> list[str]:
    """The lines of a file; it is read here, and the daemon opens none. Raises ConfigError."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
    except OSError as error:
        raise ConfigError("--names", path, f"a file of names ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError("--names", path, "a file of names, as text in UTF-8") from None
    lines = text.splitlines()
    if not any(line.partition("#")[0].strip() for line in lines):
        raise ConfigError("--names", path, "a file with a name a line, with a type if it is not A")
    if len(msgspec.json.encode(lines)) > CONTROL_LINE_OCTETS - _ROOM:
        most = (CONTROL_LINE_OCTETS - _ROOM) // 1024
        raise ConfigError("--names", path, f"a file of names of {most} KiB at most")
    return lines
