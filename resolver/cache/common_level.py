"""What the workers of one machine have in common: what one has learnt, the others need not ask for.

Each puts what it has judged into memory that all see (`common_memory`), before its client is told:
so a question that comes to another worker the next moment costs no packet. The disk, where there is
one, holds more, but a second later. Asked after the first level, before the disk; what is found
goes into the caches of the first level. What rests on other trust, or came another way, than today
counts as it does on disk (`read_back`). One object is one configuration's. Pure; never waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final
from zlib import crc32

from resolver.cache import record
from resolver.cache.basis import Times
from resolver.cache.negative import Denied
from resolver.cache.read_back import ReadBack
from resolver.cache.record import Kind, Sealed, Stamp
from resolver.cache.rrset import Entry
from resolver.cache.store import CUT, base_of, number_of
from resolver.cache.store_filter import CUT_SEED
from resolver.cache.store_writer import item_of
from resolver.limits import COMMON_ASKED
from resolver.model import NOT_JUDGED, Delegation, Rank
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.cache.basis import Basis
    from resolver.cache.common_memory import CommonMemory, Kept
    from resolver.cache.delegation import DelegationCache
    from resolver.cache.learning import Learning
    from resolver.cache.negative import NegativeCache
    from resolver.cache.rrset import RRsetCache
    from resolver.cache.store import Clock
    from resolver.model import Name, Question

_THIS_RUN: Final = 1  # `record.Stamp.boot`: all have one clock


class Common:
    """The *memory* and its checksums, for all configurations of one process. *key*: of all workers.

    *stale_s*: how long something expired is of use.
    """

    COUNTS: ClassVar = {
        "found": "Questions of which another worker had a record.",
        "put": "Records put where other workers find them.",
        "damaged": "Records of workers that were damaged, and dropped.",
    }

    def __init__(self, memory: CommonMemory, key: bytes, clock: Clock, *, stale_s: float) -> None:
        self.memory = memory
        self.key = key
        self.used: dict[int, int] = {}
        self.found = self.put = self.damaged = 0
        self.now = clock.now  # of all workers one: by it all records have their order, too
        self._clock = clock
        self._stale_s = stale_s

    def __repr__(self) -> str:
        return f"<Common, {self.put} put, {self.found} found>"

    def times(self) -> Times:
        """Now; asked anew, for another process may have put something since the loop last did."""
        wall, now = self._clock.wall(), self._clock.now()
        return Times(_THIS_RUN, now, wall, is_sure=False, stale_s=self._stale_s)

    def open_untrusted(self, octets: object, key: bytes | None = None) -> Sealed | None:
        """What was sealed by a worker; None, counted, if that is not it."""
        return record.opened_untrusted(octets, self.key if key is None else key, self.note_damage)

    def note_damage(self, why: object) -> None:  # noqa: ARG002  # it was written over meanwhile
        """A record is dropped."""
        self.damaged += 1


class CommonLevel:
    """*common* beside the caches of one configuration. *beside*: who else is told what they learn.

    *believes*: does the public tree validate?
    """

    def __init__(
        self,
        common: Common,
        basis: Basis,
        *,
        rrsets: RRsetCache,
        negatives: NegativeCache,
        delegations: DelegationCache,
        beside: Learning | None,
        believes: Callable[[], bool],
    ) -> None:
        self.common = common
        self.basis = basis
        self.beside = beside
        self._back = ReadBack(common, basis, max_ttl=rrsets.max_ttl, negative_ttl=negatives.max_ttl)
        self._rrsets = rrsets
        self._negatives = negatives
        self._delegations = delegations
        self._believes = believes
        self._seen: dict[Question, int] = {}
        self._seen_cuts: dict[Name, int] = {}

    def __repr__(self) -> str:
        return f"<CommonLevel of {self.common}>"

    # --- what others have learnt ---------------------------------------------------------------

    def bring(self, question: Question, now: float) -> bool:
        """Put what other workers have of *question* into the first level; True if there was
        something that had not been looked at. Cuts above its name come along where it has not.
        """
        qname, memory = question.qname, self.common.memory
        newest = memory.newest(crc32(qname))  # of `base_of` what is needed most often
        if newest and self._is_new(question, newest):
            base = base_of(qname)
            rows = [(one.number, 0, one.octets) for one in memory.found(base, newest)]
            if rows and self._take(question, base, rows):
                self.common.found += 1
                return True
        self._bring_cuts(qname, now)
        return False

    def _is_new(self, question: Question, newest: int) -> bool:
        """Has anything come since it was last looked at?"""
        seen = self._seen
        if seen.get(question) == newest:
            return False
        if len(seen) >= COMMON_ASKED:
            seen.clear()
        seen[question] = newest
        return True

    def _take(self, question: Question, base: int, rows: list[tuple[int, int, bytes]]) -> bool:
        data = self._back.data(rows, base, question, self.common.times())
        for one in data:
            if isinstance(one, Denied):
                self._negatives.take_back(one)
            else:
                self._rrsets.take_back(one)
        self.common.used.clear()
        return bool(data)

    def _bring_cuts(self, qname: Name, now: float) -> None:
        """The closest cut above *qname* that others know and the first level does not."""
        memory, get, seen = self.common.memory, self._delegations.get, self._seen_cuts
        for zone in names.ancestors(qname):
            if zone == names.ROOT or get(zone, now) is not None:
                return
            newest = memory.newest(crc32(zone, CUT_SEED))
            if not newest or seen.get(zone) == newest:
                continue
            if len(seen) >= COMMON_ASKED:
                seen.clear()
            seen[zone] = newest
            number = number_of(zone, CUT)
            if self._take_cut(zone, number, memory.found(number, newest)):
                return

    def _take_cut(self, zone: Name, number: int, found: list[Kept]) -> bool:
        for one in found:
            cut = None
            if one.number == number:
                cut = self._back.delegation(one.octets, zone, self.common.times())
            if cut is not None:
                self._delegations.take_back(cut)
                return True
        return False

    # --- what this one learns --------------------------------------------------------------------

    def append(self, what: object) -> None:
        """Called by a cache with what it puts."""
        if self.beside is not None:
            self.beside.append(what)
        if self._is_worth_it(what):
            self._put(what)

    def _is_worth_it(self, what: object) -> bool:
        """May it answer a question? What nobody has judged yet comes again once it is."""
        if isinstance(what, Entry):
            is_judged = not self.basis.validates or what.status not in NOT_JUDGED
            return is_judged and what.rank >= Rank.AUTHORITY
        if isinstance(what, Denied):
            return not self.basis.validates or what.negative.status not in NOT_JUDGED
        return isinstance(what, Delegation)

    def _put(self, what: object) -> None:
        basis, common = self.basis, self.common
        item = item_of(what, basis)
        if item is None or item.kind is Kind.DENIAL:
            return
        zone, way = basis.way(item.name, item.rtype) if basis.ways else (None, basis.public)
        if zone is None and not self._believes():
            return
        now = common.now()
        stamp = Stamp(_THIS_RUN, now, now, max(item.expires_at - now, 0.0))
        sealed = Sealed(item.kind, item.standing, stamp, way, basis.trust, item.body())
        common.memory.put(item.number, record.seal(sealed, common.key))
        common.put += 1
