"""How zones do: how long their servers took, how often none of them helped, and why. Bounded.

A listener on the bus from the first time that somebody asks for it; nothing of it is there before.
What is older than an hour is forgotten, by halves.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from resolver.limits import ZONES_TALLIED, ZONES_TALLIED_SECONDS
from resolver.telemetry.events import Asked, Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.model import Ede, Name
    from resolver.telemetry.events import Bus


class Tally(NamedTuple):
    """Of one zone: how often it was asked, seconds in all and at the most, how often in vain, when
    so for the last time (in the tally's own seconds), and what was said of that."""

    asked: int = 0
    took_s: float = 0.0
    longest_s: float = 0.0
    failed: int = 0
    failed_at: float = 0.0
    ede: tuple[Ede, ...] = ()

    def __add__(self, other: object) -> Tally:
        """Both together; *other* is the later one."""
        if not isinstance(other, Tally):
            return NotImplemented
        return Tally(
            self.asked + other.asked,
            self.took_s + other.took_s,
            max(self.longest_s, other.longest_s),
            self.failed + other.failed,
            max(self.failed_at, other.failed_at),
            other.ede if other.failed else self.ede,
        )


_NONE = Tally()


class ZoneTally:
    """Heard on *bus* after `begin`; *now* in seconds."""

    def __init__(self, bus: Bus, now: Callable[[], float]) -> None:
        self._bus = bus
        self._now = now
        self._newer: OrderedDict[Name, Tally] = OrderedDict()
        self._older: OrderedDict[Name, Tally] = OrderedDict()
        self._turned_at = 0.0
        self._hears = False

    def __repr__(self) -> str:
        return f"<ZoneTally of {len(self._newer)} zones>"

    def begin(self) -> None:
        """Listen from now on. Idempotent."""
        if not self._hears:
            self._hears, self._turned_at = True, self._now()
            self._bus.subscribe(self._hear, Asked, Unanswered)

    def zones(self) -> dict[Name, Tally]:
        """Each zone of the last hour."""
        self._turn()
        joined = dict(self._older)
        for zone, tally in self._newer.items():
            joined[zone] = joined.get(zone, _NONE) + tally
        return joined

    def _hear(self, event: object) -> None:
        self._turn()
        if isinstance(event, Asked):
            self._add(event.zone, Tally(1, event.rtt_s, event.rtt_s))
        elif isinstance(event, Unanswered):
            took_s = event.elapsed_s
            self._add(event.zone, Tally(1, took_s, took_s, 1, self._now(), event.ede))

    def _add(self, zone: Name, tally: Tally) -> None:
        self._newer[zone] = self._newer.get(zone, _NONE) + tally
        self._newer.move_to_end(zone)
        if len(self._newer) > ZONES_TALLIED:
            self._newer.popitem(last=False)

    def _turn(self) -> None:
        now = self._now()
        if now - self._turned_at >= ZONES_TALLIED_SECONDS:
            is_long_ago = now - self._turned_at >= 2 * ZONES_TALLIED_SECONDS
            self._older = OrderedDict() if is_long_ago else self._newer
            self._newer, self._turned_at = OrderedDict(), now
