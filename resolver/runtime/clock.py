"""Time as the path sees it: three clocks, passed in, never reached for.

`Clock.now()` counts TTLs (CLOCK_BOOTTIME where there is one: it runs on while a laptop sleeps);
`Clock.wall()` is Unix time for RRSIG windows; timeouts run on trio's own clock.

The wall clock of a machine may be wrong either way, for years, and is believed no further than the
evidence goes: the kernel's word that it is synchronised; a floor that now cannot be before; and the
signatures that trust anchors made, which are in force now or the machine could not have got them.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import trio

from resolver.limits import CLOCK_LOOK_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)
_NS: Final = 1_000_000_000


class Clock(Protocol):
    """Seconds for TTLs, and Unix seconds for validity windows."""

    def now(self) -> float: ...

    def wall(self) -> float: ...


def trio_clock() -> Callable[[], float]:
    """What tells `trio.current_time`, without the two doors before it, which cost twice as much.

    For who asks with each query. Raises RuntimeError outside of a run, whose clock it is.
    """
    return trio.lowlevel.current_clock().current_time


def stamps(clock: Clock) -> Callable[[], int]:
    """Unix nanoseconds as logs have them: by the machine's own clock, whoever believes it; of a
    simulated one by that.
    """
    return time.time_ns if isinstance(clock, SystemClock) else lambda: int(clock.wall() * _NS)


class Reading(NamedTuple):
    """Unix time; *is_exact* False: it is at least that, and may be later."""

    wall: float
    is_exact: bool


def _vouched(_wall: float) -> bool:
    return True


class SystemClock:
    """The machine's clocks. *ttl_source* "realtime" lets TTLs follow the wall clock (tests).

    *wall_floor*: Unix seconds that now cannot be before. *vouches*, given the wall clock's reading:
    does the kernel vouch for it? *tolerance_s*: a clock that is off by less is not wrong.
    """

    def __init__(
        self,
        *,
        ttl_source: str = "boottime",
        wall_floor: float = 0.0,
        vouches: Callable[[float], bool] = _vouched,
        tolerance_s: float = 0.0,
    ) -> None:
        self.now: Callable[[], float]
        if ttl_source == "realtime":
            self.now = time.time
        elif hasattr(time, "CLOCK_BOOTTIME"):
            self.now = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
        else:
            self.now = time.monotonic
        self.ttl_source = ttl_source
        self.wall_floor = wall_floor
        self.confirmed = 0.0  # the latest time that an anchor's signature says has come
        self._until = 0.0  # and the latest until which one says that it holds
        self._vouches = vouches
        self._is_vouched = False
        self._look_at = float("-inf")
        self._tolerance_s = tolerance_s
        self._has_spoken = False

    def wall(self) -> float:
        """Unix time, as well as can be told; never below the floor."""
        wall, least = time.time(), max(self.wall_floor, self.confirmed)
        if wall < least - self._tolerance_s:
            return least
        return least if self._is_ahead(wall) and not self._has_voucher(wall) else wall

    def reading(self) -> Reading:
        """Unix time to check signatures against, which may be known only from below.

        A clock that nobody vouches for counts once a signature agrees with it; before that, and if
        none does, only the floor and what has been signed since are sure.
        """
        wall, least = time.time(), max(self.wall_floor, self.confirmed)
        if wall >= least - self._tolerance_s:
            if self._has_voucher(wall):
                return Reading(wall, is_exact=True)
            if self._until and not self._is_ahead(wall):
                return Reading(max(wall, least), is_exact=False)
        self._tell(wall)
        return Reading(least, is_exact=False)

    def is_set(self) -> bool:
        """True if there is evidence that the wall clock is right."""
        return self.reading().is_exact

    def is_plausible(self) -> bool:
        """True if the kernel vouches for the clock, or signatures that are in force agree."""
        wall, least = time.time(), max(self.wall_floor, self.confirmed)
        if wall < least - self._tolerance_s:
            return False
        return self._has_voucher(wall) or (bool(self._until) and not self._is_ahead(wall))

    def witness(self, since: float, until: float) -> None:
        """A trust anchor's signature, in force from *since* to *until*, was verified."""
        self.confirmed = max(self.confirmed, since)
        self._until = max(self._until, until)
        self._tell(time.time())

    def compare_with_floor(self) -> None:
        """Say so where the wall clock is below its floor."""
        self._tell(time.time())

    def _tell(self, wall: float) -> None:
        """Say so where *wall* is out of what is known to be possible."""
        if self._has_spoken:
            return
        if wall < self.confirmed - self._tolerance_s or self._is_ahead(wall):
            window = f"from {_text(self.confirmed)} to {_text(self._until)}"
            self.suspect(f"it says {_text(wall)}, but signatures are in force {window}")
        elif wall < self.wall_floor - self._tolerance_s:
            self.suspect(f"it says {_text(wall)}, but it is {_text(self.wall_floor)} at least")

    def suspect(self, why: str) -> None:
        """Say that the clock looks wrong, once in a run."""
        if not self._has_spoken:
            self._has_spoken = True
            _log.warning("the clock of this machine looks wrong: %s", why)

    def _is_ahead(self, wall: float) -> bool:
        """Of all signatures seen? Those in force now cannot have ended."""
        return bool(self._until) and wall > self._until + self._tolerance_s

    def _has_voucher(self, wall: float) -> bool:
        now = self.now()
        if not 0.0 <= now - (self._look_at - CLOCK_LOOK_SECONDS) < CLOCK_LOOK_SECONDS:
            self._is_vouched = self._vouches(wall)
            self._look_at = now + CLOCK_LOOK_SECONDS
        return self._is_vouched


def confirmed_time(clock: Clock) -> float:
    """Unix seconds that now cannot be before, by signatures and the floor; 0: unknown."""
    if not isinstance(clock, SystemClock):
        return 0.0
    return max(clock.wall_floor, clock.confirmed)


def _text(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
