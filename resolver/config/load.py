"""The file → Config. A problem names file, line, key, value and what is right: all can mend it.

TOML (stdlib) gives plain values; `shape` holds them against the schema, key by key, so that one
run finds every problem; `check` then looks at what no type can say. Nothing here touches the
network.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resolver.config import check, foreign
from resolver.config.holes import without
from resolver.config.implied import implied
from resolver.config.positions import placed
from resolver.config.schema import Config
from resolver.config.shape import UNREADABLE, Shape
from resolver.errors import ConfigError, Kind, unusable_file
from resolver.limits import CONFIG_BROKEN_LINES, CONFIG_OCTETS

if TYPE_CHECKING:
    from collections.abc import Sequence


def load(path: str | Path) -> Config:
    """The configuration in *path*. Raises ConfigError: the first problem found."""
    config, problems = read(path)
    if problems:
        raise problems[0]
    return config


def loads(text: str, *, name: str = "configuration") -> Config:
    """The configuration in *text*; *name* stands for the file in messages. Raises ConfigError."""
    text = text.removeprefix("\ufeff")
    config, problems = interpret(_parse(text, name), name, text)
    if problems:
        raise problems[0]
    return config


def read(
    path: str | Path | None, *, listen: Sequence[str] = ()
) -> tuple[Config, list[ConfigError]]:
    """The configuration in *path*, or of no file, and all its problems; see `interpret`.

    *listen*, if there is any, takes the place of what it says.
    """
    name, text, document, problems = "", "", dict[str, Any](), list[ConfigError]()
    if path is not None:
        try:
            name, text = str(path), _text(path)
            text, document = _past_broken_lines(text, name, problems)
        except ConfigError as problem:
            return without(Config(), [""]), [*problems, problem]
    if listen:
        server = document.setdefault("server", {})
        if isinstance(server, dict):
            server["listen"] = list(listen)
    config, found = interpret(document, name, text)
    return config, problems + found


def interpret(
    document: dict[str, Any], name: str, text: str = ""
) -> tuple[Config, list[ConfigError]]:
    """Hold parsed TOML against the schema and against itself; *text* is what it was parsed from.

    Of the configuration nobody can read what is wrong: see `holes`.
    """
    shape = Shape(document)
    config, problems = without(shape.config, shape.holes), shape.problems
    if any(problem.kind is Kind.KEY for problem in problems) and (whose := foreign.whose(text)):
        problems = [*problems, ConfigError("", None, whose, kind=Kind.FOREIGN)]
        config = without(config, [""])
    faults = [fault.as_error() for fault in check.faults(config)]
    config = without(config, (fault.where for fault in faults))
    problems = [*problems, *faults]
    if not problems:
        config = implied(config)
    return config, [placed(problem, name, text, document) for problem in problems]


def in_file(problem: ConfigError, path: str | Path) -> ConfigError:
    """*problem*, which was met later, with its place in the file at *path*, if that still tells."""
    try:
        text, document = _past_broken_lines(_text(path), str(path), [])
        return placed(problem, str(path), text, document)
    except ConfigError:
        return problem.at(str(path))


def _text(path: str | Path) -> str:
    """Raises ConfigError."""
    try:
        with Path(path).open("rb") as file:
            octets = file.read(CONFIG_OCTETS + 1)
    except OSError as error:
        raise unusable_file("--config", str(path), "a file to read", error) from None
    if len(octets) > CONFIG_OCTETS:
        expected = f"a file of at most {CONFIG_OCTETS} octets"
        raise ConfigError("--config", str(path), expected)
    try:
        return octets.decode("utf-8-sig")  # Windows' editors begin with a mark
    except UnicodeDecodeError:
        expected = "a file to read (it is not UTF-8 text)"
        raise ConfigError("--config", str(path), expected) from None


def _past_broken_lines(
    text: str, name: str, problems: list[ConfigError]
) -> tuple[str, dict[str, Any]]:
    """*text* parsed; lines that are no TOML by themselves have UNREADABLE for a value.

    Adds a problem for each. Raises ConfigError for one that the rest may depend on, such as the
    head of a table.
    """
    for _ in range(CONFIG_BROKEN_LINES):
        try:
            return text, _parse(text, name)
        except ConfigError as problem:
            lines = text.split("\n")
            number = problem.place.rpartition(" ")[2]
            at = int(number) - 1 if problem.kind is Kind.FORM and number.isdigit() else len(lines)
            key = _ASSIGNMENT.match(lines[at]) if at < len(lines) else None
            if key is None or not _is_broken(lines[at]) or foreign.whose(text):
                raise
            problems.append(problem)
            lines[at] = f'{key[0]} "{UNREADABLE}"'
            text = "\n".join(lines)
    return text, _parse(text, name)


_ASSIGNMENT = re.compile(r"[ \t]*[A-Za-z0-9_.-]+[ \t]*=")


def _is_broken(line: str) -> bool:
    try:
        tomllib.loads(line)
    except ValueError:
        return True
    return False


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        expected = "TOML, not nested so deeply"
        raise ConfigError("", "tables in tables", expected, place=name) from None
    except ValueError as error:  # TOMLDecodeError, and what int() says of thousands of digits
        reason = str(error)
        if not isinstance(error, tomllib.TOMLDecodeError):
            raise ConfigError("", "a number", f"TOML ({reason})", place=name) from None
        row = reason.partition("at line ")[2].partition(",")[0]
        lines = text.splitlines() or [""]
        number = min(int(row), len(lines)) if row.isdigit() else len(lines)
        said = foreign.whose(text) or reason
        raise ConfigError(
            "", lines[number - 1].strip(), said, kind=Kind.FORM, place=f"{name} line {number}"
        ) from None
