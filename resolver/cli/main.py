"""resolver COMMAND: reads the arguments, and loads only what the command needs.

Exit status: 0 done, 1 it failed (no answer; an address or a file that cannot be had just now), 2
the command line or the configuration is wrong, 9 a server did not reply, 130 interrupted, 141
nobody reads the output.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from resolver.cli import ending
from resolver.cli.parser import parser
from resolver.cli.parser_query import in_our_words

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from contextlib import AbstractContextManager


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its module has a `run(options) -> int`."""
    try:
        with ending.streams():
            options = read(arguments)
            with _shield(options.command):
                command = importlib.import_module(f"resolver.cli.{options.command}")
                status: int = command.run(options)
                sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001  # what it does not know, it raises again
        return ending.status_of(error)
    finally:
        ending.hush()
    return status


def _shield(command: str) -> AbstractContextManager[None]:
    """A daemon is not killed by signals that mean nothing to it, from its first moment on."""
    if command != "serve":
        return nullcontext()
    from resolver.runtime import signals  # noqa: PLC0415  # and threads with it

    return signals.shielded()


def read(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; words of a question may stand between them, in any order."""
    given = sys.argv[1:] if arguments is None else arguments
    options, rest = parser(is_whole="control" in given).parse_known_args(in_our_words(given))
    if not rest:
        return options
    command: argparse.ArgumentParser | None = getattr(options, "command_parser", None)
    strange = [word for word in rest if word.startswith("-")]
    if command is None or strange or not hasattr(options, "words"):
        (command or parser()).error(f"unrecognized arguments: {' '.join(strange or rest)}")
    options.words += rest
    return options
