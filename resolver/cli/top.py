"""resolver top: the numbers of the page in a terminal, anew each second."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import msgspec

from resolver.cli.control_parts import json_line
from resolver.cli.control_session import NoDaemon, Refusal, Session, path_of
from resolver.cli.top_look import Watcher
from resolver.config.extras import extra_missing
from resolver.errors import ConfigError
from resolver.operate.numbers import numbers, plain

if TYPE_CHECKING:
    import argparse

FAILED: Final = 1
WRONG_USE: Final = 2
_EVERY_S: Final = 1.0


def run(options: argparse.Namespace) -> int:
    """0 shown once; else until interrupted. 1 no daemon, 2 wrong use."""
    try:
        path = path_of(options.socket, options.config)
    except ConfigError as error:
        print(f"resolver top: {error}", file=sys.stderr)
        return WRONG_USE
    if not options.json and (missing := extra_missing("cli")):
        print(f"resolver top: it takes {missing}", file=sys.stderr)
        return FAILED
    try:
        with Session(path) as session:
            if options.json:
                print(_json(Watcher(session)))
                return 0
            _show(Watcher(session))
    except (NoDaemon, Refusal) as error:
        print(f"resolver top: {error}", file=sys.stderr)
        return FAILED
    return 0


def _json(watcher: Watcher) -> str:
    time.sleep(_EVERY_S)
    look = watcher.look()
    told = {
        "at": look.stats["at"], "up_s": look.stats["up_s"], "link": look.status["link"],
        "since_start": plain(numbers(look.stats)), "now": plain(look.last),
        **{verb: {key: value for key, value in reply.items() if key not in ("id", "ok")}
           for verb, reply in look.known.items()},
    }  # fmt: skip
    return json_line(msgspec.json.encode(told))


def _show(watcher: Watcher) -> None:
    from rich.console import Console  # noqa: PLC0415  # of an extra
    from rich.live import Live  # noqa: PLC0415  # likewise

    from resolver.cli.top_screen import screen  # noqa: PLC0415  # likewise

    console = Console(highlight=False, markup=False, emoji=False)
    while not console.is_terminal:
        console.print(screen(watcher.look(), console.height))
        time.sleep(_EVERY_S)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(screen(watcher.look(), console.height), refresh=True)
            time.sleep(_EVERY_S)
