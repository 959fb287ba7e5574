"""The manual pages, from what the program and its documents already say.

resolver(8): the parsers of the command line, then docs/operations.md. resolver.toml(5): the schema
of the configuration, and what docs/configuration.md says around its table.
"""

from __future__ import annotations

import argparse
import re
import textwrap
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from resolver import __version__
from resolver.cli import parser, tables
from resolver.daemon.clock_floor import RELEASED
from tools import markdown_to_roff, roff

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).resolve().parents[1] / "docs"
MANUAL = "Resolver Manual"
BRIEF = "recursive, caching, validating DNS resolver"
TOML_BRIEF = "configuration of resolver(8)"


def resolver_8() -> str:
    """resolver(8)."""
    top = parser.parser()
    page = _page("resolver", 8)
    page.section("name")
    page.line(rf"resolver \- {roff.escape(BRIEF)}")
    page.section("synopsis")
    commands = list(_commands(top))
    for name, _, command in commands:
        page.synopsis(f"resolver {name}", roff.usage(_usage(command)))
    page.section("description")
    page.paragraph(roff.escape(f"{top.description} Its configuration is resolver.toml(5)."))
    for action in _arguments(top):
        page.entry(_head(action), roff.escape(_help(action)))
    page.section("commands")
    for name, brief, command in commands:
        page.subsection(f"resolver {name}")
        _command(page, brief, command)
    _sections(page, top.epilog or "")
    for section in markdown_to_roff.sections((DOCS / "operations.md").read_text("utf-8")):
        page.section(section.title)
        markdown_to_roff.put(page, section.blocks)
    page.section("see also")
    page.line(rf"{roff.bold('resolver.toml')}(5)")
    return str(page)


def resolver_toml_5() -> str:
    """resolver.toml(5)."""
    text = (DOCS / "configuration.md").read_text("utf-8")
    page = _page("resolver.toml", 5)
    page.section("name")
    page.line(rf"resolver.toml \- {roff.escape(TOML_BRIEF)}")
    page.section("description")
    for paragraph in markdown_to_roff.preamble(text):
        page.paragraph(paragraph)
    page.section("keys")
    for table, keys in groupby(tables.key_entries(), key=lambda key: key.table):
        page.subsection(f"[{table}]" if table else "At the top")
        for key in keys:
            _key(page, key)
    for section in markdown_to_roff.sections(text):
        page.section(section.title)
        markdown_to_roff.put(page, section.blocks)
    page.section("files")
    page.entry(
        roff.italic("/etc/resolver/resolver.toml"),
        roff.escape("where the service file looks; any other place with --config"),
    )
    page.section("see also")
    page.line(rf"{roff.bold('resolver')}(8)")
    return str(page)


def _page(title: str, section: int) -> roff.Page:
    date = datetime.fromtimestamp(RELEASED, UTC).date().isoformat()
    source = f"resolver {__version__}"
    return roff.Page(title, section, date=date, source=source, manual=MANUAL)


def _key(page: roff.Page, key: tables.Key) -> None:
    default = "required" if key.default is None else f"default {key.default}"
    page.entry(
        f"{roff.bold(key.name)} ({roff.escape(default)})",
        roff.escape(f"{key.purpose}{key.note}."),
        roff.escape(f"Allowed: {key.allowed}. Takes effect: {key.effect}."),
    )


# --- the command line ----------------------------------------------------------------------------


def _commands(top: argparse.ArgumentParser) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Name, its line in the list of commands, and parser."""
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            briefs = {one.dest: one.help or "" for one in action._choices_actions}
            for name, command in action.choices.items():
                yield name, briefs[name], command


def _arguments(command: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in command._actions:
        is_help = isinstance(action, argparse._HelpAction)
        if not is_help and not isinstance(action, argparse._SubParsersAction):
            yield action


def _command(page: roff.Page, brief: str, command: argparse.ArgumentParser) -> None:
    for paragraph in (command.description or f"{brief}.").split("\n\n"):
        page.paragraph(roff.escape(" ".join(paragraph.split())))
    for action in _arguments(command):
        page.entry(_head(action), roff.escape(_help(action)))
    _epilog(page, command)


def _epilog(page: roff.Page, command: argparse.ArgumentParser) -> None:
    """Examples and the exit status, as --help has them."""
    if command.epilog:
        page.literal(command.epilog)


def _sections(page: roff.Page, epilog: str) -> None:
    """The examples and the exit status of the whole command line, each under a heading."""
    for block in epilog.split("\n\n"):
        title, is_headed, rest = block.partition(":\n")
        if is_headed:
            page.section(title)
        page.literal(textwrap.dedent(rest or block))


def _head(action: argparse.Action) -> str:
    """-x VALUE, --long VALUE; or the name of a word."""
    value = "" if action.nargs == 0 else _value(action)
    if not action.option_strings:
        return roff.italic(value)
    shown = f" {roff.italic(value)}" if value else ""
    return ", ".join(f"{roff.bold(option)}{shown}" for option in action.option_strings)


def _value(action: argparse.Action) -> str:
    if action.metavar is None and action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return str(action.metavar or action.dest.upper())


def _help(action: argparse.Action) -> str:
    text = argparse.HelpFormatter("resolver")._expand_help(action) if action.help else ""
    text = " ".join(text.split())
    if action.choices and action.metavar is not None and not _names_all(action, text):
        text += f" ({', '.join(map(str, action.choices))})"
    return f"{text[:1].upper()}{text[1:]}."


def _names_all(action: argparse.Action, text: str) -> bool:
    return all(str(choice) in text for choice in action.choices or ())


def _usage(command: argparse.ArgumentParser) -> str:
    """The arguments of the usage on one line, without --help."""
    text = re.sub(r"\s+", " ", command.format_usage()).removeprefix(f"usage: {command.prog}")
    return text.replace(" [-h]", "").strip()
