"""When a server is asked which instance of it answers, and what shows that another one does.

One of these for each address. Asked is with the first query that carries options, then once in
NSID_QUERIES or after NSID_SECONDS, and with the next one after the round trip has jumped: that is
how a change of routes shows. RFC 5001. Pure: *now* is trio's time, passed in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from resolver.limits import (
    LEAST_RTT_SECONDS,
    NSID_QUERIES,
    NSID_SECONDS,
    NSID_SILENCES,
    RTT_JUMP_FACTOR,
    RTT_JUMP_SECONDS,
)
from resolver.upstream.instance import Instance, Instances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.upstream.instance import KeptInstance

JUMP_UP: Final = RTT_JUMP_FACTOR - 1
JUMP_DOWN: Final = 1 - 1 / RTT_JUMP_FACTOR


class InstanceWatch:
    """*least_s*: the raw least round trip, of the last hour or two. *instances*: those that were
    heard of. *jump*: the last answer was far from what was usual: longer, and what was usual."""

    __slots__ = ("instances", "jump", "least_s", "least_until", "nsid_at", "nsid_in", "unheard")

    def __init__(self) -> None:
        self.least_s = math.inf
        self.least_until = -math.inf
        self.jump: tuple[bool, float] | None = None
        self.instances: Instances | None = None
        self.nsid_in = 0  # queries until it is asked
        self.nsid_at = math.inf  # or from then on
        self.unheard = 0  # times in a row that it was, and no reply came

    def __repr__(self) -> str:
        return f"<InstanceWatch {self.instances} least={1000 * self.least_s:.1f} ms>"

    # --- round trips -------------------------------------------------------------------------

    def note_least(self, rtt_s: float, srtt_s: float, now: float) -> None:
        """A shorter one than ever this hour, or the hour is over and what is usual stands in."""
        if now >= self.least_until:
            self.least_s = min(rtt_s, srtt_s)
            self.least_until = now + LEAST_RTT_SECONDS
        else:
            self.least_s = rtt_s

    def note_jump(self, rtt_s: float, usual_s: float) -> None:
        """It may be far from what is usual. Twice in a row, the same way: ask at once."""
        before, self.jump = self.jump, None
        usual_s = usual_s if before is None else before[1]
        is_longer = rtt_s > usual_s
        far_s = max((JUMP_UP if is_longer else JUMP_DOWN) * usual_s, RTT_JUMP_SECONDS)
        if abs(rtt_s - usual_s) <= far_s:
            return
        if before is None or before[0] is not is_longer:
            self.jump = is_longer, usual_s
            return
        self.nsid_in = 0
        self.least_s = rtt_s  # what was near may have gone

    # --- what it says ------------------------------------------------------------------------

    def takes_nsid(self, now: float) -> bool:
        """One more query with options goes there. Does it ask which instance answers?

        Who has not replied to NSID_SILENCES such queries is asked in another run again.
        """
        self.nsid_in -= 1
        if self.nsid_in >= 0 and now < self.nsid_at:
            return False
        self.nsid_in = NSID_QUERIES - 1
        self.nsid_at = now + NSID_SECONDS
        self.unheard += 1
        return self.unheard <= NSID_SILENCES

    def refuse(self) -> None:
        """It said that this is too much for it."""
        self.unheard = NSID_SILENCES

    def note(self, octets: bytes, rtt_s: float, now: float) -> Instance | None:
        """A reply to such a query says *octets*, or nothing. Returns the instance before, if this
        is another."""
        self.unheard = 0
        instances = self.instances
        if not octets:
            return None
        if instances is None:
            self.instances = Instances(Instance(octets, now, now, min(rtt_s, self.least_s)))
            return None
        if instances.current.octets == octets:
            instances.note(octets, min(rtt_s, self.least_s), now)
            return None
        self.least_s, self.least_until = rtt_s, now + LEAST_RTT_SECONDS
        return instances.note(octets, rtt_s, now)

    # --- over a restart ----------------------------------------------------------------------

    def snapshot(self, now: float) -> list[KeptInstance]:
        """The current one first."""
        return [] if self.instances is None else self.instances.snapshot(now)

    def take_back(self, kept: Sequence[KeptInstance], *, away_s: float, now: float) -> None:
        """Those of *away_s* seconds ago. Raises ValueError."""
        self.instances = Instances.restored(kept, away_s=away_s, now=now)
