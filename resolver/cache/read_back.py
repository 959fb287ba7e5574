"""What lies on disk, read back: what it is worth by today's configuration and clocks.

Nothing of it is trusted. What is damaged is dropped and counted; what rests on other trust than
today's is UNCHECKED, or nothing; what expired stays for as long as it may be of use in an outage.
Puts nothing anywhere: see `second_level`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from resolver.cache import record
from resolver.cache.basis import checked_today
from resolver.cache.gaps import Proven
from resolver.cache.negative import ANY_TYPE, Denied
from resolver.cache.record import BODY_AT, Kind
from resolver.cache.store import CUT, code_of
from resolver.errors import WireError
from resolver.limits import STORE_USED_SECONDS
from resolver.model import Status
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from resolver.cache.basis import Basis, When
    from resolver.cache.record import Sealed
    from resolver.cache.rrset import Entry
    from resolver.model import Delegation, Name, Question

_NOT_ALIASED = frozenset({RRType.CNAME, RRType.ANY, RRType.RRSIG, RRType.NSEC})
_PLACES: Final[dict[int, dict[int, int]]] = {}  # by type, where what answers it lies
_MOST_PLACES: Final = 256


class Kept(Protocol):
    """Where it comes from: `store.Store`, `shared.Shared`."""

    key: bytes
    used: dict[int, int]

    def open_untrusted(self, octets: object, key: bytes | None = None) -> Sealed | None: ...

    def note_damage(self, why: object) -> None: ...


class ReadBack:
    """Reads what *store* has, for one configuration. *max_ttl*, *negative_ttl*: seconds that data
    and denials count at most."""

    def __init__(self, store: Kept, basis: Basis, *, max_ttl: int, negative_ttl: int) -> None:
        self._store = store
        self.basis = basis
        self._max_ttl = max_ttl
        self._negative_ttl = negative_ttl

    def __repr__(self) -> str:
        return f"<ReadBack of {self._store}>"

    def data(
        self, rows: Sequence[tuple[int, int, bytes]], base: int, question: Question, times: When
    ) -> list[Entry | Denied]:
        """Of *rows*, all that is kept of its name from number *base* on, what answers *question*.
        That it was of use is noted."""
        qname, qtype, _ = question
        places = _PLACES.get(qtype) or _places(qtype)
        found: list[Entry | Denied] = []
        kept: list[float] = []
        for number, used, octets in rows:
            rtype = places.get(number - base)
            if rtype is None:
                continue
            one = self.datum(octets, qname, rtype, times)
            if one is None:
                continue
            kept.append(one[0])
            found.append(one[1])
            self._note_used(number, used, times)
        return uncontradicted(found, kept, times.now)

    def delegations(
        self, rows: Iterable[tuple[int, int, bytes]], zones: Mapping[int, Name], times: When
    ) -> Iterator[Delegation]:
        """Of *rows*, those that count today. *zones*: whose a number is."""
        for number, used, octets in rows:
            cut = self.delegation(octets, zones[number], times)
            if cut is not None:
                self._note_used(number, used, times)
                yield cut

    def delegation(
        self, octets: object, zone: Name, times: When, key: bytes | None = None
    ) -> Delegation | None:
        """The delegation of *zone*, if that is what a record says and it has not expired. *key*: of
        its checksum, if not the store's."""
        sealed = self._store.open_untrusted(octets, key)
        if sealed is None or not self.basis.judges(sealed, zone, CUT):
            return None
        ends_at = times.expires_at(sealed.stamp)
        if sealed.kind != Kind.DELEGATION or ends_at is None or ends_at <= times.now:
            return None
        try:
            cut = record.delegation_untrusted(sealed.body, ends_at, self.basis.way(zone)[0])
        except WireError as error:
            self._store.note_damage(error)
            return None
        return cut if cut.zone == zone else None

    def whole(
        self,
        data: Iterable[tuple[int, int, bytes]],
        cuts: Iterable[tuple[int, int, bytes]],
        name: Name,
        times: When,
    ) -> list[Entry | Denied | Delegation]:
        """All that *data* and *cuts* have of *name* and that counts today, for people. That
        somebody looked is not noted."""
        found: list[Entry | Denied | Delegation] = []
        for _, _, octets in data:
            rtype = self._rtype_of(octets)
            one = None if rtype is None else self.datum(octets, name, rtype, times)
            if one is not None:
                found.append(one[1])
        zones = {number: name for number, _, _ in cuts}
        never = int(times.wall)  # as if it had been used this moment
        rows = [(number, never, octets) for number, _, octets in cuts]
        return [*found, *self.delegations(rows, zones, times)]

    def _rtype_of(self, octets: bytes) -> int | None:
        sealed = self._store.open_untrusted(octets)
        try:
            if sealed is not None and sealed.kind == Kind.RRSET:
                return record.rrset_untrusted(sealed.body, 0.0).rtype
            if sealed is not None and sealed.kind == Kind.NEGATIVE:
                return record.negative_untrusted(sealed.body, 0.0).rtype
        except WireError as error:
            self._store.note_damage(error)
        return None

    def residents(self, values: Iterable[bytes], times: When) -> Iterator[Entry | Proven]:
        """Of *values*, read in at the start, what counts today and has not expired."""
        for octets in values:
            sealed = self._store.open_untrusted(octets)
            ends_at = None if sealed is None else times.expires_at(sealed.stamp)
            if sealed is None or ends_at is None or ends_at <= times.now:
                continue
            try:
                found = self._resident(sealed, ends_at, times)
            except WireError as error:
                self._store.note_damage(error)
                continue
            if found is not None:
                yield found

    def datum(
        self, octets: object, name: Name, rtype: int, times: When, key: bytes | None = None
    ) -> tuple[float, Entry | Denied] | None:
        """What a record says of *name* and *rtype*, and when it was kept, in Unix seconds.

        *key*: of its checksum, if not the store's.
        """
        if not isinstance(octets, bytes):
            self._store.note_damage("a record is no octets")
            return None
        try:
            fields = record.fields_untrusted(octets, self._store.key if key is None else key)
            _, _, kind, _, boot, wall, now, left_s, way, trust = fields
            is_trusted = self.basis.weighs(way, trust, name, rtype)
            ends_at = times.ends_at(boot, wall, now, left_s)
            if is_trusted is None or ends_at is None:
                return None
            one: Entry | Denied
            if kind == Kind.RRSET:
                ends_at = min(ends_at, times.now + self._max_ttl)
                one = record.rrset_untrusted(
                    octets, ends_at, start=BODY_AT, owner=name, ttl=round(left_s)
                )
                is_there = one.owner == name and one.rtype == rtype
                if not is_trusted:
                    one.status = Status.UNCHECKED
                elif one.status is Status.SECURE and ends_at > times.now:
                    one.status = checked_today(one.status, one.signatures, times.wall)
            elif kind == Kind.NEGATIVE:
                ends_at = min(ends_at, times.now + self._negative_ttl)
                one = record.negative_untrusted(octets[BODY_AT:], ends_at)
                is_there = one.name == name and one.rtype == rtype
                if not is_trusted:
                    one.negative.status = Status.UNCHECKED
            else:
                self._store.note_damage("a record is of another kind than its place")
                return None
        except WireError as error:
            self._store.note_damage(error)
            return None
        return (wall, one) if is_there else None

    def _note_used(self, number: int, used: object, times: When) -> None:
        if not isinstance(used, int) or times.wall - used > STORE_USED_SECONDS:
            self._store.used[number] = int(times.wall)

    def _resident(self, sealed: Sealed, ends_at: float, times: When) -> Entry | Proven | None:
        if sealed.kind == Kind.DENIAL:
            rrset = record.denial_untrusted(sealed.body, int(ends_at - times.now))
            if not rrset.signatures or not self.basis.judges(sealed, rrset.owner, rrset.rtype):
                return None
            is_in_force = checked_today(Status.SECURE, rrset.signatures, times.wall)
            return Proven(rrset, ends_at) if is_in_force is Status.SECURE else None
        if sealed.kind != Kind.RRSET:
            return None
        entry = record.rrset_untrusted(sealed.body, ends_at, ttl=round(sealed.stamp.left_s))
        if not self.basis.judges(sealed, entry.owner, entry.rtype):
            return None
        entry.status = checked_today(entry.status, entry.signatures, times.wall)
        return entry


def uncontradicted(
    found: list[Entry | Denied], kept: list[float], now: float
) -> list[Entry | Denied]:
    """*found*, *kept* at these times, without what has expired and was followed by something else
    at its name."""
    if len(found) < 2:  # noqa: PLR2004
        return found
    latest = max(kept)
    return [
        one
        for one, kept_at in zip(found, kept, strict=True)
        if kept_at == latest or one.expires_at > now
    ]


def _places(qtype: int) -> dict[int, int]:
    """Where above its name's base what answers *qtype* may lie, and of which type it is then."""
    places = _PLACES.get(qtype)
    if places is None:
        places = {code_of(rtype): rtype for rtype in types_for(qtype)}
        if len(_PLACES) < _MOST_PLACES:
            _PLACES[qtype] = places
    return places


def types_for(qtype: int) -> tuple[int, ...]:
    """Under which types what answers *qtype* is kept: an alias and the end of a name do, too."""
    return (*((ANY_TYPE,) if qtype in _NOT_ALIASED else (RRType.CNAME, ANY_TYPE)), qtype)
