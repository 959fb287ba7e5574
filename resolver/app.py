"""Composition root: Config → a running daemon; the nursery tree; readiness, drain, shutdown.

`running` starts everything inside an `async with` (tests and the lab use it, with virtual
networks); `serve` is the foreground process: real sockets, signals, privileges dropped after
binding, and an exit with status 0 within a second of SIGTERM.
"""

from __future__ import annotations

import errno
import logging
import signal
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING

import trio

from resolver import host
from resolver.assembly import Parts, assemble
from resolver.clock import SystemClock, confirmed_time
from resolver.config import floor
from resolver.config.addresses import endpoint, show
from resolver.crew import Crew
from resolver.errors import ConfigError, ResolverError
from resolver.iterate.priming import keep_primed
from resolver.kernel_time import is_vouched_for
from resolver.limits import (
    CLIENT_QUERIES,
    CLOCK_FLOOR_SECONDS,
    DRAIN_SECONDS,
    IN_FLIGHT,
    SIGNATURE_SKEW_SECONDS,
    TCP_CONNECTIONS,
)
from resolver.listen.admission import Admission, RateLimit
from resolver.listen.sockets import PlainUdpSocket, SystemListenNetwork
from resolver.listen.tcp import TcpPlaces, TcpService, places_limit
from resolver.listen.udp import UdpService
from resolver.listen.watch import watch_over
from resolver.pace import Pace
from resolver.pipeline import budget_until
from resolver.policy.cookies import cookie_in
from resolver.recurse.rollover import Rollover
from resolver.telemetry import scrape
from resolver.telemetry.metrics import Registry
from resolver.upstream.udp import (
    SystemNetwork,
    descriptor_limit,
    in_flight_limit,
    raise_descriptor_limit,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from resolver.clock import Clock
    from resolver.config.schema import Config
    from resolver.dnssec.anchors import Anchors
    from resolver.listen.network import ListenNetwork, TcpListener, UdpSocket
    from resolver.model import Budget
    from resolver.recurse.resolver import Resolver
    from resolver.telemetry.board import Place
    from resolver.upstream.network import Network

_log = logging.getLogger(__name__)
_DEFAULT_IPV6 = "::1"


class Daemon:
    """A running resolver and what it is made of."""

    def __init__(self, parts: Parts, admission: Admission, bound: list[tuple[str, int]]) -> None:
        self.parts = parts
        self.admission = admission
        self.bound = bound
        self.udp: list[UdpService] = []
        self.tcp: list[TcpService] = []

    @property
    def resolver(self) -> Resolver:
        return self.parts.resolver

    async def drain(self) -> None:
        """Wait for queries in flight, DRAIN_SECONDS at most."""
        with trio.move_on_after(float(DRAIN_SECONDS)):
            while self.admission.in_flight:  # noqa: ASYNC110  # once in a life, 0.8 s at most
                await trio.sleep(0.02)


class _Sockets:
    """The listening sockets, bound before privileges go."""

    def __init__(self) -> None:
        self.udp: list[tuple[str, UdpSocket]] = []
        self.tcp: list[tuple[str, TcpListener]] = []
        self.metrics: TcpListener | None = None
        self.bound: list[tuple[str, int]] = []

    def bind(self, network: ListenNetwork, config: Config) -> None:
        """All of server.listen. A missing ::1 that nobody asked for by name is only told."""
        for text in config.server.listen:
            where = endpoint(text)
            try:
                self.udp.append((where[0], network.bind_udp(*where)))
                self.tcp.append((where[0], network.bind_tcp(*where)))
            except OSError as error:
                if where[0] == _DEFAULT_IPV6 and error.errno == errno.EADDRNOTAVAIL:
                    _log.warning("this machine has no ::1; listening without it")
                    continue
                raise ConfigError("server.listen", show(where), _advice(error, where)) from error
            self.bound.append(where)
        if config.metrics.listen:
            where = endpoint(config.metrics.listen)
            try:
                self.metrics = network.bind_tcp(*where)
            except OSError as error:
                raise ConfigError("metrics.listen", show(where), _advice(error, where)) from error

    async def aclose(self) -> None:
        for _, sock in self.udp:
            sock.close()
        for _, listener in self.tcp:
            await listener.aclose()
        if self.metrics is not None:
            await self.metrics.aclose()


def _advice(error: OSError, where: tuple[str, int]) -> str:
    """What to do about a port that cannot be had, in one line."""
    if error.errno == errno.EADDRINUSE:
        return (
            "a free address; another program listens there (find it with: "
            f"ss -lnup 'sport = :{where[1]}'), stop it or choose another address or port"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return "a port above 1023, or start as root, or with CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRNOTAVAIL:
        return "an address of this machine"
    return f"an address to listen on ({error.strerror})"


@asynccontextmanager
async def running(
    config: Config,
    *,
    network: Network | None = None,
    listen_network: ListenNetwork | None = None,
    clock: Clock | None = None,
    rng: Random | None = None,
    listens: bool = True,
    on_bound: Callable[[], None] = lambda: None,
    place: Place | None = None,
) -> AsyncIterator[Daemon]:
    """A daemon that runs as long as the block. *listens* False: only its resolver.

    Raises ConfigError if an address cannot be bound or a file cannot be used. *on_bound* is called
    between binding and serving, where privileges are dropped.
    """
    clock = clock or _system_clock(config)
    sockets = _Sockets()
    pace = Pace()
    try:
        if listens:
            sockets.bind(listen_network or _shared(config), config)
        async with trio.open_nursery() as nursery:
            upstream = network or SystemNetwork(config.outgoing.source_addresses, pace=pace)
            parts = assemble(
                config,
                network=upstream,
                clock=clock,
                rng=rng or SystemRandom(),
                spawn=Crew(nursery).start_soon,
                in_flight_limit=in_flight_limit() if network is None else int(IN_FLIGHT),
            )
            on_bound()  # files are read by now: a program that lives in /root still can
            daemon = Daemon(parts, _admission(config, parts), sockets.bound)
            await nursery.start(parts.exchange.run)
            nursery.start_soon(_tick, parts)
            if config.root.prime and parts.walker.asks_the_root:
                nursery.start_soon(keep_primed, parts.exchange.ask, parts.delegations,
                                   parts.hints, clock)  # fmt: skip
            if parts.anchors is not None and config.dnssec.rfc5011:
                nursery.start_soon(_rollover(parts, parts.anchors).run)
            _listen(daemon, sockets, nursery, pace)
            if sockets.metrics is not None:
                _show_metrics(sockets.metrics, _registry(daemon), place, nursery)
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
        wall_floor=floor.wall_floor(config),
        vouches=is_vouched_for,
        tolerance_s=float(SIGNATURE_SKEW_SECONDS),
    )
    clock.compare_with_floor()
    return clock


def _rollover(parts: Parts, anchors: Anchors) -> Rollover:
    def budget() -> Budget:
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
    return Admission(total=int(CLIENT_QUERIES) // workers, rate=limit)


def _workers(config: Config) -> int:
    """How many processes share the ports; `cli.serve` has put a number in the place of "auto"."""
    workers = config.server.workers
    return workers if isinstance(workers, int) else 1


def _shared(config: Config) -> SystemListenNetwork:
    return SystemListenNetwork(is_shared=_workers(config) > 1)


def _listen(daemon: Daemon, sockets: _Sockets, nursery: trio.Nursery, pace: Pace) -> None:
    handler = daemon.parts.pipeline
    watched: dict[int, UdpService] = {}
    for address, sock in sockets.udp:
        udp = UdpService(sock, handler, daemon.admission, host=address, pace=pace)
        daemon.udp.append(udp)
        nursery.start_soon(udp.run)
        if isinstance(sock, PlainUdpSocket):
            watched[sock.fileno()] = udp
    nursery.start_soon(watch_over, watched, pace)
    places = TcpPlaces(total=_places(), pace=pace)
    for address, listener in sockets.tcp:
        tcp = TcpService(listener, handler, daemon.admission, places=places, host=address)
        daemon.tcp.append(tcp)
        nursery.start_soon(tcp.run)


def _places() -> int:
    """How many TCP clients there is room for; told where the system grants few descriptors."""
    descriptors = descriptor_limit()
    places = places_limit(descriptors)
    if places < int(TCP_CONNECTIONS):
        _log.warning(
            "room for %d TCP clients and %d questions to servers at a time, since only %d open "
            "files are allowed (LimitNOFILE=, ulimit -n)",
            places, in_flight_limit(), descriptors,
        )  # fmt: skip
    return places


def _show_metrics(
    listener: TcpListener, registry: Registry, place: Place | None, nursery: trio.Nursery
) -> None:
    """This process's numbers, or, from its *place* among several workers, those of all."""
    if place is None:
        nursery.start_soon(scrape.serve, listener, registry)
        return
    nursery.start_soon(place.keep_posting, registry)
    nursery.start_soon(scrape.serve, listener, place.page(registry))


def _registry(daemon: Daemon) -> Registry:
    """All counters of the process, for who asks."""
    registry, parts = Registry(), daemon.parts
    registry.count("clients", parts.pipeline.counters)
    registry.count("upstream", parts.exchange.counters)
    registry.gauge("udp_queries_total", lambda: sum(udp.queries for udp in daemon.udp))
    registry.gauge("udp_misses_total", lambda: sum(udp.misses for udp in daemon.udp))
    registry.gauge("udp_limited_total", lambda: sum(udp.limited for udp in daemon.udp))
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
        if confirmed >= remembered + float(CLOCK_FLOOR_SECONDS):
            floor.remember(parts.config, confirmed)
            remembered = confirmed
        await trio.sleep(60)


async def _serve(
    config: Config,
    announce: Callable[[Daemon], None],
    network: Network | None,
    place: Place | None,
) -> None:
    raise_descriptor_limit()
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with running(
            config, network=network, on_bound=lambda: _settle_in(config), place=place
        ) as daemon:
            announce(daemon)
            host.notify("READY=1")
            async with trio.open_nursery() as nursery:
                counters = daemon.parts.pipeline.counters
                nursery.start_soon(host.collect_garbage, lambda: counters.queries)
                async for _ in signals:
                    break
                host.notify("STOPPING=1")
                await daemon.drain()
                nursery.cancel_scope.cancel()
            floor.remember(config, confirmed_time(daemon.parts.clock))


def _settle_in(config: Config) -> None:
    if host.drop_privileges(config.server.user):
        _log.info("running as %s", config.server.user)


def _first(group: BaseExceptionGroup[ResolverError]) -> ResolverError:
    """The error itself, however many nurseries have wrapped it."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def serve(
    config: Config,
    announce: Callable[[Daemon], None] = lambda _: None,
    *,
    network: Network | None = None,
    place: Place | None = None,
) -> int:
    """Run in the foreground until SIGTERM or SIGINT; the exit status.

    Raises ConfigError; *announce* is called once all sockets are bound.
    """
    try:
        trio.run(_serve, config, announce, network, place)
    except BaseExceptionGroup as group:  # not except*: that would wrap what it raises
        ours, others = group.split(ResolverError)
        if ours is None or others is not None:
            raise
        raise _first(ours) from None
    return 0
