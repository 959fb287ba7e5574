"""resolver drill: asks the daemon what would still resolve if far servers fell silent now."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from resolver.cli import drill_shown, pictures
from resolver.cli.control_parts import inert
from resolver.cli.control_session import NoDaemon, Refusal, Session, path_of
from resolver.errors import ConfigError
from resolver.limits import CONTROL_LINE_OCTETS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

FAILED, WRONG_USE = 1, 2
USED = "used"
_ROOM = 4096  # octets of the request besides names


def run(options: argparse.Namespace) -> int:
    """0 done; 1 the daemon cannot be asked, or refused; 2 wrong use."""
    try:
        pictures.look_at("--png", options.png)
        given = _given(options)
        path = path_of(options.socket, options.config)
    except ConfigError as error:
        print(f"resolver drill: {error}", file=sys.stderr)
        return WRONG_USE
    try:
        with Session(path) as session:
            found = _asked(session, given)
    except (NoDaemon, Refusal) as error:
        print(f"resolver drill: {inert(str(error))}", file=sys.stderr)
        return FAILED
    if options.json:
        print(json.dumps(found))  # all in ASCII: nothing in it moves a cursor
    else:
        for line in _lines(found):
            print(inert(line))
    if options.png is not None:
        pictures.write(pictures.drill_curve(found), options.png)
    return 0


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield from drill_shown.report(found)
    if found["failing"]:
        yield from drill_shown.failing(found["failing"])


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


def _asked(session: Session, given: dict[str, Any]) -> dict[str, Any]:
    """The report with the names that fail in it. Raises Refusal, NoDaemon."""
    found: dict[str, Any] = {}
    failing: list[dict[str, Any]] = []
    is_shown = sys.stderr.isatty()
    for reply in session.stream("drill", **given):
        if "progress" in reply and is_shown:
            print(f"\r\x1b[K{drill_shown.progress(reply)}", end="", file=sys.stderr, flush=True)
        found |= reply.get("report", {})
        failing += reply.get("failing", ())
    if is_shown:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    return found | {"failing": failing}
