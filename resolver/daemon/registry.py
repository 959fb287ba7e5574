"""Every counter of the process, where Prometheus finds it: who counts what, under which name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import trio

from resolver.cache.denial import DenialCache
from resolver.cache.shards import Shards
from resolver.daemon.garbage import Collector
from resolver.daemon.kept_numbers import count_kept
from resolver.daemon.local_files import LocalFiles
from resolver.daemon.memory_pools import count_memory
from resolver.daemon.metering import count_metering
from resolver.daemon.pages import count_health
from resolver.daemon.registry_rpz import count_rpz
from resolver.daemon.root_keeper import RootKeeper
from resolver.daemon.self_probe import SelfProbe
from resolver.daemon.tapping import count_tapping
from resolver.daemon.tls_contexts import TlsContexts
from resolver.iterate.root_copy import RootCopy
from resolver.iterate.zone_rate import ZoneRate
from resolver.listen.admission import Admission
from resolver.listen.backlog import Backlog
from resolver.listen.handshakes import Handshakes
from resolver.listen.pulses import Pulses
from resolver.listen.quic import QuicService
from resolver.listen.quic_places import QuicPlaces
from resolver.listen.rate_limit import RateLimit
from resolver.listen.site import Site
from resolver.listen.tcp import StreamService, TcpSlots
from resolver.listen.udp import UdpService
from resolver.listen.udp_socket import PlainUdpSocket
from resolver.operate.door import Door
from resolver.packets.cache import PacketCache
from resolver.packets.fast_path import FastPath
from resolver.packets.shards import PacketShards
from resolver.protocol.transport import Transport
from resolver.recurse.early import EarlyAnswers
from resolver.recurse.error_reports import ErrorReports
from resolver.recurse.jobs import Jobs
from resolver.recurse.prefetch import Prefetch
from resolver.recurse.resolver import Resolver
from resolver.recurse.stale import Stale
from resolver.recurse.validation import Validation
from resolver.runtime.shortage import Shortage
from resolver.telemetry.metrics import Registry
from resolver.telemetry.path_counters import PathCounters
from resolver.telemetry.query_log import QueryLog
from resolver.telemetry.traces import Traces
from resolver.upstream.opportunity import OpportunisticCounters
from resolver.upstream.server_events import UpstreamCounters
from resolver.upstream.session_counters import SessionCounters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.daemon.control import Control
    from resolver.daemon.health import Health
    from resolver.daemon.list_room import ListRoom
    from resolver.daemon.listeners import Listeners
    from resolver.daemon.memory_keeper import MemoryKeeper
    from resolver.daemon.metering import Metering
    from resolver.daemon.persistence import Persistence
    from resolver.daemon.query_logging import QueryLogging
    from resolver.daemon.sharing import Sharing
    from resolver.daemon.tapping import Tapping
    from resolver.daemon.tracing import Tracing
    from resolver.daemon.upkeep import Upkeep
    from resolver.daemon.wiring import Parts
    from resolver.iterate.root_form import RootForm

T = TypeVar("T")
# How each transport is served, and so what is counted of it.
_SERVED: Final = {
    Transport.UDP: UdpService,
    Transport.TCP: StreamService,
    Transport.TLS: StreamService,
    Transport.QUIC: QuicService,
    Transport.HTTP3: QuicService,
    Transport.HTTPS: StreamService,
}


class Cache(Protocol):
    """What has a size."""

    @property
    def octets(self) -> int: ...

    def __len__(self) -> int: ...


class Counting(Protocol):
    """The process, as far as it counts (`run.Daemon`)."""

    parts: Parts
    persistence: Persistence
    sharing: Sharing
    admission: Admission
    slots: TcpSlots
    handshakes: Handshakes
    quic: QuicPlaces
    tls: TlsContexts
    site: Site
    collector: Collector
    memory_keeper: MemoryKeeper
    is_first: bool
    metering: Metering
    query_logging: QueryLogging
    tapping: Tapping
    tracing: Tracing
    listeners: Listeners
    upkeep: Upkeep
    self_probe: SelfProbe
    control: Control
    health: Health | None
    lists: ListRoom


def registry_of(daemon: Counting) -> Registry:
    """All counters of the process, read where they are when somebody looks: parts may be new."""
    registry = Registry()
    _count_clients(registry, daemon)
    _count_encryption(registry, daemon)
    _count_path(registry, lambda: daemon.parts)
    _count_packets(registry, lambda: daemon.parts)
    _count_caches(registry, lambda: daemon.parts)
    daemon.lists.count(registry)
    count_kept(registry, daemon)
    _count_upstream(registry, lambda: daemon.parts)
    _count_root(registry, daemon)
    count_rpz(registry, lambda: daemon.parts.base, daemon.upkeep.rpz_keeper)
    _count_garbage(registry, daemon.collector)
    count_memory(registry, daemon)
    daemon.upkeep.processor.count(registry)
    registry.count("control", Door, lambda: daemon.control.doors)
    count_metering(registry, daemon.metering, lambda: _hits(daemon))
    count_tapping(registry, lambda: daemon.tapping)
    count_health(registry, daemon)
    registry.count("otel", Traces, lambda: [daemon.tracing.traces])
    registry.count("query_log", QueryLog, lambda: [daemon.query_logging.log])
    return registry


def _count_clients(registry: Registry, daemon: Counting) -> None:
    for transport, kind in _SERVED.items():
        registry.count_by(transport.value, kind, partial(_served, daemon, transport))
    registry.count(
        "udp",
        PlainUdpSocket,
        lambda: [
            udp.socket for udp in daemon.listeners.udp if isinstance(udp.socket, PlainUdpSocket)
        ],
    )
    registry.count("tcp_connections", TcpSlots, lambda: [daemon.slots])
    registry.gauge("tcp_connections", "Connections of TCP clients now.", lambda: len(daemon.slots))
    registry.count("tcp_unread", Backlog, lambda: [daemon.slots.backlog])
    registry.gauge(
        "tcp_unsent_octets",
        "Octets of replies that TCP clients have not read yet.",
        lambda: daemon.slots.backlog.octets,
    )
    registry.count("listeners", SelfProbe, lambda: [daemon.self_probe])
    registry.count("admission", Admission, lambda: [daemon.admission])
    registry.count("clients", RateLimit, lambda: _there(daemon.admission.rate))
    registry.count("late_replies", Pulses, lambda: [daemon.admission.pulses])
    registry.gauge(
        "tasks",
        "Tasks of the event loop that are alive now.",
        lambda: trio.lowlevel.current_statistics().tasks_living,
    )
    registry.gauge(
        "queries_in_flight",
        "Queries of clients that wait for an answer now.",
        lambda: daemon.admission.in_flight,
    )


def _hits(daemon: Counting) -> int:
    return sum(fast_path.hits for fast_path in daemon.parts.fast_paths.fronts)


def _served(daemon: Counting, transport: Transport, field: str) -> int:
    return daemon.listeners.total(transport, field)


def _count_encryption(registry: Registry, daemon: Counting) -> None:
    registry.count("tls", Handshakes, lambda: [daemon.handshakes])
    registry.count("https", Site, lambda: [daemon.site])
    registry.count("tls_certificate", TlsContexts, lambda: [daemon.tls])
    registry.gauge(
        "tls_certificate_valid_seconds",
        "Seconds until the certificate of the encrypted listeners expires; 0 if there is none.",
        lambda: daemon.tls.valid_s,
    )
    registry.gauge(
        "tls_handshakes_in_progress",
        "TLS handshakes of clients under way now.",
        lambda: len(daemon.handshakes),
    )
    registry.count("quic", QuicPlaces, lambda: [daemon.quic])
    registry.gauge("quic_connections", "QUIC connections of clients now.", lambda: len(daemon.quic))
    registry.gauge(
        "quic_handshakes_in_progress",
        "QUIC handshakes of clients under way now.",
        lambda: daemon.quic.half_open,
    )
    registry.gauge(
        "quic_bytes",
        "Octets that QUIC connections of clients hold, as they are reckoned.",
        lambda: daemon.quic.octets,
    )


def _count_path(registry: Registry, parts: Callable[[], Parts]) -> None:
    registry.count("clients", PathCounters, lambda: [parts().pipeline.counters])
    registry.count("memory", Shortage, lambda: [parts().pipeline.shortage])
    registry.count("resolutions", Resolver, lambda: [parts().resolver])
    registry.count("resolutions", Jobs, lambda: [parts().resolver.jobs])
    registry.count("resolutions", EarlyAnswers, lambda: _there(parts().pipeline.early))
    registry.gauge(
        "resolutions_in_progress",
        "Questions that servers are being asked now.",
        lambda: len(parts().resolver.jobs),
    )
    registry.gauge(
        "resolutions_unattended",
        "Resolutions on their way for which no client waits.",
        lambda: (
            parts().resolver.unattended
            + sum(early.unattended for early in _there(parts().pipeline.early))
        ),
    )
    registry.count("error_reports", ErrorReports, lambda: _there(parts().pipeline.reports))
    registry.count("stale_answers", Stale, lambda: _there(parts().resolver.stale))
    registry.count("resolutions", Prefetch, lambda: [parts().base.prefetch])
    registry.gauge(
        "warm_names",
        "Questions asked more than once, whose use is remembered.",
        lambda: len(parts().base.prefetch.warm),
    )
    registry.gauge(
        "prefetch_budget_packets",
        "Packets that may still be spent on renewals that nobody has used, of this day's.",
        lambda: parts().base.prefetch.budget.left,
    )
    registry.count("validation", Validation, lambda: _there(parts().resolver.trust))


def _count_packets(registry: Registry, parts: Callable[[], Parts]) -> None:
    registry.count("packet_cache", FastPath, lambda: parts().fast_paths.fronts)
    registry.count("packet_cache", PacketCache, lambda: [parts().packets])
    registry.count("local_files", LocalFiles, lambda: [parts().base.local_files])
    registry.count("packet_cache", PacketShards, lambda: [parts().packets.shards])
    registry.total(
        "packet_cache_flushes",
        "Times that all packets were forgotten: policy changed, or memory ran out.",
        lambda: parts().packets.generation,
    )
    _gauge_sizes(registry, "packet_cache", lambda: [parts().packets.shards])


def _count_caches(registry: Registry, parts: Callable[[], Parts]) -> None:
    reads: dict[str, Callable[[], Shards[Any]]] = {
        "rrset_cache": lambda: parts().memory.rrsets.entries,
        "negative_cache": lambda: parts().memory.negatives.entries,
        "delegation_cache": lambda: parts().delegations.entries,
        "failure_cache": lambda: parts().memory.failures.entries,
        "bogus_cache": lambda: parts().memory.bogus.entries,
    }
    for area, read in reads.items():
        _count_cache(registry, area, read)
    registry.count("denial_cache", DenialCache, lambda: _there(parts().memory.denial))
    _gauge_sizes(registry, "denial_cache", lambda: _there(parts().memory.denial))


def _count_cache(registry: Registry, area: str, read: Callable[[], Shards[Any]]) -> None:
    registry.count(area, Shards, lambda: [read()])
    _gauge_sizes(registry, area, lambda: [read()])


def _gauge_sizes(registry: Registry, area: str, read: Callable[[], Iterable[Cache]]) -> None:
    registry.gauge(
        f"{area}_entries",
        "Entries that are kept, expired ones included.",
        lambda: sum(map(len, read())),
    )
    registry.gauge(
        f"{area}_bytes",
        "Octets that the entries take, as they are reckoned.",
        lambda: sum(cache.octets for cache in read()),
    )


def _count_upstream(registry: Registry, parts: Callable[[], Parts]) -> None:
    registry.count("upstream", UpstreamCounters, lambda: [parts().dispatcher.counters])
    registry.total(
        "upstream_tcp_connects",
        "Connections opened to servers.",
        lambda: parts().dispatcher.tcp_connects,
    )
    registry.count("zone_rate", ZoneRate, lambda: [parts().base.zone_rate])
    registry.count("sessions", SessionCounters, lambda: [parts().dispatcher.encrypted.counters])
    registry.count(
        "opportunistic", OpportunisticCounters, lambda: [parts().dispatcher.encrypted.opportunistic]
    )
    registry.gauge(
        "opportunistic_servers",
        "Servers of zones that are asked over TLS, unproven.",
        lambda: sum(map(len, _there(parts().dispatcher.encrypted.opportunist))),
    )
    registry.gauge(
        "upstream_in_flight",
        "Sockets on which replies of servers are waited for.",
        lambda: parts().dispatcher.in_flight,
    )
    registry.gauge(
        "upstream_servers",
        "Servers whose round-trip times and habits are known.",
        lambda: len(parts().infra),
    )
    registry.gauge(
        "link_up",
        "1; 0 while nobody of the public tree answers.",
        lambda: int(not parts().dispatcher.ways.public.is_cut(trio.current_time())),
    )
    registry.gauge(
        "ways_cut_off",
        "Ways out (the public tree, forwards, stubs) on which nobody answers.",
        lambda: parts().dispatcher.ways.cut_off(trio.current_time()),
    )
    registry.total(
        "outage_seconds",
        "Seconds of outages, those of all ways out together.",
        lambda: parts().dispatcher.ways.outage_s(trio.current_time()),
    )


def _count_root(registry: Registry, daemon: Counting) -> None:
    def copy() -> RootCopy:
        return daemon.parts.base.root_copy

    def forms() -> list[RootForm]:
        return _there(copy().form)

    registry.gauge(
        "forwarders_discovered",
        "Encrypted resolvers in use that forwarders in clear text designate.",
        lambda: daemon.upkeep.discovery.count if daemon.upkeep.discovery is not None else 0,
    )
    registry.count("root_copy", RootCopy, lambda: [copy()])
    registry.count("root_copy", RootKeeper, lambda: _there(daemon.upkeep.root_keeper))
    registry.gauge(
        "root_copy_live",
        "1 while the root zone's copy answers for its servers; 0 without, or after its time.",
        lambda: int(copy().is_live),
    )
    registry.gauge(
        "root_copy_serial",
        "Serial of the root zone's copy; 0 if there is none.",
        lambda: sum(form.serial for form in forms()),
    )
    registry.gauge(
        "root_copy_age_seconds",
        "Seconds since a server of the root last had no newer zone than the copy.",
        lambda: sum(daemon.parts.clock.now() - copy().confirmed_at for _ in forms()),
    )


def _count_garbage(registry: Registry, collector: Collector) -> None:
    registry.count("garbage", Collector, lambda: [collector])
    registry.gauge(
        "garbage_longest_pass_seconds",
        "The longest CPU time of a short pass.",
        lambda: collector.longest_us / 1e6,
    )
    registry.gauge(
        "garbage_longest_full_pass_seconds",
        "The longest CPU time of a pass over all objects.",
        lambda: collector.longest_full_us / 1e6,
    )
    registry.gauge(
        "garbage_aside_objects",
        "Objects that no short pass looks at any more.",
        lambda: collector.aside,
    )


def _there(part: T | None) -> list[T]:
    """*part*, where the configuration wants one."""
    return [] if part is None else [part]
