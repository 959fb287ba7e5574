"""The daemon as verbs see it (`operate.view.Running`)."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec
import trio

from resolver.daemon import draining, drilling
from resolver.daemon.list_desk import ListDesk, Listing
from resolver.daemon.memory_pools import Holding, memory_of_process
from resolver.daemon.operated_known import OperatedKnowledge
from resolver.daemon.overriding import Overridden
from resolver.daemon.pages import health_of
from resolver.operate.colleagues import said_by
from resolver.operate.request import Request
from resolver.operate.verb import Refused
from resolver.operate.verbs import AMONG_WORKERS
from resolver.telemetry import logs
from resolver.telemetry.zone_tally import ZoneTally

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from resolver.cache.store import Store
    from resolver.cache.write_ledger import WriteLedger
    from resolver.config.endpoints import Endpoint
    from resolver.config.schema import Config
    from resolver.daemon.bind import ListeningSockets
    from resolver.daemon.certificates import Identity
    from resolver.daemon.health import Asking, Health
    from resolver.daemon.link_reading import LinkZone
    from resolver.daemon.link_zones import LinkZones
    from resolver.daemon.listeners import Listeners
    from resolver.daemon.notes import Notes
    from resolver.daemon.persistence import Persistence
    from resolver.daemon.sharing import Sharing
    from resolver.daemon.tls_contexts import TlsContexts
    from resolver.daemon.wiring import Parts
    from resolver.drill.job import Job
    from resolver.drill.report import Outcome
    from resolver.listen.admission import Admission
    from resolver.operate.reloaded import Reloaded
    from resolver.operate.verb import Reply
    from resolver.operate.view import Portal
    from resolver.telemetry.metrics import Registry
    from resolver.telemetry.shared_counters import Slot


class Process(Overridden, Listing, Holding, Protocol):
    """The process, as far as verbs need it (`run.Daemon`)."""

    parts: Parts
    nursery: trio.Nursery
    admission: Admission
    listeners: Listeners
    notes: Notes
    is_first: bool
    health: Health | None
    link_zones: LinkZones
    persistence: Persistence
    sharing: Sharing
    registry: Registry
    slot: Slot | None
    sockets: ListeningSockets
    tls: TlsContexts

    @property
    def bound(self) -> list[Endpoint]: ...

    @property
    def config(self) -> Config: ...

    @property
    def control(self) -> Asking: ...

    def show(self, identities: tuple[Identity, ...]) -> None: ...

    async def listen_later(self) -> None: ...


async def _nothing_to_read() -> Reloaded:
    raise Refused("this process has no configuration to read again")


class Hooks(NamedTuple):
    """What the process as a whole does: read its configuration again, end; what the first would
    come to (*preview*); and make its workers anew."""

    reload: Callable[[], Awaitable[Reloaded]] = _nothing_to_read
    stop: Callable[[], None] = lambda: None
    captive: Portal | None = None
    preview: Callable[[], Awaitable[Reloaded]] = _nothing_to_read
    make_anew: Callable[[], Awaitable[Reloaded]] = _nothing_to_read


class Operated(OperatedKnowledge):
    """What of *daemon* verbs look at, and what they may have it do."""

    def __init__(self, daemon: Process) -> None:
        super().__init__(daemon)
        self.lists = ListDesk(daemon)
        self.zone_tally = ZoneTally(daemon.parts.bus, daemon.parts.clock.now)
        self._daemon = daemon
        self.hooks = Hooks()
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

    async def others(self, verb: str, given: dict[str, Any]) -> AsyncIterator[Reply]:
        colleagues, among = self._daemon.control.colleagues, AMONG_WORKERS[verb]
        if colleagues is not None:
            request = Request(None, among, msgspec.convert(given, among.arguments))
            async with aclosing(said_by(colleagues, request)) as items:
                async for item in items:
                    yield item

    @property
    def bound(self) -> Sequence[Endpoint]:
        return self._daemon.bound

    @property
    def missing(self) -> Sequence[str]:
        return [str(wish) for wish in self._daemon.sockets.missing]

    @property
    def is_drained(self) -> bool:
        return self._daemon.sockets.is_drained

    @property
    def certificates(self) -> Sequence[Identity]:
        return self._daemon.tls.identities

    @property
    def store(self) -> Store | None:
        return self._daemon.persistence.store

    @property
    def shared(self) -> dict[str, Any] | None:
        return self._daemon.sharing.status()

    @property
    def written(self) -> WriteLedger:
        return self._daemon.persistence.ledger

    @property
    def link_zones(self) -> Sequence[LinkZone]:
        return self._daemon.link_zones.found

    @property
    def memory(self) -> dict[str, Any]:
        return memory_of_process(self._daemon)

    @property
    def in_flight(self) -> int:
        return self._daemon.admission.in_flight

    @property
    def captive(self) -> Portal:
        if self.hooks.captive is None:
            raise Refused("this process has no configuration to come back to")
        return self.hooks.captive

    async def reload(self) -> Reloaded:
        """Raises NotReloaded."""
        return await self.hooks.reload()

    async def preview(self) -> Reloaded:
        """Raises NotReloaded."""
        return await self.hooks.preview()

    async def reload_certificates(self) -> bool:
        """Raises ConfigError where they do not fit."""
        daemon = self._daemon
        fresh = await trio.to_thread.run_sync(daemon.tls.reread, daemon.config)
        if fresh == daemon.tls.identities:
            return False
        daemon.show(fresh)
        return True

    def log_at(self, level: str) -> str:
        """A line for each query costs something where it is wanted, and only there."""
        before = logs.set_level(level)
        self._daemon.notes.follow()
        self._daemon.listeners.hand_to(self._daemon.parts.pipeline)
        return before

    def reopen_log(self) -> tuple[list[str], list[str]]:
        return logs.reopen(tells=self._daemon.is_first, cause="control")

    async def drilled(self, job: Job) -> Outcome:
        return await drilling.drilled(self.parts, self._daemon.persistence, job)

    def own_health(self) -> Reply:
        return health_of(self._daemon).own()

    async def health(self) -> Reply:
        return await health_of(self._daemon).told()

    async def drain(self, grace_s: float) -> bool:
        return await draining.drain(self._daemon, grace_s)

    async def undrain(self) -> None:
        """Raises ConfigError."""
        await draining.undrain(self._daemon)

    async def make_anew(self) -> Reloaded:
        """Raises NotReloaded, Refused."""
        return await self.hooks.make_anew()

    def stop(self) -> None:
        self.hooks.stop()
