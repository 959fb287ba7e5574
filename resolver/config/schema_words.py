"""What the schema says of each key, in the words of somebody who writes TOML."""

from __future__ import annotations

import datetime as dt
from functools import cache
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

if TYPE_CHECKING:
    from resolver.config.schema import Section


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
        return f"{_NOUNS[bare]} from {bounds[0].ge:.10g} to {bounds[0].le:.15g}"
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
