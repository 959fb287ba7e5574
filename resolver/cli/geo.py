"""resolver geo zones, geo survey: asks the daemon how near zones are served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolver.cli import geo_shown, pictures, reported

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from matplotlib.figure import Figure

    Reply = dict[str, Any]

_HEAD = ("id", "ok")


def run(options: argparse.Namespace) -> int:
    """0 done; 1 the daemon cannot be asked, or refused; 2 wrong use."""
    return reported.run("geo", options, _report)


def _report(options: argparse.Namespace) -> reported.Report:
    if options.what == "zones":
        given: Reply = {"days": options.days}
    else:
        given = {"tlds": options.tlds, "yes": options.yes}
    verb = f"geo {options.what}"
    return reported.Report(verb, given, geo_shown.progress, _gathered, _lines, _picture)


def _lines(found: Reply) -> Iterator[str]:
    yield from geo_shown.head(found)
    yield ""
    yield from geo_shown.zones(found["zones"])


def _picture(found: Reply) -> Figure:
    return pictures.zone_rtts(found["zones"], found["geography"]["link_ms"])


def _gathered(replies: Iterable[Reply]) -> Reply:
    """The report, all zones in it."""
    found: Reply = {}
    zones: list[Reply] = []
    for reply in replies:
        zones += reply.pop("zones", ())
        found |= {key: value for key, value in reply.items() if key not in _HEAD}
    return found | {"zones": zones}
