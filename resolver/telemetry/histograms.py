"""How long things took, in buckets of 1, 2 and 5, from 50 µs to 10 s.

Prometheus' classic histogram: of each bound, how many took no longer. The same bounds everywhere,
so that numbers of workers and machines add up.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUNDS_S: Final = (
    0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
)  # fmt: skip


class Histogram:
    """Durations that were observed."""

    __slots__ = ("_counts", "sum_s")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def __repr__(self) -> str:
        return f"<Histogram of {sum(self._counts)}>"

    def observe(self, seconds: float) -> None:
        """One took *seconds*."""
        self._counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds

    def samples(self, *, at_once: int = 0) -> Iterator[tuple[str, str, float]]:
        """Suffix of the name, label and value. *at_once*: so many more took next to no time."""
        total = at_once
        for bound, count in zip((*BOUNDS_S, None), self._counts, strict=True):
            total += count
            yield "_bucket", f'le="{"+Inf" if bound is None else f"{bound:g}"}"', total
        yield "_sum", "", self.sum_s
        yield "_count", "", total
