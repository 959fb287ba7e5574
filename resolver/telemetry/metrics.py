"""Counters → Prometheus text (exposition format 0.0.4), written here in a few lines.

The path adds to plain integers, held in small objects with telling names; this module reads them
when somebody looks. A name is `resolver_<area>_<field>`, with `_total` if it only ever grows.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Registry:
    """Where counters and gauges are found. Holds no value itself."""

    def __init__(self) -> None:
        self._counters: dict[str, object] = {}
        self._gauges: dict[str, Callable[[], float]] = {}

    def count(self, area: str, counters: object) -> None:
        """Every integer field of *counters* (a dataclass, or with __slots__) is a counter."""
        self._counters[area] = counters

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """*read* is called when somebody looks."""
        self._gauges[name] = read

    def values(self) -> Mapping[str, float]:
        """All of them now, by full name."""
        found: dict[str, float] = {}
        for area, counters in self._counters.items():
            for field, value in _integers(counters):
                found[f"resolver_{area}_{field}_total"] = value
        for name, read in self._gauges.items():
            found[f"resolver_{name}"] = read()
        return found

    def text(self) -> str:
        """The exposition: one TYPE line and one sample for each."""
        return exposition({name: {"": value} for name, value in self.values().items()})


def exposition(values: Mapping[str, Mapping[str, float]]) -> str:
    """The page for *values*, by name and then by labels as they are written ("" for none)."""
    lines = []
    for name, samples in values.items():
        kind = "counter" if name.endswith("_total") else "gauge"
        lines.append(f"# TYPE {name} {kind}")
        for labels, value in samples.items():
            number = f"{value:g}" if value % 1 else f"{int(value)}"
            lines.append(f"{name}{labels} {number}")
    return "\n".join([*lines, ""])


def _integers(counters: object) -> Iterator[tuple[str, int]]:
    if dataclasses.is_dataclass(counters):
        fields = [field.name for field in dataclasses.fields(counters)]
    else:
        fields = list(getattr(counters, "__slots__", None) or vars(counters))
    for field in fields:
        value = getattr(counters, field)
        if isinstance(value, int) and not field.startswith("_"):
            yield field, value
