"""The file → Config. A problem names file, key, value and what is allowed: a stranger can mend it.

TOML (stdlib) gives plain values; `shape` holds them against the schema, key by key, so that one run
finds every problem; `check` then looks at what no type can say. Nothing here touches the network.
"""

from __future__ import annotations

import datetime as dt
import difflib
import tomllib
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

from resolver.config import check
from resolver.config.schema import Config, Section
from resolver.errors import ConfigError

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
    config, problems = interpret(_parse(text.removeprefix("\ufeff"), name), name)
    if problems:
        raise problems[0]
    return config


def read(path: str | Path) -> tuple[Config, list[ConfigError]]:
    """The configuration in *path* and all its problems; what is wrong has its default."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")  # Windows' editors begin with a mark
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        return Config(), [ConfigError("--config", str(path), f"a file to read ({reason})")]
    try:
        document = _parse(text, str(path))
    except ConfigError as problem:
        return Config(), [problem]
    return interpret(document, str(path))


def interpret(document: dict[str, Any], name: str) -> tuple[Config, list[ConfigError]]:
    """Hold parsed TOML against the schema and against itself."""
    problems = list(_shape(document, Config, f"{name}: "))
    if problems:
        return Config(), problems
    config = msgspec.convert(document, Config)
    return config, [
        ConfigError(f"{name}: {fault.key}", fault.value, fault.expected)
        for fault in check.faults(config)
    ]


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError(name, "tables in tables", "TOML, not nested so deeply") from None
    except ValueError as error:  # TOMLDecodeError, and what int() says of thousands of digits
        reason = str(error)
        row = reason.partition("at line ")[2].partition(",")[0]
        lines = text.splitlines() or [""]
        number = min(int(row), len(lines)) if row.isdigit() else len(lines)
        line = lines[number - 1].strip()
        is_placed = isinstance(error, tomllib.TOMLDecodeError)
        where = f"{name} line {number}" if is_placed else name
        raise ConfigError(where, line if is_placed else "a number", f"TOML ({reason})") from None


def _shape(table: Any, kind: type[Section], prefix: str) -> Iterator[ConfigError]:
    """Every key of *table* that the schema does not know, or whose value it does not allow."""
    if not isinstance(table, dict):
        yield ConfigError(prefix.rstrip(". :"), table, "a table")
        return
    hints = get_type_hints(kind, include_extras=True)
    for key, value in table.items():
        if key not in hints:
            yield ConfigError(f"{prefix}{key}", _brief(value), _known(key, hints))
            continue
        yield from _value(value, hints[key], f"{prefix}{key}")
    for field in msgspec.structs.fields(kind):
        if field.required and field.name not in table:
            yield ConfigError(f"{prefix}{field.name}", "(missing)", expected(hints[field.name]))


def _value(value: Any, hint: Any, where: str) -> Iterator[ConfigError]:
    if isinstance(hint, type) and issubclass(hint, Section):
        yield from _shape(value, hint, f"{where}.")
        return
    item = next((arg for arg in get_args(hint) if arg is not Ellipsis), None)
    if get_origin(hint) is tuple and isinstance(item, type) and issubclass(item, Section):
        if not isinstance(value, list):
            yield ConfigError(where, _brief(value), f"tables headed [[{where.rpartition(' ')[2]}]]")
            return
        for number, table in enumerate(value):
            yield from _shape(table, item, f"{where}[{number}].")
        return
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError:
        yield ConfigError(where, _brief(value), expected(hint))
        return
    if any("\0" in text for text in _texts(value)):
        yield ConfigError(where, value, "text without NUL, which no file, account or name has")


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


def _known(key: str, hints: dict[str, Any]) -> str:
    close = difflib.get_close_matches(key, hints, n=1)
    guess = f'; did you mean "{close[0]}"?' if close else ""
    return f"one of the keys {', '.join(sorted(hints))}{guess}"


def _brief(value: Any) -> Any:
    return "a table" if isinstance(value, dict) else value


def _texts(value: Any) -> Iterator[str]:
    """All text in *value*, a list of texts included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
