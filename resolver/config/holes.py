"""What is wrong in a configuration, made unreadable: what rests on it is not judged.

So one run tells all that can be told, and nothing that is only wrong since something else is: who
reads what is wrong gets `Hole`, and has said all that he knows.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from resolver.config.schema import Config, Section
from resolver.config.schema_words import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Hole(Exception):
    """What is read here is wrong itself."""


def as_far_as_known(look: Callable[_P, Iterator[_T]]) -> Callable[_P, Iterator[_T]]:
    """*look*, which ends where it would rest on what is wrong."""

    @wraps(look)
    def looking(*args: _P.args, **named: _P.kwargs) -> Iterator[_T]:
        with suppress(Hole):
            yield from look(*args, **named)

    return looking


def without(config: Config, keys: Iterable[str]) -> Config:
    """*config*, of which *keys* cannot be read: "server.listen", "view", "rpz[1].zone".

    One that is no key is all of it. Items of a list are the list.
    """
    for key in keys:
        path = re.findall(r"[^.\[\]]+", key.partition(":")[0])
        config = cast("Config", _holed(config, path))
    return config


def known(config: Config, name: str) -> Config:
    """*config*, of which *name*, a table or a key of none, can be read after all."""
    return cast("Config", _made(config, {}, _holes(config) - {name}))


def whole(config: Config) -> Config:
    """*config* as it was, with values in the place of holes."""
    return cast("Config", _whole(config))


def _whole(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_whole, value))
    if not isinstance(value, Section):
        return value
    return _kind(value)(**{name: _whole(one) for name, one in _values(value).items()})


def _holed(section: Section, path: list[str]) -> Section:
    """*section*, of which what lies at *path* cannot be read; all of it, if it is not there."""
    names = {field.encode_name: field.name for field in fields_of(_kind(section))}
    holes = _holes(section)
    if not path or path[0] not in names:
        return _made(section, {}, holes | frozenset(names.values()))
    name, rest = names[path[0]], path[1:]
    inner = _values(section)[name]
    if isinstance(inner, Section) and rest:
        return _made(section, {name: _holed(inner, rest)}, holes)
    at = int(rest[0]) if len(rest) > 1 and rest[0].isdigit() else -1
    if isinstance(inner, tuple) and 0 <= at < len(inner) and isinstance(inner[at], Section):
        tables = list(inner)
        tables[at] = _holed(tables[at], rest[1:])
        return _made(section, {name: tuple(tables)}, holes)
    return _made(section, {}, holes | {name})


def _made(section: Section, other: dict[str, Any], names: frozenset[str]) -> Section:
    """*section* with *other* values, of a class of its own that does not tell *names*."""
    kind, values = _kind(section), _values(section) | other
    if not names:
        return kind(**values)

    class Holed(kind, frozen=True, kw_only=True):  # type: ignore[valid-type, misc, call-arg]
        holes = names
        whole_kind = kind

        def __getattribute__(self, name: str) -> Any:
            if name in names:
                raise Hole(name)
            return super().__getattribute__(name)

    return Holed(**values)


def _holes(section: Section) -> frozenset[str]:
    found: frozenset[str] = getattr(type(section), "holes", frozenset())
    return found


def _kind(section: Section) -> type[Section]:
    kind: type[Section] = getattr(type(section), "whole_kind", type(section))
    return kind


def _values(section: Section) -> dict[str, Any]:
    names = (field.name for field in fields_of(_kind(section)))
    return {name: object.__getattribute__(section, name) for name in names}
