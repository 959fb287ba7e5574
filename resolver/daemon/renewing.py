"""Renewal ahead of need, as the configuration wants it, and the task that has it done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from resolver.limits import PREFETCH_LAG_SECONDS
from resolver.policy.local import PRIVATE_REVERSE
from resolver.protocol import names
from resolver.recurse.renewals import Renewals

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.config.schema import Config
    from resolver.iterate.walk import Walker
    from resolver.recurse.prefetch import Prefetch
    from resolver.recurse.resolver import Resolver
    from resolver.runtime.clock import Clock
    from resolver.upstream.dispatcher import Dispatcher


def renews_ahead(config: Config) -> bool:
    """May anything be fetched ahead of need?"""
    return config.resolution.prefetch and not config.outgoing.metered


def renewals_of(
    config: Config,
    resolver: Resolver,
    walker: Walker,
    *,
    dispatcher: Dispatcher,
    now: Callable[[], float],
) -> Renewals | None:
    """How this configuration's caches are renewed; None where they are not."""
    if not renews_ahead(config):
        return None
    return Renewals(
        resolver,
        walker,
        dispatcher,
        now=now,
        outage_now=trio.current_time,
        barred=PRIVATE_REVERSE | {*map(names.from_text, config.resolution.stale_never)},
    )


async def keep_renewing(prefetch: Prefetch, clock: Clock, are_notes_read: trio.Event) -> None:
    """Have `Prefetch.tick` called when it is due, for as long as the process lives.

    Not before what an earlier process kept warm is known (*are_notes_read*), if anything is. How
    late the event loop comes to it says whether there is time for what nobody waits for.
    """
    now = clock.now
    await are_notes_read.wait()
    while True:
        is_woken = trio.Event()
        prefetch.wake = is_woken.set
        due_at = prefetch.tick()
        with trio.move_on_after(max(due_at - now(), 0.0)) as scope:
            await is_woken.wait()
        if scope.cancelled_caught:
            prefetch.is_late = now() - due_at > PREFETCH_LAG_SECONDS
