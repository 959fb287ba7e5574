"""The level between machines: what is looked up there, what that is worth, and what goes there.

Asked only for names of which neither memory nor disk has anything, once a second for a question.
What comes with the right checksum is as good as what our own disk has (`read_back`): what rests on
other trust than ours is UNCHECKED. It goes into the caches of the first level, expired records too,
as long as they may be of use in an outage. One object is one configuration's; `shared` has what
they have in common. Pure; never waits.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from resolver.cache import record
from resolver.cache.negative import Denied
from resolver.cache.read_back import ReadBack, types_for, uncontradicted
from resolver.cache.record import Kind, Sealed, Stamp, is_proven, standing
from resolver.cache.store import CUT
from resolver.cache.store_forget import without
from resolver.cache.store_writer import item_of
from resolver.limits import (
    SHARED_CUTS,
    SHARED_LOOKUPS,
    SHARED_QUEUE,
    SHARED_VALUE_OCTETS,
    STORE_ASKED,
    STORE_COMMIT_SECONDS,
)
from resolver.model import Rank, Status
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from resolver.cache.basis import Basis
    from resolver.cache.delegation import DelegationCache
    from resolver.cache.negative import NegativeCache
    from resolver.cache.rrset import Entry, RRsetCache
    from resolver.cache.shared import Shared, SharedTimes
    from resolver.cache.store_forget import Meant
    from resolver.cache.store_writer import Item
    from resolver.model import Name, Question


_ANSWERS: Final = standing(Rank.AUTH_ANSWER, Status.UNCHECKED)


class Gate(Protocol):
    """`runtime.gate.Gate`."""

    def open(self, *, width: int) -> None: ...

    async def wait(self) -> None: ...


class Alarm(Protocol):
    """`runtime.alarm.Alarm`."""

    def at(self, when: float) -> AbstractContextManager[None]: ...


class Place(NamedTuple):
    """Where something may lie, and of which name and type it would be."""

    key: bytes
    name: Name
    rtype: int


class Lookup:
    """A question on its way. *done* is opened when it *is_over*, and who races it is called then,
    if there *is_something* that counts and has not expired."""

    __slots__ = ("done", "is_over", "is_something", "level", "places", "question", "racing")

    def __init__(self, level: SharedLevel, question: Question, places: list[Place]) -> None:
        self.level = level
        self.question = question
        self.places = places
        self.done: Gate | None = None
        self.racing: list[Callable[[], None]] = []
        self.is_over = False
        self.is_something = False

    def __repr__(self) -> str:
        return f"<Lookup of {self.question} at {len(self.places)} places>"


class Asks(Protocol):
    """Who looks up for one configuration: `daemon.shared_asking.Asking`. *is_prompt*: what is asked
    for comes soon, of late. *alarm*: wakes who waits for it on time (`runtime.alarm.Alarm`)."""

    @property
    def alarm(self) -> Alarm: ...

    @property
    def is_prompt(self) -> bool: ...

    def ask(self, question: Question) -> Lookup | None: ...


class Write(NamedTuple):
    """What to do at *key*: keep *value* for *seconds*; forget what is there, if that is None.

    *is_weak*: not in the place of something else.
    """

    key: bytes
    value: bytes | None
    seconds: float
    is_weak: bool


class Learnt:
    """What the caches learn, for who sends it: as much as there is room for. *on_some* is called
    when there was nothing and is something."""

    def __init__(self, shared: Shared, on_some: Callable[[], None]) -> None:
        self._shared = shared
        self._on_some = on_some
        self.waiting: deque[object] = deque()
        self.beside: deque[object] | None = None
        """The queue of who keeps it on disk, if anybody does."""

    def __repr__(self) -> str:
        return f"<Learnt, {len(self.waiting)} waiting>"

    def append(self, what: object) -> None:
        """Called by a cache."""
        if self.beside is not None:
            self.beside.append(what)
        waiting = self.waiting
        if len(waiting) >= SHARED_QUEUE:
            self._shared.dropped += 1
            return
        waiting.append(what)
        if len(waiting) == 1:
            self._on_some()


class SharedLevel:
    """*shared* beside the caches of one configuration.

    *begin*: called with each look-up that is to be made; *is_open*: may any? *believes*: does the
    public tree validate?
    """

    def __init__(
        self,
        shared: Shared,
        basis: Basis,
        *,
        rrsets: RRsetCache,
        negatives: NegativeCache,
        delegations: DelegationCache,
        learnt: Learnt,
        begin: Callable[[Lookup], None],
        is_open: Callable[[], bool],
        believes: Callable[[], bool],
    ) -> None:
        self.shared = shared
        self.basis = basis
        self.learnt = learnt
        self.running: dict[Question, Lookup] = {}
        self._back = ReadBack(shared, basis, max_ttl=rrsets.max_ttl, negative_ttl=negatives.max_ttl)
        self._rrsets = rrsets
        self._negatives = negatives
        self._delegations = delegations
        self._begin = begin
        self._is_open = is_open
        self._believes = believes
        self._asked: set[Question] = set()
        self._asked_since = 0.0

    def __repr__(self) -> str:
        return f"<SharedLevel, {len(self.running)} look-ups running>"

    # --- looking up --------------------------------------------------------------------------

    def ask(self, question: Question) -> Lookup | None:
        """The look-up of *question*, begun or running; None if there is to be none."""
        running = self.running.get(question)
        if running is not None or not self._is_open() or question.qtype == RRType.ANY:
            return running
        asked, now = self._asked, self.shared.now()
        if now - self._asked_since >= STORE_COMMIT_SECONDS or len(asked) >= STORE_ASKED:
            asked.clear()
            self._asked_since = now
        if question in asked:
            return None
        if len(self.running) >= SHARED_LOOKUPS:
            self.shared.skipped += 1
            return None
        asked.add(question)
        self.shared.gets += 1
        lookup = Lookup(self, question, self._places(question, now))
        self.running[question] = lookup
        self._begin(lookup)
        return lookup

    def _places(self, question: Question, now: float) -> list[Place]:
        """Of what answers *question*, and of the delegations that who walks for it has not."""
        qname, qtype, _ = question
        types, name_of = types_for(qtype), self.shared.name_of
        found = [
            Place(key, qname, rtype)
            for key, rtype in zip(self.shared.names_of(qname, types), types, strict=True)
        ]
        for zone in names.ancestors(qname):
            if zone == names.ROOT or self._delegations.get(zone, now) is not None:
                break
            if len(found) < len(types) + SHARED_CUTS:
                found.append(Place(name_of(zone, CUT), zone, CUT))
        return found

    def take(self, lookup: Lookup, values: Sequence[object], now: float) -> None:
        """Put what *values* have, one for each place, into the first level."""
        times = self.shared.times(now)
        if times is None:
            return
        found: list[Entry | Denied] = []
        kept: list[float] = []
        for place, value in zip(lookup.places, values, strict=True):
            if value is None or place.rtype == CUT:
                continue
            sealing = self.shared.sealing(place.key)
            one = self._back.datum(value, place.name, place.rtype, times, sealing)
            if one is not None:
                kept.append(one[0])
                found.append(one[1])
        for datum in uncontradicted(found, kept, now):
            if isinstance(datum, Denied):
                self._negatives.take_back(datum)
            else:
                self._rrsets.take_back(datum)
            lookup.is_something = lookup.is_something or datum.expires_at > now
        self.shared.hits += bool(found)
        if not lookup.is_something:
            self._take_cuts(lookup, values, times)

    def _take_cuts(self, lookup: Lookup, values: Sequence[object], times: SharedTimes) -> None:
        for place, value in zip(lookup.places, values, strict=True):
            if value is None or place.rtype != CUT:
                continue
            sealing = self.shared.sealing(place.key)
            cut = self._back.delegation(value, place.name, times, sealing)
            if cut is not None:
                self._delegations.take_back(cut)

    def end(self, lookup: Lookup, *, width: int) -> None:
        """*lookup* is over, whatever came of it: who waits goes on, *width* at a turn."""
        lookup.is_over = True
        if self.running.get(lookup.question) is lookup:
            del self.running[lookup.question]
        if lookup.done is not None:
            lookup.done.open(width=width)
        if lookup.is_something:
            for call in lookup.racing:
                call()

    # --- what goes there -----------------------------------------------------------------------

    def writes(self, count: int, now: float) -> list[Write]:
        """Of what was learnt, the *count* first, as it is to go there; nothing of it waits then.

        Of each place the last thing only.
        """
        waiting = self.learnt.waiting
        taken = [waiting.popleft() for _ in range(min(count, len(waiting)))]
        times = self.shared.times(now)
        if times is None:  # nobody could tell how old it is
            self.shared.dropped += len(taken)
            return []
        found: dict[bytes, Write] = {}
        believes = self._believes()
        for what in taken:
            item = item_of(what, self.basis)
            if item is None or item.kind is Kind.DENIAL:
                continue
            if not believes and self.basis.way(item.name, item.rtype)[0] is None:
                continue
            write = self._write(item, times)
            if write is not None:
                found[write.key] = write
        return list(found.values())

    def _write(self, item: Item, times: SharedTimes) -> Write | None:
        """How *item* goes there. What nobody has checked is worth less than what is there, and of
        use in no outage; a delegation is checked by those who follow it."""
        key = self.shared.name_of(item.name, item.rtype)
        left_s = item.expires_at - times.now
        if left_s <= 0:
            return Write(key, None, 0.0, is_weak=False)  # it was for that moment only
        stamp = Stamp(0, times.wall, times.there, left_s)
        _, way = self.basis.way(item.name, item.rtype)
        sealed = Sealed(item.kind, item.standing, stamp, way, self.basis.trust, item.body())
        value = record.seal(sealed, self.shared.sealing(key))
        if len(value) > SHARED_VALUE_OCTETS:
            self.shared.dropped += 1
            return None
        is_cut = item.kind is Kind.DELEGATION
        is_weak = not (is_cut or (is_proven(item.standing) and item.standing >= _ANSWERS))
        stays_s = left_s if is_cut or is_weak else left_s + times.stale_s
        return Write(key, value, stays_s, is_weak=is_weak)

    def drop(self, meant: Meant) -> None:
        """Send nothing that was learnt of what is *meant* to be forgotten."""
        waiting = self.learnt.waiting
        kept = list(without(waiting, meant))
        waiting.clear()
        waiting.extend(kept)
