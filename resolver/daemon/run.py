"""Composition root: Config → a running daemon; the nursery tree; late sockets; drain.

`running` starts everything inside an `async with`: tests and the lab use it with virtual
networks, `foreground` makes a process of it. It is ready when what can be bound is bound; what is
missing follows while queries are answered.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING

import trio

from resolver.daemon import clock_floor, privileges
from resolver.daemon.bind import ListeningSockets
from resolver.daemon.garbage import Collector, Work
from resolver.daemon.listeners import Listeners
from resolver.daemon.notes import noted
from resolver.daemon.wiring import Parts, assemble
from resolver.iterate.priming import keep_primed
from resolver.limits import (
    CLIENT_QUERIES,
    CLOCK_FLOOR_SECONDS,
    DRAIN_SECONDS,
    IN_FLIGHT,
    SIGNATURE_SKEW_SECONDS,
    TCP_CONNECTIONS,
)
from resolver.listen.admission import Admission, RateLimit
from resolver.listen.sockets import SystemListenNetwork
from resolver.listen.tcp import TcpSlots, slots_limit
from resolver.pipeline import budget_until
from resolver.policy.cookies import cookie_in
from resolver.recurse.rollover import Rollover
from resolver.runtime.clock import SystemClock, confirmed_time
from resolver.runtime.kernel_time import is_vouched_for
from resolver.runtime.task_pool import TaskPool
from resolver.runtime.turns import Turns
from resolver.telemetry import scrape
from resolver.telemetry.metrics import Registry
from resolver.upstream.udp import SystemNetwork, descriptor_limit, in_flight_limit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from resolver.budget import Share
    from resolver.config.schema import Config
    from resolver.dnssec.anchors import Anchors
    from resolver.listen.listen_network import ListenNetwork, TcpListener
    from resolver.listen.tcp import TcpService
    from resolver.listen.udp import UdpService
    from resolver.recurse.resolver import Resolver
    from resolver.runtime.clock import Clock
    from resolver.telemetry.shared_counters import Slot
    from resolver.upstream.network import Network

_log = logging.getLogger(__name__)


class Daemon:
    """A running resolver and what it is made of."""

    def __init__(self, parts: Parts, admission: Admission, bound: list[tuple[str, int]]) -> None:
        self.parts = parts
        self.admission = admission
        self.bound = bound
        self.udp: list[UdpService] = []
        self.tcp: list[TcpService] = []
        self.slots = TcpSlots()
        self.collector = Collector()

    @property
    def resolver(self) -> Resolver:
        return self.parts.resolver

    def work(self) -> Work:
        """What has come, and what is at hand: so that garbage is looked for between."""
        queries = sum(udp.queries for udp in self.udp) + sum(tcp.queries for tcp in self.tcp)
        misses = self.parts.pipeline.counters.queries
        return Work(misses, queries, self.admission.in_flight)

    async def drain(self) -> None:
        """Wait for queries in flight, DRAIN_SECONDS at most."""
        with trio.move_on_after(DRAIN_SECONDS):
            while self.admission.in_flight:  # noqa: ASYNC110  # once in a life, 0.8 s at most
                await trio.sleep(0.02)


@asynccontextmanager
async def running(
    config: Config,
    *,
    network: Network | None = None,
    listen_network: ListenNetwork | None = None,
    clock: Clock | None = None,
    rng: Random | None = None,
    listens: bool = True,
    on_bound: Callable[[ListeningSockets], None] = lambda _: None,
    slot: Slot | None = None,
) -> AsyncIterator[Daemon]:
    """A daemon that runs as long as the block. *listens* False: only its resolver.

    Raises ConfigError if an address or a file cannot be used, CannotStart if no address can be had
    in time. *on_bound* is called between binding and serving, where privileges are dropped.
    """
    clock = clock or _system_clock(config)
    tells = slot is None or slot.is_first
    sockets = ListeningSockets(
        listen_network or _system_network(config, tells=tells), config, tells=tells
    )
    turns = Turns()
    try:
        if listens:
            await sockets.bind()
        async with trio.open_nursery() as nursery:
            upstream = network or SystemNetwork(config.outgoing.source_addresses, turns=turns)
            parts = assemble(
                config,
                network=upstream,
                clock=clock,
                rng=rng or SystemRandom(),
                spawn=TaskPool(nursery).start_soon,
                in_flight_limit=in_flight_limit() if network is None else IN_FLIGHT,
            )
            if slot is not None:
                parts.cookies.share(slot.key)
            on_bound(sockets)  # files are read by now: a program that lives in /root still can
            daemon = Daemon(parts, _admission(config, parts), sockets.bound)
            await nursery.start(parts.exchange.run)
            nursery.start_soon(_tick, parts)
            if config.root.prime and parts.walker.asks_the_root:
                nursery.start_soon(keep_primed, parts.exchange.ask, parts.delegations,
                                   parts.hints, clock)  # fmt: skip
            if parts.anchors is not None and config.dnssec.rfc5011:
                nursery.start_soon(_rollover(parts, parts.anchors).run)
            if listens:
                _listen(daemon, sockets, nursery, turns, slot)
            yield daemon
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await sockets.aclose()


def _system_clock(config: Config) -> SystemClock:
    """The machine's clock, believed as far as the evidence goes; `realtime` is believed wholly."""
    source = config.cache.clock
    if source == "realtime":
        return SystemClock(ttl_source=source)
    clock = SystemClock(
        ttl_source=source,
        wall_floor=clock_floor.wall_floor(config),
        vouches=is_vouched_for,
        tolerance_s=SIGNATURE_SKEW_SECONDS,
    )
    clock.compare_with_floor()
    return clock


def _rollover(parts: Parts, anchors: Anchors) -> Rollover:
    def budget() -> Share:
        return budget_until(trio.current_time() + parts.config.resolution.query_timeout)

    return Rollover(
        parts.resolver,
        anchors,
        Path(parts.config.working_directory),
        clock=parts.clock,
        budget=budget,
    )


def _admission(config: Config, parts: Parts) -> Admission:
    rate = int(config.server.rate_limit)
    workers = _workers(config)
    clock, cookies = parts.clock, parts.cookies

    def is_proven(data: bytes, source: bytes) -> bool:
        return cookies.is_ours(cookie_in(data), source, wall=clock.wall())

    limit = RateLimit(max(1, rate // workers), clock.now, is_proven=is_proven) if rate else None
    return Admission(total=CLIENT_QUERIES // workers, rate=limit)


def _workers(config: Config) -> int:
    """How many processes share the ports; `cli.serve` has put a number in the place of "auto"."""
    workers = config.server.workers
    return workers if isinstance(workers, int) else 1


def _system_network(config: Config, *, tells: bool) -> SystemListenNetwork:
    return SystemListenNetwork(
        is_shared=_workers(config) > 1, is_free=config.server.freebind, tells=tells
    )


def _listen(
    daemon: Daemon,
    sockets: ListeningSockets,
    nursery: trio.Nursery,
    turns: Turns,
    slot: Slot | None,
) -> None:
    """Serve what is bound, and what will be."""
    daemon.slots = TcpSlots(total=_slots(tells=slot is None or slot.is_first), turns=turns)
    registry = _registry(daemon)
    if slot is not None and daemon.parts.config.metrics.listen:
        nursery.start_soon(slot.keep_posting, registry)
    page = registry if slot is None else slot.page(registry)

    def show_metrics(listener: TcpListener) -> None:
        nursery.start_soon(scrape.serve, listener, page)

    listeners = Listeners(
        noted(daemon.parts.pipeline, daemon.parts.bus),
        daemon.admission,
        nursery,
        slots=daemon.slots,
        turns=turns,
        show=show_metrics,
    )
    daemon.udp, daemon.tcp = listeners.udp, listeners.tcp
    for host, sock in sockets.udp:
        listeners.add_udp(host, sock)
    for host, listener in sockets.tcp:
        listeners.add_tcp(host, listener)
    for listener in sockets.metrics:
        listeners.add_metrics(listener)
    if sockets.missing:
        nursery.start_soon(_listen_later, sockets, listeners)


def _slots(*, tells: bool) -> int:
    """How many TCP clients there is room for; told where the system grants few descriptors."""
    descriptors = descriptor_limit()
    slots = slots_limit(descriptors)
    if tells and slots < TCP_CONNECTIONS:
        _log.warning(
            "room for %d TCP clients and %d questions to servers at a time, since only %d open "
            "files are allowed (LimitNOFILE=, ulimit -n)",
            slots, in_flight_limit(), descriptors,
        )  # fmt: skip
    return slots


async def _listen_later(sockets: ListeningSockets, listeners: Listeners) -> None:
    await sockets.bind_missing(listeners)
    privileges.forget_ports()


def _registry(daemon: Daemon) -> Registry:
    """All counters of the process, for who asks."""
    registry, parts = Registry(), daemon.parts
    registry.count("clients", parts.pipeline.counters)
    registry.count("upstream", parts.exchange.counters)
    registry.gauge("udp_queries_total", lambda: sum(udp.queries for udp in daemon.udp))
    registry.gauge("udp_misses_total", lambda: sum(udp.misses for udp in daemon.udp))
    registry.gauge("udp_limited_total", lambda: sum(udp.limited for udp in daemon.udp))
    slots = daemon.slots
    registry.gauge("tcp_queries_total", lambda: sum(tcp.queries for tcp in daemon.tcp))
    registry.gauge("tcp_connections", lambda: len(slots))
    registry.gauge("tcp_connections_refused_total", lambda: slots.refused)
    registry.gauge("tcp_connections_dismissed_total", lambda: slots.dismissed)
    registry.gauge("tcp_unsent_octets", lambda: slots.backlog.octets)
    registry.gauge("tcp_unread_dropped_total", lambda: slots.backlog.dropped)
    registry.gauge("memory_shortages_total", lambda: parts.pipeline.shortage.count)
    collector = daemon.collector
    registry.gauge("garbage_passes_total", lambda: collector.passes)
    registry.gauge("garbage_full_passes_total", lambda: collector.full_passes)
    registry.gauge("garbage_collected_objects_total", lambda: collector.collected)
    registry.gauge("garbage_longest_pass_seconds", lambda: collector.longest_us / 1e6)
    registry.gauge("garbage_longest_full_pass_seconds", lambda: collector.longest_full_us / 1e6)
    registry.gauge("garbage_aside_objects", lambda: collector.aside)
    registry.gauge("queries_in_flight", lambda: daemon.admission.in_flight)
    registry.gauge("ways_cut_off", lambda: parts.exchange.ways.cut_off(trio.current_time()))
    registry.gauge("upstream_in_flight", lambda: parts.exchange.in_flight)
    return registry


async def _tick(parts: Parts) -> None:
    """What is due about once a minute; the time once a day, for power may fail."""
    remembered = confirmed_time(parts.clock)
    while True:
        parts.cookies.tick(parts.clock.wall())
        confirmed = confirmed_time(parts.clock)
        if confirmed >= remembered + CLOCK_FLOOR_SECONDS:
            clock_floor.remember(parts.config, confirmed)
            remembered = confirmed
        await trio.sleep(60)
