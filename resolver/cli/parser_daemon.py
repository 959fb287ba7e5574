"""What `serve`, `check` and `doctor` take on the command line: the daemon, and what is about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli.parser_parts import add_command, add_config

if TYPE_CHECKING:
    from resolver.cli.parser_parts import Commands

SERVE = """Run the daemon in the foreground: bind the ports, give up root,
answer until a signal ends it. Without --config it needs no file: it listens
on 127.0.0.1 and ::1, port 53, answers this machine only, resolves from the
root and validates. Everything that is wrong with a configuration is told, one
line each, before anything is bound. resolver(8) says what signals do, and
what the log tells."""

SERVE_EXAMPLES = """examples:
  resolver serve                                port 53, this machine only
  resolver serve --listen 127.0.0.1:5300        without root: a port above 1023
  resolver serve --config /etc/resolver/resolver.toml
  resolver serve --lab --listen 127.0.0.1:5300  offline, from a simulated
                                                Internet: see "resolver lab"

exit status:
  0    ended by a signal
  1    it cannot start just now: no port could be bound
  2    it never can with this configuration"""

CHECK = """Say all that is wrong with a configuration file, one line each, by
its line; or, if nothing is, what a daemon would do with it, and what is
allowed but unwise. It takes the same looks at this machine as a start does
(files, accounts, the log, ports, which it binds and lets go again) and says
the same sentences. What a user who is not root may not look at is said, not
refused. The last line is the verdict."""

CHECK_EXAMPLES = """examples:
  resolver check /etc/resolver/resolver.toml
  resolver check new.toml && mv new.toml /etc/resolver/resolver.toml

exit status:
  0    a daemon would start with it, as far as can be told
  2    it would not"""

DOCTOR = """Say on one page what is wrong with this machine's DNS, with what was
seen and what to do: the configuration, the port and who has it, resolv.conf and
nsswitch.conf, the clock; and on the way to servers: whether anybody answers,
over both families, over TCP, in large packets, in his own name, with
signatures; forwarders; a portal that wants a login. It works without the
daemon. Servers of the root are asked, and the configuration's forwarders; where
that looks as behind a portal, the network's name servers and one web page
(detectportal.firefox.com). It takes 15 seconds at most."""

DOCTOR_EXAMPLES = """examples:
  sudo resolver doctor                          root sees more
  resolver doctor --config new.toml             as if this were in use
  resolver doctor --json | jq .wrong            for programs

exit status:
  0    nothing is wrong
  1    something is
  2    the command line is wrong"""
LOG = """Show the query log that the daemon keeps in its working_directory: one
line for each query, or for each that failed, the oldest first. Nothing is kept
unless log.queries says so, and who asked is not, unless log.clients does. The
daemon's account may read it, and root."""

LOG_EXAMPLES = """examples:
  resolver log --follow                   what is asked now
  resolver log --failures                 what could not be answered, and why
  resolver log --name example.com         all that was asked at and below it
  resolver log --json | jq .name          as it is kept, an object a line

exit status:
  0    shown
  1    there is no log, or you may not read it
  2    the command line or the configuration is wrong"""


def add_serve(commands: Commands) -> None:
    """resolver serve."""
    command = add_command(
        commands, "serve", "run the daemon in the foreground", SERVE, SERVE_EXAMPLES
    )
    add_config(command)
    command.add_argument(
        "--listen",
        metavar="ADDRESS:PORT",
        action="append",
        help="listen here instead of where the configuration says (several times: several)",
    )
    command.add_argument(
        "--lab", action="store_true", help="answer from a simulated Internet, offline"
    )
    command.add_argument(
        "--beside",
        action="store_true",
        help="a trial beside the daemon of this machine: keep no cache, share nothing, open no "
        "door but server.listen (no control socket, page, metrics)",
    )


def add_check(commands: Commands) -> None:
    """resolver check."""
    command = add_command(
        commands, "check", "say what is wrong with a configuration file", CHECK, CHECK_EXAMPLES
    )
    command.add_argument("file", metavar="FILE", help="the configuration (TOML)")


def add_doctor(commands: Commands) -> None:
    """resolver doctor."""
    command = add_command(
        commands, "doctor", "say what is wrong with this machine's DNS", DOCTOR, DOCTOR_EXAMPLES
    )
    add_config(command)
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")
    command.add_argument(
        "--lab", action="store_true", help="as if the simulated Internet were the network's"
    )


def add_log(commands: Commands) -> None:
    """resolver log."""
    command = add_command(commands, "log", "show the query log", LOG, LOG_EXAMPLES)
    command.add_argument(
        "--config",
        metavar="FILE",
        help="the daemon's configuration (default: /etc/resolver/resolver.toml)",
    )
    command.add_argument(
        "--follow", action="store_true", help="go on with what is asked from now on"
    )
    command.add_argument("--failures", action="store_true", help="only what failed")
    command.add_argument("--name", metavar="NAME", help="only this name and all below it")
    command.add_argument("--json", action="store_true", help="one JSON object a line")
