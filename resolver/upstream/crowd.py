"""Questions that wait at zone cuts whose servers do not answer: how many may, cut by cut.

A silent zone that is asked for 1,000 names a second (a random-subdomain attack) would hold
thousands of sockets and timers, for nothing. What waits for an answer that is overdue is counted;
beyond ZONE_UNANSWERED of them, and ZONE_CREDIT for each that the cut answered lately, a question
fails at once and is remembered of nobody. A cut that answers, however busy, waits for little and
has much to its credit: what bounds it is its own silence. BIND's fetches-per-zone and Unbound's
single probes to a server that timed out are the same idea with other numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.errors import ZoneCrowded
from resolver.limits import (
    ASK_SECONDS,
    ZONE_CREDIT,
    ZONE_SILENT_SECONDS,
    ZONE_SPECULATION,
    ZONE_UNANSWERED,
)
from resolver.model import Ede
from resolver.protocol.codes import EdeCode
from resolver.protocol.names import to_text

if TYPE_CHECKING:
    from resolver.model import Name


class Crowd:
    """Those who wait at one cut: how many, since when there are any, and what was answered."""

    __slots__ = ("_answered", "_before", "_window_at", "since", "waiting")

    def __init__(self, now: float) -> None:
        self.waiting = 0
        self.since = now
        self._answered = 0
        self._before = 0
        self._window_at = now

    def note_answer(self, now: float) -> None:
        """One to its credit, for a while."""
        self._turn(now)
        self._answered += 1

    def excess(self, now: float) -> int:
        """By how many there are too many; zero or less: none."""
        if now - self.since < ZONE_SILENT_SECONDS:
            return 0
        self._turn(now)
        return self.waiting - ZONE_UNANSWERED - ZONE_CREDIT * (self._answered + self._before)

    def _turn(self, now: float) -> None:
        """Two windows: the one that is filling, and the one before it."""
        gone = now - self._window_at
        if gone >= ASK_SECONDS:
            self._before = self._answered if gone < 2 * ASK_SECONDS else 0
            self._answered = 0
            self._window_at = now


class Crowds(dict["Name", Crowd]):
    """By zone cut. Empty, and false at no cost, as long as everybody answers."""

    def __repr__(self) -> str:
        return f"<Crowds at {len(self)} cuts>"

    def enter(self, zone: Name, now: float) -> None:
        """One more waits for what is overdue."""
        crowd = self.get(zone)
        if crowd is None:
            crowd = self[zone] = Crowd(now)
        crowd.waiting += 1

    def leave(self, zone: Name) -> None:
        """It was answered, or gave up."""
        crowd = self[zone]
        crowd.waiting -= 1
        if not crowd.waiting:
            del self[zone]

    def note_answer(self, zone: Name, now: float) -> None:
        crowd = self.get(zone)
        if crowd is not None:
            crowd.note_answer(now)

    def admits(self, zone: Name, now: float) -> bool:
        """May one more question be asked there?"""
        crowd = self.get(zone)
        return crowd is None or crowd.excess(now) < 0 or now - crowd.since < ZONE_SILENT_SECONDS

    def may_stay(self, zone: Name, now: float) -> bool:
        """May one who waits go on waiting?"""
        crowd = self.get(zone)
        return crowd is None or crowd.excess(now) <= 0

    def is_calm(self, zone: Name) -> bool:
        """So few wait there that packets may be spent on being quick."""
        crowd = self.get(zone)
        return crowd is None or crowd.waiting < ZONE_SPECULATION


def crowded(zone: Name) -> ZoneCrowded:
    """The error of those who may not wait."""
    text = f"too many questions wait for servers of {to_text(zone)} that do not answer"
    return ZoneCrowded(text, ede=(Ede(EdeCode.NO_REACHABLE_AUTHORITY, text),))
