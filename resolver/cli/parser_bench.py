"""What `bench` takes on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli.parser_parts import add_command, add_config

if TYPE_CHECKING:
    from resolver.cli.parser_parts import Commands

DESCRIPTION = """Ask several resolvers the same names at the same time, twice, and
compare: this resolver (a process of its own, with an empty cache), those of
--server, and four public ones. "Good" is what most of them say.

First it is found out whether somebody on the way answers in place of the
public ones (from an address where no resolver is; with one identity for all;
in less than a millisecond): that is said, and they count as one."""

EXAMPLES = """examples:
  resolver bench                                  the shipped list of names
  resolver bench --server home=192.168.1.1        and the router's resolver
  resolver bench --names mine.txt --count 50 --png plot.png
  resolver bench --fresh example.com              cold: nobody can have them
  resolver bench --no-public --server 127.0.0.1:5300
  resolver bench --over udp,tls,https,quic        each over all that it speaks
  resolver bench --server tls://192.0.2.53#dns.example.net

A file of names has NAME or NAME TYPE on each line; # begins a comment.

exit status:
  0    somebody could be reached
  1    nobody could
  2    the command line or the configuration is wrong"""


def add(commands: Commands) -> None:
    """resolver bench."""
    command = add_command(
        commands, "bench", "compare resolvers: latency and success", DESCRIPTION, EXAMPLES
    )
    add_config(command)
    command.add_argument(
        "--server", metavar="[NAME=]SERVER", action="append", default=[],
        help="a resolver to compare: ADDRESS[:PORT], or tls://, https://, quic:// as in "
        "[[forward]] (may be given several times)",
    )  # fmt: skip
    command.add_argument(
        "--over", metavar="TRANSPORT", action="append", default=[],
        help="udp, tls, https, quic, or several: ask this and the public resolvers over these "
        "(default: udp)",
    )  # fmt: skip
    command.add_argument(
        "--insecure", action="store_true", help="compare whoever answers, whatever the certificate"
    )
    command.add_argument(
        "--ca-file", metavar="FILE", help="believe these certificates (PEM), no others"
    )
    command.add_argument(
        "--names", metavar="FILE", help="one name, or NAME TYPE, a line (default: a shipped list)"
    )
    command.add_argument("--fresh", metavar="ZONE", help="cold names are random labels below ZONE")
    command.add_argument(
        "--count", metavar="N", type=int, help="names asked of each server (default: 100)"
    )
    command.add_argument(
        "--rate", metavar="N", type=float, help="queries a second to each server (default: 10)"
    )
    command.add_argument("--no-public", action="store_true", help="leave out the public resolvers")
    command.add_argument("--no-self", action="store_true", help="leave out this resolver")
    command.add_argument("--json", metavar="FILE", help='write the figures there ("-": stdout)')
    command.add_argument("--png", metavar="FILE", help="draw the distributions there (matplotlib)")
