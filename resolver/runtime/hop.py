"""Work that blocks, in a thread; on the spot where time is virtual, for a thread's would not be."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import trio

from resolver.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.runtime.clock import Clock


T = TypeVar("T")


async def hop(clock: Clock, work: Callable[..., T], *args: object) -> T:
    """What *work* gives for *args*. Raises what it raises."""
    if isinstance(clock, SystemClock):
        return await trio.to_thread.run_sync(work, *args)
    return work(*args)
