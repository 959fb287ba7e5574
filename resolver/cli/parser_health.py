"""What `health` takes on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli.parser_parts import add_command

if TYPE_CHECKING:
    from resolver.cli.parser_parts import Commands

HEALTH = """Say whether this machine should attract traffic, and if not why: for
checks of route speakers (BIRD, FRR, ExaBGP), of keepalived and of load
balancers. It should while its listeners answer, in time, it is not drained,
its link is up (health.on_outage) and all its workers are there. Three bad looks
in a row count, a second apart, and five good ones after that; a drain counts at
once. Looks go on for a minute after somebody has asked, or always where
health.listen tells the same over HTTP, which costs a check less than this
command. A daemon that hangs is waited for three seconds."""

HEALTH_EXAMPLES = """examples:
  resolver health
  resolver health --quiet && echo up
  resolver health --json | jq .reasons
  resolver health --last-resort --quiet     but for its link: for a second
                                            route, that is taken where no
                                            other machine is left

exit status:
  0    it should
  1    it should not
  2    the daemon cannot be asked, or hangs; the command line is wrong"""


def add_health(commands: Commands) -> None:
    """resolver health."""
    command = add_command(
        commands, "health", "whether to send traffic here", HEALTH, HEALTH_EXAMPLES
    )
    command.add_argument(
        "--socket", metavar="FILE", default=None, help="its control socket (default: the usual)"
    )
    command.add_argument(
        "--config", metavar="FILE", default=None, help="take control.socket from there"
    )
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")
    command.add_argument("--quiet", action="store_true", help="print nothing but errors")
    command.add_argument(
        "--last-resort", action="store_true", help="an outage of its link does not count"
    )
