"""What machines share, and workers, as the daemon holds it: nothing, where there is one of each.

What it takes is loaded and read before privileges are dropped. `shared_cache` does the rest for
machines, `common_cache` for workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolver.cache.shared import Shared
from resolver.daemon.common_cache import CommonCache
from resolver.daemon.shared_terms import shared_terms
from resolver.runtime.breaker import Breaker

if TYPE_CHECKING:
    from collections.abc import Collection

    import trio

    from resolver.cache.store_forget import Meant
    from resolver.config.schema import Config
    from resolver.daemon.shared_cache import SharedCache
    from resolver.daemon.wiring import Parts
    from resolver.model import Name
    from resolver.telemetry.metrics import Registry
    from resolver.telemetry.shared_counters import Slot


class Sharing:
    """As *config* says. Raises ConfigError where a file that it names is no good. *slot*: one of
    several workers."""

    def __init__(self, config: Config, slot: Slot | None = None) -> None:
        self._terms = shared_terms(config)
        self._common = CommonCache(slot)
        self.cache: SharedCache | None = None
        if self._terms is not None:
            from resolver.daemon import shared_cache  # noqa: F401, PLC0415 - loads coredis

    def __repr__(self) -> str:
        return f"<Sharing {self.cache or 'nothing'}>"

    def open(self, parts: Parts, nursery: trio.Nursery, *, tells: bool) -> None:
        """Have *parts* share what they learn, if they are to. After who keeps it on disk."""
        if self._terms is not None:
            from resolver.daemon.shared_cache import SharedCache  # noqa: PLC0415 - where wanted

            self.cache = SharedCache(self._terms, parts, tells=tells)
            nursery.start_soon(self.cache.run)
        self._common.open(parts)

    def serve(self, parts: Parts, meant: Meant | None) -> None:
        """Have *parts* do so in the place of others."""
        if self.cache is not None:
            self.cache.serve(parts, meant)
        self._common.serve(parts, forgets=meant is not None)

    async def forget(self, meant: Meant) -> int:
        """Delete what is *meant*. How many keys. Raises StoreFailed."""
        self._common.forget()
        return 0 if self.cache is None else await self.cache.forget(meant)

    async def forget_places(self, places: Collection[tuple[Name, int]]) -> int:
        """Delete what is kept of these names and types. How many keys. Raises StoreFailed."""
        self._common.forget()
        return 0 if self.cache is None else await self.cache.forget_places(places)

    @property
    def common_octets(self) -> int:
        """Memory that all workers of this machine have filled in common."""
        return self._common.octets

    def status(self) -> dict[str, Any] | None:
        """How it is; None: nothing is shared."""
        return None if self.cache is None else self.cache.status()

    def count(self, registry: Registry) -> None:
        """Have its numbers found."""
        self._common.count(registry)

        def caches() -> list[SharedCache]:
            return [] if self.cache is None else [self.cache]

        registry.count("valkey", Shared, lambda: [one.shared for one in caches()])
        registry.count("valkey", Breaker, lambda: [one.breaker for one in caches()])
        registry.gauge(
            "valkey_up", "1 while Valkey is asked; 0 while it is left alone.",
            lambda: sum(one.breaker.is_closed for one in caches()),
        )  # fmt: skip
        registry.gauge(
            "valkey_waiting", "What was learnt and waits to be sent to Valkey.",
            lambda: sum(one.waiting for one in caches()),
        )  # fmt: skip
        registry.gauge(
            "valkey_lookup_seconds", "Seconds that a look-up in Valkey takes of late.",
            lambda: sum(one.took_s for one in caches()),
        )  # fmt: skip
