"""How much was written to disk in the last day, over restarts too: flash wears out.

By hours, of which a day's are kept. Pure: *now* is `Clock.now()`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Written: TypeAlias = "tuple[int, int]"  # hours ago, octets
_HOUR: Final = 3600
_HOURS: Final = 24
_MOST: Final = 1 << 50  # octets in an hour that a disk could take


class WriteLedger:
    """Octets by hour."""

    def __init__(self) -> None:
        self._hours: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"<WriteLedger {self._hours}>"

    def note(self, octets: int, now: float) -> None:
        """So many were written."""
        if octets > 0:
            hour = int(now // _HOUR)
            if hour not in self._hours:
                self._forget(hour)
            self._hours[hour] = self._hours.get(hour, 0) + octets

    def last_day(self, now: float) -> int:
        """Octets of the last 24 hours, the present one among them."""
        first = int(now // _HOUR) - _HOURS
        return sum(octets for hour, octets in self._hours.items() if hour > first)

    def _forget(self, hour: int) -> None:
        self._hours = {at: octets for at, octets in self._hours.items() if at > hour - _HOURS}

    def snapshot(self, now: float) -> list[Written]:
        """The hours of the last day as plain values."""
        hour = int(now // _HOUR)
        return [(hour - at, octets) for at, octets in self._hours.items() if hour - at < _HOURS]

    def restore(self, hours: Iterable[Written], now: float, *, away_s: float) -> None:
        """Take a snapshot of *away_s* seconds ago, beside what was written since."""
        hour = int((now - max(away_s, 0.0)) // _HOUR)
        for ago, octets in hours:
            if 0 <= ago < _HOURS:
                at = hour - ago
                self._hours[at] = self._hours.get(at, 0) + min(max(octets, 0), _MOST)
        self._forget(int(now // _HOUR))
