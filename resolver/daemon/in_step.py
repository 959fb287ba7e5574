"""Several workers, and what the first of them reads for all: lists and policy zones.

None serves without them because the first one is not done: what blocks nothing for a moment is told
to clients for as long as its TTLs last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import trio

from resolver.limits import LIST_START_SECONDS, RPZ_START_SECONDS, WORKERS_LOOK_SECONDS

if TYPE_CHECKING:
    from resolver.daemon.list_room import ListRoom
    from resolver.daemon.upkeep import Upkeep
    from resolver.daemon.wiring import Parts
    from resolver.telemetry.shared_counters import Slot


class Starting(Protocol):
    """The process, at its start (`run.Daemon`)."""

    parts: Parts
    lists: ListRoom
    upkeep: Upkeep
    slot: Slot | None


async def in_step(daemon: Starting) -> None:
    """Have in force what the first worker has read, once it has; for as long as that one
    may take, at most."""
    slot, config = daemon.slot, daemon.parts.config
    if slot is None:
        return
    if slot.is_first:
        slot.note_first_begun()
        return
    if not (config.rpz or config.block or config.allow):
        return
    with trio.move_on_after(LIST_START_SECONDS + RPZ_START_SECONDS):
        while not slot.has_first_begun:  # noqa: ASYNC110 - it is another process
            await trio.sleep(WORKERS_LOOK_SECONDS)
    await daemon.lists.keeper.look()
    await daemon.upkeep.rpz_keeper.take_kept()
