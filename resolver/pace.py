"""How much work is done at one turn: little while hits are served, much while nobody waits for one.

A hit costs two microseconds and is felt when it waits behind fifty misses of fifty microseconds
each; so turns are short as long as hits come. With misses alone, long turns cost an eighth less
CPU: what one step has loaded into the processor's caches serves the next query's same step.
"""

from __future__ import annotations

import math

import trio

from resolver.limits import CALM_SECONDS

_CALM = float(CALM_SECONDS)


class Pace:
    """Shared by the listeners, who see the hits, and by all who take turns."""

    __slots__ = ("_hits_until",)

    def __init__(self) -> None:
        self._hits_until = -math.inf

    def __repr__(self) -> str:
        return f"<Pace {'short' if self.is_short else 'long'} turns>"

    def note_hits(self) -> None:
        """Somebody was just served from the packet cache."""
        self._hits_until = trio.current_time() + _CALM

    @property
    def is_short(self) -> bool:
        """True while hits come."""
        return trio.current_time() < self._hits_until
