"""A report that the daemon makes in pieces: asked for, with its progress shown, told, and drawn."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from resolver.cli import pictures
from resolver.cli.control_parts import inert
from resolver.cli.control_session import NoDaemon, Refusal, Session, path_of
from resolver.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    from matplotlib.figure import Figure

    Reply = dict[str, Any]

FAILED, WRONG_USE = 1, 2
_CLEAR = "\r\x1b[K"


class Report(NamedTuple):
    """Which *verb* is *given* what; a line of its *progress*; the whole *gathered* from the other
    pieces, its *lines* and its *picture*."""

    verb: str
    given: Reply
    progress: Callable[[Reply], str]
    gathered: Callable[[Iterable[Reply]], Reply]
    lines: Callable[[Reply], Iterable[str]]
    picture: Callable[[Reply], Figure]


def run(
    command: str, options: argparse.Namespace, report_of: Callable[[argparse.Namespace], Report]
) -> int:
    """0 done; 1 the daemon cannot be asked, or refused; 2 wrong use, of which *report_of* may
    raise ConfigError."""
    try:
        pictures.look_at("--png", options.png)
        report = report_of(options)
        path = path_of(options.socket, options.config)
    except ConfigError as error:
        print(f"resolver {command}: {error}", file=sys.stderr)
        return WRONG_USE
    try:
        failed: list[Reply] = []
        with Session(path) as session:
            found = report.gathered(_pieces(session, report, failed))
    except (NoDaemon, Refusal) as error:
        print(f"resolver {command}: {inert(str(error))}", file=sys.stderr)
        return FAILED
    if options.json:
        print(json.dumps(found))  # all in ASCII: nothing in it moves a cursor
    else:
        for line in report.lines(found):
            print(inert(line))
    if options.png is not None:
        pictures.write(report.picture(found), options.png)
    for one in failed:
        said = f"worker {one['worker']}: {one['error']}"
        print(f"resolver {command}: {inert(said)}", file=sys.stderr)
    return FAILED if failed else 0


def _pieces(session: Session, report: Report, failed: list[Reply]) -> Iterator[Reply]:
    """All but progress, which a terminal is shown, and those workers that *failed*."""
    is_shown = sys.stderr.isatty()
    for reply in session.stream(report.verb, **report.given):
        if "failed" in reply:
            failed += reply["failed"]
        elif "progress" not in reply:
            yield reply
        elif is_shown:
            print(_CLEAR + report.progress(reply), end="", file=sys.stderr, flush=True)
    if is_shown:
        print(_CLEAR, end="", file=sys.stderr, flush=True)
