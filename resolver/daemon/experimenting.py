"""Looks now and then what the link is like: do some answer and some not? Is it by satellite?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import trio

from resolver.limits import EXPERIMENT_LOOK_SECONDS, EXPERIMENT_SLICE, GEO_ACCESS_MS
from resolver.upstream.experiments import Sides

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.runtime.clock import Clock
    from resolver.upstream.dispatcher import Dispatcher
    from resolver.upstream.infra import Infra
    from resolver.upstream.server_state import ServerState


async def keep_looking(dispatcher: Dispatcher, clock: Clock) -> None:
    """Until cancelled. Where nothing was asked since the last look, it costs nothing."""
    experiments, counters = dispatcher.shared.experiments, dispatcher.counters
    answered = 0
    while True:
        await trio.sleep(EXPERIMENT_LOOK_SECONDS)
        if experiments.is_due(counters.expired + counters.unreachable):
            sides = Sides(trio.current_time())
            async for some in _slices(dispatcher.infra):
                sides.add(some)
            is_out, now = dispatcher.reach.is_out, trio.current_time()
            experiments.look(sides, is_out=is_out, now=now, wall=clock.wall())
        if counters.answered != answered:
            answered, least_s = counters.answered, math.inf
            async for some in _slices(dispatcher.infra):
                least_s = min(least_s, *(state.watch.least_s for state in some))
            dispatcher.shared.fit(is_geo=GEO_ACCESS_MS <= 1000 * least_s < math.inf)


async def _slices(infra: Infra) -> AsyncIterator[list[ServerState]]:
    """All servers, some at a time: others have their turn in between."""
    states = list(infra.states.values())
    for at in range(0, len(states), EXPERIMENT_SLICE):
        yield states[at : at + EXPERIMENT_SLICE]
        await trio.lowlevel.checkpoint()
