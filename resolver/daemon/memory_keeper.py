"""Keeps the process within its budget of memory: caches give way, step by step, and grow back.

Each look asks the kernel (`runtime.memory_signs`). Memory is *tight* where the process is over its
budget and still grows, where little of a limit is left, or where tasks wait for memory: then caches
shrink by an eighth of their shares, and as many fewer queries may wait; again at the next look if
it goes on. It is *last* where the kernel is about to kill: then they are emptied, and may have an
eighth from then on. After MEMORY_CALM_SECONDS without either they may have an eighth more.

Lists, policy zones and the filter of names on disk are not cut: what they take is taken off the
caches. Nothing here is on the path of a query; a step of work is a millisecond, with rests.
"""

from __future__ import annotations

import enum
import logging
import math
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

import trio

from resolver.config.shares import shares_of, workers_of
from resolver.limits import (
    CACHES_LEAST_OCTETS,
    MEMORY_CALM_SECONDS,
    MEMORY_IDLE_SECONDS,
    MEMORY_LAST_PART,
    MEMORY_LOOK_SECONDS,
    MEMORY_OVER_PART,
    MEMORY_SHRINK_PART,
    MEMORY_SHRUNK_LEAST,
    MEMORY_STALL_PART,
    MEMORY_TIGHT_LOOK_SECONDS,
    MEMORY_TIGHT_PART,
    SHORTAGE_LOG_SECONDS,
)
from resolver.runtime.memory_signs import MemorySigns
from resolver.runtime.rests import Rests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.config.shares import Shares
    from resolver.daemon.wiring import Parts

_log = logging.getLogger(__name__)
_MEBI: Final = 1 << 20
_STEP: Final = 1 / MEMORY_SHRINK_PART


class Strain(enum.IntEnum):
    """How short memory is."""

    CALM = 0
    TIGHT = 1
    LAST = 2


class Bounded(Protocol):
    """A cache whose size may change."""

    def bound(self, octets: int) -> Iterator[int]:
        """See `cache.shards.Shards.bound`."""
        ...


class Pace(Protocol):
    """Who knows when nobody is there (`daemon.garbage`)."""

    is_still: bool

    async def rest(self, seconds: float) -> None:
        """So long, or until something goes on."""


class MemoryKeeper:
    """One for a process. *part*: what caches may have of their shares now, 1 being all.

    *pace*: who says when looks may be seldom; None: never.
    """

    COUNTS: ClassVar = {
        "shrinks": "Times that caches were made smaller for want of memory.",
        "growths": "Times that they were let grow again.",
        "last_resorts": "Times that they were emptied: the kernel was about to kill.",
    }

    def __init__(
        self,
        parts: Callable[[], Parts],
        outside: Callable[[], int],
        *,
        signs: MemorySigns | None = None,
        on_last: Callable[[], object] = lambda: None,
        on_part: Callable[[float], object] = lambda _: None,
        pace: Pace | None = None,
        tells: bool = True,
    ) -> None:
        self.part = 1.0
        self.shrinks = 0
        self.growths = 0
        self.last_resorts = 0
        self.strain = Strain.CALM
        self.signs = signs or MemorySigns()
        self._parts = parts
        self._outside = outside
        self._on_last, self._on_part = on_last, on_part
        self._pace = pace
        self._tells = tells
        self._resident = 0
        self._calm_since: float | None = None
        self._bounded: tuple[Parts | None, float] = (None, 1.0)
        self._is_told = self._is_told_full = False
        self._told_at = -math.inf

    def __repr__(self) -> str:
        return f"<MemoryKeeper {self.part:.0%} of the caches, {self.strain.name.lower()}>"

    async def keep(self) -> None:
        """Until cancelled; a look that finds no memory for itself (RLIMIT_AS) ends nothing."""
        while True:
            try:
                await self.look()
            except MemoryError:
                self._parts().base.shortage.note()
            if self.strain is not Strain.CALM:
                await trio.sleep(MEMORY_TIGHT_LOOK_SECONDS)
            elif self._pace is None or not self._pace.is_still or self.part < 1.0:
                await trio.sleep(MEMORY_LOOK_SECONDS)
            else:
                await self._pace.rest(MEMORY_IDLE_SECONDS)

    async def look(self) -> None:
        """One look, and the step that is due."""
        now, before, parts = trio.current_time(), self.part, self._parts()
        was_last = self.strain is Strain.LAST
        shares = shares_of(parts.config)
        self.strain = self._strain(shares, now)
        if self.strain is Strain.CALM:
            self._recover(now)
        else:
            self._calm_since = None
            step = 1.0 if self.strain is Strain.LAST else _STEP
            self.part = max(before - step, MEMORY_SHRUNK_LEAST)
        is_last = self.strain is Strain.LAST and not was_last
        self.growths += self.part > before
        self.shrinks += self.part < before
        self.last_resorts += is_last
        if self.part != before:
            self._on_part(self.part)
        part = self.part * self._room(parts, shares)
        if is_last:
            if parts.memory.second is not None:
                parts.memory.second.learnt.clear()  # what waits for the disk is theirs, too
            await self._apply(parts, 0.0)  # what is left of a cache holds on to all that was around
            self._on_last()
        await self._apply(parts, part)
        self._tell(before, now)

    def _strain(self, shares: Shares, now: float) -> Strain:
        resident, before = self.signs.resident(), self._resident
        self._resident = resident
        left, waited = self.signs.left(), self.signs.waited(now)
        if left < MEMORY_LAST_PART:
            return Strain.LAST
        is_over = resident > MEMORY_OVER_PART * shares.budget and resident > before
        is_waited_for = waited > MEMORY_STALL_PART
        return Strain.TIGHT if left < MEMORY_TIGHT_PART or is_over or is_waited_for else Strain.CALM

    def _recover(self, now: float) -> None:
        if self.part >= 1.0:
            return
        if self._calm_since is None:
            self._calm_since = now
        elif now >= self._calm_since + MEMORY_CALM_SECONDS:
            self._calm_since = now
            self.part = min(self.part + _STEP, 1.0)

    def _room(self, parts: Parts, shares: Shares) -> float:
        """What lists leave of all caches' shares, 0 to 1."""
        outside = self._outside()
        left = shares.caches - outside
        is_full = left < CACHES_LEAST_OCTETS
        if is_full and not self._is_told_full and self._tells:
            _log.warning(
                "lists, policy zones and the disk's index take %d MiB, which leaves no room for "
                "caches in a budget of %d MiB (memory)",
                outside // _MEBI, workers_of(parts.config) * shares.budget // _MEBI,
            )  # fmt: skip
        self._is_told_full = is_full
        return max(left, CACHES_LEAST_OCTETS) / shares.caches if left < shares.caches else 1.0

    async def _apply(self, parts: Parts, part: float) -> None:
        """Have the caches of *parts* no larger than *part* of their shares."""
        if self._bounded == (parts, part) or (self._bounded[0] is not parts and part == 1.0):
            self._bounded = parts, part
            return
        self._bounded = parts, part
        rests = Rests()
        for cache, octets in caches_of(parts, shares_of(parts.config)):
            for _ in cache.bound(int(octets * part)):
                await rests.turn()

    def _tell(self, before: float, now: float) -> None:
        """A line when it begins, and when it is over; not both more often than once a while."""
        if not self._tells:
            return
        if before == 1.0 > self.part and now >= self._told_at + SHORTAGE_LOG_SECONDS:
            self._is_told, self._told_at = True, now
            _log.warning("memory is short: caches shrink, see `status` of resolver control")
        elif self.part == 1.0 and self._is_told:
            self._is_told = False
            _log.warning("memory is no longer short: caches have their whole size again")


def caches_of(parts: Parts, shares: Shares) -> Iterator[tuple[Bounded, int]]:
    """Each, with its share; what is made again most easily comes first."""
    known = parts.memory
    yield parts.packets.shards, shares.packets
    yield known.failures.entries, shares.failures
    yield known.bogus.entries, shares.failures
    if known.denial is not None:
        yield known.denial, shares.gaps
    yield known.negatives.entries, shares.denials
    yield known.rrsets.entries, shares.records
    yield parts.delegations.entries, shares.zone_cuts
