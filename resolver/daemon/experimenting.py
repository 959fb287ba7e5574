"""Looks now and then whether some servers answer and others do not (`upstream.experiments`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from resolver.limits import EXPERIMENT_LOOK_SECONDS

if TYPE_CHECKING:
    from resolver.runtime.clock import Clock
    from resolver.upstream.dispatcher import Dispatcher


async def keep_looking(dispatcher: Dispatcher, clock: Clock) -> None:
    """Until cancelled. Where no packet was lost, a look costs nothing."""
    experiments, counters = dispatcher.shared.experiments, dispatcher.counters
    while True:
        await trio.sleep(EXPERIMENT_LOOK_SECONDS)
        experiments.look(
            dispatcher.infra.states.values(),
            losses=counters.expired + counters.unreachable,
            is_out=dispatcher.reach.is_out,
            now=trio.current_time(),
            wall=clock.wall(),
        )
