"""A drill, in a process of its own: what it takes besides what the verb knows, and its outcome."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import msgspec

from resolver.daemon.child import ChildFailed, ask_child
from resolver.drill.job import Done, StoreAt
from resolver.drill.report import Failing, Outcome
from resolver.limits import DRILL_ROWS, DRILL_SECONDS
from resolver.runtime.clock import SystemClock
from resolver.runtime.rests import Rests

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
        octets = await _octets(job)
        done = await ask_child(_MODULE, octets, Done, seconds=DRILL_SECONDS, comes_last=True)
        return await _outcome(done)
    except (ChildFailed, msgspec.DecodeError) as error:
        return Outcome(trouble=f"no drill: {error}")


async def _octets(job: Job) -> bytes:
    """As `drill_work` reads it; made some at a time."""
    pieces, job.facts = job.facts, []
    lines, rests = [msgspec.json.encode(job)], Rests()
    for piece in pieces:
        await rests.turn()
        lines.append(msgspec.json.encode(piece))
    return b"\n".join(lines)


async def _outcome(done: Done) -> Outcome:
    """All of it; read some at a time. Raises msgspec.DecodeError."""
    outcome, rests = done.outcome, Rests()
    for start in range(0, len(done.failing), DRILL_ROWS):
        await rests.turn()
        rows = done.failing[start : start + DRILL_ROWS]
        outcome.failing.extend(msgspec.json.decode(row, type=Failing) for row in rows)
    return outcome


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
