"""Config → wired objects: caches, dispatcher, walker, validator, pipeline. Nothing is started here.

`found` makes what outlives every configuration of a process: sockets to servers and what is known
of them, ready replies, counters. `assemble` makes the rest beside it, from one configuration and
the files that it names, without touching what is in use; `Parts.take_effect` joins the two, at the
start as at a reload. Cycles of use (the walker needs addresses, which the resolver finds by
walking) are closed by handing bound methods down. Read it to see who knows whom.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import trio

from resolver.cache.delegation import DelegationCache
from resolver.config.shares import shares_of
from resolver.daemon import nat64, server_tries
from resolver.daemon.asking import asking_of
from resolver.daemon.fittings import memory_of, nsid_of, snapshot, waiving, walk_settings
from resolver.daemon.list_terms import Lists, list_policy
from resolver.daemon.local_files import LocalFiles, local_data, wall_of
from resolver.daemon.named_files import read_files
from resolver.daemon.outages import Outages, early_of, stale_of, stale_seconds
from resolver.daemon.policies import Stock, tags_now, views_of
from resolver.daemon.renewing import renewals_of, renews_ahead
from resolver.daemon.rpz_terms import cuts_of, in_use
from resolver.daemon.zones import (
    exempt_names,
    fixed_delegations,
    says_the_same,
    warm_questions,
)
from resolver.dnssec.algorithms import Sha1Policy
from resolver.dnssec.context import Context
from resolver.dnssec.keystore import KeyStore
from resolver.dnssec.validation_events import KINDS
from resolver.iterate.priming import hints_delegation
from resolver.iterate.root_copy import RootCopy
from resolver.iterate.walk import Walker
from resolver.iterate.zone_rate import ZoneRate
from resolver.limits import IN_FLIGHT, TCP_IDLE_SECONDS
from resolver.operate.overrides import Overrides
from resolver.packets.cache import PacketCache
from resolver.packets.options import ClientOptions
from resolver.pipeline import Pipeline
from resolver.policy.cookies import ServerCookies
from resolver.policy.designation import Offers
from resolver.policy.fast_paths import FastPaths, Keep
from resolver.policy.rpz import Rpzs
from resolver.policy.views import Views
from resolver.recurse.ahead import Ahead, nothing_ahead
from resolver.recurse.error_reports import ErrorReports
from resolver.recurse.prefetch import Prefetch
from resolver.recurse.resolver import Resolver
from resolver.recurse.timekeeper import Timekeeper
from resolver.recurse.validation import Validation
from resolver.reply import Replies
from resolver.runtime.shortage import Shortage
from resolver.runtime.task_pool import contained
from resolver.telemetry.events import Bus
from resolver.telemetry.path_counters import PathCounters
from resolver.upstream.dispatcher import Dispatcher
from resolver.upstream.infra import Infra
from resolver.upstream.translating import Translating

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from resolver.config.schema import Config
    from resolver.daemon.named_files import Files
    from resolver.dnssec.anchors import Anchors
    from resolver.model import Delegation, Name
    from resolver.recurse.known import Known
    from resolver.recurse.renewals import Renewals
    from resolver.runtime.clock import Clock
    from resolver.upstream.encrypted import Encryption
    from resolver.upstream.network import Network
    from resolver.upstream.request import Ask


@dataclass(frozen=True, slots=True)
class Base:
    """What outlives every configuration of one process."""

    clock: Clock
    rng: Random
    spawn: Callable[..., None]
    infra: Infra
    translating: Translating
    dispatcher: Dispatcher
    packets: PacketCache
    options: ClientOptions
    fast_paths: FastPaths
    cookies: ServerCookies
    lists: Lists = field(default_factory=Lists, kw_only=True)
    bus: Bus
    counters: PathCounters
    shortage: Shortage
    root_copy: RootCopy
    zone_rate: ZoneRate
    prefetch: Prefetch
    offers: Offers
    overrides: Overrides
    local_files: LocalFiles
    rpzs: Rpzs


@dataclass(slots=True)
class Parts:
    """The wired objects of one configuration, those of the process among them.

    *configured*: the anchors as they were read; RFC 5011 moves *anchors* on from there. *views* are
    made of the *stock*; *tags* are those with a schedule whose time it was then.
    """

    config: Config
    base: Base
    delegations: DelegationCache
    memory: Known
    resolver: Resolver
    walker: Walker
    pipeline: Pipeline
    named_roots: list[tuple[Name, str]]
    hints: Delegation
    fixed: dict[Name, Delegation]
    anchors: Anchors | None
    configured: Anchors | None
    keystore: KeyStore
    clock: Clock
    infra: Infra
    dispatcher: Dispatcher
    packets: PacketCache
    fast_paths: FastPaths
    stock: Stock
    tags: frozenset[str]
    views: Views
    cookies: ServerCookies
    bus: Bus
    outages: Outages
    encryption: Encryption
    renewals: Renewals | None

    def take_effect(self, keep: Keep = Keep.NONE) -> None:
        """Have what outlives us go by this configuration. Never waits, never fails."""
        config, memory, packets = self.config, self.memory, self.packets
        nat64.go_by(config, self.base.translating)
        self.dispatcher.reconfigure(
            nat64.outgoing_of(config),
            validates=config.dnssec.validate,
            named=(self.hints, *self.fixed.values()),
            hooks=self.outages.hooks(),
            encryption=self.encryption,
        )
        self.cookies.keep_secret(bytes.fromhex(config.server.cookie_secret))
        self.base.lists.on_change = packets.flush
        self.base.lists.on_use = packets.look_anew
        self.base.lists.go_by(list_policy(config))
        packets.udp_payload = config.server.udp_payload_size
        self.base.options.cookies = self.cookies if config.server.cookies else None
        self.base.options.padding = config.tls.padding
        self.base.rpzs.use(self.stock.zones)
        self.fast_paths.go_by(self.views, keep)
        self.go_by_hand()
        self.base.shortage.sheds = (
            packets.flush, packets.shards.clear, memory.rrsets.clear, memory.negatives.clear,
        )  # fmt: skip

    def look_at_schedules(self) -> bool:
        """Have the views that are meant at this time; True if they are others than before."""
        tags = tags_now(self.config, self.clock)
        if tags == self.tags:
            return False
        self.tags, self.views = tags, views_of(self.config, self.stock, tags)
        self.fast_paths.go_by(self.views)
        return True

    def go_by_hand(self) -> None:
        """Have renewed always what the operator wants to be there."""
        wanted = {*warm_questions(self.config), *self.base.overrides.warm}
        self.base.prefetch.go_by(self.renewals, wanted)


def found(
    config: Config,
    *,
    network: Network,
    clock: Clock,
    rng: Random,
    spawn: Callable[..., None],
    in_flight_limit: int = IN_FLIGHT,
    overrides: Overrides | None = None,
) -> Base:
    """What every configuration of the process shares; of *config* only what needs a restart."""
    shares, translating = shares_of(config), Translating(network)
    infra = Infra(rng=rng, most=shares.known_servers)
    dispatcher = Dispatcher(
        network=translating, infra=infra, rng=rng, config=config.outgoing,
        in_flight_limit=in_flight_limit,
    )  # fmt: skip
    packets = PacketCache(clock, max_octets=shares.packets)
    options, bus = ClientOptions(keepalive_s=TCP_IDLE_SECONDS), Bus()
    server_tries.tell_on(bus, dispatcher)
    prefetch = Prefetch(clock)
    prefetch.forget = packets.forget
    return Base(
        clock, rng, spawn, infra, translating, dispatcher, packets, options,
        FastPaths(packets, options, Views(), bus), ServerCookies(rng), bus, PathCounters(),
        Shortage(), RootCopy(clock), ZoneRate(trio.current_time), prefetch, Offers(),
        overrides or Overrides(), LocalFiles(wall_of(clock)), Rpzs(),
    )  # fmt: skip


def assemble(
    config: Config, base: Base, before: Parts | None = None, files: Files | None = None
) -> Parts:
    """Wire everything for *config*. Raises ConfigError where a file it names is no good.

    *before*: the parts in use, whose trust anchors go on if they are configured as they were.
    *files*: what they hold, from who has read them.
    """
    read, hints, encryption = files or read_files(config, base.clock)
    anchors = read
    if before is not None and read is not None and before.configured == read:
        anchors = before.anchors
    anchors = waiving(anchors, read, base.overrides)
    made = _Assembly(config, base, anchors, hints, encryption, before)
    return made.parts(configured=snapshot(read))


def assemble_again(before: Parts) -> Parts:
    """The same as *before* once more, with empty caches; no file is read. Never fails."""
    anchors = waiving(before.anchors, before.configured, before.base.overrides)
    made = _Assembly(
        before.config, before.base, anchors, before.named_roots, before.encryption, before
    )
    return made.parts(configured=before.configured)


def assemble_apart(parts: Parts, *, ask: Ask, bus: Bus, is_cold: bool = False) -> Parts:
    """As *parts*, for one resolution that is watched: it asks by *ask*, and is told on *bus*.

    It knows what they know, or with *is_cold* nothing but the servers. Never to take effect.
    """
    base = replace(parts.base, bus=bus, counters=PathCounters())
    hook = parts.memory.on_nxdomain
    made = _Assembly(
        parts.config, base, parts.anchors, parts.named_roots, parts.encryption, parts,
        knows=None if is_cold else parts, ask=ask,
    )  # fmt: skip
    whole = made.parts(configured=parts.configured)
    parts.memory.on_nxdomain = hook
    return whole


class _Assembly:
    """One configuration's objects in the making."""

    def __init__(
        self,
        config: Config,
        base: Base,
        anchors: Anchors | None,
        named_roots: list[tuple[Name, str]],
        encryption: Encryption,
        before: Parts | None,
        *,
        knows: Parts | None = None,
        ask: Ask | None = None,
    ) -> None:
        self.config = config
        self.base = base
        self.anchors = anchors
        self.named_roots = named_roots
        self.hints = hints_delegation(named_roots)
        self.fixed = dict(fixed_delegations(config))
        self.encryption = encryption
        if before is not None:
            self._keep_books(before)
        self.ask = ask or base.dispatcher.ask
        if knows is None:
            shares = shares_of(config)
            self.keystore = KeyStore(shares.known_zones)
            exempt = exempt_names(config, anchors, base.clock)
            stale_s = stale_seconds(config, base.overrides)
            self.memory = memory_of(config, exempt, stale_s=stale_s)
            self.delegations = DelegationCache(shares.zone_cuts)
        else:
            self.keystore, self.memory = knows.keystore, knows.memory
            self.delegations = knows.delegations
        self.resolver = Resolver(
            self.memory,
            clock=base.clock,
            spawn=self._spawn,
            query_seconds=config.resolution.query_timeout,
        )
        fetches_ahead = config.dnssec.validate and config.outgoing.speculation
        ahead = Ahead(self.resolver, clock=base.clock, spawn=self._spawn)
        self.ahead = ahead if fetches_ahead else None
        self.reports = self._reports()
        self.walker = self._walker()
        self.resolver.attach(self.walker, self._validation())
        self.resolver.stale = stale = stale_of(
            config, base.clock, base.infra, self.memory, self.delegations, self.walker,
            base.dispatcher, overrides=base.overrides,
        )  # fmt: skip
        if stale is not None:
            self.resolver.silent_cuts = stale.silent_cuts

    def _keep_books(self, before: Parts) -> None:
        """Delegations that say what they said go on, with all that was learnt of their servers."""
        if self.named_roots == before.named_roots:
            self.hints = before.hints
        for zone, fresh in self.fixed.items():
            known = before.fixed.get(zone)
            if known is not None and says_the_same(known, fresh):
                self.fixed[zone] = known

    def parts(self, *, configured: Anchors | None) -> Parts:
        """The whole."""
        config, base = self.config, self.base
        local, found = local_data(config, base.local_files), base.translating.found
        policed = (*in_use(config, base.rpzs), cuts_of(self.walker))
        stock = Stock(self.anchors, base.offers, local, found, *policed, lists=base.lists)
        tags = tags_now(config, base.clock)
        replies = Replies(
            base.packets, base.options, config.server.udp_payload_size, nsid_of(config)
        )
        return Parts(
            self.config, base, self.delegations, self.memory, self.resolver, self.walker,
            self._pipeline(replies), self.named_roots, self.hints, self.fixed, self.anchors,
            configured, self.keystore, base.clock, base.infra, base.dispatcher, base.packets,
            base.fast_paths, stock, tags, views_of(config, stock, tags), base.cookies, base.bus,
            Outages(self.resolver, replies, self._spawn), self.encryption,
            renewals_of(config, self.resolver, self.walker, dispatcher=base.dispatcher,
                        now=base.clock.now),
        )  # fmt: skip

    def _walker(self) -> Walker:
        config, base = self.config, self.base
        return Walker(
            ask=asking_of(config, base, self.ask, self.reports),
            rrsets=self.memory.rrsets,
            negatives=self.memory.negatives,
            delegations=self.delegations,
            fixed=self.fixed,
            hints=self.hints,
            clock=base.clock,
            lookup=self.resolver.addresses,
            spawn=self._spawn,
            settings=walk_settings(config, self.anchors, base.clock),
            on_referral=nothing_ahead if self.ahead is None else self.ahead.on_referral,
        )

    def _spawn(self, function: object, *args: object) -> None:
        """Background work of a query: a fault of ours ends it, and nothing else."""
        self.base.spawn(contained, function, *args)

    def _validation(self) -> Validation | None:
        anchors, keystore, base = self.anchors, self.keystore, self.base
        if anchors is None:
            return None
        timekeeper, bus, clock = Timekeeper(base.clock), base.bus, base.clock
        sha1 = Sha1Policy.of(validates=self.config.dnssec.sha1)

        def context() -> Context:
            tell = bus.emit if any(kind in bus.heard for kind in KINDS) else None
            wall, now = timekeeper.wall(), clock.now()
            return Context(anchors, keystore, wall, now, sha1, tell=tell, watch=timekeeper)

        forwards = any(cut.is_forward for cut in self.fixed.values())
        ahead = self.ahead if forwards else None
        return Validation(self.resolver, self.memory, context, clock=clock, ahead=ahead)

    def _pipeline(self, replies: Replies) -> Pipeline:
        config, base = self.config, self.base
        return Pipeline(
            self.resolver,
            replies,
            base.fast_paths,
            spawn=base.spawn,
            query_seconds=config.resolution.query_timeout,
            shortage=base.shortage,
            bus=base.bus,
            counters=base.counters,
            early=early_of(config, self.resolver, base.infra.link, self._spawn),
            prefetch=base.prefetch if renews_ahead(config) else None,
            reports=self.reports,
        )

    def _reports(self) -> ErrorReports | None:
        config = self.config
        if not config.outgoing.error_reporting:
            return None
        seconds = config.resolution.query_timeout
        return ErrorReports(self.resolver, self.base.clock, self._spawn, query_seconds=seconds)
