"""What `control` takes on the command line: the verbs, from their own descriptions.

They are loaded where they are needed: for `control` itself, completion and the manual page.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from resolver.cli.parser_parts import add_command

if TYPE_CHECKING:
    from resolver.cli.parser_parts import Commands
    from resolver.operate.verb import Field, Verb

CONTROL = """Ask a running daemon how it is, or have it act, over its control
socket (control.socket in the configuration). Whoever can open the socket may
look: root and the members of its group. To act, and to see names and clients,
takes root, control.admins, or the account that started the daemon."""

CONTROL_EXAMPLES = """examples:
  resolver control status
  resolver control status --json | jq .link
  resolver control stats --watch              a row every second
  resolver control reload                     read the configuration again
  resolver control log level debug            a line for each query
  resolver control drain                      send clients elsewhere, go on

exit status:
  0    done
  1    the daemon cannot be asked, or it refused
  2    the command line is wrong"""


def add_control(commands: Commands, *, is_whole: bool) -> None:
    """resolver control; with its verbs only where *is_whole*."""
    command = add_command(
        commands, "control", "ask a running daemon, or have it act", CONTROL, CONTROL_EXAMPLES
    )
    command.add_argument(
        "--socket", metavar="FILE", default=None, help="its control socket (default: the usual)"
    )
    command.add_argument(
        "--config", metavar="FILE", default=None, help="take control.socket from there"
    )
    command.add_argument(
        "--json", action="store_true", default=False, help="print what it says, an object a line"
    )
    if is_whole:
        from resolver.operate.verbs import VERBS  # noqa: PLC0415  # see above

        _Verbs(command).add_all(VERBS)


class _Verbs:
    """The parsers of the verbs; those of two words below a parser of the first."""

    def __init__(self, command: argparse.ArgumentParser) -> None:
        self._top = _commands(command)
        self._families: dict[str, Commands] = {}

    def add_all(self, verbs: tuple[Verb, ...]) -> None:
        for verb in verbs:
            family, _, last = verb.name.rpartition(" ")
            if family and family not in self._families:
                members = [one for one in verbs if one.name.startswith(f"{family} ")]
                brief = "; ".join(one.help for one in members)
                parent = self._top.add_parser(family, help=brief, description=_sentence(brief))
                self._families[family] = _commands(parent)
            self._add(self._families.get(family, self._top), last, verb)

    def _add(self, commands: Commands, name: str, verb: Verb) -> None:
        made = commands.add_parser(name, help=verb.help, description=_sentence(verb.help))
        made.set_defaults(command_parser=made, verb=verb.name)
        for option in ("--socket", "--config"):  # wherever they stand
            made.add_argument(option, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        made.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS,
            help="print what it says, an object a line",
        )  # fmt: skip
        for field in verb.fields():
            if not field.is_word:
                option = f"--{field.name.replace('_', '-')}"
                made.add_argument(option, dest=field.name, **_option(field))
        if verb.name == "stats":
            told = "go on: a row every second, until interrupted"
            made.add_argument("--watch", action="store_true", help=told)
        words = [field for field in verb.fields() if field.is_word]
        if words:
            shown = " ".join(map(_shown, words))
            told = "; ".join(each.purpose for each in words)
            made.add_argument("words", nargs="*", metavar=shown, help=told, default=[])


def _commands(parser: argparse.ArgumentParser) -> Commands:
    return parser.add_subparsers(
        dest=argparse.SUPPRESS, required=True, metavar="VERB", help="what is asked"
    )


def _sentence(brief: str) -> str:
    return f"{brief[:1].upper()}{brief[1:]}."


def _option(field: Field) -> dict[str, Any]:
    if field.kind is bool:
        return {"action": "store_true", "help": field.purpose}
    told: dict[str, Any] = {"metavar": field.name.upper(), "type": field.kind, "default": None}
    if field.choices:
        told |= {"choices": field.choices, "metavar": "|".join(field.choices)}
    if field.is_many:
        told["action"] = "append"
    return told | {"help": field.purpose, "required": field.is_required}


def _shown(field: Field) -> str:
    """As a word: NAME, [NAME], [NAME ...]."""
    name = "|".join(field.choices) or field.name.upper()
    told = f"{name} ..." if field.is_many else name
    return told if field.is_required else f"[{told}]"
