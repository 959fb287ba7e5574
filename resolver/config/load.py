"""The file → Config. A problem names file, line, key, value and what is right: all can mend it.

TOML (stdlib) gives plain values; `_shape` holds them against the schema, key by key, so that one
run finds every problem; `check` then looks at what no type can say. Nothing here touches the
network.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
import tomllib
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from resolver.config import check, foreign
from resolver.config.implied import implied
from resolver.config.positions import placed
from resolver.config.schema import Config, Section
from resolver.errors import ConfigError, Kind, unusable_file
from resolver.limits import CONFIG_OCTETS

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def read(path: str | Path) -> tuple[Config, list[ConfigError]]:
    """The configuration in *path* and all its problems; what is wrong has its default."""
    try:
        text = _text(path)
        document = _parse(text, str(path))
    except ConfigError as problem:
        return Config(), [problem]
    return interpret(document, str(path), text)


def interpret(
    document: dict[str, Any], name: str, text: str = ""
) -> tuple[Config, list[ConfigError]]:
    """Hold parsed TOML against the schema and against itself; *text* is what it was parsed from."""
    problems, config = list(_shape(document, Config)), Config()
    if not problems:
        config = msgspec.convert(document, Config)
        problems = [fault.as_error() for fault in check.faults(config)]
        config = config if problems else implied(config)
    elif any(problem.kind is Kind.KEY for problem in problems):
        whose = foreign.whose(text)
        problems += [ConfigError("", None, whose, kind=Kind.FOREIGN)] if whose else []
    return config, [placed(problem, name, text, document) for problem in problems]


def in_file(problem: ConfigError, path: str | Path) -> ConfigError:
    """*problem*, which was met later, with its place in the file at *path*, if that still tells."""
    try:
        text = _text(path)
        return placed(problem, str(path), text, _parse(text, str(path)))
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


def _shape(table: Any, kind: type[Section], prefix: str = "") -> Iterator[ConfigError]:
    """Every key of *table* that the schema does not know, or whose value it does not allow."""
    if not isinstance(table, dict):
        yield ConfigError(prefix.rstrip("."), table, "a table", kind=Kind.TYPE)
        return
    hints = hints_of(kind)
    for key, value in table.items():
        if key not in hints:
            yield ConfigError(f"{prefix}{key}", value, _known(key, hints, prefix), kind=Kind.KEY)
            continue
        yield from _value(value, hints[key], f"{prefix}{key}")
    for field in fields_of(kind):
        name = field.encode_name
        if field.required and name not in table:
            yield ConfigError(f"{prefix}{name}", None, expected(hints[name]), kind=Kind.ABSENT)


@cache
def hints_of(kind: type[Section]) -> dict[str, Any]:
    """The types of a table's keys, by the names that they have in the file.

    Takes milliseconds for the first who asks.
    """
    hints = get_type_hints(kind, include_extras=True)
    return {field.encode_name: hints[field.name] for field in fields_of(kind)}


@cache
def fields_of(kind: type[Section]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """The keys of a table, in order; a millisecond for the first who asks."""
    return msgspec.structs.fields(kind)


def _value(value: Any, hint: Any, where: str) -> Iterator[ConfigError]:
    if isinstance(hint, type) and issubclass(hint, Section):
        yield from _shape(value, hint, f"{where}.")
        return
    item = next((arg for arg in get_args(hint) if arg is not Ellipsis), None)
    if get_origin(hint) is tuple and isinstance(item, type) and issubclass(item, Section):
        if not isinstance(value, list):
            yield ConfigError(where, value, f"tables headed [[{where}]]", kind=Kind.TYPE)
            return
        for number, table in enumerate(value):
            yield from _shape(table, item, f"{where}[{number}].")
        return
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError:
        is_right_type = type(value) in _types(hint)
        kind = Kind.VALUE if is_right_type else Kind.TYPE
        yield ConfigError(where, value, expected(hint), kind=kind)
        return
    if any("\0" in text for text in _texts(value)):
        yield ConfigError(where, value, "text without NUL, which no file, account or name has")


def _types(hint: Any) -> frozenset[type]:
    """What TOML's values of a key can be at all, whatever range or choice is allowed of them."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _types(inner[0])
    if origin is Literal:
        return frozenset(map(type, inner))
    if origin in (Union, UnionType):
        return frozenset().union(*map(_types, inner))
    if origin is tuple:
        return frozenset({list})
    return frozenset({int, float} if hint is float else {hint})


def expected(hint: Any) -> str:
    """What the schema allows for a key, and what the key is for."""
    return ": ".join(filter(None, [in_words(hint), purpose(hint)]))


def purpose(hint: Any) -> str:
    """What a key is for, in the words of the schema."""
    return next((extra.description for extra in _metas(hint) if extra.description), "")


def takes_effect(hint: Any) -> str:
    """When a change of a key does: "live" or "reopen" at a reload, or at a "restart"."""
    extras = [extra.extra for extra in _metas(hint) if extra.extra]
    return next((extra["takes effect"] for extra in extras), "live")


def in_words(hint: Any) -> str:
    """A type in the words of somebody who writes TOML."""
    bounds = [extra for extra in _metas(hint) if extra.ge is not None]
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(bare) is Annotated:
        return in_words(bare)
    if get_origin(bare) is Literal:
        return " or ".join(f'"{choice}"' for choice in get_args(bare))
    if get_origin(bare) in (Union, UnionType):
        return " or ".join(in_words(arg) for arg in get_args(bare) if arg is not NoneType)
    if get_origin(bare) is tuple:
        return f"a list of {in_words(get_args(bare)[0])}"
    if bounds:
        return f"{_NOUNS[bare]} from {bounds[0].ge:.10g} to {bounds[0].le:.12g}"
    return _NOUNS.get(bare, "a table")


_NOUNS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
    dt.datetime: "a time",
}


def _metas(hint: Any) -> list[msgspec.Meta]:
    if get_origin(hint) is not Annotated:
        return []
    return [extra for extra in get_args(hint)[1:] if isinstance(extra, msgspec.Meta)]


def _known(key: str, hints: dict[str, Any], prefix: str) -> str:
    close = difflib.get_close_matches(key, hints, n=1)
    section = re.sub(r"\[\d+\]", "", prefix).rstrip(".")
    listed = f'"resolver keys{" " + section if section else ""}" lists those that there are'
    return f'did you mean "{close[0]}"? {listed}' if close else listed


def _texts(value: Any) -> Iterator[str]:
    """All text in *value*, a list of texts included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
