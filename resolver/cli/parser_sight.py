"""What `why` and `pops` take on the command line: verbs of `control` with commands of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli.parser_parts import add_command

if TYPE_CHECKING:
    import argparse

    from resolver.cli.parser_parts import Commands

WHY = """Tell the story of a name, from what the daemon knows now; no packet is
sent. In one sentence first: from memory, or whose fault it is that it is not.
Then what policy does to it, each link of its alias chain with the time that is
left and when it is renewed, each zone cut above it with its servers, which of
their instances answers, how far away that is, and since when; the chain of
trust; and whether our own link is up. It takes the right to act."""

WHY_EXAMPLES = """examples:
  resolver why www.example.com
  resolver why www.example.com AAAA --view kids
  resolver why www.example.com --json | jq -r .because

exit status:
  0    told
  1    the daemon cannot be asked, or it refused
  2    the command line is wrong"""

POPS = """Show which instances of anycast servers answer, since when, how far away
they are, and where that may be: of the servers of zones, at addresses, or of
all whose instance is known. Kilometres are an upper bound, and a place is what
the server says of itself: with a question mark where round trips allow it.
Without --active no packet is sent."""

POPS_EXAMPLES = """examples:
  resolver pops                      all that are known, the nearest first
  resolver pops . com                the servers of the root and of com
  resolver pops 192.0.2.1 --active   ask it now: NSID, id.server, hostname.bind
  resolver pops --json | jq '.servers[] | [.address, .instance, .bound_km]'

exit status:
  0    shown
  1    the daemon cannot be asked, or it refused
  2    the command line is wrong"""


def add_sight(commands: Commands) -> None:
    """resolver why, resolver pops."""
    why = add_command(commands, "why", "what is known of a name, and why", WHY, WHY_EXAMPLES)
    why.add_argument("words", metavar="NAME [TYPE]", nargs="*", help="domain name; record type")
    why.add_argument("--view", metavar="VIEW", help="as clients of this [[view]] are told")
    _daemon(why)
    pops = add_command(
        commands, "pops", "which instances of servers answer, and where", POPS, POPS_EXAMPLES
    )
    pops.add_argument(
        "words", metavar="ZONE|ADDRESS", nargs="*", help="of which servers (default: all known)"
    )
    pops.add_argument(
        "--active", action="store_true",
        help="ask them now, one query a second; it takes the right to act",
    )  # fmt: skip
    _daemon(pops)


def _daemon(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--socket", metavar="FILE", default=None, help="the daemon's control socket"
    )
    command.add_argument(
        "--config", metavar="FILE", default=None, help="take control.socket from there"
    )
    command.add_argument(
        "--json", action="store_true", default=False, help="print what it says, an object a line"
    )
