"""The whole command line: what each command takes, its help and its examples.

Loads nothing of the resolver but its version, and where they are wanted the verbs of `control`:
`--help`, shell completion and the manual page are made from here. `main` gives what was read to
the command's module.
"""

from __future__ import annotations

import argparse

from resolver import __version__
from resolver.cli import (
    parser_bench,
    parser_block,
    parser_control,
    parser_daemon,
    parser_geo,
    parser_health,
    parser_lists,
    parser_query,
    parser_setup,
    parser_sight,
    parser_top,
)

EXAMPLES = """examples:
  resolver serve --lab --listen 127.0.0.1:5300   from a simulated Internet
  resolver query www.example.com AAAA            ask the daemon, or resolve here
  resolver trace www.example.com                 each step from the root
  resolver check /etc/resolver/resolver.toml     what is wrong with it
  resolver control status                        how the daemon is
  resolver doctor                                what is wrong with DNS here

exit status:
  0    done
  1    it failed: no answer; an address or a file cannot be had just now
  2    the command line or the configuration is wrong
  9    a server that was asked did not reply (query)
  130  interrupted
  141  nobody reads the output

"resolver COMMAND --help" tells more about each."""


def parser(*, is_whole: bool = True) -> argparse.ArgumentParser:
    """The command line: the whole, or without the verbs of `control`, which take time to load."""
    top = argparse.ArgumentParser(
        prog="resolver",
        description="A recursive, caching DNS resolver.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"resolver {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parser_daemon.add_serve(commands)
    parser_query.add_query(commands)
    parser_query.add_trace(commands)
    parser_sight.add_sight(commands)
    parser_bench.add(commands)
    parser_daemon.add_check(commands)
    parser_setup.add_setup(commands)
    parser_control.add_control(commands, is_whole=is_whole)
    parser_top.add_top(commands)
    parser_health.add_health(commands)
    parser_block.add_block(commands)
    parser_geo.add_geo(commands)
    parser_geo.add_drill(commands)
    parser_daemon.add_doctor(commands)
    parser_daemon.add_log(commands)
    parser_lists.add_lists(commands)
    return top
