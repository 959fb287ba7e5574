"""What goes to disk, when, and what has to leave for it.

What was learnt is taken once a second, of each place the last thing only, as far as the budget goes
(`store_budget`), made into rows in batches of STORE_BATCH and written at once, from a thread.
Nothing is written while nothing is learnt, nor what the public tree says while its own keys cannot
be validated (a portal, an interceptor).

What lies on disk leaves when it is of no use even in an outage, and, where there is too much, when
it was not used for longest, as far as a look at STORE_SWEEP records at a time can tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from resolver.cache import record
from resolver.cache.basis import may_replace
from resolver.cache.gaps import Proven
from resolver.cache.negative import Denied
from resolver.cache.record import Kind, Sealed, Stamp, standing
from resolver.cache.rrset import Entry
from resolver.cache.store import CUT, Row, key_of, number_of
from resolver.cache.store_budget import Budget
from resolver.errors import WireError
from resolver.limits import STORE_SWEEP
from resolver.model import Delegation, Rank, Status
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from resolver.cache.basis import Basis, Times
    from resolver.cache.second_level import SecondLevel
    from resolver.cache.store import File, Store
    from resolver.model import Name, RRset

T = TypeVar("T")
_FIRST = -(1 << 63)
_SWEEPS = 16  # at one write, where there is too much
_FULL = 0.95  # of what is allowed; the rest is for the moment


class Note(NamedTuple):
    """Octets of somebody else's, and how long ago they were kept; None if no clock can tell."""

    octets: bytes
    age_s: float | None


class Item(NamedTuple):
    """Something to be written: where, under which name and type, and its body once it is made."""

    number: int
    name: Name
    rtype: int
    kind: Kind
    standing: int
    expires_at: float
    what: Entry | Denied | Delegation | Proven
    basis: Basis

    @property
    def is_resident(self) -> bool:
        """True for what is taken back as a whole at the start."""
        return self.kind is Kind.DENIAL or (self.kind is Kind.RRSET and self.rtype == RRType.DNAME)

    def body(self) -> bytes:
        """Its octets."""
        what = self.what
        if isinstance(what, Entry):
            return record.rrset_body(what)
        if isinstance(what, Denied):
            return record.negative_body(what)
        if isinstance(what, Delegation):
            return record.delegation_body(what)
        return record.denial_body(what.rrset)


# Written though they are over, where they end what is there.
_LATEST = (Kind.RRSET, Kind.NEGATIVE)


def item_of(what: object, basis: Basis) -> Item | None:
    """*what* a cache has handed over, as something to be written; None if it is not worth it."""
    if isinstance(what, Entry):
        return _of_rrset(what, basis)
    if isinstance(what, Denied):
        return _of_denial(what, basis)
    if isinstance(what, Delegation) and record.is_plain(what) and what.zone != names.ROOT:
        number, until = number_of(what.zone, CUT), what.expires_at
        return Item(number, what.zone, CUT, Kind.DELEGATION, 0, until, what, basis)
    if isinstance(what, Proven):
        name, rtype = _place(what.rrset), what.rrset.rtype
        number = number_of(name, rtype, Kind.DENIAL)
        worth = standing(Rank.AUTH_ANSWER, Status.SECURE)
        return Item(number, name, rtype, Kind.DENIAL, worth, what.expires_at, what, basis)
    return None


def _of_rrset(entry: Entry, basis: Basis) -> Item | None:
    if entry.rtype >= CUT or entry.status is Status.BOGUS:
        return None
    name, rtype, worth = entry.owner, entry.rtype, standing(entry.rank, entry.status)
    number = number_of(name, rtype)
    return Item(number, name, rtype, Kind.RRSET, worth, entry.expires_at, entry, basis)


def _of_denial(denied: Denied, basis: Basis) -> Item | None:
    name, rtype, negative = denied
    if rtype >= CUT or negative.status is Status.BOGUS:
        return None
    worth = standing(Rank.AUTH_ANSWER, negative.status)
    number = number_of(name, rtype)
    return Item(number, name, rtype, Kind.NEGATIVE, worth, negative.expires_at, denied, basis)


def _place(rrset: RRset) -> Name:
    """Its owner; what a wildcard made lies at the wildcard, once for all names."""
    labels = rdata_fields.rrsig(rrset.signatures[0]).labels
    if labels < names.count(rrset.owner) - names.is_wildcard(rrset.owner):
        return b"\x01*" + names.suffix(rrset.owner, labels)
    return rrset.owner


class Writer:
    """Puts to disk what a `SecondLevel` was told, within the budget.

    *believes*: does the public tree validate? *octets*: what the file may take. *cpu*: seconds of
    CPU that this process has used so far.
    """

    def __init__(
        self,
        store: Store,
        *,
        octets: int,
        believes: Callable[[], bool],
        cpu: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._store = store
        self.octets = octets
        self.believes = believes
        self._budget = Budget(store.clock.now(), cpu, store.filter.lacks_data)
        self._swept = {"record": _FIRST, "resident": _FIRST}

    def __repr__(self) -> str:
        return f"<Writer to {self._store}>"

    def take(self, level: SecondLevel, now: float) -> list[Item]:
        """What *level* has learnt and is to be written, and nothing of it any more there."""
        learnt, basis = level.learnt, level.basis
        whole = list(learnt)
        learnt.clear()
        chosen = self._budget.choose(whole, now)
        self._store.left_out += len(whole) - len(chosen)
        items: dict[int, Item] = {}
        for what in chosen:
            item = item_of(what, basis)
            if item is not None and (item.expires_at > now or item.kind in _LATEST):
                items[item.number] = item
        if items and not self.believes():
            return [one for one in items.values() if basis.way(one.name, one.rtype)[0] is not None]
        return list(items.values())

    # --- in a thread ---------------------------------------------------------------------------

    def rows(self, items: Sequence[Item], now: float) -> list[tuple[bool, Row]]:
        """*items* as they are to lie, but for those that may not take the place of what is there.

        With each, if it `is_resident`. Raises StoreFailed.
        """
        file = self._store.file
        if file is None:
            return []
        times, lacks = self._store.times(now), self._store.filter.lacks
        residents = {one.number for one in items if one.is_resident}
        others = {one.number for one in items} - residents
        olds = file.olds([number for number in others if not lacks(key_of(number))])
        olds.update(file.olds(list(residents), table="resident"))
        made = ((item.number in residents, self._row(item, olds, times)) for item in items)
        return [(is_resident, row) for is_resident, row in made if row is not None]

    def put(self, made: Iterable[tuple[bool, Row]]) -> None:
        """Put what `rows` has *made* to disk, at once. Raises StoreFailed."""
        store = self._store
        file = store.file
        if file is None:
            return
        rows: list[Row] = []
        residents: list[Row] = []
        for is_resident, row in made:
            (residents if is_resident else rows).append(row)
        keys = [key_of(row.number) for row in rows]
        state = store.filter.add(keys)
        file.write(rows, residents=residents, used=self._used())
        if state != store.filter.state:  # another worker has begun to read the file meanwhile
            store.filter.add(keys)
        store.written += len(rows) + len(residents)

    def commit(self, made: Iterable[tuple[bool, Row]], now: float) -> None:
        """As `put`; and make some room. Raises StoreFailed."""
        self.put(made)
        self.sweep(now)

    def write(self, items: Sequence[Item], now: float) -> None:
        """Put *items* to disk, all at once. Raises StoreFailed."""
        self.put(self.rows(items, now))

    def _used(self) -> list[tuple[int, int]]:
        used = self._store.used
        found = []
        while used:
            number, when = used.popitem()
            found.append((when, number))
        return found

    def _row(self, item: Item, olds: Mapping[int, bytes], times: Times) -> Row | None:
        basis, store = item.basis, self._store
        _, way = basis.way(item.name, item.rtype)
        left_s = item.expires_at - times.now
        octets = olds.get(item.number)
        if octets is None and left_s <= 0:
            return None
        stamp = Stamp(store.boot, times.wall, times.now, max(left_s, 0.0))
        fresh = Sealed(item.kind, item.standing, stamp, way, basis.trust, item.body())
        old = None if octets is None else store.open_untrusted(octets)
        if (
            old is not None
            and basis.judges(old, item.name, item.rtype)
            and not may_replace(fresh, old, times)
        ):
            return None
        until = times.wall + left_s
        if not item.is_resident and item.kind is not Kind.DELEGATION:
            until += times.stale_s
        return Row(item.number, int(times.wall), int(until), record.seal(fresh, store.key))

    def sweep(self, now: float) -> None:
        """Make some room: what is of no use any more, and, if there is too much, what is least.

        Raises StoreFailed.
        """
        file = self._store.file
        if file is None:
            return
        times = self._store.times(now)
        for table in self._swept:
            self._sweep(file, table, times, is_full=False)
        for _ in range(_SWEEPS):
            if file.octets() <= self.octets * _FULL:
                break
            self._sweep(file, "record", times, is_full=True)
            file.shrink()

    def _sweep(self, file: File, table: str, times: Times, *, is_full: bool) -> None:
        rows = file.slice(self._swept[table], STORE_SWEEP, table=table)
        self._swept[table] = rows[-1].number if rows else _FIRST
        gone = {row.number for row in rows if _is_over(row, times)}
        if is_full:
            gone.update(row.number for row in sorted(rows, key=_use)[: len(rows) // 2 + 1])
        if gone:
            file.write(gone=((table, number) for number in gone))

    # --- what is others' ----------------------------------------------------------------------

    def keep_note(self, name: str, octets: bytes, now: float) -> None:
        """Keep *octets* as *name*, for `note`. Raises StoreFailed."""
        store = self._store
        if store.file is None:
            return
        wall = store.clock.wall()
        stamp = Stamp(store.boot, wall, now, 0.0)
        body = record.note_body(name, octets)
        sealed = record.seal(Sealed(Kind.NOTE, 0, stamp, b"", b"", body), store.key)
        store.file.write(residents=[Row(_note_number(name), int(wall), 0, sealed)])

    def note(self, name: str, now: float) -> Note | None:
        """What was kept as *name*, whoever had it kept. Raises StoreFailed."""
        store = self._store
        octets = store.file.old(_note_number(name), table="resident") if store.file else None
        sealed = None if octets is None else store.open_untrusted(octets)
        if sealed is None or sealed.kind != Kind.NOTE:
            return None
        try:
            body = record.note_untrusted(sealed.body, name)
        except WireError as error:
            store.note_damage(error)
            return None
        return Note(body, store.times(now).age_s(sealed.stamp))


def _note_number(name: str) -> int:
    return number_of(bytes((len(name),)) + name.encode() + b"\0", 0, Kind.NOTE)


def _is_over(row: Row, times: Times) -> bool:
    """Past all use; only a clock that is sure may say so. The key's own record has no end."""
    return times.is_sure and 0 < row.until < times.wall


def _use(row: Row) -> int:
    return row.used


def batches(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    """*items*, at most *size* at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))
