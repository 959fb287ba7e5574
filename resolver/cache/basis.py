"""What a record rests on, and what has become of its time, when it is read back.

A status rests on trust anchors, negative anchors and the way to validate; the data itself on who
was asked: the public tree below these root hints, or one forward or stub zone as it was configured.
Both are kept as digests beside each record. Data that came another way than it would come today is
forgotten. Where trust has changed, what came from the public tree is UNCHECKED, which means that it
is validated when it is asked for, and what a forward or stub zone said is forgotten.

Age counts by the clock that runs through suspend, within one run of a machine. Over a restart of
the machine only the wall clock is left, and it is believed if the kernel or signatures vouch for
it and it is not before the time at which the record was kept. Else the age is unknown, and the
record counts as expired this moment: of use in an outage, never fresh. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from resolver.cache.record import is_proven
from resolver.model import Status
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resolver.cache.record import Sealed, Stamp
    from resolver.model import Name

_WINDOW: Final = slice(8, 16)  # of an RRSIG: expiration, inception (RFC 4034 §3.1)
_HALF: Final = 1 << 31


class Basis(NamedTuple):
    """The configuration of today, as far as records rest on it.

    *ways*: a digest of each forward and stub zone; *public*: of the root hints; *trust*: of all
    that a status rests on.
    """

    public: bytes
    trust: bytes
    ways: Mapping[Name, bytes]
    validates: bool

    def way(self, name: Name, rtype: int = 0) -> tuple[Name | None, bytes]:
        """The configured zone by which *name* is asked for, None for the public tree; its digest.

        A DS is its parent's to tell.
        """
        if self.ways:
            if rtype == RRType.DS:
                name = names.parent(name)
            for ancestor in names.ancestors(name):
                digest = self.ways.get(ancestor)
                if digest is not None:
                    return ancestor, digest
        return None, self.public

    def judges(self, record: Sealed, name: Name, rtype: int) -> bool | None:
        """True if *record*'s status counts today; False if only its data does; None if nothing."""
        return self.weighs(record.way, record.trust, name, rtype)

    def weighs(self, way: bytes, trust: bytes, name: Name, rtype: int) -> bool | None:
        """The same of its two digests."""
        zone, digest = self.way(name, rtype) if self.ways else (None, self.public)
        if way != digest:
            return None
        if trust == self.trust:
            return True
        return False if zone is None and self.validates else None


class When(Protocol):
    """Now, and what has become of the time of what was kept: `Times`, `shared.SharedTimes`."""

    @property
    def now(self) -> float: ...

    @property
    def wall(self) -> float: ...

    def expires_at(self, stamp: Stamp) -> float | None: ...

    def ends_at(self, boot: int, wall: float, now: float, left_s: float) -> float | None: ...


class Times(NamedTuple):
    """Now, by both clocks. *boot*: as in `record.Stamp`; *is_sure*: the wall clock is vouched for.

    *stale_s*: how long something expired is of use.
    """

    boot: int
    now: float
    wall: float
    is_sure: bool
    stale_s: float

    def expires_at(self, stamp: Stamp) -> float | None:
        """When what was kept at *stamp* expires or did, on `Clock.now()`'s scale; None: too old."""
        return self.ends_at(*stamp)

    def ends_at(self, boot: int, wall: float, now: float, left_s: float) -> float | None:
        """The same of a stamp's fields."""
        if boot == self.boot and boot and now <= self.now:
            ends_at = now + left_s
        elif self.is_sure and wall <= self.wall:
            ends_at = self.now + left_s - (self.wall - wall)
        else:
            ends_at = self.now
        return None if ends_at < self.now - self.stale_s else ends_at

    def age_s(self, stamp: Stamp) -> float | None:
        """Seconds since *stamp*; None if no clock can tell."""
        if stamp.boot and stamp.boot == self.boot and stamp.now <= self.now:
            return self.now - stamp.now
        if self.is_sure and stamp.wall <= self.wall:
            return self.wall - stamp.wall
        return None


def may_replace(new: Sealed, old: Sealed, times: Times) -> bool:
    """May *new*, kept now, take the place of *old*?

    What is worth less never replaces what has not expired; what nobody checked never what is
    proven and may still be of use after its time.
    """
    if old.standing <= new.standing:
        return True
    expires_at = times.expires_at(old.stamp)
    if expires_at is None:
        return True
    return expires_at <= times.now and (is_proven(new.standing) or not is_proven(old.standing))


def checked_today(status: Status, signatures: tuple[bytes, ...], wall: float) -> Status:
    """*status*, UNCHECKED if it is SECURE and a signature is not in force at *wall*."""
    if status is not Status.SECURE:
        return status
    now = int(wall)
    for rdata in signatures:
        times = rdata[_WINDOW]
        ends, begins = int.from_bytes(times[:4], "big"), int.from_bytes(times[4:], "big")
        if (ends - now) % (1 << 32) >= _HALF or (now - begins) % (1 << 32) >= _HALF:
            return Status.UNCHECKED
    return status
