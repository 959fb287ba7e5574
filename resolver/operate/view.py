"""The running daemon, as verbs see it: what `daemon.operated` fills in.

A reload puts other parts in the place of these: whoever waits in between reads `parts` again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from resolver.operate.view_known import Knowing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from resolver.cache.delegation import DelegationCache
    from resolver.cache.store import Store
    from resolver.cache.write_ledger import WriteLedger
    from resolver.config.endpoints import Endpoint
    from resolver.config.schema import Config
    from resolver.dnssec.anchors import Anchors
    from resolver.dnssec.keystore import KeyStore
    from resolver.drill.job import Job
    from resolver.drill.report import Outcome
    from resolver.iterate.root_copy import RootCopy
    from resolver.iterate.walk import Walker
    from resolver.model import Delegation, Name
    from resolver.operate.reloaded import Reloaded
    from resolver.operate.view_lists import ListDesk
    from resolver.packets.cache import PacketCache
    from resolver.pipeline import Pipeline
    from resolver.policy.lists import Lists
    from resolver.policy.rpz import Rpzs
    from resolver.policy.views import Views
    from resolver.recurse.known import Known
    from resolver.recurse.prefetch import Prefetch
    from resolver.recurse.resolver import Resolver
    from resolver.runtime.clock import Clock
    from resolver.telemetry.events import Bus
    from resolver.telemetry.metrics import Registry
    from resolver.telemetry.zone_tally import ZoneTally
    from resolver.upstream.dispatcher import Dispatcher
    from resolver.upstream.infra import Infra


class Base(Protocol):
    """What outlives every configuration (`daemon.wiring.Base`)."""

    @property
    def root_copy(self) -> RootCopy: ...
    @property
    def prefetch(self) -> Prefetch: ...
    @property
    def rpzs(self) -> Rpzs: ...
    @property
    def lists(self) -> Lists: ...


class Parts(Protocol):
    """The wired objects of one configuration (`daemon.wiring.Parts`)."""

    @property
    def base(self) -> Base: ...
    @property
    def config(self) -> Config: ...
    @property
    def delegations(self) -> DelegationCache: ...
    @property
    def memory(self) -> Known: ...
    @property
    def resolver(self) -> Resolver: ...
    @property
    def walker(self) -> Walker: ...
    @property
    def pipeline(self) -> Pipeline: ...
    @property
    def hints(self) -> Delegation: ...
    @property
    def fixed(self) -> dict[Name, Delegation]: ...
    @property
    def anchors(self) -> Anchors | None: ...
    @property
    def keystore(self) -> KeyStore: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def infra(self) -> Infra: ...
    @property
    def dispatcher(self) -> Dispatcher: ...
    @property
    def packets(self) -> PacketCache: ...
    @property
    def views(self) -> Views: ...
    @property
    def bus(self) -> Bus: ...


class Certificate(Protocol):
    """One that clients are shown (`daemon.certificates.Identity`)."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def addresses(self) -> tuple[str, ...]: ...
    @property
    def valid_until(self) -> float: ...
    @property
    def pin(self) -> str: ...


class Portal(Protocol):
    """Whether the network's own name servers are asked, and until when (`daemon.captive`)."""

    @property
    def is_on(self) -> bool: ...
    @property
    def until(self) -> float:
        """In trio's seconds."""
        ...

    @property
    def hosts(self) -> Sequence[str]: ...
    async def begin(self, seconds: float) -> Sequence[str]:
        """Raises ResolverError."""
        ...

    async def end(self) -> bool:
        """Raises ResolverError."""
        ...


class LinkZone(Protocol):
    """A zone that a network link brings (`daemon.link_reading.LinkZone`)."""

    @property
    def zone(self) -> str: ...
    @property
    def hosts(self) -> Sequence[str]: ...
    @property
    def link(self) -> str: ...


class Running(Knowing, Protocol):
    """The process."""

    @property
    def captive(self) -> Portal:
        """Raises Refused where there can be none."""
        ...

    @property
    def link_zones(self) -> Sequence[LinkZone]:
        """Those that are forwarded now, since a link says so."""
        ...

    @property
    def zone_tally(self) -> ZoneTally:
        """How zones do, from its `begin` on."""
        ...

    @property
    def parts(self) -> Parts: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def started_at(self) -> float:
        """Unix seconds."""
        ...

    @property
    def lists(self) -> ListDesk: ...
    @property
    def workers(self) -> int:
        """How many processes share the ports."""
        ...

    @property
    def worker(self) -> int:
        """Which of them this is, from 0 on."""
        ...

    def others(self, verb: str, given: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """What each of the other workers says to *verb*, as `operate.colleagues.said_by`; nothing
        where there are none, or where this is not the first."""
        ...

    @property
    def bound(self) -> Sequence[Endpoint]:
        """Where questions are taken now."""
        ...

    @property
    def missing(self) -> Sequence[str]:
        """Listeners that could not be bound yet."""
        ...

    @property
    def is_drained(self) -> bool:
        """No questions are taken, because somebody wanted so."""
        ...

    @property
    def certificates(self) -> Sequence[Certificate]: ...
    @property
    def store(self) -> Store | None:
        """The cache on disk, if there is one."""

    @property
    def shared(self) -> dict[str, Any] | None:
        """How what machines share is; None: nothing is shared."""
        ...

    @property
    def written(self) -> WriteLedger:
        """How much of it was written."""
        ...

    @property
    def memory(self) -> dict[str, Any]:
        """The budget, what the process takes, and what each pool holds, in octets."""
        ...

    @property
    def in_flight(self) -> int:
        """Queries of clients that wait for an answer now."""
        ...

    async def reload(self) -> Reloaded:
        """Read the configuration again. Raises NotReloaded."""
        ...

    async def preview(self) -> Reloaded:
        """What a reload would change. Raises NotReloaded."""
        ...

    async def reload_certificates(self) -> bool:
        """Look at their files; True if others are in use now. Raises ConfigError."""
        ...

    def log_at(self, level: str) -> str:
        """Log at *level* from now on; the level before."""
        ...

    def reopen_log(self) -> tuple[list[str], list[str]]:
        """Open log files anew: those that were, and a sentence for each that cannot be."""
        ...

    async def drilled(self, job: Job) -> Outcome:
        """As `daemon.drilling.drilled`."""
        ...

    def own_health(self) -> dict[str, Any]:
        """What this process says of itself (`health_conditions.Facts`)."""
        ...

    async def health(self) -> dict[str, Any]:
        """Whether the machine should attract traffic; looks go on from here for a while."""
        ...

    async def drain(self, grace_s: float) -> bool:
        """Close the listeners, after *grace_s* at most where somebody asks for health; returns
        when what was asked there is answered. False if it was undone meanwhile."""
        ...

    async def undrain(self) -> None:
        """Open them again. Raises ConfigError."""
        ...

    async def make_anew(self) -> Reloaded:
        """Have all workers made anew, one after the other, soon; what changes by it. Raises
        NotReloaded, and Refused where there is one process only."""
        ...

    def stop(self) -> None:
        """End in order, soon."""
        ...
