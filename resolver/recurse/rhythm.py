"""At what even intervals a name is asked: machines report each five minutes, day and night.

Where they do, and the TTL is shorter than that, the answer has long expired when it is asked again.
To renew it in each TTL until then costs several packets for one wait that is saved; to renew it
just before it is expected costs the one that would have been sent anyway. Pure: two numbers a name,
and how often in a row they were right. Nothing of it goes to disk.
"""

from __future__ import annotations

from typing import NamedTuple

from resolver.limits import (
    PREFETCH_LEAST_TTL,
    RHYTHM_GAPS,
    RHYTHM_SPREADS,
    RHYTHM_TOLERANCE,
    RHYTHM_TTL_PART,
)

_MEAN_GAIN = 1 / 8
_SPREAD_GAIN = 1 / 4
_FIRST_SPREAD = 0.1  # of the first gap
_SURE = 8  # a gap that is not even costs two even ones


class Expected(NamedTuple):
    """When the next use is expected, on the scale of the last."""

    begins_at: float
    ends_at: float


class Rhythm:
    """The gaps between the uses of one name: their mean, and by how much they differ from it."""

    __slots__ = ("even", "mean_s", "spread_s")

    def __init__(self) -> None:
        self.mean_s = 0.0
        self.spread_s = 0.0
        self.even = 0  # gaps, less those that were not

    def __repr__(self) -> str:
        return f"<Rhythm {self.mean_s:.0f} ± {self.spread_s:.1f} s, {self.even} even>"

    def note(self, gap_s: float) -> None:
        """It was used *gap_s* after its last use."""
        if gap_s < PREFETCH_LEAST_TTL:
            return  # the same use
        off_s = abs(gap_s - self.mean_s)
        if off_s <= RHYTHM_TOLERANCE * self.mean_s:
            self.mean_s += _MEAN_GAIN * (gap_s - self.mean_s)
            self.spread_s += _SPREAD_GAIN * (off_s - self.spread_s)
            self.even = min(self.even + 1, _SURE)
        elif self.even > 1:
            self.even -= 2
        else:
            self.mean_s, self.spread_s, self.even = gap_s, _FIRST_SPREAD * gap_s, 0

    def expected(self, used_at: float, ttl: float) -> Expected | None:
        """When it will be used next, if that can be told and is later than a *ttl* from then."""
        if self.even < RHYTHM_GAPS or self.spread_s > RHYTHM_TTL_PART * ttl:
            return None
        wide_s = RHYTHM_SPREADS * self.spread_s
        if self.mean_s - wide_s <= ttl:
            return None
        return Expected(used_at + self.mean_s - wide_s, used_at + self.mean_s + wide_s)
