"""When to look next whether an outage is over. Pure.

Evenly, a little less than once a second: that is what a dead line may cost. After a change of links
or routes soon, and soon again, for a new link seldom carries the first packet: out of some packets
that are to spare, since links may flap for hours. Where no route leads anywhere a look costs no
packet; without anybody who tells of changes it is taken more often.
"""

from __future__ import annotations

import math

from resolver.limits import (
    LINK_LOOK_SECONDS,
    OUTAGE_ROUTELESS_SECONDS,
    OUTAGE_SPARE,
    OUTAGE_SPARE_SECONDS,
    OUTAGE_WITNESS_SECONDS,
)


class Pace:
    """Of one outage, which begins at *now*."""

    __slots__ = ("_gap_s", "_looked_at", "_spare", "_spared_at")

    def __init__(self, now: float) -> None:
        self._looked_at = -math.inf
        self._gap_s = math.inf
        self._spare = float(OUTAGE_SPARE)
        self._spared_at = now

    def __repr__(self) -> str:
        return f"<Pace {self._spare:.1f} to spare>"

    def looked(self, now: float, *, has_sent: bool, is_told: bool) -> float:
        """Seconds until the next look. *is_told*: somebody tells of changes."""
        if not has_sent:
            self._looked_at = -math.inf  # the next change is looked at when it is told
            return OUTAGE_WITNESS_SECONDS if is_told else OUTAGE_ROUTELESS_SECONDS
        self._looked_at = now
        if self._gap_s >= OUTAGE_WITNESS_SECONDS or not self._take(now):
            self._gap_s = math.inf
            return OUTAGE_WITNESS_SECONDS
        gap_s, self._gap_s = self._gap_s, 2 * self._gap_s
        return gap_s

    def hastened(self, now: float) -> float | None:
        """When to look, since something has changed; None: when it is time anyhow."""
        if not self._take(now):
            return None
        self._gap_s = LINK_LOOK_SECONDS
        return max(now, self._looked_at + LINK_LOOK_SECONDS)

    def _take(self, now: float) -> bool:
        """Spend one of the packets that are to spare."""
        gained = (now - self._spared_at) / OUTAGE_SPARE_SECONDS
        self._spare, self._spared_at = min(OUTAGE_SPARE, self._spare + gained), now
        if self._spare < 1:
            return False
        self._spare -= 1
        return True
