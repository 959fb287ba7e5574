"""Parsed TOML against the schema, key by key: all that is wrong with it, and what is left of it.

What is left has defaults in the place of what is wrong, so that the rest can be looked at in the
same run; `holes` keeps anybody from resting a judgement on those.
"""

from __future__ import annotations

import difflib
import re
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from resolver.config.schema import Config, Section
from resolver.config.schema_words import expected, fields_of, hints_of
from resolver.errors import ConfigError, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

UNREADABLE = "\ue000unreadable"
"""Stands where a value was that is no TOML, which is told already."""


class Shape:
    """*document*, held against the schema.

    *problems*: what is wrong. *holes*: the keys of which nothing is known for that, in dotted form.
    *config*: the rest.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.problems: list[ConfigError] = []
        self.holes: list[str] = []
        self.config = msgspec.convert(self._table(document, Config, ""), Config)

    def _wrong(self, problem: ConfigError) -> None:
        self.problems.append(problem)
        self.holes.append(problem.where)

    def _table(self, table: dict[str, Any], kind: type[Section], prefix: str) -> dict[str, Any]:
        """Those keys of *table* whose values are allowed, and something for each that must be."""
        hints, left = hints_of(kind), dict[str, Any]()
        for key, value in table.items():
            where = f"{prefix}{key}"
            if key not in hints:
                self._strange(where, key, table, hints)
            elif value == UNREADABLE:
                self.holes.append(where)
            elif self._is_allowed(value, hints[key], where):
                left[key] = self._inner(value, hints[key], where)
        for field in fields_of(kind):
            name = field.encode_name
            if not field.required or name in left:
                continue
            left[name] = _anything(hints[name])
            if name not in table:
                where, said = f"{prefix}{name}", expected(hints[name])
                self._wrong(ConfigError(where, None, said, kind=Kind.ABSENT))
        return left

    def _strange(self, where: str, key: str, table: dict[str, Any], hints: dict[str, Any]) -> None:
        """A key that nobody knows, and perhaps another by a slip."""
        prefix = where[: len(where) - len(key)]
        close = next(iter(difflib.get_close_matches(key, hints, n=1)), "")
        said = _known(_elsewhere(key) or close, prefix)
        self.problems.append(ConfigError(where, table[key], said, kind=Kind.KEY))
        if close and close not in table:
            self.holes.append(f"{prefix}{close}")

    def _is_allowed(self, value: Any, hint: Any, where: str) -> bool:
        """Tells what is wrong with *value* itself; what is in tables comes later."""
        wanted = "" if _is_table(hint) is isinstance(value, dict) else "a table"
        if _is_tables(hint):
            is_right = isinstance(value, list) and all(isinstance(one, dict) for one in value)
            wanted = "" if is_right else f"tables headed [[{where}]]"
        if wanted and (_is_table(hint) or _is_tables(hint)):
            self._wrong(ConfigError(where, value, wanted, kind=Kind.TYPE))
            return False
        return _is_table(hint) or _is_tables(hint) or self._is_value(value, hint, where)

    def _is_value(self, value: Any, hint: Any, where: str) -> bool:
        try:
            msgspec.convert(value, hint)
        except msgspec.ValidationError:
            kind = Kind.VALUE if type(value) in _types(hint) else Kind.TYPE
            self._wrong(ConfigError(where, value, expected(hint), kind=kind))
            return False
        if any("\0" in text for text in _texts(value)):
            said = "text without NUL, which no file, account or name has"
            self._wrong(ConfigError(where, value, said))
            return False
        return True

    def _inner(self, value: Any, hint: Any, where: str) -> Any:
        if _is_table(hint):
            return self._table(value, hint, f"{where}.")
        if _is_tables(hint):
            kind = get_args(hint)[0]
            return [self._table(one, kind, f"{where}[{at}].") for at, one in enumerate(value)]
        return value


def _is_table(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Section)


def _is_tables(hint: Any) -> bool:
    return get_origin(hint) is tuple and _is_table(get_args(hint)[0])


def _anything(hint: Any) -> Any:
    """A value that the schema takes for a key that must have one."""
    return [] if list in _types(hint) else ""


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


def _known(close: str, prefix: str) -> str:
    section = re.sub(r"\[\d+\]", "", prefix).rstrip(".")
    listed = f'"resolver keys{" " + section if section else ""}" lists those that there are'
    return f'did you mean "{close}"? {listed}' if close else listed


def _elsewhere(key: str) -> str:
    """Where *key* stands, if another table has it: one alone, or the top of the file."""
    top = hints_of(Config)
    if key in top and not _is_table(top[key]):
        return f"{key}, above the first [section]"
    having = [name for name, kind in top.items() if _is_table(kind) and key in hints_of(kind)]
    return f"{having[0]}.{key}" if len(having) == 1 else ""


def _texts(value: Any) -> Iterable[str]:
    """All text in *value*, a list of texts included."""
    if isinstance(value, str):
        return [value]
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []
