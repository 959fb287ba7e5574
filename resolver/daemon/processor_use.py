"""How much of a processor this process takes: of the last minute, and of its busiest one.

Python computes on one processor at a time: a process that takes nearly all of one has no more to
give, whatever the machine has besides (`resolver check` says so).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.telemetry.metrics import Registry


class ProcessorUse:
    """*cpu*: seconds of CPU that the process has used so far."""

    def __init__(self, cpu: Callable[[], float] = time.process_time) -> None:
        self.last = 0.0
        self.busiest = 0.0
        self._cpu = cpu
        self._before: tuple[float, float] | None = None

    def __repr__(self) -> str:
        return f"<ProcessorUse {self.last:.2f}, {self.busiest:.2f} at most>"

    def look(self, now: float) -> None:
        """Called every TICK_SECONDS, a minute."""
        used_s, before = self._cpu(), self._before
        self._before = used_s, now
        if before is not None and now > before[1]:
            self.last = (used_s - before[0]) / (now - before[1])
            self.busiest = max(self.busiest, self.last)

    def count(self, registry: Registry) -> None:
        """Have its numbers found."""
        registry.gauge(
            "processor_part", "Part of a processor that this process took in the last minute.",
            lambda: self.last,
        )  # fmt: skip
        registry.gauge(
            "processor_part_busiest", "The same of its busiest minute.", lambda: self.busiest
        )
