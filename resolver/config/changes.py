"""What differs between two configurations, key by key, and when each takes effect.

Pure. A zone that is forwarded or a stub is one key, by its name: "forward corp.". Keys that need a
restart keep their old value at a reload; `merged` sees to that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import msgspec

from resolver.config.schema import Config, Section, Zone
from resolver.config.schema_words import fields_of, hints_of, takes_effect

if TYPE_CHECKING:
    from collections.abc import Iterator


class Change(NamedTuple):
    """*key* in dotted form; *effect*: "live", "reopen" or "restart"."""

    key: str
    before: Any
    now: Any
    effect: str

    def told(self) -> tuple[str, str]:
        """What stood there and what does now, for people: "" where there is nothing."""
        if self.key in _SECRET:
            return "(not shown)", "(not shown)"
        return _told(self.before), _told(self.now)

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.key} (new)"
        return f"{self.key} (gone)" if self.now is None else self.key


_SECRET = ("server.cookie_secret", "rpz", "valkey.url", "valkey.read_from")  # of TSIG, passwords
_LONGEST = 120  # characters of a value that a line shows


def _told(value: Any) -> str:
    if value is None:
        return ""
    said = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(_plain(value))
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."


def _plain(value: Any) -> Any:
    """*value* as one would write it: lists, not tuples; of a table what differs from its like."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    plain = msgspec.to_builtins(value)
    if isinstance(value, Section):
        usual = {
            field.name: msgspec.to_builtins(field.default)
            for field in fields_of(type(value))
            if not field.required
        }
        return {
            key: list(one) if isinstance(one, tuple) else one
            for key, one in plain.items()
            if usual.get(key) != one
        }
    return plain


def changes(before: Config, now: Config) -> list[Change]:
    """All keys of *now* whose values are others than *before*, in the schema's order."""
    return list(_of_section(before, now, ""))


def merged(now: Config, found: list[Change]) -> Config:
    """*now*, with the values that only a restart can change as they were."""
    for change in found:
        if change.effect == "restart":
            now = _with(now, change.key.split("."), change.before)
    return now


def overlaid(now: Config, found: list[Change]) -> Config:
    """*now*, with what was *found* to differ put in it too, where it says what stood there."""
    for change in found:
        path = change.key.split(".")
        if _at(now, path) == change.before:
            now = _with(now, path, change.now)
    return now


def _at(section: Any, path: list[str]) -> Any:
    for name in path:
        section = getattr(section, name)
    return section


def _with(section: Any, path: list[str], value: Any) -> Any:
    name, *rest = path
    inner = _with(getattr(section, name), rest, value) if rest else value
    return msgspec.structs.replace(section, **{name: inner})


def _of_section(before: Section, now: Section, prefix: str) -> Iterator[Change]:
    hints = hints_of(type(now))
    for field in fields_of(type(now)):
        old, new = getattr(before, field.name), getattr(now, field.name)
        if old == new:
            continue
        key = f"{prefix}{field.name}"
        if isinstance(new, Section):
            yield from _of_section(old, new, f"{key}.")
        elif any(map(_is_zone, get_args(hints[field.encode_name]))):
            yield from _of_zones(old, new, key)
        else:
            yield Change(key, old, new, takes_effect(hints[field.encode_name]))


def _is_zone(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Zone)


def _of_zones(before: tuple[Zone, ...], now: tuple[Zone, ...], kind: str) -> Iterator[Change]:
    old, new = ({entry.zone: entry for entry in entries} for entries in (before, now))
    for zone in dict.fromkeys((*old, *new)):
        if old.get(zone) != new.get(zone):
            yield Change(f"{kind} {zone}", old.get(zone), new.get(zone), "live")
