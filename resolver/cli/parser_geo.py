"""What the commands take that tell how far DNS is, and what of it would hold: `drill`, `geo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli.parser_parts import add_command
from resolver.limits import ZONES_DAYS

if TYPE_CHECKING:
    import argparse

    from resolver.cli.parser_parts import Commands

DRILL = """Work out what would still resolve if all far servers fell silent now:
of the names in use, what share is answered fresh, stale, or not, at once and
hours and days later; which zone each failing name fails at, and why; and what
a local root zone, renewal ahead of need and stale answers are worth. No packet
is sent. The daemon does it in a process of its own, by what it knows."""

DRILL_EXAMPLES = """examples:
  resolver drill
  resolver drill --far-ms 60               what takes 60 ms is cut off
  resolver drill --keep-only 203.0.113.0/24 2001:db8::/32
  resolver drill --as-outage 2026-11-30    as it was on that day
  resolver drill --names our-names.txt --after 0s,12h,3d
  resolver drill --cold                    with nothing held: after a start
  resolver drill --png drill.png           the curve

exit status:
  0    done
  1    the daemon cannot be asked, or it refused
  2    the command line is wrong"""


GEO = """Tell how near the servers are that DNS here depends on, by what the
daemon has measured. "zones": the zones that the names in use need, the most
used first, with those that have far servers only. "survey": the top-level
domains, after the tables of Gibbard's article; with --yes, servers that were
not measured yet are asked once, five a second."""

GEO_EXAMPLES = """examples:
  resolver geo zones
  resolver geo zones --days 1 --png zones.png
  resolver geo survey                      what is known, and what it takes
  resolver geo survey --tlds cc --yes      all countries (needs root.local)
  resolver geo survey --json | jq '.zones[] | select(.near == 0).zone'

exit status:
  0    done
  1    the daemon cannot be asked, or it refused
  2    the command line is wrong"""


def add_geo(commands: Commands) -> None:
    """resolver geo zones, resolver geo survey."""
    command = add_command(
        commands, "geo", "how near the servers are that names need", GEO, GEO_EXAMPLES
    )
    command.add_argument(
        "what", choices=("zones", "survey"), metavar="zones|survey", help="which report"
    )
    command.add_argument(
        "--days", metavar="N", type=int, default=ZONES_DAYS,
        help=f"zones: of names used within so many days ({ZONES_DAYS})",
    )  # fmt: skip
    command.add_argument(
        "--tlds", choices=("used", "cc", "all"), metavar="used|cc|all", default="used",
        help="survey: those of the names in use, all of two letters, or all",
    )  # fmt: skip
    command.add_argument(
        "--yes", action="store_true", default=False,
        help="survey: ask servers that were not measured yet",
    )  # fmt: skip
    _add_common(command, "round trips by zone")


def add_drill(commands: Commands) -> None:
    """resolver drill."""
    command = add_command(
        commands, "drill", "what would resolve if far servers fell silent", DRILL, DRILL_EXAMPLES
    )
    command.add_argument(
        "--far-ms", metavar="N", type=float, default=None,
        help="servers from this round trip on fall silent (default: found by measurement)",
    )  # fmt: skip
    command.add_argument(
        "--keep-only", metavar="PREFIX", nargs="+", action="extend", default=[],
        help="only servers in these prefixes answer",
    )  # fmt: skip
    command.add_argument(
        "--as-outage", metavar="DATE", default=None,
        help="those that were silent in the partial outage that began then",
    )  # fmt: skip
    command.add_argument(
        "--names", metavar="used|FILE", default="used",
        help='names in use (the default), or those of a file, "-" for what comes in',
    )  # fmt: skip
    command.add_argument(
        "--after", metavar="TIMES", default="0s,1h,1d,7d",
        help="how long after the cut names are asked (0s,1h,1d,7d)",
    )  # fmt: skip
    command.add_argument(
        "--cold", action="store_true", default=False, help="as if nothing were held"
    )
    _add_common(command, "the curve")


def _add_common(command: argparse.ArgumentParser, picture: str) -> None:
    command.add_argument("--png", metavar="FILE", help=f"draw {picture} there (matplotlib)")
    command.add_argument("--config", metavar="FILE", default=None, help="configuration (TOML)")
    command.add_argument(
        "--socket", metavar="FILE", default=None, help="the daemon's control socket"
    )
    command.add_argument(
        "--json", action="store_true", default=False, help="print one object instead of text"
    )
