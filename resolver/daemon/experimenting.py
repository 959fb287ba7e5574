"""Looks now and then what the link is like: do some answer and some not? Is it by satellite?"""

from __future__ import annotations

import math
from heapq import nsmallest
from typing import TYPE_CHECKING

import trio

from resolver.geo.distance import NEAREST, Measured, looks_like
from resolver.limits import EXPERIMENT_LOOK_SECONDS, EXPERIMENT_SLICE
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
            answered = counters.answered
            dispatcher.infra.link.fit(await _kind(dispatcher.infra))


async def _kind(infra: Infra) -> str:
    """What the link looks like, by those servers that answered soonest in the last hour or two."""
    nearest: list[ServerState] = []
    async for some in _slices(infra):
        nearest = nsmallest(NEAREST, [*nearest, *some], key=_least_s)
    return looks_like(
        [
            Measured(state.key[0], 1000 * state.watch.least_s, state.n, 1000 * state.var)
            for state in nearest
            if state.watch.least_s < math.inf
        ]
    )


def _least_s(state: ServerState) -> float:
    return state.watch.least_s


async def _slices(infra: Infra) -> AsyncIterator[list[ServerState]]:
    """All servers, some at a time: others have their turn in between."""
    states = list(infra.states.values())
    for at in range(0, len(states), EXPERIMENT_SLICE):
        yield states[at : at + EXPERIMENT_SLICE]
        await trio.lowlevel.checkpoint()
