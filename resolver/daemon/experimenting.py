"""Looks now and then what the link is like: do some answer and some not? Is it by satellite?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import trio

from resolver.limits import EXPERIMENT_LOOK_SECONDS, GEO_ACCESS_MS

if TYPE_CHECKING:
    from resolver.runtime.clock import Clock
    from resolver.upstream.dispatcher import Dispatcher


async def keep_looking(dispatcher: Dispatcher, clock: Clock) -> None:
    """Until cancelled. Where nothing was asked since the last look, it costs nothing."""
    shared, counters, infra = dispatcher.shared, dispatcher.counters, dispatcher.infra
    answered = 0
    while True:
        await trio.sleep(EXPERIMENT_LOOK_SECONDS)
        shared.experiments.look(
            infra.states.values(),
            losses=counters.expired + counters.unreachable,
            is_out=dispatcher.reach.is_out,
            now=trio.current_time(),
            wall=clock.wall(),
        )
        if counters.answered != answered:
            answered = counters.answered
            least_s = min((one.watch.least_s for one in infra.states.values()), default=math.inf)
            shared.fit(is_geo=GEO_ACCESS_MS <= 1000 * least_s < math.inf)
