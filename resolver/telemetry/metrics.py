"""Counters → Prometheus text (exposition format 0.0.4), written here in a few lines.

The path adds to plain integers, held in small objects with telling names. A class that counts says
so in COUNTS: which of its attributes only ever grow, and what each counts. The registry reads them
when somebody looks. A name is `resolver_<area>_<attribute>_total`; what may shrink is a gauge. Each
has help text, and no unit but Prometheus' base units (seconds; octets are bytes to it).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Read = Callable[[], float]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Family(NamedTuple):
    """One metric: its full name, and one line of help."""

    name: str
    help: str

    @property
    def kind(self) -> str:
        return "counter" if self.name.endswith("_total") else "gauge"


class Registry:
    """Where counters and gauges are found. Holds no value itself. Raises ValueError on a name
    that is there already."""

    def __init__(self) -> None:
        self.families: dict[str, Family] = {}
        self.kinds: set[type] = set()  # the classes whose COUNTS are here
        self._reads: dict[str, Read] = {}

    def count(self, area: str, kind: type, owners: Callable[[], Iterable[object]]) -> None:
        """All COUNTS of class *kind*, summed over the *owners* there are when somebody looks."""
        self.count_by(area, kind, partial(_sum_of, owners))

    def count_by(self, area: str, kind: type, read: Callable[[str], float]) -> None:
        """The same, where *read* gives the sum of an attribute."""
        self.kinds.add(kind)
        counts: Mapping[str, str] = kind.COUNTS  # type: ignore[attr-defined]
        for attribute, text in counts.items():
            self.total(f"{area}_{attribute}", text, partial(read, attribute))

    def total(self, name: str, text: str, read: Read) -> None:
        """A counter that *read* gives; `_total` is added to its *name*."""
        self._add(f"{name}_total", text, read)

    def gauge(self, name: str, text: str, read: Read) -> None:
        """What *read* gives when somebody looks."""
        self._add(name, text, read)

    def _add(self, name: str, text: str, read: Read) -> None:
        family = Family(f"resolver_{name}", text)
        if family.name in self.families:
            raise ValueError(f"{family.name} is there already")
        self.families[family.name] = family
        self._reads[family.name] = read

    def values(self) -> Mapping[str, float]:
        """All of them now, by full name."""
        return {name: read() for name, read in self._reads.items()}

    def text(self) -> str:
        """The exposition, one sample for each."""
        return exposition(
            self.families, {name: {"": value} for name, value in self.values().items()}
        )


def exposition(families: Mapping[str, Family], values: Mapping[str, Mapping[str, float]]) -> str:
    """The page for *values*, by name and then by labels as they are written ("" for none)."""
    lines = []
    for name, samples in values.items():
        family = families.get(name)
        if family is None:
            continue  # another program's, or another version's
        lines.append(f"# HELP {name} {family.help}")
        lines.append(f"# TYPE {name} {family.kind}")
        for labels, value in samples.items():
            number = f"{value:g}" if value % 1 else f"{int(value)}"
            lines.append(f"{name}{labels} {number}")
    return "\n".join([*lines, ""])


def _sum_of(owners: Callable[[], Iterable[object]], attribute: str) -> float:
    counted: float = sum(getattr(owner, attribute) for owner in owners())
    return counted
