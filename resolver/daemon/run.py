"""Composition root: Config → a running daemon; the nursery tree; late sockets; drain.

`running` starts everything inside an `async with`: tests and the lab use it with virtual
networks, `foreground` makes a process of it. It is ready when what can be bound is bound; what is
missing follows while queries are answered. `reload` puts another configuration in the place of this
one, while it runs.
"""

from __future__ import annotations

import logging
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from resolver.config.listen_urls import https_paths
from resolver.config.shares import workers_of
from resolver.daemon import clock_floor, draining, list_room, overriding, privileges
from resolver.daemon.bind import sockets_of
from resolver.daemon.control import Control
from resolver.daemon.designating import offer_of
from resolver.daemon.garbage import Collector, Work
from resolver.daemon.in_common import rate_limit_of, steered_ports_of
from resolver.daemon.in_step import in_step
from resolver.daemon.link_zones import LinkZones
from resolver.daemon.listeners import Listeners
from resolver.daemon.memory_pools import keeper_of
from resolver.daemon.metering import Metering
from resolver.daemon.notes import Notes
from resolver.daemon.pages import pages_of
from resolver.daemon.persistence import Persistence
from resolver.daemon.places import quic_places, stream_places, waiting_queries
from resolver.daemon.query_logging import QueryLogging
from resolver.daemon.registry import registry_of
from resolver.daemon.root_sources import in_process
from resolver.daemon.self_probe import SelfProbe
from resolver.daemon.sharing import Sharing
from resolver.daemon.state import StateDirectory
from resolver.daemon.tapping import Tapping
from resolver.daemon.tls_contexts import TlsContexts
from resolver.daemon.tracing import Tracing
from resolver.daemon.upkeep import Upkeep
from resolver.daemon.wiring import assemble, found
from resolver.limits import (
    CLOCK_FLOOR_SECONDS,
    DRAIN_SECONDS,
    IN_FLIGHT,
    SIGNATURE_SKEW_SECONDS,
    TICK_SECONDS,
)
from resolver.listen.admission import Admission
from resolver.listen.handshakes import Handshakes
from resolver.listen.site import Site
from resolver.policy.cookies import Proofs
from resolver.protocol.transport import Transport
from resolver.runtime.chance import ReadAhead
from resolver.runtime.clock import SystemClock, confirmed_time
from resolver.runtime.kernel_time import is_vouched_for
from resolver.runtime.task_pool import TaskPool
from resolver.runtime.turns import Turns
from resolver.upstream.udp import SystemNetwork, in_flight_limit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from random import Random

    from resolver.config.endpoints import Endpoint
    from resolver.config.schema import Config
    from resolver.daemon.bind import ListeningSockets
    from resolver.daemon.certificates import Identity
    from resolver.daemon.health import Health
    from resolver.daemon.root_sources import Fetch
    from resolver.daemon.wiring import Parts
    from resolver.listen.listen_network import ListenNetwork
    from resolver.listen.sockets import GivenSockets
    from resolver.policy.cookies import ServerCookies
    from resolver.policy.designation import Offer
    from resolver.recurse.resolver import Resolver
    from resolver.runtime.clock import Clock
    from resolver.telemetry.shared_counters import Slot
    from resolver.upstream.network import Network

_log = logging.getLogger(__name__)


class Daemon:
    """A running resolver and what it is made of. *slot*: one of several workers."""

    def __init__(
        self,
        parts: Parts,
        sockets: ListeningSockets,
        state: StateDirectory,
        nursery: trio.Nursery,
        *,
        turns: Turns,
        persistence: Persistence,
        tls: TlsContexts,
        slot: Slot | None = None,
        root_fetch: Fetch | None = None,
    ) -> None:
        self.parts = parts
        self.sockets, self.state = sockets, state
        self.nursery = nursery
        self.persistence, self.slot, self.sharing = persistence, slot, Sharing(parts.config, slot)
        self.root_fetch = root_fetch
        self.waits = trio.CancelScope()  # of the start, for seconds; cancelled, it goes on
        self.is_first = is_first(slot)
        self.admission = self._admission()
        tells = self.is_first and sockets.is_listening
        self.slots = stream_places(parts.config, turns, tells=tells)
        self.tls = tls
        tls.leads = self.is_first
        self._is_keeping = self._is_posting = False
        self.metering = Metering(parts.bus)
        where = parts.config.working_directory if persistence.is_wanted else ""
        self.query_logging = QueryLogging(parts.bus, parts.clock, where, slot=slot)
        self.handshakes = Handshakes(tls.server, parts.base.shortage)
        self.quic = quic_places(parts.config)
        self.site = Site()
        self.lists = list_room.ListRoom(self, state, slot, downloads=root_fetch is not None)
        self.collector = Collector()
        self.memory_keeper = keeper_of(self)
        self.notes = Notes(parts.bus)
        self.upkeep = Upkeep(self)
        self.self_probe = SelfProbe(self, workers=workers_of(parts.config))
        self.link_zones = LinkZones(self)
        self.control = Control(self)
        self.health: Health | None = None
        self.registry = registry_of(self)
        self.limit_rate()
        self.notes.follow()
        self.listeners = Listeners(
            parts.pipeline, self.admission, nursery,
            slots=self.slots, turns=turns, pages=lambda key: pages_of(self, key),
            handshakes=self.handshakes, tls=tls, quic=self.quic, site=self.site,
            also=parts.dispatcher.replies.watched,
        )  # fmt: skip
        parts.base.offers.now = self._offer
        self.reloading = trio.Lock()
        self.tracing = Tracing(parts.bus, parts.clock, parts.base.rng, nursery, tells=self.is_first)
        self.tapping = Tapping(parts.bus, parts.clock, nursery, worker=slot.number if slot else 0)

    @property
    def config(self) -> Config:
        return self.parts.config

    @property
    def resolver(self) -> Resolver:
        return self.parts.resolver

    @property
    def bound(self) -> list[Endpoint]:
        """Where questions are taken now."""
        return self.sockets.bound

    def work(self) -> Work:
        """What has come, and what is at hand: so that garbage is looked for between."""
        queries = sum(self.listeners.total(each, "queries") for each in Transport)
        misses = self.parts.pipeline.counters.queries
        return Work(misses, queries, self.admission.in_flight)

    def listen(self) -> None:
        """Serve what is bound, and what will be."""
        self.post()
        self.open_site()
        self.show(self.tls.identities)
        for wish, sock in self.sockets.open.items():
            self.listeners.serve(wish, sock)
        if self.sockets.missing:
            self.nursery.start_soon(self.listen_later)

    async def listen_later(self) -> None:
        """Bind what is missing, until nothing is."""
        await self.sockets.bind_missing(self.listeners)

    def show(self, identities: tuple[Identity, ...]) -> None:
        """Show clients these certificates, and see that they stay good."""
        self.tls.adopt(self.config, identities)
        if identities and not self._is_keeping:
            self._is_keeping = True
            self.nursery.start_soon(self.tls.keep)

    def open_site(self) -> None:
        """Serve HTTPS as it is configured."""
        config = self.config
        paths = https_paths(config.server.listen, config.https.paths)
        self.site.paths, self.site.cors = tuple(map(str.encode, paths)), config.https.cors

    def _offer(self) -> Offer:
        named, identities = self.config.tls.names, self.tls.identities
        wall, path = self.parts.clock.wall(), next(iter(self.site.paths), b"")
        return offer_of(self.listeners.services, named, identities, wall=wall, path=path)

    def post(self) -> None:
        """Have numbers for whoever may look at them, shown to the other workers."""
        self.metering.follow(is_wanted=bool(self.config.metrics.listen or self.config.web.listen))
        if self.slot is not None and self.config.metrics.listen and not self._is_posting:
            self._is_posting = True
            self.nursery.start_soon(self.slot.keep_posting, self.registry)

    def limit_rate(self) -> None:
        """Have the rate limit that is configured; buckets go on where it stayed the same."""
        parts, rate = self.parts, int(self.config.server.rate_limit)
        if rate != (self.admission.rate.per_second if self.admission.rate is not None else 0):
            self.admission.rate = rate_limit_of(rate, parts, self.admission.proofs, self.slot)
        parts.base.zone_rate.go_by(rate, workers=workers_of(self.config))

    def _admission(self) -> Admission:
        total, proofs = waiting_queries(self.config), Proofs(self._cookies, self.parts.clock.wall)
        return Admission(total=total, proofs=proofs, workers=workers_of(self.config))

    def _cookies(self) -> ServerCookies | None:
        return self.parts.cookies if self.config.server.cookies else None

    def remember_time(self) -> None:
        """Keep what signatures say of the time, for the next start."""
        if self.config.cache.clock != "realtime":
            clock_floor.remember(self.state, confirmed_time(self.parts.clock))

    async def drain(self) -> None:
        """Wait for queries in flight, and for what an operator asked, DRAIN_SECONDS at most. Where
        other workers go on, they have the ports first."""
        if self.slot is not None and not self.slot.is_ending:
            self.sockets.is_handed_on = True
            await draining.hand_on(self)
        else:
            self.sockets.is_leaving = True
        with trio.move_on_after(DRAIN_SECONDS):
            await draining.drained(self.admission)
            await self.control.replied()


@asynccontextmanager
async def running(
    config: Config,
    *,
    network: Network | None = None,
    listen_network: ListenNetwork | None = None,
    clock: Clock | None = None,
    rng: Random | None = None,
    listens: bool = True,
    on_bound: Callable[[Daemon], None] = lambda _: None,
    slot: Slot | None = None,
    root_fetch: Fetch | None = None,
    persists: bool | None = None,
    tls: TlsContexts | None = None,
    given: GivenSockets | None = None,
) -> AsyncIterator[Daemon]:
    """A daemon that runs as long as the block. *listens* False: only its resolver.

    Raises ConfigError if an address or a file cannot be used, CannotStart if no address can be had
    in time. *on_bound* is called between binding and serving, where privileges are dropped.
    *root_fetch*: who fetches a copy of the root zone, in the place of a process of its own.
    *persists*: may the cache go to disk? None: if it listens, by the machine's own clock.
    *tls*: certificates that another process has read for us. *given*: sockets that it has bound.
    """
    fetch = root_fetch or (in_process if network is None else None)  # in a lab nobody transfers
    state, turns, tells = StateDirectory(config.working_directory), Turns(), is_first(slot)
    state.open()
    sockets = _sockets(config, listen_network, slot, given=given)
    persists = (listens and clock is None) if persists is None else persists
    persistence = Persistence(config.working_directory if persists else "", slot=slot)
    try:
        if listens:
            await sockets.bind()
        async with trio.open_nursery() as nursery:
            base = found(
                config,
                network=network or SystemNetwork(config.outgoing.source_addresses, turns=turns),
                clock=clock or _system_clock(config, state),
                rng=rng or ReadAhead(),
                spawn=TaskPool(nursery, turns.prompt).start_soon,
                in_flight_limit=in_flight_limit() if network is None else IN_FLIGHT,
                overrides=overriding.read(state, slot, tells=tells),
            )
            tls = tls or tls_of(config, state, base.clock.wall, listens=listens)
            parts = assemble(config, base)
            parts.take_effect()
            if slot is not None:
                parts.cookies.share(slot.key)
            daemon = Daemon(
                parts, sockets, state, nursery,
                turns=turns, persistence=persistence, tls=tls, slot=slot, root_fetch=fetch,
            )  # fmt: skip
            on_bound(daemon)  # files are read by now: a program that lives in /root still can
            await _start(daemon, nursery)
            yield daemon
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await sockets.aclose()
            persistence.close()
        state.close()


def is_first(slot: Slot | None) -> bool:
    """Of several workers: is this the one that says what all of them could say?"""
    return slot is None or slot.is_first


async def _start(daemon: Daemon, nursery: trio.Nursery) -> None:
    """Everything that runs beside the listeners, and then they."""
    parts, persistence = daemon.parts, daemon.persistence
    persistence.open(parts)
    daemon.sharing.open(parts, nursery, tells=daemon.is_first)
    await nursery.start(parts.dispatcher.run)
    if persistence.store is not None:
        nursery.start_soon(persistence.run)
    nursery.start_soon(_tick, daemon)
    nursery.start_soon(overriding.end_negative_anchors, daemon)
    await daemon.upkeep.begin(persistence.are_notes_read)
    nursery.start_soon(daemon.query_logging.run)
    daemon.query_logging.go_by(parts.config.log, parts.config.view)
    daemon.tapping.go_by(parts.config)
    daemon.tracing.go_by(parts.config.otel)
    with daemon.waits:
        await daemon.lists.begin(nursery)
        await daemon.upkeep.rpz_keeper.has_begun()
        await in_step(daemon)
    daemon.listen()


def tls_of(
    config: Config, state: StateDirectory, wall: Callable[[], float], *, listens: bool = True
) -> TlsContexts:
    """The certificate that *config* wants clients to be shown. Raises ConfigError.

    Read as who we are now, who may be root; what is made is for whom we become.
    """
    user = privileges.user_of(config.server.user)
    account = privileges.account_of(user) if os.geteuid() == 0 else None
    owner = (account.pw_uid, account.pw_gid) if account is not None else None
    contexts = TlsContexts(state, wall, owner=owner)
    if listens:
        contexts.adopt(config, contexts.read(config))
    return contexts


def _system_clock(config: Config, state: StateDirectory) -> SystemClock:
    """The machine's clock, believed as far as the evidence goes; `realtime` is believed wholly."""
    source = config.cache.clock
    if source == "realtime":
        return SystemClock(ttl_source=source)
    clock = SystemClock(
        ttl_source=source,
        wall_floor=clock_floor.wall_floor(state),
        vouches=is_vouched_for,
        tolerance_s=SIGNATURE_SKEW_SECONDS,
    )
    clock.compare_with_floor()
    return clock


def _sockets(
    config: Config, network: ListenNetwork | None, slot: Slot | None, *, given: GivenSockets | None
) -> ListeningSockets:
    return sockets_of(
        config, network, is_shared=workers_of(config) > 1, tells=is_first(slot), given=given,
        is_drained=slot is not None and slot.is_drained, steered=steered_ports_of(slot),
    )  # fmt: skip


async def _tick(daemon: Daemon) -> None:
    """What is due every TICK_SECONDS; the time once a day, for power may fail."""
    clock, cookies = daemon.parts.clock, daemon.parts.cookies
    remembered = confirmed_time(clock)
    while True:
        cookies.tick(clock.wall())
        daemon.upkeep.processor.look(trio.current_time())
        if confirmed_time(clock) >= remembered + CLOCK_FLOOR_SECONDS:
            daemon.remember_time()
            remembered = confirmed_time(clock)
        await trio.sleep(TICK_SECONDS)
