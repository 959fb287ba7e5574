"""What `block` takes on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli.parser_parts import add_command

if TYPE_CHECKING:
    from resolver.cli.parser_parts import Commands

BLOCK = """Say whether a name is blocked, and why: which list, which line, which
rule. The running daemon is asked; without one, its compiled lists are looked
into, or the files that the configuration names."""

BLOCK_EXAMPLES = """examples:
  resolver block test ads.example.com
  resolver block test ads.example.com AAAA --client 192.168.7.12
  resolver block test ads.example.com --json | jq .list

To block or let through a name for a while, or to pause:
  resolver control allow ads.example.com --for 1h
  resolver control pause 10m

exit status:
  0    it is told
  1    it cannot be found out
  2    the command line or the configuration is wrong"""


def add_block(commands: Commands) -> None:
    """resolver block test NAME."""
    command = add_command(commands, "block", "say why a name is blocked", BLOCK, BLOCK_EXAMPLES)
    command.add_argument("verb", choices=("test",), metavar="test", help="look a name up")
    command.add_argument("name", metavar="NAME", help="the name")
    command.add_argument("type", metavar="TYPE", nargs="?", default="A", help="record type (A)")
    command.add_argument(
        "--client", metavar="ADDRESS", default="", help="as this client would be answered"
    )
    command.add_argument("--config", metavar="FILE", default=None, help="configuration (TOML)")
    command.add_argument(
        "--socket", metavar="FILE", default=None, help="the daemon's control socket"
    )
    command.add_argument(
        "--json", action="store_true", default=False, help="print one object instead of text"
    )
