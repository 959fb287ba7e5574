"""Time as the path sees it: three clocks, passed in, never reached for (DESIGN rule 6).

`Clock.now()` counts TTLs (CLOCK_BOOTTIME where there is one: it runs on while a laptop sleeps);
`Clock.wall()` is Unix time for RRSIG windows; timeouts run on trio's own clock.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock(Protocol):
    """Seconds for TTLs, and Unix seconds for validity windows."""

    def now(self) -> float: ...

    def wall(self) -> float: ...


class SystemClock:
    """The machine's clocks. *ttl_source* "realtime" lets TTLs follow the wall clock (tests)."""

    def __init__(self, *, ttl_source: str = "boottime", wall_floor: float = 0.0) -> None:
        self.now: Callable[[], float]
        if ttl_source == "realtime":
            self.now = time.time
        elif hasattr(time, "CLOCK_BOOTTIME"):
            self.now = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
        else:
            self.now = time.monotonic
        self.wall_floor = wall_floor

    def is_set(self) -> bool:
        """False while the machine's clock is below the floor: nobody has set it since it booted."""
        return time.time() >= self.wall_floor

    def wall(self) -> float:
        """Unix time, never below the floor: a machine that boots in 1970 still validates."""
        return max(time.time(), self.wall_floor)
