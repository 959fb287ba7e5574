"""The daemon as verbs see it (`operate.view.Running`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from resolver.daemon import forgetting

if TYPE_CHECKING:
    from collections.abc import Sequence

    import trio

    from resolver.cache.store import Store
    from resolver.cache.write_ledger import WriteLedger
    from resolver.config.endpoints import Endpoint
    from resolver.config.schema import Config
    from resolver.daemon.bind import ListeningSockets
    from resolver.daemon.certificates import Identity
    from resolver.daemon.persistence import Persistence
    from resolver.daemon.tls_contexts import TlsContexts
    from resolver.daemon.wiring import Parts
    from resolver.model import Name
    from resolver.telemetry.metrics import Registry
    from resolver.telemetry.shared_counters import Slot


class Process(Protocol):
    """The process, as far as verbs need it (`run.Daemon`)."""

    parts: Parts
    nursery: trio.Nursery
    persistence: Persistence
    registry: Registry
    slot: Slot | None
    sockets: ListeningSockets
    tls: TlsContexts

    @property
    def bound(self) -> list[Endpoint]: ...

    @property
    def config(self) -> Config: ...


class Operated:
    """What of *daemon* verbs look at, and what they may have it do."""

    def __init__(self, daemon: Process) -> None:
        self._daemon = daemon
        self.started_at = daemon.parts.clock.wall()

    def __repr__(self) -> str:
        return f"<Operated {self._daemon!r}>"

    @property
    def parts(self) -> Parts:
        return self._daemon.parts

    @property
    def registry(self) -> Registry:
        return self._daemon.registry

    @property
    def workers(self) -> int:
        workers = self._daemon.config.server.workers
        return workers if isinstance(workers, int) else 1

    @property
    def worker(self) -> int:
        slot = self._daemon.slot
        return 0 if slot is None else slot.number

    @property
    def bound(self) -> Sequence[Endpoint]:
        return self._daemon.bound

    @property
    def missing(self) -> Sequence[str]:
        return [str(wish) for wish in self._daemon.sockets.missing]

    @property
    def certificates(self) -> Sequence[Identity]:
        return self._daemon.tls.identities

    @property
    def store(self) -> Store | None:
        return self._daemon.persistence.store

    @property
    def written(self) -> WriteLedger:
        return self._daemon.persistence.ledger

    async def forget(self, name: Name, *, below: bool) -> None:
        """As `forgetting.forget`. Raises StoreFailed."""
        await forgetting.forget(self._daemon, name, below=below)
