"""How much of what was learnt goes to disk, and what of it where that is not all.

Over a while STORE_WRITE_OCTETS a second are written, for flash wears out; a record counts as
STORE_RECORD_OCTETS, or as what it has where that is more. And what is written costs
a sixth of the CPU that finding it out did: in a second in which this process has used more than
STORE_BUSY of a CPU and learnt of more than STORE_BUSY_LEARNT places, only what it takes to find
servers and keys goes to disk, what came up again (it was left out before, or something of its name
lies there, which it may have ended), and STORE_BUSY_RECORDS of what counts longest. Pure.
"""

from __future__ import annotations

from heapq import nlargest
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from resolver.cache.gaps import Proven
from resolver.cache.negative import Denied
from resolver.cache.rrset import Entry
from resolver.limits import (
    STORE_BURST_SECONDS,
    STORE_BUSY,
    STORE_BUSY_LEARNT,
    STORE_BUSY_RECORDS,
    STORE_LEFT_OUT,
    STORE_QUEUE,
    STORE_RECORD_OCTETS,
    STORE_WRITE_OCTETS,
)
from resolver.model import Delegation
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from resolver.model import Name

_INFRASTRUCTURE: Final = frozenset({RRType.NS, RRType.DS, RRType.DNSKEY, RRType.DNAME})
_EXPIRES_AT: Final = attrgetter("expires_at")
_MOST: Final = float(STORE_WRITE_OCTETS * STORE_BURST_SECONDS)


class Budget:
    """Octets saved up, and what was left out.

    *cpu*: seconds of CPU used so far. *lacks*: whether nothing of a name lies on disk.
    """

    def __init__(
        self, now: float, cpu: Callable[[], float], lacks: Callable[[Name], bool] = lambda _: True
    ) -> None:
        self._cpu = cpu
        self._lacks = lacks
        self._saved = _MOST
        self._saved_at = now
        self._used_s = cpu()
        self._left_out: set[int] = set()  # hashes: a wrong one is written a little sooner

    def __repr__(self) -> str:
        return f"<Budget of {self._saved:.0f} octets>"

    def choose(self, whole: list[object], now: float) -> list[object]:
        """What of *whole*, learnt since the last time, is to be written; it is charged for it."""
        passed_s, self._saved_at = max(now - self._saved_at, 0.0), now
        used_s, self._used_s = self._used_s, self._cpu()
        self._saved = min(self._saved + passed_s * STORE_WRITE_OCTETS, _MOST)
        room = int(self._saved // STORE_RECORD_OCTETS)
        calm = STORE_QUEUE
        if self._used_s - used_s > STORE_BUSY * passed_s > 0.0:
            calm = int(STORE_BUSY_LEARNT * passed_s)
        if len(whole) > min(room, calm):
            whole = self._urgent(whole, room, calm)
        return list(filter(self._affords, whole))

    def _affords(self, what: object) -> bool:
        """Charge for *what*, by its size where it is large; False if that is more than there is."""
        octets = STORE_RECORD_OCTETS
        if isinstance(what, Entry):
            octets = max(what.octets(), octets)
        elif isinstance(what, Denied):
            octets = max(what.negative.octets(), octets)
        if octets > self._saved:
            return False
        self._saved -= octets
        return True

    def _urgent(self, whole: list[object], room: int, calm: int) -> list[object]:
        """At most *room* of *whole*; what is neither needed nor came again as above, if it is more
        than *calm*."""
        needed: list[object] = []
        again: dict[int, object] = {}  # by a hash of the place, of which the last thing counts
        rest: dict[int, Entry | Denied | Proven] = {}
        left_out, lacks = self._left_out, self._lacks
        for what in whole:
            if isinstance(what, Entry):
                name, rtype = what.owner, what.rtype
                if rtype in _INFRASTRUCTURE:
                    needed.append(what)
                    continue
            elif isinstance(what, Denied):
                name, rtype = what.name, what.rtype
            elif isinstance(what, Proven):
                name, rtype = what.rrset[:2]
            else:
                if isinstance(what, Delegation):
                    needed.append(what)
                continue
            place = hash((name, rtype))
            if place in left_out or not lacks(name):
                again[place] = what
            else:
                rest[place] = what
        chosen = [*needed, *again.values()][:room]
        most = room - len(chosen)
        if len(rest) > calm:
            most = min(most, STORE_BUSY_RECORDS)
        if most < len(rest):
            self._note(rest)
            return chosen + nlargest(most, rest.values(), key=_EXPIRES_AT)
        return chosen + list(rest.values())

    def _note(self, left_out: Collection[int]) -> None:
        """That these places came up; some of them are written all the same."""
        if len(self._left_out) + len(left_out) > STORE_LEFT_OUT:
            self._left_out.clear()
        self._left_out.update(left_out)
