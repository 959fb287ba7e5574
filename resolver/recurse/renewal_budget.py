"""What renewals may cost: a share of what the last day's questions cost, and one at a time.

Only what is sent in vain is charged: a renewal that a client needed in place of a miss is a packet
that would have been sent anyway, and is given back. It is
halved while more than half of the last day's renewals were. There is no floor: who asks little
renews little. Pure: *now* is `Clock.now()`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from resolver.limits import PREFETCH_SECONDS, PREFETCH_SHARE

if TYPE_CHECKING:
    from collections.abc import Iterable

Hour: TypeAlias = "tuple[int, int, int, int, int]"  # see `RenewalBudget.snapshot`
_HOUR = 3600
_HOURS = 24


class _Hour:
    """Packets to servers, packets charged, and how renewals ended, in one hour."""

    __slots__ = ("charged", "number", "sent", "used", "wasted")

    def __init__(self, number: int) -> None:
        self.number = number
        self.sent = 0
        self.charged = 0
        self.used = 0
        self.wasted = 0


class RenewalBudget:
    """The allowance of one process."""

    def __init__(self) -> None:
        self._hours: list[_Hour] = []
        self._sent_before = 0
        self.next_at = 0.0

    def __repr__(self) -> str:
        return f"<RenewalBudget {self._sum('charged')} of {self.allowed:.1f} packets>"

    def note_sent(self, total: int, now: float) -> None:
        """So many packets have gone out since the start, renewals' own among them."""
        self._hour(now).sent += max(total - self._sent_before, 0)
        self._sent_before = total

    @property
    def allowed(self) -> float:
        """Packets that may be out, or in vain, within a day."""
        share = PREFETCH_SHARE / 2 if self._sum("wasted") > self._sum("used") else PREFETCH_SHARE
        return share * self._sum("sent")

    @property
    def left(self) -> float:
        """Packets that may still be spent."""
        return max(self.allowed - self._sum("charged"), 0.0)

    @property
    def strain(self) -> float:
        """How much of it is spent: 0 to 1."""
        allowed = self.allowed
        return min(max(self._sum("charged") / allowed, 0.0), 1.0) if allowed else 1.0

    def may_spend(self, now: float) -> bool:
        """May a renewal begin?"""
        self._hour(now)
        return now >= self.next_at and self._sum("charged") < self.allowed

    def note_begun(self, now: float) -> None:
        """One begins; the next has to wait."""
        self.next_at = now + PREFETCH_SECONDS

    def charge(self, packets: int, now: float) -> None:
        """A renewal took so many."""
        self._hour(now).charged += packets

    def note_used(self, packets: int, now: float) -> None:
        """A client was answered by a renewal that had taken so many."""
        hour = self._hour(now)
        hour.charged -= packets
        hour.used += 1

    def note_wasted(self, now: float) -> None:
        """Nobody asked before what was renewed expired."""
        self._hour(now).wasted += 1

    def snapshot(self, now: float) -> list[Hour]:
        """Of each hour: how many hours ago, packets sent, charged, renewals used, wasted."""
        last = int(now // _HOUR)
        return [
            (last - hour.number, hour.sent, hour.charged, hour.used, hour.wasted)
            for hour in self._hours
        ]

    def restore(self, hours: Iterable[Hour], now: float, *, away_s: float) -> None:
        """Take a snapshot of *away_s* seconds ago, before anything is noted."""
        last = int((now - max(away_s, 0.0)) // _HOUR)
        for ago, sent, charged, used, wasted in hours:
            hour = _Hour(last - ago)
            hour.sent, hour.charged, hour.used, hour.wasted = sent, charged, used, wasted
            self._hours.append(hour)

    def _hour(self, now: float) -> _Hour:
        number = int(now // _HOUR)
        if not self._hours or self._hours[-1].number != number:
            self._hours = [one for one in self._hours if one.number > number - _HOURS]
            self._hours.append(_Hour(number))
        return self._hours[-1]

    def _sum(self, field: str) -> int:
        return sum(getattr(hour, field) for hour in self._hours)
