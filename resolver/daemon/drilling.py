"""A drill, in a process of its own: what it takes besides what the verb knows, and its outcome."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from resolver.daemon.child import ChildFailed, ask_child
from resolver.drill.job import StoreAt
from resolver.drill.report import Outcome
from resolver.limits import DRILL_SECONDS
from resolver.runtime.clock import SystemClock

if TYPE_CHECKING:
    from resolver.daemon.persistence import Persistence
    from resolver.daemon.wiring import Parts
    from resolver.drill.job import Job

_MODULE: Final = "resolver.daemon.drill_work"


async def drilled(parts: Parts, persistence: Persistence, job: Job) -> Outcome:
    """What *job* comes to. Never raises: a trouble is told in the outcome.

    In a process of its own; here where time is virtual, and only then is that loaded here.
    """
    job.parent, job.store = os.getpid(), store_at(parts, persistence)
    if not isinstance(parts.clock, SystemClock):
        from resolver.daemon import drill_work  # noqa: PLC0415 - see above

        return drill_work.work(job)
    try:
        return await ask_child(_MODULE, job, Outcome, seconds=DRILL_SECONDS)
    except ChildFailed as error:
        return Outcome(trouble=f"no drill: {error}")


def store_at(parts: Parts, persistence: Persistence) -> StoreAt | None:
    """Where the cache on disk is and what is believed of it; None if there is none now."""
    found = persistence.read_by()
    if found is None:
        return None
    path, store, basis = found
    now = parts.clock.now()
    times = store.times(now)
    memory = parts.memory
    return StoreAt(
        str(path), store.key, basis.public, basis.trust, list(basis.ways.items()), basis.validates,
        times.boot, now, times.wall, times.is_sure, times.stale_s,
        memory.rrsets.max_ttl, memory.negatives.max_ttl,
    )  # fmt: skip
