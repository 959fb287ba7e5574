"""Tags that count at some times only: views change at their minute, between two queries.

The machine's clock is looked at once a minute, as it turns, and every SCHEDULE_LOOK_SECONDS
besides: somebody may set it, summer may begin, a laptop may have slept. A change of views forgets
all packets, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import trio

from resolver.limits import SCHEDULE_LOOK_SECONDS
from resolver.runtime.clock import stamps
from resolver.telemetry import logs

if TYPE_CHECKING:
    from resolver.daemon.wiring import Parts

_MINUTE_NS = 60 * 1_000_000_000


class Scheduled(Protocol):
    """The process (`run.Daemon`), as far as schedules need it."""

    parts: Parts
    is_first: bool


async def keep_schedules(daemon: Scheduled) -> None:
    """Have the views that are meant at each time, until cancelled."""
    while True:
        parts = daemon.parts
        if parts.look_at_schedules() and daemon.is_first:
            logs.say(f"schedules: {', '.join(sorted(parts.tags)) or 'no tag'} from now on")
        left_s = (_MINUTE_NS - stamps(parts.clock)() % _MINUTE_NS) / 1_000_000_000
        await trio.sleep(min(left_s, SCHEDULE_LOOK_SECONDS))
