"""The second level, asked only after the first has missed: what is read back, and what it is worth.

`Known.recall` asks `bring` once a second for a question. That puts what is found into the caches of
the first level, expired records too as long as they may be of use in an outage. It never raises and
never waits for longer than STORE_LOOKUP_SECONDS twice running: where the disk is slow, nothing is
looked up for a while. One object is one configuration's; `store` has what they share.

What is learnt lies in `learnt` as the caches hand it over; `store_writer` takes it from there.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from resolver.cache import record
from resolver.cache.basis import checked_today
from resolver.cache.denial import Proven
from resolver.cache.negative import ANY_TYPE, Denied
from resolver.cache.record import Kind
from resolver.cache.store import CUT, base_of, code_of, number_of
from resolver.cache.store_filter import cut_key, data_key
from resolver.errors import StoreFailed, WireError
from resolver.limits import (
    STORE_ASKED,
    STORE_COMMIT_SECONDS,
    STORE_LOOKUP_SECONDS,
    STORE_PAUSE_SECONDS,
    STORE_QUEUE,
    STORE_USED_SECONDS,
)
from resolver.model import Delegation, Status
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from resolver.cache.basis import Basis, Times
    from resolver.cache.delegation import DelegationCache
    from resolver.cache.negative import NegativeCache
    from resolver.cache.record import Sealed
    from resolver.cache.rrset import Entry, RRsetCache
    from resolver.cache.store import File, Store
    from resolver.model import Name, Question

    _Parsed: TypeAlias = Entry | Denied | Delegation | None

_NOT_ALIASED = frozenset({RRType.CNAME, RRType.ANY, RRType.RRSIG, RRType.NSEC})


class _Read(NamedTuple):
    """A record that counts today. *is_trusted* False: its status does not."""

    kind: int
    kept_at: float
    ttl: int
    expires_at: float
    body: bytes
    is_trusted: bool


class SecondLevel:
    """The store beside the caches of one configuration."""

    def __init__(
        self,
        store: Store,
        basis: Basis,
        *,
        rrsets: RRsetCache,
        negatives: NegativeCache,
        delegations: DelegationCache,
    ) -> None:
        self.store = store
        self.basis = basis
        self.learnt: deque[object] = deque(maxlen=STORE_QUEUE)
        self._rrsets = rrsets
        self._negatives = negatives
        self._delegations = delegations
        self._asked: set[Question] = set()
        self._cutless: set[Name] = set()  # parents of names of which the file knows no cut above
        self._asked_since = 0.0
        self._quiet_until = float("-inf")

    def __repr__(self) -> str:
        return f"<SecondLevel, {len(self.learnt)} to be written>"

    def bring(self, question: Question, now: float) -> bool:
        """Put what is kept of *question* into the first level; True if something was found.

        Delegations above its name come along. False, too, if it was looked for this second.
        """
        asked = self._asked
        if now - self._asked_since >= STORE_COMMIT_SECONDS or len(asked) >= STORE_ASKED:
            asked.clear()
            self._cutless.clear()
            self._asked_since = now
        store = self.store
        if question in asked or store.file is None or store.trouble or now < self._quiet_until:
            return False
        asked.add(question)
        qname = question.qname
        cuts = self._cuts(qname, now)
        if store.filter.lacks(data_key(qname)):
            if not cuts:
                store.missing += 1
                return False
            base = None
        else:
            base = base_of(qname)
        begun = store.stopwatch()
        try:
            was_found = self._bring(store.file, question, base, cuts, now)
        except StoreFailed as error:
            store.trouble = error
            return False
        if store.stopwatch() - begun > STORE_LOOKUP_SECONDS and store.has_waited():
            self._quiet_until = now + STORE_PAUSE_SECONDS
        store.found += was_found
        store.missing += not was_found
        return was_found

    def _cuts(self, qname: Name, now: float) -> dict[int, Name]:
        """The zones from *qname* up to the first known cut of which the file may have one.

        Under one name mostly the same: where there are none, it is not looked again this second.
        """
        lacks, get, found = self.store.filter.lacks, self._delegations.get, {}
        if not lacks(cut_key(qname)):
            if get(qname, now) is not None:
                return {}
            found[number_of(qname, CUT)] = qname
        above = qname[1 + qname[0] :]
        if above in self._cutless or not above:
            return found
        is_one_above = False
        for zone in names.ancestors(above):
            if get(zone, now) is not None:
                break
            if not lacks(cut_key(zone)):
                found[number_of(zone, CUT)] = zone
                is_one_above = True
        if not is_one_above:
            self._cutless.add(above)
        return found

    def _bring(
        self, file: File, question: Question, base: int | None, cuts: dict[int, Name], now: float
    ) -> bool:
        """As `bring`; *base*: where what is kept of its name lies, None if nothing is.

        Raises StoreFailed.
        """
        times = self.store.times_of_late(now)
        data: list[tuple[float, Entry | Denied]] = []
        if base is not None:
            qname, qtype, _ = question
            wanted = {base + code_of(rtype): rtype for rtype in _types(qtype)}
            for row in file.at(base):
                rtype = wanted.get(row[0])
                if rtype is None:
                    continue
                found, one = self._parsed(row, (qname, rtype), times)
                if found is not None and one is not None and not isinstance(one, Delegation):
                    data.append((found.kept_at, one))
            for one in _uncontradicted(data, now):
                self._put(one)
        if cuts and not any(_expires_at(one) > now for _, one in data):  # somebody must be asked
            for row in file.read(list(cuts)):
                _, cut = self._parsed(row, (cuts[row[0]], CUT), times)
                if isinstance(cut, Delegation):
                    self._delegations.take_back(cut)
        return bool(data)

    def _read(self, octets: object, place: tuple[Name, int], times: Times) -> _Read | None:
        """What is left of a record by today's configuration and clocks."""
        sealed = self.store.open_untrusted(octets)
        if sealed is None:
            return None
        is_trusted = self.basis.judges(sealed, *place)
        expires_at = times.expires_at(sealed.stamp)
        if is_trusted is None or expires_at is None:
            return None
        stamp = sealed.stamp
        ttl = round(stamp.left_s)
        return _Read(sealed.kind, stamp.wall, ttl, expires_at, sealed.body, is_trusted)

    def _parsed(
        self,
        row: tuple[int, int, bytes],
        place: tuple[Name, int],
        times: Times,
    ) -> tuple[_Read | None, _Parsed]:
        """What a row says of its place, as far as that counts today; its use is noted."""
        number, used, octets = row
        found = self._read(octets, place, times)
        if found is None:
            return None, None
        try:
            one = _PARSERS[found.kind](self, found, place, times)
        except (WireError, KeyError) as error:
            self.store.note_damage(error)
            return None, None
        if not isinstance(used, int) or times.wall - used > STORE_USED_SECONDS:
            self.store.used[number] = int(times.wall)
        return found, one

    def _rrset(self, found: _Read, place: tuple[Name, int], times: Times) -> Entry | None:
        expires_at = min(found.expires_at, times.now + self._rrsets.max_ttl)
        entry = record.rrset_untrusted(found.body, expires_at)
        entry.ttl = found.ttl
        if not found.is_trusted:
            entry.status = Status.UNCHECKED
        elif expires_at > times.now:
            entry.status = checked_today(entry.status, entry.signatures, times.wall)
        return entry if (entry.owner, entry.rtype) == place else None

    def _negative(self, found: _Read, place: tuple[Name, int], times: Times) -> Denied | None:
        expires_at = min(found.expires_at, times.now + self._negatives.max_ttl)
        denied = record.negative_untrusted(found.body, expires_at)
        if not found.is_trusted:
            denied.negative.status = Status.UNCHECKED
        return denied if denied[:2] == place else None

    def _delegation(self, found: _Read, place: tuple[Name, int], times: Times) -> Delegation | None:
        if not found.is_trusted or found.expires_at <= times.now:
            return None
        way, _ = self.basis.way(place[0])
        delegation = record.delegation_untrusted(found.body, found.expires_at, way)
        return delegation if (delegation.zone, CUT) == place else None

    def _put(self, one: Entry | Denied) -> None:
        """Into the first level, unless that has what lasts longer."""
        if isinstance(one, Denied):
            key = one.name, one.rtype
            known = self._negatives.entries.get(key)
            if known is None or known.expires_at < one.negative.expires_at:
                self._negatives.entries.put(key, one.negative)
            return
        old = self._rrsets.peek(one.owner, one.rtype)
        if old is None or old.expires_at < one.expires_at:
            self._rrsets.entries.put((one.owner, one.rtype), one)

    def residents(self, values: Iterable[bytes], now: float) -> Iterator[Entry | Proven]:
        """Of *values*, read in at the start, what counts today and has not expired."""
        times = self.store.times(now)
        for octets in values:
            sealed = self.store.open_untrusted(octets)
            expires_at = None if sealed is None else times.expires_at(sealed.stamp)
            if sealed is None or expires_at is None or expires_at <= now:
                continue
            try:
                found = self._resident(sealed, expires_at, times)
            except WireError as error:
                self.store.note_damage(error)
                continue
            if found is not None:
                yield found

    def _resident(self, sealed: Sealed, expires_at: float, times: Times) -> Entry | Proven | None:
        if sealed.kind == Kind.DENIAL:
            rrset = record.denial_untrusted(sealed.body, int(expires_at - times.now))
            if not rrset.signatures or not self.basis.judges(sealed, rrset.owner, rrset.rtype):
                return None
            is_in_force = checked_today(Status.SECURE, rrset.signatures, times.wall)
            return Proven(rrset, expires_at) if is_in_force is Status.SECURE else None
        if sealed.kind != Kind.RRSET:
            return None
        entry = record.rrset_untrusted(sealed.body, expires_at)
        entry.ttl = round(sealed.stamp.left_s)
        if not self.basis.judges(sealed, entry.owner, entry.rtype):
            return None
        entry.status = checked_today(entry.status, entry.signatures, times.wall)
        return entry


def _types(qtype: int) -> tuple[int, ...]:
    """Under which types an answer to *qtype* may be kept."""
    if qtype in _NOT_ALIASED:
        return qtype, ANY_TYPE
    return qtype, RRType.CNAME, ANY_TYPE


def _uncontradicted(data: list[tuple[float, Entry | Denied]], now: float) -> list[Entry | Denied]:
    """*data* without what has expired and was followed by something else at its name."""
    if len(data) < 2:  # noqa: PLR2004  # nothing to contradict each other
        return [one for _, one in data]
    latest = max(kept_at for kept_at, _ in data)
    return [one for kept_at, one in data if kept_at == latest or _expires_at(one) > now]


def _expires_at(one: Entry | Denied) -> float:
    return one.negative.expires_at if isinstance(one, Denied) else one.expires_at


_PARSERS: dict[int, Callable[[SecondLevel, _Read, tuple[Name, int], Times], _Parsed]] = {
    Kind.RRSET: SecondLevel._rrset,  # noqa: SLF001
    Kind.NEGATIVE: SecondLevel._negative,  # noqa: SLF001
    Kind.DELEGATION: SecondLevel._delegation,  # noqa: SLF001
}
