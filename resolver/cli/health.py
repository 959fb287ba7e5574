"""resolver health: whether this machine should attract traffic, for checks of routes and people."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from resolver.cli.control_parts import inert, table
from resolver.cli.control_session import NoDaemon, Refusal, Session, path_of
from resolver.errors import ConfigError
from resolver.limits import HEALTH_ASK_SECONDS
from resolver.runtime.duration import duration

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

HEALTHY: Final = 0
UNWELL: Final = 1
UNKNOWN: Final = 2


def run(options: argparse.Namespace) -> int:
    """0 it should; 1 it should not; 2 the daemon cannot be asked, or hangs, or wrong use."""
    try:
        with Session(path_of(options.socket, options.config), HEALTH_ASK_SECONDS) as session:
            told = session.ask("health")
    except (ConfigError, NoDaemon, Refusal) as error:
        if options.json:
            print(msgspec.json.encode({"is_healthy": False, "reasons": [str(error)]}).decode())
        print(f"resolver health: {error}", file=sys.stderr)
        return UNKNOWN
    verdict = {key: told[key] for key in told if key not in ("id", "ok")}
    is_well = verdict["is_last_resort" if options.last_resort else "is_healthy"]
    if options.json:
        print(msgspec.json.encode(verdict).decode())
    elif not options.quiet:
        print("\n".join(shown(verdict, time.time())))
    return HEALTHY if is_well else UNWELL


def shown(verdict: dict[str, Any], now: float) -> Iterator[str]:
    """*verdict* for people."""
    is_healthy, lasts = verdict["is_healthy"], duration(max(0.0, now - verdict["since"]))
    word = "healthy" if is_healthy else "not healthy"
    yield inert(f"{word} for {lasts}" + "".join(f"; {one}" for one in verdict["reasons"]))
    rows = [
        (f"  {name.replace('_', ' ')}", _met(condition), inert(condition["says"]))
        for name, condition in verdict["conditions"].items()
    ]
    yield from table(rows)


def _met(condition: dict[str, Any]) -> str:
    if condition["is_met"]:
        return "yes"
    return "NO" if condition["counts"] else "no, which does not count"
