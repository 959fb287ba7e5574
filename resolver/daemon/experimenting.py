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


async def keep_looking(dispatcher: Dispatcher, clock: Clock, are_notes_read: trio.Event) -> None:
    """Until cancelled. Where nothing was asked since the last look, it costs nothing.

    The first look is at what an earlier run remembers, once *are_notes_read*.
    """
    experiments, counters = dispatcher.shared.experiments, dispatcher.counters
    answered = 0
    await are_notes_read.wait()
    dispatcher.infra.link.fit(*await _seen(dispatcher.infra))
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
            dispatcher.infra.link.fit(*await _seen(dispatcher.infra))


async def _seen(infra: Infra) -> tuple[str, float]:
    """What the link looks like, and seconds to the nearest server: by those that answered soonest
    in the last hour or two; where nobody did yet, in an earlier run."""
    nearest: list[ServerState] = []
    async for some in _slices(infra):
        nearest = nsmallest(NEAREST, [*nearest, *some], key=_distance)
    is_measured = bool(nearest) and nearest[0].n > 0
    found = [
        Measured(state.key[0], 1000 * _distance(state)[1], state.n, 1000 * state.var)
        for state in nearest
        if (state.n > 0) is is_measured and _distance(state)[1] < math.inf
    ]
    return looks_like(found), found[0].rtt_ms / 1000 if found else 0.0


def _distance(state: ServerState) -> tuple[bool, float]:
    """Those that are measured first; seconds."""
    least_s = state.watch.least_s if state.n else state.expected_rtt_s or math.inf
    return not state.n, least_s


async def _slices(infra: Infra) -> AsyncIterator[list[ServerState]]:
    """All servers, some at a time: others have their turn in between."""
    states = list(infra.states.values())
    for at in range(0, len(states), EXPERIMENT_SLICE):
        yield states[at : at + EXPERIMENT_SLICE]
        await trio.lowlevel.checkpoint()
