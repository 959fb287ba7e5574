"""Counters → Prometheus text (exposition format 0.0.4), written here in a few lines.

The path adds to plain integers, held in small objects with telling names. A class that counts says
so in COUNTS: which of its attributes only ever grow, and what each counts. The registry reads them
when somebody looks. A name is `resolver_<area>_<attribute>_total`; what may shrink is a gauge. Each
has help text, and no unit but Prometheus' base units (seconds; octets are bytes to it).

A *sample* is one number of a metric: its name, with labels as they are written where it has some.
No label has a client, or a name that was asked for.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.runtime.inert import inert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from resolver.telemetry.histograms import Histogram

    Read = Callable[[], float]
    Samples = Callable[[], Iterator[tuple[str, float]]]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Family(NamedTuple):
    """One metric: its full name, and one line of help."""

    name: str
    help: str
    is_histogram: bool = False

    @property
    def kind(self) -> str:
        if self.is_histogram:
            return "histogram"
        return "counter" if self.name.endswith("_total") else "gauge"


class Registry:
    """Where counters and gauges are found. Holds no value itself. Raises ValueError on a name
    that is there already."""

    def __init__(self) -> None:
        self.families: dict[str, Family] = {}
        self.kinds: set[type] = set()  # the classes whose COUNTS are here
        self._reads: dict[str, Read | Samples] = {}

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

    def labelled(self, name: str, text: str, read: Callable[[], Mapping[str, float]]) -> None:
        """A counter (`…_total`) or gauge for each set of labels that *read* gives."""

        def samples() -> Iterator[tuple[str, float]]:
            for labels, number in read().items():
                yield f"resolver_{name}{{{labels}}}", number

        self._add(name, text, samples)

    def histogram(
        self, name: str, text: str, read: Callable[[], Mapping[str, tuple[Histogram, int]]]
    ) -> None:
        """What *read* gives: by its labels ("" for none) each histogram, and what is to be added to
        it that took next to no time."""

        def samples() -> Iterator[tuple[str, float]]:
            for labels, (histogram, at_once) in read().items():
                for suffix, bound, number in histogram.samples(at_once=at_once):
                    yield f"resolver_{name}{suffix}{_labels(labels, bound)}", number

        self._add(name, text, samples, is_histogram=True)

    def _add(
        self, name: str, text: str, read: Read | Samples, *, is_histogram: bool = False
    ) -> None:
        family = Family(f"resolver_{name}", text, is_histogram)
        if family.name in self.families:
            raise ValueError(f"{family.name} is there already")
        self.families[family.name] = family
        self._reads[family.name] = read

    def values(self) -> dict[str, float]:
        """All of them now, by sample."""
        found: dict[str, float] = {}
        for name, read in self._reads.items():
            value = read()
            if isinstance(value, int | float):
                found[name] = value
            else:
                found.update(value)
        return found

    def text(self) -> str:
        """The exposition."""
        samples = {name: {"": value} for name, value in self.values().items()}
        return exposition(self.families, samples)


def exposition(families: Mapping[str, Family], values: Mapping[str, Mapping[str, float]]) -> str:
    """The page for *values*: by sample, and then by one more label ("" for none)."""
    found: dict[str, dict[str, list[str]]] = {}
    for sample, by_label in values.items():
        name, _, labels = sample.rstrip("}").partition("{")
        family = families.get(name) or families.get(name.rpartition("_")[0])
        if family is None:
            continue  # another program's, or another version's
        lines = found.setdefault(family.name, {})
        for label, value in by_label.items():
            number = f"{value:g}" if value % 1 else f"{int(value)}"
            lines.setdefault(label, []).append(f"{name}{_labels(labels, label)} {number}")
    page = []
    for name, groups in found.items():
        page.append(f"# HELP {name} {families[name].help}")
        page.append(f"# TYPE {name} {families[name].kind}")
        for lines_of_one in groups.values():
            page += lines_of_one
    return "\n".join([*page, ""])


def label(name: str, value: str) -> str:
    """A label as it is written: no *value* ends it, or the line."""
    text = inert(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{text}"'


def _labels(*labels: str) -> str:
    """As they are written behind a name; nothing where there are none."""
    there = ",".join(filter(None, labels))
    return f"{{{there}}}" if there else ""


def _sum_of(owners: Callable[[], Iterable[object]], attribute: str) -> float:
    counted: float = sum(getattr(owner, attribute) for owner in owners())
    return counted
