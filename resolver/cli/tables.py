"""Tables that documents show as they are: every key of the configuration; the limits beside it.

A document has them between two marks, `<!-- NAME -->` and `<!-- end of NAME -->`; `insert` puts
them there, and tests assert that they are current.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_origin

import msgspec

from resolver.config.schema import NOT_YET, Config, Section
from resolver.config.schema_words import hints_of, in_words, purpose, takes_effect

if TYPE_CHECKING:
    from collections.abc import Iterator


KEYS_HEAD = "| key | default | allowed | takes effect | what for |\n|---|---|---|---|---|"


def keys_markdown() -> str:
    """Every key of the configuration file."""
    return "\n".join([KEYS_HEAD, *map(_row, key_entries())])


def insert(text: str, name: str, table: str) -> str:
    """*text* with what stands between the marks of *name* replaced. Raises ValueError without."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the marks of {name} are missing")
    return f"{before}{begin}{table}\n{end}{after}"


class Key(NamedTuple):
    """One key of the configuration file: *table* is "", "server", "[forward]" and so on."""

    table: str
    name: str
    default: str | None  # in TOML; None where the key is required
    allowed: str
    purpose: str
    is_fixed: bool  # accepted only with its default, in this version
    effect: str  # "live" or "reopen" at a reload, or at a "restart"

    @property
    def note(self) -> str:
        return " (fixed in this version)" if self.is_fixed else ""


def key_entries(kind: type[Section] = Config, table: str = "") -> Iterator[Key]:
    """Every key of the configuration file, in the order of the schema."""
    hints = hints_of(kind)
    for field in msgspec.structs.fields(kind):
        name = field.encode_name
        hint = hints[name]
        inner = next((arg for arg in (hint, *get_args(hint)) if _is_section(arg)), None)
        if inner is not None:
            is_many = get_origin(hint) is tuple
            below = f"{table}.{name}".lstrip(".")
            yield from key_entries(inner, f"[{below}]" if is_many else below)
            continue
        path = f"{table.strip('[]')}.{name}".lstrip(".")
        default = None if field.required else _toml(field.default)
        is_fixed, effect = path in NOT_YET, takes_effect(hint)
        yield Key(table, name, default, in_words(hint), purpose(hint), is_fixed, effect)


def _row(key: Key) -> str:
    head = f"[{key.table}]." if key.table.startswith("[") else f"{key.table}." if key.table else ""
    default = "required" if key.default is None else f"`{key.default}`"
    cells = (f"{head}{key.name}", default, key.allowed, key.effect, f"{key.purpose}{key.note}")
    return f"| {' | '.join(cells)} |"


def _is_section(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Section)


def _toml(value: Any) -> str:
    return msgspec.json.encode(value).decode().replace('","', '", "')
