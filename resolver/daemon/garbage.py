"""Cyclic garbage: looked for in short passes, and whoever makes it, while others wait for nobody.

Reference counts free nearly all. What refers to itself only a collector finds, and libraries (TLS,
HTTP, databases) make such things freely. CPython's own full passes walk every object, 0.3 µs each
where memory is cold, and at moments of their own choice. So here an object is looked at when it is
young, by the collector's own count of new objects and by time; again when it is older, between
misses; and only what has survived is set aside, out of later passes' way. The caches' records are
made so that the collector does not see them at all (`gc=False`, tuples of atoms). A pass costs what
is alive, not what has come, and more where that is cold: so the next comes later where one was
short, and sooner where it was long, as with ten thousand misses that wait. While nothing is missed
nobody looks, until new objects are so many that the collector itself does: who sleeps is let sleep.

What becomes garbage after it was set aside is found by a full pass, and by nothing else. How much
there may be is known, since what is set aside is counted; beyond a bound the next idle moment has
a full pass, and far beyond it any moment: a pause is better than memory that never comes back.
"""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import trio

from resolver.limits import (
    GARBAGE_ASIDE_FORCED,
    GARBAGE_ASIDE_OBJECTS,
    GARBAGE_COUNT_SECONDS,
    GARBAGE_GROWTH_PART,
    GARBAGE_IDLE_SECONDS,
    GARBAGE_MISSES,
    GARBAGE_OBJECT_US,
    GARBAGE_OLD_OBJECTS,
    GARBAGE_PASS_US,
    GARBAGE_SECONDS,
    GARBAGE_YOUNG_LEAST,
    GARBAGE_YOUNG_LOOKS,
    GARBAGE_YOUNG_MOST,
    GARBAGE_YOUNG_OBJECTS,
    GARBAGE_YOUNG_PASSES,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_OLDEST = 2  # the collector's last generation
_NEVER = 1 << 30
_PAUSE_S = GARBAGE_SECONDS / GARBAGE_YOUNG_LOOKS


class Work(NamedTuple):
    """What the daemon has done so far, and has at hand."""

    misses: int
    queries: int  # hits too
    in_flight: int


class Collector:
    """Runs the passes; its integers are counters. Times are in microseconds of CPU."""

    COUNTS: ClassVar = {
        "passes": "Short passes of the garbage collector.",
        "full_passes": "Passes of the garbage collector over all objects.",
        "collected_objects": "Objects that only the garbage collector could free.",
    }

    def __init__(self) -> None:
        self.passes = 0
        self.full_passes = 0
        self.collected_objects = 0
        self.longest_us = 0  # of all but full passes
        self.longest_full_us = 0
        self._began = 0.0
        self._is_full_pass = self._is_own_pass = False
        self._base = 0  # set aside when all was last looked at
        self._aside = 0  # set aside since then, and not known to be freed
        self._much_looks = 0  # at which there may be too much of it, and no moment was idle
        self._survivors = 0  # of the last pass over what is older, not set aside
        self._middle_passes = 0
        self._middle_us = 0  # what they took, since what is older was counted
        self._last_us = 0  # what the last pass took
        self._pause_s = _PAUSE_S  # between two looks at the young
        self._token: trio.lowlevel.TrioToken | None = None  # while it runs
        self.is_still = False  # nothing was missed at the last look
        self._is_resting = False
        self._stirred = trio.Event()

    def __repr__(self) -> str:
        found, aside = self.collected_objects, self._aside
        return f"<Collector {self.passes} passes, {found} collected, {aside} aside>"

    @property
    def aside(self) -> int:
        """Objects set aside since the last full pass, at most: what no pass looks at."""
        return self._aside

    async def run(self, work: Callable[[], Work]) -> None:
        """Until cancelled."""
        threshold = gc.get_threshold()
        self._token = trio.lowlevel.current_trio_token()
        gc.callbacks.append(self._note)
        self._full_pass()
        gc.set_threshold(GARBAGE_YOUNG_OBJECTS, GARBAGE_YOUNG_PASSES, _NEVER)
        is_quiet = True
        try:
            while True:
                before = work()
                if self.is_still:
                    self._is_resting = True  # what is collected from here on is not our doing
                    await self.rest(GARBAGE_IDLE_SECONDS)
                    self._is_resting = False
                elif is_quiet:
                    await trio.sleep(GARBAGE_SECONDS)
                else:
                    await self._wait(work)
                now = work()
                is_idle = now.queries == before.queries and not now.in_flight
                busy = max(now.misses - before.misses, now.in_flight)
                is_quiet, self.is_still = busy <= GARBAGE_MISSES, not busy
                self.look(is_quiet=is_quiet, is_idle=is_idle)
        finally:
            gc.callbacks.remove(self._note)  # which sets it, too
            gc.set_threshold(*threshold)
            gc.unfreeze()
            self._token = None

    async def rest(self, seconds: float) -> None:
        """So long, or until new objects are so many that the collector looks at them by itself."""
        with trio.move_on_after(seconds):
            await self._stirred.wait()

    def _stir(self) -> None:
        self._stirred.set()
        self._stirred = trio.Event()

    async def _wait(self, work: Callable[[], Work]) -> None:
        """One look's time; where much is done meanwhile, the young are looked through by time too.

        The collector counts new objects less all that are freed, old ones too: with as many queries
        ending as beginning it counts nothing, and its next pass would be over all of them at once.
        """
        few = GARBAGE_MISSES // GARBAGE_YOUNG_LOOKS
        left_s = GARBAGE_SECONDS
        while left_s > self._pause_s / 2:
            passes, misses = self.passes, work().misses
            await trio.sleep(self._pause_s)
            left_s -= self._pause_s
            now = work()
            if passes == self.passes and max(now.misses - misses, now.in_flight) > few:
                self._last_us = 0
                self._young_pass()
                self._pace_looks(self._last_us)

    def _pace_looks(self, took_us: int) -> None:
        """The next look at the young by time is the sooner, the longer the last took."""
        if took_us > GARBAGE_PASS_US:
            self._pause_s = max(self._pause_s / 2, _PAUSE_S / GARBAGE_YOUNG_LOOKS)
        elif took_us < GARBAGE_PASS_US / 3:
            self._pause_s = min(self._pause_s * 2, _PAUSE_S)

    def _thin_out(self) -> None:
        """Set aside what is older as soon as it is much: of a thousand queries a second that wait
        for one silent zone there are ninety thousand objects, and each pass is over all of them.

        Counted only once the passes that made them older took long enough: that takes a third of a
        pass itself.
        """
        self._middle_us = 0
        old = len(gc.get_objects(_OLDEST)) if self._token is not None else 0
        if old > GARBAGE_OLD_OBJECTS:
            self._young_pass()
            self._set_aside(old)

    def _young_pass(self) -> None:
        """Look through the young, few or many: how long it takes says nothing of how many should
        be waited for."""
        self._is_own_pass = True
        gc.collect(1)
        self._is_own_pass = False

    def look(self, *, is_quiet: bool, is_idle: bool) -> None:
        """One look at what there may be, and the pass that is due."""
        is_new = bool(self._middle_passes or gc.get_count()[0])
        old = len(gc.get_objects(_OLDEST)) if self._middle_passes else self._survivors
        if old > GARBAGE_OLD_OBJECTS:
            self._young_pass()
            self._set_aside(old)
        elif is_new and (
            is_quiet or old - self._survivors > GARBAGE_OLD_OBJECTS // GARBAGE_GROWTH_PART
        ):
            self._old_pass()
        self._mind_what_is_aside(is_idle=is_idle)

    def give_back(self) -> None:
        """Have what was freed given back to the system, as far as it can be.

        Free lists of Python's hold on to some thousand small objects, and each of these to all the
        memory around it; only a pass over what is oldest empties them. It finds little to look at.
        """
        gc.collect(1)
        self._set_aside(len(gc.get_objects(_OLDEST)))
        gc.collect()

    def _old_pass(self) -> None:
        """Look through all that is not aside; set the survivors aside if they are many."""
        gc.collect()
        self._middle_passes = 0
        self._survivors = len(gc.get_objects(_OLDEST))
        if self._survivors > GARBAGE_OLD_OBJECTS // 2:
            self._set_aside(self._survivors)

    def _set_aside(self, count: int) -> None:
        gc.freeze()
        self._aside += count
        self._survivors = self._middle_passes = 0

    def _mind_what_is_aside(self, *, is_idle: bool) -> None:
        most = max(GARBAGE_ASIDE_OBJECTS, self._base // GARBAGE_GROWTH_PART)
        most *= 1 if is_idle else GARBAGE_ASIDE_FORCED
        if self._aside <= most:
            self._much_looks = 0
            return
        # Many were freed since; but to count them walks them all, 60 ms where 10,000 misses wait.
        self._much_looks += 1
        if is_idle or self._much_looks * GARBAGE_SECONDS > GARBAGE_COUNT_SECONDS:
            self._much_looks = 0
            self._aside = max(0, gc.get_freeze_count() - self._base)
            if self._aside > most:
                self._full_pass()

    def _full_pass(self) -> None:
        self._is_full_pass = True
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._is_full_pass = False
        self._base = gc.get_freeze_count()
        self._aside = self._survivors = self._middle_passes = 0
        self.full_passes += 1

    def _go_by(self, took_us: int, *, is_over_all: bool) -> None:
        """A pass took so long: after how many new objects the young are looked through again.

        *is_over_all*: also over those that had survived one, and as many as there should be, which
        alone says that all is well.
        """
        young = gc.get_threshold()[0]
        if took_us > GARBAGE_PASS_US:
            young = max(young // 2, GARBAGE_YOUNG_LEAST)
        elif is_over_all and took_us < GARBAGE_PASS_US // 2:
            young = min(2 * young, GARBAGE_YOUNG_MOST)
        gc.set_threshold(young, GARBAGE_YOUNG_PASSES, _NEVER)

    def _note(self, phase: str, info: dict[str, Any]) -> None:
        """What `gc.callbacks` tells before and after each pass."""
        if phase == "start":
            self._began = time.thread_time()
            return
        took_us = int(1e6 * (time.thread_time() - self._began))
        self.passes += 1
        self.collected_objects += info["collected"]
        self._last_us = took_us
        if self._is_resting and self._token:
            self._token.run_sync_soon(self._stir, idempotent=True)
        if info["generation"] == 1:
            self._middle_passes += 1
            self._middle_us += took_us
            if self._middle_us > GARBAGE_OLD_OBJECTS * GARBAGE_OBJECT_US and self._token:
                self._token.run_sync_soon(self._thin_out, idempotent=True)  # not where it began
        if self._is_full_pass:
            self.longest_full_us = max(self.longest_full_us, took_us)
        else:
            self.longest_us = max(self.longest_us, took_us)
            self._go_by(took_us, is_over_all=info["generation"] > 0 and not self._is_own_pass)
