"""The second level, asked only after the first has missed: what is looked up there, and when.

`Known.recall` asks `bring` once a second for a question. That puts what is found into the caches of
the first level, expired records too as long as they may be of use in an outage. It never raises,
and does not wait for a disk twice: until STORE_COLD_LOOKUPS running have found what they wanted in
the system's memory, they wait in `waiting` for who has a thread do them (`recurse.from_disk`).
One object is one configuration's; `store` has what they share, `read_back` what a record is worth.

What is learnt lies in `learnt` as the caches hand it over; `store_writer` takes it from there.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

from resolver.cache.negative import Denied
from resolver.cache.read_back import ReadBack
from resolver.cache.store import CUT, base_of, number_of
from resolver.cache.store_filter import CUT as A_CUT
from resolver.cache.store_filter import DATA, cut_key
from resolver.cache.store_forget import without
from resolver.errors import StoreFailed
from resolver.limits import STORE_ASKED, STORE_COMMIT_SECONDS, STORE_LOOKUP_SECONDS, STORE_QUEUE
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeAlias

    from resolver.cache.basis import Basis
    from resolver.cache.delegation import DelegationCache
    from resolver.cache.gaps import Proven
    from resolver.cache.negative import NegativeCache
    from resolver.cache.rrset import Entry, RRsetCache
    from resolver.cache.store import Store
    from resolver.cache.store_forget import Meant
    from resolver.model import Delegation, Name, Question

    Rows: TypeAlias = Sequence[tuple[int, int, bytes]]


class Found(NamedTuple):
    """What lies on disk for a `Lookup`: of the name, and of the zones above it."""

    data: Rows
    cuts: Rows


class Gate(Protocol):
    """`runtime.gate.Gate`."""

    def open(self, *, width: int) -> None: ...

    async def wait(self) -> None: ...


class Lookup:
    """Something to be looked up. *base*: where what is kept of its name lies, None if nothing is;
    *cuts*: zones of which delegations may be there; *done* is opened by who looks it up."""

    __slots__ = ("base", "cuts", "done")

    def __init__(self, base: int | None, cuts: dict[int, Name]) -> None:
        self.base = base
        self.cuts = cuts
        self.done: Gate | None = None

    def __repr__(self) -> str:
        return f"<Lookup of {len(self.cuts)} cuts>"


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
        self._back = ReadBack(store, basis, max_ttl=rrsets.max_ttl, negative_ttl=negatives.max_ttl)
        self._rrsets = rrsets
        self._negatives = negatives
        self._delegations = delegations
        self._asked: set[Question] = set()
        self.waiting: dict[Question, Lookup] = {}
        self._cutless: set[Name] = set()  # parents of names of which the file knows no cut above
        self._asked_since = 0.0

    def __repr__(self) -> str:
        return f"<SecondLevel, {len(self.learnt)} to be written>"

    def bring(self, question: Question, now: float) -> bool:
        """Put what is kept of *question* into the first level; True if something was found.

        Delegations above its name come along. False, too, if it was looked for this second, or is
        to be looked for in a thread: see `fetch`.
        """
        asked = self._asked
        if now - self._asked_since >= STORE_COMMIT_SECONDS or len(asked) >= STORE_ASKED:
            asked.clear()
            self._cutless.clear()
            self.waiting.clear()  # of whom nobody came; who is at it holds its own
            self._asked_since = now
        store = self.store
        file = store.file
        if question in asked or file is None or store.trouble:
            return False
        asked.add(question)
        qname = question.qname
        known = store.filter.may_know(qname)
        above = qname[1 + qname[0] :]
        if not known and (above in self._cutless or not above):
            store.missing += 1
            return False
        cuts = self._cuts(qname, above, now, is_one=bool(known & A_CUT))
        if not (known & DATA or cuts):
            store.missing += 1
            return False
        base = base_of(qname) if known & DATA else None
        if store.is_cold:
            if len(self.waiting) < STORE_ASKED:
                self.waiting[question] = Lookup(base, cuts)
            return False
        begun = store.stopwatch()
        try:
            rows = () if base is None else file.at(base)
            was_found, is_fresh = self._take_data(question, base, rows, now)
            if cuts and not is_fresh:  # somebody must be asked
                self._take_cuts(cuts, file.read(list(cuts)), now)
        except StoreFailed as error:
            store.trouble = error
            return False
        if store.stopwatch() - begun > STORE_LOOKUP_SECONDS:
            store.note_if_it_waited()
        return was_found

    def read(self, lookup: Lookup) -> Found | None:
        """What lies on disk for *lookup*. From a thread, one at a time; None if the disk fails."""
        store = self.store
        file = store.file
        if file is None:
            return None
        before = store.disk_reads()
        try:
            found = Found(*file.cold(lookup.base, list(lookup.cuts)))
        except StoreFailed as error:
            store.trouble = error
            return None
        store.note_cold(has_waited=store.disk_reads() > before)
        return found

    def take(self, question: Question, lookup: Lookup, found: Found, now: float) -> bool:
        """Put what was *found* into the first level; True if it is of the question itself."""
        was_found, is_fresh = self._take_data(question, lookup.base, found.data, now)
        if not is_fresh:
            self._take_cuts(lookup.cuts, found.cuts, now)
        return was_found

    def _cuts(self, qname: Name, above: Name, now: float, *, is_one: bool) -> dict[int, Name]:
        """The zones from *qname* up to the first known cut of which the file may have one.

        *is_one*: *qname* may be such a zone. Under one name *above* it is mostly the same: where
        there are none, it is not looked again this second.
        """
        lacks, get, found = self.store.filter.lacks, self._delegations.get, {}
        if is_one:
            if get(qname, now) is not None:
                return {}
            found[number_of(qname, CUT)] = qname
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

    def _take_data(
        self, question: Question, base: int | None, rows: Rows, now: float
    ) -> tuple[bool, bool]:
        """Put what *rows* have of *question* into the first level. Was there anything, and has some
        of it not expired?"""
        store, is_fresh = self.store, False
        if base is None or not rows:
            store.missing += 1
            return False, False
        data = self._back.data(rows, base, question, store.times_of_late(now))
        for one in data:
            if isinstance(one, Denied):
                self._negatives.take_back(one)
            else:
                self._rrsets.take_back(one)
            is_fresh = is_fresh or one.expires_at > now
        if data:
            store.found += 1
            return True, is_fresh
        store.missing += 1
        return False, False

    def _take_cuts(self, cuts: dict[int, Name], rows: Rows, now: float) -> None:
        for cut in self._back.delegations(rows, cuts, self.store.times_of_late(now)):
            self._delegations.take_back(cut)

    def whole(self, name: Name, now: float) -> list[Entry | Denied | Delegation]:
        """All that lies on disk of *name*, as it counts today. From a thread, one at a time.

        Nothing if the disk fails.
        """
        store = self.store
        file = store.file
        try:
            if file is not None:
                data, cuts = file.cold(base_of(name), [number_of(name, CUT)])
                return self._back.whole(data, cuts, name, store.times(now))
        except StoreFailed as error:
            store.trouble = error
        return []

    def drop(self, meant: Meant) -> None:
        """Have nothing written that was learnt of what is *meant* to be forgotten."""
        kept = list(without(self.learnt, meant))
        self.learnt.clear()
        self.learnt.extend(kept)

    def residents(self, values: Iterable[bytes], now: float) -> Iterator[Entry | Proven]:
        """Of *values*, read in at the start, what counts today and has not expired."""
        return self._back.residents(values, self.store.times(now))
