"""The numbers of what is kept outside of the process: on disk, and between machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from resolver.cache.store import Store

if TYPE_CHECKING:
    from resolver.daemon.persistence import Persistence
    from resolver.daemon.sharing import Sharing
    from resolver.daemon.wiring import Parts
    from resolver.telemetry.metrics import Registry


class Keeping(Protocol):
    """The process, as far as it keeps something (`run.Daemon`)."""

    parts: Parts
    persistence: Persistence
    sharing: Sharing


def count_kept(registry: Registry, daemon: Keeping) -> None:
    """Have them found."""
    persistence = daemon.persistence
    registry.count("store", Store, lambda: [] if persistence.store is None else [persistence.store])
    registry.gauge(
        "store_octets_written_day",
        "Octets that went to disk for it in the last 24 hours, over restarts too.",
        lambda: persistence.ledger.last_day(daemon.parts.clock.now()),
    )

    def waiting() -> int:
        level = daemon.parts.memory.second
        return 0 if level is None else len(level.learnt)

    registry.gauge("store_waiting", "What was learnt and waits to be written to disk.", waiting)
    daemon.sharing.count(registry)
