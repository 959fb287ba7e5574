"""A table of limits: each row is a value, its unit, and why it is what it is."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

_T = TypeVar("_T", int, float)


class Row(NamedTuple):
    """One limit; *between* is the range that configuration or an option may set it in, or None."""

    value: float
    unit: str
    why: str
    between: tuple[float, float] | None


class Table:
    """The limits of one room. Called with a row, it keeps the row and returns the bare value."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.rows: list[Row] = []

    def __call__(
        self, value: _T, unit: str, *, why: str, between: tuple[_T, _T] | None = None
    ) -> _T:
        """*value*, told in *unit*. Raises ValueError where it lies outside *between*."""
        if between is not None and not between[0] <= value <= between[1]:
            raise ValueError(f"{value} is outside {between}: {unit}")
        self.rows.append(Row(value, unit, why, between))
        return value
