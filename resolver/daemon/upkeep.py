"""What runs beside the queries: the root is kept primed, a copy of its zone renewed, trust anchors
follow their zones, what is used is renewed, encrypted forwarders are discovered and connected to,
views follow their schedules, local names their files, response policy zones their sources.

Each goes on over a reload, on whatever is in use then, and begins anew where what it rests on has
changed: the hints, the anchors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import trio

from resolver.budget import Share
from resolver.daemon.experimenting import keep_looking
from resolver.daemon.local_watch import keep_local_files
from resolver.daemon.nat64 import is_searched
from resolver.daemon.outage_news import OutageNews
from resolver.daemon.prefix_finding import PrefixFinder
from resolver.daemon.processor_use import ProcessorUse
from resolver.daemon.renewing import keep_renewing
from resolver.daemon.root_keeper import RootKeeper, Serving
from resolver.daemon.rpz_keeper import RpzKeeper
from resolver.daemon.rpz_keeper import Serving as RpzServing
from resolver.daemon.schedules import keep_schedules
from resolver.daemon.zones import uses_root_copy
from resolver.iterate.priming import keep_primed
from resolver.limits import NAT64_FIRST_SECONDS
from resolver.protocol import names
from resolver.recurse.rollover import Rollover
from resolver.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from resolver.config.schema import Config
    from resolver.daemon.bind import ListeningSockets
    from resolver.daemon.discovering import Discovery
    from resolver.daemon.root_sources import Fetch
    from resolver.daemon.state import StateDirectory
    from resolver.daemon.wiring import Parts
    from resolver.dnssec.anchors import Anchor
    from resolver.model import Delegation, Link, Question
    from resolver.recurse.resolver import Resolver
    from resolver.telemetry.shared_counters import Slot


class Running(Protocol):
    """The process, as far as upkeep needs it (`run.Daemon`)."""

    parts: Parts
    state: StateDirectory
    nursery: trio.Nursery
    is_first: bool
    slot: Slot | None
    root_fetch: Fetch | None
    sockets: ListeningSockets

    @property
    def config(self) -> Config: ...

    @property
    def resolver(self) -> Resolver: ...


class Upkeep:
    """The tasks, each in a scope of its own."""

    def __init__(self, daemon: Running) -> None:
        self._daemon = daemon
        self._priming = trio.CancelScope()
        self._rollover = trio.CancelScope()
        self._copying = trio.CancelScope()
        self._discovering = trio.CancelScope()
        self._scheduling = trio.CancelScope()
        self._following = trio.CancelScope()
        self._finding = trio.CancelScope()
        self._policing = trio.CancelScope()
        self.processor = ProcessorUse()
        self.discovery: Discovery | None = None
        fetch, state = daemon.root_fetch, daemon.state
        self.root_keeper: RootKeeper | None = None
        if fetch is not None:
            serving = Serving(state, leads=daemon.is_first, fetch=fetch, slot=daemon.slot)
            self.root_keeper = RootKeeper(serving, lambda: daemon.parts)

        self.rpz_keeper = RpzKeeper(
            RpzServing(daemon.state, leads=daemon.is_first, shares=daemon.slot is not None),
            lambda: daemon.parts,
        )
        rpzs = daemon.parts.base.rpzs
        rpzs.notify, rpzs.rows = self.rpz_keeper.notify, self.rpz_keeper.rows
        rpzs.signs = self.rpz_keeper.signed

    async def begin(self, are_notes_read: trio.Event) -> None:
        """Start what the configuration wants; nothing is renewed before *are_notes_read*, and
        policy zones that are there are in force before anybody asks."""
        self.rpz_keeper.follow()
        await self.rpz_keeper.take_kept()
        await self._find_prefix_first()
        self._prime()
        self._roll_over()
        self._copy_root()
        self._discover()
        self._keep_schedules()
        self._follow_files()
        self._keep_policy_zones()
        self._warm_up()
        base, slot = self._daemon.parts.base, self._daemon.slot
        if slot is not None:
            self._daemon.nursery.start_soon(OutageNews(slot, base.dispatcher.ways, base.clock).run)
        self._daemon.nursery.start_soon(keep_looking, base.dispatcher, base.clock, are_notes_read)
        self._daemon.nursery.start_soon(keep_renewing, base.prefetch, base.clock, are_notes_read)

    def go_on(self, before: Parts) -> None:
        """The daemon has other parts than *before*."""
        now = self._daemon.parts
        if _primes(now) != _primes(before) or now.hints is not before.hints:
            self._priming.cancel()
            self._prime()
        if _rolls(now) != _rolls(before) or now.anchors is not before.anchors:
            self._rollover.cancel()
            self._roll_over()
        if now.config.root != before.config.root or _root_anchor(now) != _root_anchor(before):
            self._copying.cancel()
            now.base.root_copy.form = None
            self._copy_root()
        self._discovering.cancel()
        self._discover()
        self._scheduling.cancel()
        self._keep_schedules()
        self._following.cancel()
        self._follow_files()
        self._finding.cancel()
        self._find_prefix()
        if now.config.rpz != before.config.rpz:
            self._policing.cancel()
            self._keep_policy_zones()
        self._warm_up()

    def _prime(self) -> None:
        parts = self._daemon.parts
        if not _primes(parts):
            return
        self._priming = scope = trio.CancelScope()
        ask, hints, clock = parts.dispatcher.ask, parts.hints, parts.clock
        latest = _Latest(self._daemon)
        is_signed = latest.is_root_signed
        self._start(scope, lambda: keep_primed(ask, latest, hints, clock, is_signed=is_signed))

    def _roll_over(self) -> None:
        daemon, parts = self._daemon, self._daemon.parts
        if parts.anchors is None or not _rolls(parts):
            return
        rollover = Rollover(
            _Latest(daemon),
            parts.anchors,
            daemon.state,
            clock=parts.clock,
            budget=self._budget,
            leads=daemon.is_first,
        )
        self._rollover = scope = trio.CancelScope()
        self._start(scope, rollover.run)

    def _copy_root(self) -> None:
        parts, keeper = self._daemon.parts, self.root_keeper
        if keeper is not None and uses_root_copy(parts.config) and _root_anchor(parts) is not None:
            self._copying = scope = trio.CancelScope()
            self._start(scope, keeper.keep)

    def _discover(self) -> None:
        parts, before = self._daemon.parts, self.discovery
        if before is None and not any(entry.discover for entry in parts.config.forward):
            return
        from resolver.daemon.discovering import Discovery  # noqa: PLC0415 - where it is wanted

        known = before.known if before is not None else {}
        say = logs.say if self._daemon.is_first else _say_nothing
        self.discovery = discovery = Discovery(parts, known, say)
        self._discovering = scope = trio.CancelScope()
        self._start(scope, discovery.run)

    def _keep_schedules(self) -> None:
        if self._daemon.parts.config.schedule:
            self._scheduling = scope = trio.CancelScope()
            self._start(scope, lambda: keep_schedules(self._daemon))

    async def _find_prefix_first(self) -> None:
        """Before anybody is asked: the only way to a server may be through the translator."""
        has_looked = self._find_prefix()
        if has_looked is not None:
            with trio.move_on_after(NAT64_FIRST_SECONDS):
                await has_looked.wait()

    def _find_prefix(self) -> trio.Event | None:
        """That of the network's translator, where the configuration wants it found; set once it
        was looked for."""
        daemon = self._daemon
        if not is_searched(daemon.config):
            daemon.parts.base.translating.found.now = ()
            return None
        say = logs.say if daemon.is_first else _say_nothing
        self._finding = scope = trio.CancelScope()
        finder = PrefixFinder(lambda: daemon.parts, say)
        self._start(scope, finder.run)
        return finder.has_looked

    def _follow_files(self) -> None:
        local = self._daemon.parts.config.local
        if local.hosts_files or local.leases_file:
            self._following = scope = trio.CancelScope()
            self._start(scope, lambda: keep_local_files(self._daemon))

    def _keep_policy_zones(self) -> None:
        if self._daemon.parts.config.rpz or self.rpz_keeper.zones:
            self.rpz_keeper.follow()
            self._policing = scope = trio.CancelScope()
            self._start(scope, self.rpz_keeper.keep)

    def _warm_up(self) -> None:
        """Have sessions with encrypted forwarders, where clients may come: not for one question."""
        if self._daemon.sockets.is_listening:
            self._daemon.parts.dispatcher.encrypted.warm_up()

    def _start(self, scope: trio.CancelScope, run: Callable[[], Awaitable[None]]) -> None:
        async def within() -> None:
            with scope:
                await run()

        self._daemon.nursery.start_soon(within)

    def _budget(self) -> Share:
        return Share.for_client(trio.current_time() + self._daemon.config.resolution.query_timeout)


def _primes(parts: Parts) -> bool:
    return parts.config.root.prime and parts.walker.asks_the_root


def _root_anchor(parts: Parts) -> Anchor | None:
    return None if parts.anchors is None else parts.anchors.by_name.get(names.ROOT)


def _rolls(parts: Parts) -> bool:
    return parts.config.dnssec.rfc5011


def _say_nothing(_: str, __: int) -> None:
    """Another process says it."""


class _Latest:
    """The parts in use at the moment, for who outlives a reload."""

    def __init__(self, daemon: Running) -> None:
        self._daemon = daemon

    def is_root_signed(self) -> bool:
        """As `iterate.walk.Walker.is_root_signed`."""
        return self._daemon.parts.walker.is_root_signed

    def put(self, delegation: Delegation) -> None:
        """A zone cut was learnt."""
        self._daemon.parts.delegations.put(delegation)

    async def find(
        self, question: Question, budget: Share, *, is_fresh: bool = False
    ) -> Link | None:
        """As `recurse.resolver.Resolver.find`."""
        return await self._daemon.resolver.find(question, budget, is_fresh=is_fresh)
