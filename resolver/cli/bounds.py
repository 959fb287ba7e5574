"""Numbers on the command line, held against the table of limits."""

from __future__ import annotations

from resolver.errors import ConfigError
from resolver.limits.listing import entries


def bounded(option: str, value: float | None, limit: str) -> float:
    """*value*, or the default of *limit*. Raises ConfigError outside its range."""
    row = next(entry.row for entry in entries() if entry.name == limit)
    low, high = row.between or (row.value, row.value)
    if value is None:
        return row.value
    if not low <= value <= high:
        raise ConfigError(option, value, f"{low:g} to {high:g} ({row.unit}: {row.why})")
    return value
