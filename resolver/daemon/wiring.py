"""Config → wired objects: caches, exchange, walker, validator, pipeline. No I/O, nothing started.

Cycles of use (the walker needs addresses, which the resolver finds by walking) are closed here by
handing bound methods down. Read it to see who knows whom.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from resolver.cache.delegation import DelegationCache
from resolver.cache.denial import DenialCache
from resolver.cache.failure import FailureCache
from resolver.cache.negative import NegativeCache
from resolver.cache.rrset import RRsetCache
from resolver.config import octets
from resolver.config.endpoints import endpoint
from resolver.daemon.files import read_anchors, read_hints
from resolver.dnssec.context import Context
from resolver.dnssec.keys import Sha1Policy
from resolver.dnssec.keystore import KeyStore
from resolver.dnssec.sentinel import root_key_tags
from resolver.errors import ResolutionFailed
from resolver.iterate.observed import observed
from resolver.iterate.priming import hints_delegation
from resolver.iterate.walk import Walker, WalkSettings
from resolver.limits import IN_FLIGHT, TCP_IDLE_SECONDS
from resolver.model import Delegation, Question, Server
from resolver.packets.cache import PacketCache
from resolver.pipeline import PathSettings, Pipeline, contained
from resolver.policy.acl import Acl
from resolver.policy.chaos import chaos_answer
from resolver.policy.cookies import ServerCookies
from resolver.policy.local import LocalZones
from resolver.protocol import names
from resolver.protocol.codes import RRClass, RRType
from resolver.recurse.exempt import Exempt
from resolver.recurse.known import Known
from resolver.recurse.resolver import Resolver
from resolver.recurse.timekeeper import Timekeeper
from resolver.recurse.validation import Validation
from resolver.runtime.shortage import Shortage
from resolver.telemetry.events import Bus
from resolver.upstream.dispatcher import Dispatcher
from resolver.upstream.infra import Infra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from resolver.budget import Share
    from resolver.config.schema import Config
    from resolver.dnssec.anchors import Anchors
    from resolver.model import Answer, Name
    from resolver.runtime.clock import Clock
    from resolver.upstream.network import Network


@dataclass(slots=True)
class Parts:
    """The wired objects of one process."""

    config: Config
    clock: Clock
    infra: Infra
    exchange: Dispatcher
    delegations: DelegationCache
    memory: Known
    resolver: Resolver
    walker: Walker
    packets: PacketCache
    cookies: ServerCookies
    pipeline: Pipeline
    hints: Delegation
    anchors: Anchors | None
    bus: Bus


def assemble(
    config: Config,
    *,
    network: Network,
    clock: Clock,
    rng: Random,
    spawn: Callable[..., None],
    in_flight_limit: int = IN_FLIGHT,
) -> Parts:
    """Wire everything for *config*. Raises ConfigError where a file it names is no good."""
    infra = Infra(rng=rng)
    bus = Bus()
    fixed = dict(_fixed(config))
    hints = hints_delegation(read_hints(config))
    exchange = Dispatcher(
        network=network,
        infra=infra,
        clock=clock,
        rng=rng,
        config=config.outgoing,
        in_flight_limit=in_flight_limit,
        validates=config.dnssec.validate,
        named=(hints, *fixed.values()),
    )
    anchors = read_anchors(config) if config.dnssec.validate else None
    memory, delegations = _caches(config, _exempt(config, anchors, clock))
    exchange.ways.forgive = memory.forgive
    resolver = Resolver(memory, clock=clock)
    trust = None
    if anchors is not None:
        trust = _trust(config, anchors, resolver, memory, bus, clock)
    background = partial(spawn, contained)
    walker = _walker(
        config,
        anchors,
        exchange,
        bus,
        memory,
        delegations,
        fixed,
        hints,
        clock,
        resolver,
        background,
    )
    resolver.attach(walker, trust)
    cookies = ServerCookies(rng, bytes.fromhex(config.server.cookie_secret))
    packets = PacketCache(
        clock,
        max_octets=config.cache.size_octets // 4,
        udp_payload=config.server.udp_payload_size,
        cookies=cookies if config.server.cookies else None,
        keepalive_s=TCP_IDLE_SECONDS,
    )
    pipeline = Pipeline(
        resolver,
        packets,
        spawn=spawn,
        admits=Acl(config.server.allow_from).allows_packed,
        local=_local(config),
        root_tags=_root_tags(config, anchors),
        settings=PathSettings(
            max_udp=config.server.udp_payload_size,
            query_seconds=config.resolution.query_timeout,
            nsid=_nsid(config),
        ),
        shortage=Shortage(
            packets.flush, packets.shards.clear, memory.rrsets.clear, memory.negatives.clear
        ),
    )
    return Parts(
        config, clock, infra, exchange, delegations, memory, resolver, walker,
        packets, cookies, pipeline, hints, anchors, bus,
    )  # fmt: skip


def _nsid(config: Config) -> bytes:
    """The octets of NSID; the identity's if there are none of its own."""
    server = config.server
    return octets.nsid(server.nsid) if server.nsid else server.identity.encode()


def _exempt(config: Config, anchors: Anchors | None, clock: Clock) -> Exempt | None:
    """The operator's zones and negative anchors, if there are any: most have none to look at."""
    exempt = Exempt(
        (names.from_text(entry.zone) for entry in (*config.forward, *config.stub)),
        yielding=_yielding(config),
        anchors=anchors,
        wall=clock.wall,
    )
    return exempt or None


def _yielding(config: Config) -> frozenset[Name]:
    """The zones that are resolved as usual where the servers named for them fail."""
    zones = [entry.zone for entry in config.forward if entry.first]
    zones += [entry.zone for entry in config.stub if entry.first]
    return frozenset(map(names.from_text, zones))


def _caches(config: Config, exempt: Exempt | None) -> tuple[Known, DelegationCache]:
    settings = config.cache
    validates = config.dnssec.validate
    max_negative_ttl = min(settings.max_negative_ttl, settings.max_ttl)
    memory = Known(
        RRsetCache(settings.size_octets, min_ttl=settings.min_ttl, max_ttl=settings.max_ttl),
        NegativeCache(
            settings.size_octets // 8,
            min_ttl=min(settings.min_negative_ttl or settings.min_ttl, max_negative_ttl),
            max_ttl=max_negative_ttl,
        ),
        FailureCache(),
        (
            DenialCache(max_ttl=max_negative_ttl)
            if validates and config.dnssec.aggressive_nsec
            else None
        ),
        is_checked=validates,
        exempt=exempt,
    )
    return memory, DelegationCache(settings.size_octets // 8)


def _root_tags(config: Config, anchors: Anchors | None) -> Callable[[], frozenset[int]]:
    """The tags that a root key sentinel may be asked about (RFC 8509); none if it is off."""
    if anchors is None or not config.dnssec.root_key_sentinel:
        return frozenset
    return lambda: root_key_tags(anchors)


def _trust(
    config: Config, anchors: Anchors, resolver: Resolver, memory: Known, bus: Bus, clock: Clock
) -> Validation:
    keystore, timekeeper = KeyStore(), Timekeeper(clock)
    sha1 = Sha1Policy.of(validates=config.dnssec.sha1)

    def context() -> Context:
        tell = bus.emit if bus else None
        wall, now = timekeeper.wall(), clock.now()
        return Context(anchors, keystore, wall, now, sha1, tell=tell, watch=timekeeper)

    return Validation(resolver, memory, context, clock=clock)


def _expectation(anchors: Anchors | None, clock: Clock) -> Callable[[Name, bool], bool]:
    """Should what servers of a zone say be signed, as far as its referral or an anchor tells?"""

    def expects(zone: Name, has_ds: bool) -> bool:  # noqa: FBT001
        if anchors is None or not (has_ds or zone in anchors.by_name):
            return False
        return anchors.closest(zone) is not None and anchors.waived(zone, clock.wall()) is None

    return expects


def _walker(
    config: Config,
    anchors: Anchors | None,
    exchange: Dispatcher,
    bus: Bus,
    memory: Known,
    delegations: DelegationCache,
    fixed: dict[Name, Delegation],
    hints: Delegation,
    clock: Clock,
    resolver: Resolver,
    spawn: Callable[..., None],
) -> Walker:
    outgoing = config.outgoing
    rtypes = [
        rtype
        for rtype, is_wanted in ((RRType.A, outgoing.ipv4), (RRType.AAAA, outgoing.ipv6))
        if is_wanted
    ]
    fetches_keys = config.dnssec.validate and outgoing.speculation

    async def fetch_keys(question: Question, budget: Share) -> None:
        with suppress(ResolutionFailed):  # whoever needs the key will hear of it
            await resolver.find(question, budget, is_fresh=False)

    def on_referral(delegation: Delegation, budget: Share) -> None:
        if fetches_keys and delegation.is_signed:
            question = Question(delegation.zone, RRType.DNSKEY)
            if memory.recall(question, clock.now()) is None:
                spawn(fetch_keys, question, budget)

    return Walker(
        ask=observed(exchange.ask, bus),
        rrsets=memory.rrsets,
        negatives=memory.negatives,
        delegations=delegations,
        fixed=fixed,
        hints=hints,
        clock=clock,
        lookup=resolver.addresses,
        spawn=spawn,
        settings=WalkSettings(
            minimise=config.resolution.qname_minimisation,
            rtypes=tuple(rtypes),
            width=2 if outgoing.speculation else 1,
            min_ttl=config.cache.min_ttl,
            max_ttl=config.cache.max_ttl,
            expects_signatures=_expectation(anchors, clock),
            harden_glue=config.resolution.harden_glue,
            yielding=_yielding(config),
            primed=frozenset(names.from_text(entry.zone) for entry in config.stub if entry.prime),
        ),
        on_referral=on_referral,
    )


def _fixed(config: Config) -> Iterable[tuple[Name, Delegation]]:
    """Forward and stub zones as delegations that never expire."""
    for section, is_forward in ((config.stub, False), (config.forward, True)):
        for entry in section:
            zone = names.from_text(entry.zone)
            placeholder = names.prepend(b"configured", zone)
            servers = tuple(Server(*endpoint(address), placeholder) for address in entry.addresses)
            yield (
                zone,
                Delegation(
                    zone,
                    (placeholder,),
                    {placeholder: servers},
                    expires_at=float("inf"),
                    is_forward=is_forward,
                    is_last_word=is_forward and not getattr(entry, "first", False),
                    way=zone,
                ),
            )


def _local(config: Config) -> Callable[[Question], Answer | None]:
    """Local zones and class CHAOS, as configured."""
    elsewhere = [names.from_text(entry.zone) for entry in (*config.forward, *config.stub)]
    zones = LocalZones(elsewhere) if config.resolution.local_zones else None
    server = config.server

    def answer(question: Question) -> Answer | None:
        if question.qclass == RRClass.CH:
            return chaos_answer(question, version=server.version, identity=server.identity)
        return zones.answer(question) if zones is not None else None

    return answer
