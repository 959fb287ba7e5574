"""Who is told that another instance of a server answers: the log, and whoever listens."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from resolver.model import Verdict
from resolver.protocol.names import to_text
from resolver.runtime.duration import duration
from resolver.upstream.instance import said
from resolver.upstream.server_events import InstanceChanged
from resolver.upstream.server_state import TURNS, Mark

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.model import Name, Server
    from resolver.protocol.wire import Message
    from resolver.upstream.server_events import UpstreamCounters
    from resolver.upstream.server_state import ServerState

_log = logging.getLogger(__name__)


def learnt(
    server: Server, state: ServerState, zone: Name, message: Message, rtt_s: float, now: float
) -> InstanceChanged | None:
    """What a reply to a query that asked for it says of the instance, if that is another. Pure.

    Where instances take turns another server that is as near is preferred from now on.
    """
    instances = state.watch.instances
    was_unstable = instances is not None and instances.is_unstable(now)
    before = state.watch.note(said(message), rtt_s, now)
    if before is None or instances is None:
        return None
    if instances.is_unstable(now):
        state.marks[TURNS] = Mark(Verdict.ANSWER, instances.unstable_until)
    return InstanceChanged(
        server, zone, before.text, instances.current.text, now - before.since,
        before.least_s, rtt_s, was_unstable, instances.is_unstable(now),
    )  # fmt: skip


class InstanceNews:
    """Routes that flap are told in the log once, until they have been steady for a while."""

    __slots__ = ("_counters", "listeners")

    def __init__(self, counters: UpstreamCounters) -> None:
        self._counters = counters
        self.listeners: list[Callable[[InstanceChanged], None]] = []

    def __repr__(self) -> str:
        return f"<InstanceNews to {len(self.listeners)}>"

    def tell(self, _: object, change: InstanceChanged, __: float) -> None:
        """An action of a cut query's, done."""
        self._counters.instance_changes += 1
        host, nameserver = change.server.host, to_text(change.server.nameserver)
        if not change.is_unstable:
            _log.info(
                "another instance answers at %s (%s): %s in %.1f ms; before, for %s, %s in %.1f ms",
                host,
                nameserver,
                change.after,
                1000 * change.rtt_s,
                duration(change.since_s),
                change.before,
                1000 * change.rtt_before_s,
            )
        elif not change.was_unstable:
            turns = change.before, change.after
            _log.info("instances take turns at %s (%s): %s and %s", host, nameserver, *turns)
        for listener in self.listeners:
            listener(change)
