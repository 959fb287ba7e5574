"""What `query` and `trace` take on the command line. Words come in any order, options between them.

argparse gives positional arguments away in one go; what comes behind an option is left over, and
`main` adds it to the words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli.parser_parts import add_command, add_config

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from resolver.cli.parser_parts import Commands

QUERY = """Ask for records of a name. Words may stand in any order: names, types
(AAAA, TYPE65), a class (CH), and the server to ask, after an @, which may be a
URL: @tls://9.9.9.9#dns.quad9.net, @quic:// likewise, and
@https://dns.quad9.net/dns-query. Several names and types are all combined; the
type is A if none is given, and TXT in class CH. A URL is read as its host,
an address as its reverse name (PTR), a name with letters beyond ASCII in its
xn-- form. A name that looks like a type or a class takes a dot at its end:
"mx.". Of dig's options +short, +tcp, +dnssec and +cd are understood.

Without @server, the daemon that runs on this machine is asked if there is
one, otherwise the name is resolved from the root in this process; the second
line of the output says which. The daemon is looked for where --config (or
/etc/resolver/resolver.toml) says that it listens, and at 127.0.0.1 and ::1,
ports 53 and 5300. Each place gets one question that only our own daemon
answers ("daemon.resolver", class CHAOS) and has 0.1 s for it. Nothing of that
leaves the machine."""

QUERY_EXAMPLES = """examples:
  resolver query www.example.com               its IPv4 address
  resolver query example.com MX TXT            two questions
  resolver query @9.9.9.9 example.com          ask that server; also @host,
                                               @host:5353, @host#5353, @[::1]:53
  resolver query @tls://9.9.9.9#dns.quad9.net example.com
                                               over TLS; it proves that name
  resolver query @https://dns.google/dns-query example.com
                                               over HTTPS; @8.8.8.8 may follow
  resolver query --short AAAA example.com      the data alone, for scripts
  resolver query 192.0.2.1                     the name of an address
  resolver query https://www.example.com/a?b   the host of a URL
  resolver query --json example.com | jq .     an object for each question
  resolver query @9.9.9.9 CH version.bind      what a server says it is
  resolver query --lab www.bogus.org           a simulated Internet: it fails

exit status:
  0    every question was answered; that there is no such name, or no such
       record, is an answer
  1    one was not: SERVFAIL, REFUSED ...; the reason is shown, where the
       server tells it
  2    the command line or the configuration is wrong
  9    a server did not reply at all
  130  interrupted
  141  nobody reads the output"""

TRACE = """Resolve a name from the root, in this process, and show each step: the
zone, what was asked, of which server, over what, how long it took and what
came of it. Then the answer, and the chain of trust that makes it secure,
insecure or bogus."""

TRACE_EXAMPLES = """examples:
  resolver trace www.example.com AAAA
  resolver trace --lab www.signed.org          in a simulated Internet
  resolver trace --json example.com | jq '.steps[].verdict'

exit status:
  0    answered
  1    not answered
  2    the command line or the configuration is wrong"""


# What dig's users write, as it is called here.
_OF_DIG = {
    "+short": "--short", "+tcp": "--tcp", "+vc": "--tcp", "+dnssec": "--dnssec", "+do": "--dnssec",
    "+cd": "--cd", "+cdflag": "--cd",
}  # fmt: skip


def in_our_words(arguments: Sequence[str]) -> list[str]:
    """The arguments of a command line, with what dig calls otherwise in our words."""
    if arguments[:1] != ["query"]:
        return list(arguments)
    return [_OF_DIG.get(argument, argument) for argument in arguments]


def add_query(commands: Commands) -> None:
    """resolver query."""
    command = add_command(commands, "query", "ask for records of a name", QUERY, QUERY_EXAMPLES)
    form = command.add_mutually_exclusive_group()
    form.add_argument("--short", action="store_true", help="print only the data, a record a line")
    form.add_argument("--json", action="store_true", help="print a JSON object for each question")
    _question(command, "[@SERVER] NAME [TYPE]")
    command.add_argument(
        "-t", "--type", metavar="TYPE", action="append", default=[], dest="types",
        help="a type, where the word alone would be taken for a name (several times: several)",
    )  # fmt: skip
    command.add_argument(
        "-c", "--class", metavar="CLASS", dest="qclass", type=str.upper,
        choices=("IN", "CH", "HS"), help="IN (default), CH or HS; names of CHAOS: version.bind",
    )  # fmt: skip
    command.add_argument(
        "-p", "--port", metavar="PORT", type=int, help="port of @SERVER (default: 53)"
    )
    command.add_argument("--tcp", action="store_true", help="ask over TCP from the start")
    command.add_argument(
        "--insecure", action="store_true",
        help="ask whoever answers, whatever the certificate",
    )  # fmt: skip
    command.add_argument(
        "--ca-file",
        metavar="FILE",
        help="of an encrypted @SERVER believe these certificates (PEM), no others",
    )
    command.add_argument("--dnssec", action="store_true", help="show signatures and proofs (DO)")
    command.add_argument("--cd", action="store_true", help="do not validate (checking disabled)")
    command.add_argument(
        "--timeout", metavar="SECONDS", type=float,
        help="wait so long for a reply, in each of two tries (default: 5)",
    )  # fmt: skip
    command.add_argument(
        "--no-daemon", action="store_true", help="resolve in this process even if a daemon runs"
    )


def add_trace(commands: Commands) -> None:
    """resolver trace."""
    command = add_command(
        commands, "trace", "resolve a name and show each step", TRACE, TRACE_EXAMPLES
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
    _question(command, "NAME [TYPE]")


def _question(command: argparse.ArgumentParser, metavar: str) -> None:
    command.add_argument(
        "words", metavar=metavar, nargs="*",
        help="what to ask, in any order: see above",
    )  # fmt: skip
    add_config(command)
    command.add_argument(
        "-x", "--reverse", action="store_true", help="every NAME is an address: ask for its name"
    )
    command.add_argument("--lab", action="store_true", help="ask a simulated Internet, offline")
    command.add_argument(
        "--color", metavar="WHEN", choices=("auto", "always", "never"), default="auto",
        help="auto (default): on a terminal, unless NO_COLOR is set; always; never",
    )  # fmt: skip
