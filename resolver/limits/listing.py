"""All limits by name, for those who print or check them; nothing on a query's path reads it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple

from resolver.limits.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.limits.table import Row

# In the order of a query's way.
ROOMS = (
    "listening",
    "rates",
    "encryption",
    "https",
    "quic",
    "policy",
    "rpz",
    "translating",
    "packets",
    "query",
    "walking",
    "web",
    "root",
    "asking",
    "servers",
    "reporting",
    "geo",
    "forwarding",
    "lists",
    "estimates",
    "validation",
    "caches",
    "memory",
    "shared",
    "prefetching",
    "messages",
    "process",
    "telemetry",
    "health",
    "control",
    "operating",
    "drilling",
    "query_log",
    "dnstap",
    "otel",
    "client",
    "setup",
    "bench",
    "doctor",
)


class Entry(NamedTuple):
    """One limit by its name, and the *title* of its table."""

    name: str
    title: str
    row: Row


def entries() -> Iterator[Entry]:
    """Every limit. Raises ValueError where a table's rows are not its module's constants."""
    for room in ROOMS:
        yield from _of(vars(importlib.import_module(f"resolver.limits.{room}")))


def _of(found: dict[str, object]) -> Iterator[Entry]:
    table = found["limit"]
    assert isinstance(table, Table)  # noqa: S101  # each room has one, by that name
    names = [one for one in found if one.isupper() and not one.endswith("_RANGE")]
    for name, row in zip(names, table.rows, strict=True):
        if found[name] != row.value:
            raise ValueError(f"{name} is {found[name]!r}, its row says {row.value!r}")
        yield Entry(name, table.title, row)
