"""resolver geo zones, geo survey: asks the daemon how near zones are served."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from resolver.cli import geo_shown, pictures
from resolver.cli.control_parts import inert
from resolver.cli.control_session import NoDaemon, Refusal, Session, path_of
from resolver.errors import ConfigError

if TYPE_CHECKING:
    import argparse

FAILED, WRONG_USE = 1, 2
_HEAD = ("id", "ok")


def run(options: argparse.Namespace) -> int:
    """0 done; 1 the daemon cannot be asked, or refused; 2 wrong use."""
    try:
        pictures.look_at("--png", options.png)
        path = path_of(options.socket, options.config)
    except ConfigError as error:
        print(f"resolver geo: {error}", file=sys.stderr)
        return WRONG_USE
    try:
        with Session(path) as session:
            found = _asked(session, options)
    except (NoDaemon, Refusal) as error:
        print(f"resolver geo: {inert(str(error))}", file=sys.stderr)
        return FAILED
    if options.json:
        print(json.dumps(found))  # all in ASCII: nothing in it moves a cursor
    else:
        for line in (*geo_shown.head(found), "", *geo_shown.zones(found["zones"])):
            print(inert(line))
    if options.png is not None:
        picture = pictures.zone_rtts(found["zones"], found["geography"]["link_ms"])
        pictures.write(picture, options.png)
    return 0


def _asked(session: Session, options: argparse.Namespace) -> dict[str, Any]:
    """The report, all zones in it. Raises Refusal, NoDaemon."""
    if options.what == "zones":
        given: dict[str, Any] = {"days": options.days}
    else:
        given = {"tlds": options.tlds, "yes": options.yes}
    found: dict[str, Any] = {}
    zones: list[dict[str, Any]] = []
    is_shown = sys.stderr.isatty()
    for reply in session.stream(f"geo {options.what}", **given):
        if "progress" in reply:
            if is_shown:
                told = geo_shown.progress(reply)
                print(f"\r\x1b[K{told}", end="", file=sys.stderr, flush=True)
            continue
        zones += reply.pop("zones", ())
        found |= {key: value for key, value in reply.items() if key not in _HEAD}
    if is_shown:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    return found | {"zones": zones}
