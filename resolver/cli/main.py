"""resolver COMMAND: reads the arguments, and loads only what the command needs.

Exit status: 0 done, 1 it failed (no answer; an address or a file that cannot be had just now), 2
the command line or the configuration is wrong, 130 interrupted, 141 nobody reads the output.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from resolver import __version__
from resolver.cli import ending, parser_daemon, parser_lists
from resolver.runtime import signals

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its module has a `run(options) -> int`."""
    try:
        with ending.streams():
            options = parser().parse_args(arguments)
            shield = signals.shielded() if options.command == "serve" else nullcontext()
            with shield:
                command = importlib.import_module(f"resolver.cli.{options.command}")
                status: int = command.run(options)
                sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001  # what it does not know, it raises again
        return ending.status_of(error)
    return status


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="resolver", description="A recursive, caching DNS resolver.", allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"resolver {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parser_daemon.add_serve(commands)
    _query(commands)
    _trace(commands)
    _bench(commands)
    parser_daemon.add_check(commands)
    parser_lists.add_lists(commands)
    return top


def _config(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", metavar="FILE", help="configuration (TOML); none is fine")


def _question(command: argparse.ArgumentParser) -> None:
    _config(command)
    command.add_argument("-x", "--reverse", action="store_true", help="NAME is an address: its PTR")
    command.add_argument("--lab", action="store_true", help="ask a simulated Internet")
    command.add_argument("name", metavar="NAME")
    command.add_argument("type", metavar="TYPE", nargs="?", default="")


def _query(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("query", help="resolve a name from the root, in this process")
    command.add_argument("--json", action="store_true", help="one JSON object")
    command.add_argument("--dnssec", action="store_true", help="show signatures and proofs")
    command.add_argument("--cd", action="store_true", help="do not validate (checking disabled)")
    _question(command)


def _trace(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("trace", help="resolve a name and show each step")
    command.add_argument("--json", action="store_true", help="one JSON object")
    _question(command)


def _bench(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("bench", help="compare resolvers: latency and success")
    _config(command)
    command.add_argument(
        "--server", metavar="[NAME=]ADDRESS[:PORT]", action="append", default=[],
        help="a resolver to compare (may be given several times)",
    )  # fmt: skip
    command.add_argument(
        "--names", metavar="FILE", required=True, help="one name, or NAME TYPE, a line"
    )
    command.add_argument("--fresh", metavar="ZONE", help="cold names are random labels below ZONE")
    command.add_argument("--count", type=int, help="names asked of each server")
    command.add_argument("--rate", type=float, help="queries a second to each server")
    command.add_argument("--no-public", action="store_true", help="leave out the public resolvers")
    command.add_argument("--no-self", action="store_true", help="leave out this resolver")
    command.add_argument("--json", metavar="FILE", help='write the figures there ("-": stdout)')
    command.add_argument("--png", metavar="FILE", help="draw the distributions there")
