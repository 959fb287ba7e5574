"""What proves a gap, and the gaps of one zone in their order (`cache.denial`)."""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from resolver.model import RRset
    from resolver.protocol import nsec, nsec3

ENTRY_OCTETS: Final = 400  # Python's own share of an entry, about


class Proven(NamedTuple):
    """A record that was proven, and when it expires."""

    rrset: RRset
    expires_at: float


class SpanGap(NamedTuple):
    what: nsec.Span
    kept: Proven


class HashGap(NamedTuple):
    what: nsec3.Interval
    kept: Proven


K = TypeVar("K", bytes, tuple[bytes, ...])
G = TypeVar("G", SpanGap, HashGap)


class Order(Generic[K, G]):
    """Gaps of one zone by the place where they begin."""

    __slots__ = ("at", "starts")

    def __init__(self) -> None:
        self.starts: list[K] = []
        self.at: dict[K, G] = {}

    def put(self, start: K, gap: G) -> int:
        """Octets that the store grew by."""
        old = self.at.get(start)
        if old is None:
            insort(self.starts, start)
        self.at[start] = gap
        return octets_of(gap.kept.rrset) - (octets_of(old.kept.rrset) if old else 0)

    def before(self, place: K, now: float) -> G | None:
        """The live gap that begins at *place* or last before it; before all, the last of all."""
        if not self.starts:
            return None
        gap = self.at[self.starts[bisect_right(self.starts, place) - 1]]
        return gap if gap.kept.expires_at > now else None


def octets_of(rrset: RRset) -> int:
    """What it takes, kept as a gap's proof."""
    data = sum(map(len, rrset.rdatas)) + sum(map(len, rrset.signatures))
    return ENTRY_OCTETS + len(rrset.owner) + data
