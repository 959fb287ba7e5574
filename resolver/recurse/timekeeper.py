"""The time that signatures are checked against, and what signatures tell about the clock.

A clock that nobody vouches for tells only what time it is at least (`dnssec.steps.AtLeast`). The
trust anchors' own zones (the root) sign anew each day, and the machine could not get what they
signed before they did: that bounds the time from below, more tightly than any floor on disk, and
shows a clock to be wrong. Only anchors with no other anchor above them are heard: a zone that signs
ahead of its time must not move everybody's clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.dnssec.signature import instant_of
from resolver.dnssec.steps import AtLeast
from resolver.runtime.clock import SystemClock

if TYPE_CHECKING:
    from resolver.protocol.rdata_fields import Rrsig
    from resolver.runtime.clock import Clock


class Timekeeper:
    """*clock* as the validator reads it; a clock of the lab's is simply believed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._doubted = clock if isinstance(clock, SystemClock) else None

    def wall(self) -> float:
        """Unix time, an `AtLeast` if that is all that is known."""
        if self._doubted is None:
            return self._clock.wall()
        wall, is_exact = self._doubted.reading()
        return wall if is_exact else AtLeast(wall)

    def witness(self, rrsig: Rrsig) -> float:
        """A trust anchor's *rrsig* was verified; returns the wall time after that."""
        if self._doubted is not None:
            wall = self._doubted.wall()
            since, until = instant_of(rrsig.inception, wall), instant_of(rrsig.expiration, wall)
            self._doubted.witness(since, until)
        return self.wall()

    def is_plausible(self) -> bool:
        """Could the wall clock be right?"""
        return self._doubted is None or self._doubted.is_plausible()

    def suspect(self, sentence: str) -> None:
        """A trust anchor's keys do not hold at the time that it is: *sentence* says both times."""
        if self._doubted is not None:
            self._doubted.suspect(sentence)
