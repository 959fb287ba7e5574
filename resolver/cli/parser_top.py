"""What `top` takes on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli.parser_parts import add_command

if TYPE_CHECKING:
    from resolver.cli.parser_parts import Commands

TOP = """Show what a running daemon does, in this terminal, anew each second:
its link, how many queries, the share that memory answered, how long answers
took by source, and, for who may act by the control socket, zones that fail,
the most used servers and what is kept warm. Ctrl-C ends it."""

TOP_EXAMPLES = """examples:
  resolver top
  resolver top --socket /run/resolver/control
  resolver top --json | jq .since_start.hit_share   once, for programs

exit status:
  0    shown (--json)
  1    the daemon cannot be asked
  2    the command line is wrong
  130  ended by Ctrl-C"""


def add_top(commands: Commands) -> None:
    """resolver top."""
    command = add_command(commands, "top", "what the daemon does, live", TOP, TOP_EXAMPLES)
    command.add_argument(
        "--socket", metavar="FILE", default=None, help="its control socket (default: the usual)"
    )
    command.add_argument(
        "--config", metavar="FILE", default=None, help="take control.socket from there"
    )
    command.add_argument("--json", action="store_true", help="once, as one JSON object")
