"""Shell completion for bash, zsh and fish from the command line's own parser, by shtab.

What argparse does not say is added here, where it costs the program nothing: what is called FILE is
completed with files, what may be a TYPE with the record types, a KEY with the configuration's.
"""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

import shtab

from resolver.cli import keys, tables

if TYPE_CHECKING:
    from collections.abc import Iterator

# Those that people ask for; any other can be typed.
TYPES = (
    "A", "AAAA", "CAA", "CNAME", "DNAME", "DNSKEY", "DS", "HTTPS", "MX", "NAPTR", "NS", "NSEC",
    "NSEC3PARAM", "PTR", "SOA", "SRV", "SSHFP", "SVCB", "TLSA", "TXT",
)  # fmt: skip


def text(parser: argparse.ArgumentParser, shell: str) -> str:
    """The completion of *parser* for *shell*. Changes *parser*: give it one of its own."""
    for action in _actions(parser):
        metavar = str(action.metavar or "")
        if metavar == "FILE":
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif re.search(r"\bTYPE\b", metavar):
            action.choices = TYPES
        elif metavar == "KEY":
            action.choices = _keys()
        if action.metavar is not None:  # zsh splits at colons, and reads brackets
            action.metavar = " ".join(re.findall(r"\w+", metavar))
    made: str = shtab.complete(parser, shell)
    # shtab has zsh complete the first of any number of words only; all of them are alike here.
    return made.replace('"(*)::', '"*:') if shell == "zsh" else made


def _keys() -> tuple[str, ...]:
    """Each section, and each key as `resolver keys` takes it."""
    paths = [keys.path_of(key) for key in tables.key_entries()]
    sections = [path.rpartition(".")[0] for path in paths]
    return tuple(sorted({*paths, *sections} - {""}))


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All of *parser* and of its commands, whose description becomes their line in the list."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for line in action._choices_actions:
                action.choices[line.dest].description = line.help
            for command in action.choices.values():
                yield from _actions(command)
