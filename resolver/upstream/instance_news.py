"""Who is told that another instance of a server answers: the log, and whoever listens."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from resolver.protocol.names import to_text
from resolver.runtime.duration import duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.upstream.server_events import InstanceChanged

_log = logging.getLogger(__name__)


class InstanceNews:
    """Routes that flap are told in the log once, until they have been steady for a while."""

    __slots__ = ("listeners",)

    def __init__(self) -> None:
        self.listeners: list[Callable[[InstanceChanged], None]] = []

    def __repr__(self) -> str:
        return f"<InstanceNews to {len(self.listeners)}>"

    def tell(self, _: object, change: InstanceChanged, __: float) -> None:
        """An action of a cut query's, done."""
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
