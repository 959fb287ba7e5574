"""The daemon as a process: signals, privileges, readiness, and how it ends.

SIGTERM, SIGINT and SIGQUIT end it with status 0: at once where nothing is in flight, also while it
still waits at the start, for an address or for lists to be read; else when that is answered, after
DRAIN_SECONDS at the latest. Until then new queries are answered too, for nobody else has the port.
SIGHUP reopens the log and reads the configuration again.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from functools import partial
from signal import Signals
from typing import TYPE_CHECKING, Protocol

import trio

from resolver import __version__
from resolver.config.endpoints import show
from resolver.daemon import host, preload, privileges
from resolver.daemon.captive import Captive
from resolver.daemon.descriptors import count_descriptors, make_room_for_descriptors
from resolver.daemon.lifeline import ANEW, REREAD, STOP
from resolver.daemon.operated import Hooks
from resolver.daemon.reload import preview, reload, reread
from resolver.daemon.run import running
from resolver.daemon.status_line import keep_telling
from resolver.errors import ResolverError
from resolver.limits import THREAD_TURN_SECONDS
from resolver.operate.reloaded import NotReloaded
from resolver.operate.verb import Refused
from resolver.protocol.transport import Transport
from resolver.runtime import signals
from resolver.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from resolver.config.schema import Config
    from resolver.daemon.reload import Source
    from resolver.daemon.run import Daemon
    from resolver.daemon.tls_contexts import TlsContexts
    from resolver.listen.sockets import GivenSockets
    from resolver.operate.reloaded import Reloaded
    from resolver.telemetry.shared_counters import Slot
    from resolver.upstream.network import Network

_log = logging.getLogger(__name__)


class Supervised(Protocol):
    """What ties a worker to its supervisor (`workers.Lifeline`)."""

    def tie(self) -> None:
        """Called once the process is who it will be: ends it if the supervisor is gone."""

    async def keep_beating(self) -> None:
        """Show signs of life until cancelled."""

    def tell(self, word: bytes) -> None:
        """Have the supervisor do something: *word* is of `lifeline`."""


class _Life:
    """Whether the ports are bound yet, and what a signal does before and after.

    Before, there is nothing to end in order, and the wait for an address may be long; after it
    nobody waits any more for lists and policy zones that were never read before.
    """

    def __init__(self, *, tells: bool) -> None:
        self._tells = tells
        self._hung_up = trio.Event()
        self.start = trio.CancelScope()
        self._waits = trio.CancelScope()
        self._stop = trio.Event()
        self._is_bound = False

    def note_bound(self, waits: trio.CancelScope) -> None:
        """From here on the start is a matter of milliseconds, but for *waits*, and the end an
        orderly one."""
        self._is_bound, self._waits = True, waits

    def end(self) -> None:
        """As a signal does."""
        self._stop.set()

    async def until_told(self) -> None:
        """Returns when the process has to end."""
        await self._stop.wait()

    async def until_hung_up(self) -> None:
        """Returns when SIGHUP came, since the last time."""
        await self._hung_up.wait()
        self._hung_up = trio.Event()

    async def obey(self, arriving: AsyncIterator[int]) -> None:
        async for number in arriving:
            _log.info("%s", Signals(number).name)
            if number == signals.REOPENING:
                logs.reopen(tells=self._tells)
                self._hung_up.set()
                continue
            self._stop.set()
            (self._waits if self._is_bound else self.start).cancel()


async def _serve(
    config: Config,
    announce: Callable[[Daemon], None],
    network: Network | None,
    slot: Slot | None,
    lifeline: Supervised | None,
    source: Source | None,
    tls: TlsContexts | None,
    given: GivenSockets | None,
) -> None:
    count_descriptors(config)
    make_room_for_descriptors()
    life = _Life(tells=lifeline is None)
    is_first = slot is None or slot.is_first

    def settle_in(daemon: Daemon) -> None:
        life.note_bound(daemon.waits)
        preload.load(config)
        if is_first:
            daemon.control.open(config)
        user = privileges.user_of(config.server.user)
        is_other = privileges.drop(user)
        if is_other and is_first:
            _log.info("running as %s", user)
        if is_first:
            daemon.state.complain()
        if lifeline is not None:
            lifeline.tie()

    with trio.open_signal_receiver(*signals.OBEYED) as arriving:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(life.obey, arriving)
            with life.start:
                async with running(
                    config, network=network, on_bound=settle_in, slot=slot, tls=tls, given=given
                ) as daemon:
                    announce(daemon)
                    if lifeline is not None:  # to the last moment: an end may take its time
                        nursery.start_soon(lifeline.keep_beating)
                    if is_first:
                        _log.info("resolver %s: %s", __version__, in_a_line(daemon))
                    daemon.link_zones.begin(partial(reload, daemon))
                    daemon.control.begin(_hooks(daemon, life, lifeline, source))
                    try:
                        await _live(daemon, life, lifeline, source)
                    finally:
                        daemon.control.close()
                    daemon.remember_time()
                    total = daemon.listeners.total(Transport.UDP, "queries")
                    _log.info("stopped; %d queries over UDP", total)
            nursery.cancel_scope.cancel()


def in_a_line(daemon: Daemon) -> str:
    """What it listens on, whom it answers, and how, for the first line of a log."""
    config = daemon.parts.config
    server, zones = config.server, [entry.zone for entry in (*config.forward, *config.stub)]
    families = (("IPv4", config.outgoing.ipv4), ("IPv6", config.outgoing.ipv6))
    return "; ".join(
        (
            "listening on " + ", ".join(show(where) for where in daemon.bound),
            "answering " + (", ".join(server.allow_from) or "nobody"),
            "asking over " + " and ".join(name for name, is_on in families if is_on),
            "validating" if config.dnssec.validate else "not validating",
            "forwarding or stubs: " + (", ".join(zones) or "none"),
            f"{server.workers} process" + ("es" if server.workers != 1 else ""),
        )
    )


async def _live(
    daemon: Daemon, life: _Life, lifeline: Supervised | None, source: Source | None
) -> None:
    """From READY to the end of the drain."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(daemon.collector.run, daemon.work)
        nursery.start_soon(daemon.memory_keeper.keep)
        if source is not None:
            nursery.start_soon(_keep_up, daemon, life, source, lifeline is None)
        if lifeline is None:
            host.notify("READY=1")
            nursery.start_soon(_reassure, host.watchdog_seconds())
            nursery.start_soon(keep_telling, daemon)
        nursery.start_soon(daemon.self_probe.run)
        await life.until_told()
        if lifeline is None:
            host.notify("STOPPING=1")
        await daemon.drain()
        nursery.cancel_scope.cancel()


async def _reassure(interval_s: float) -> None:
    """The watchdog's ping: it depends on this loop alone."""
    watchdog = host.Watchdog(interval_s)
    while interval_s:
        watchdog.turn(trio.current_time())
        await trio.sleep(interval_s)


async def _keep_up(daemon: Daemon, life: _Life, source: Source, notifies: bool) -> None:  # noqa: FBT001
    """Read the configuration again at each SIGHUP; a service manager is told of it."""
    while True:
        await life.until_hung_up()
        if notifies:
            host.notify(host.reloading())
        with suppress(NotReloaded):  # the log has it
            await reread(daemon, source, tells=daemon.is_first)
        if notifies:
            host.notify("READY=1")


def _hooks(
    daemon: Daemon, life: _Life, lifeline: Supervised | None, source: Source | None
) -> Hooks:
    """What the control socket may have the whole process do."""

    async def read_again() -> Reloaded:
        """As at SIGHUP; a service manager, or the supervisor, is told of it."""
        logs.reopen(tells=daemon.is_first, cause="control")
        if source is None:
            raise Refused("this process has no configuration to read again")
        if lifeline is None:
            host.notify(host.reloading())
        try:
            done = await reread(daemon, source, tells=daemon.is_first, cause="control")
        finally:
            if lifeline is None:
                host.notify("READY=1")
        if lifeline is not None and daemon.is_first:
            lifeline.tell(REREAD)
        return done

    async def look_ahead() -> Reloaded:
        if source is None:
            raise Refused("this process has no configuration to read again")
        return await preview(daemon, source)

    async def make_anew() -> Reloaded:
        """Raises NotReloaded: who comes after us would not start."""
        if lifeline is None:
            raise Refused("there is one process only: restart the service")
        done = await look_ahead()
        lifeline.tell(ANEW)
        return done

    stop = life.end if lifeline is None else partial(lifeline.tell, STOP)
    return Hooks(read_again, stop, Captive(daemon), look_ahead, make_anew)


def serve(
    config: Config,
    announce: Callable[[Daemon], None] = lambda _: None,
    *,
    network: Network | None = None,
    slot: Slot | None = None,
    lifeline: Supervised | None = None,
    source: Source | None = None,
    tls: TlsContexts | None = None,
    given: GivenSockets | None = None,
) -> int:
    """Run in the foreground until a signal ends it; the exit status.

    Raises ConfigError, or CannotStart; *announce* is called once the sockets are bound. *source*
    reads the configuration again; without it SIGHUP only reopens the log. *tls*, *given*: as of
    `running`.
    """
    sys.setswitchinterval(THREAD_TURN_SECONDS)
    try:
        trio.run(_serve, config, announce, network, slot, lifeline, source, tls, given)
    except BaseExceptionGroup as group:  # not except*: that would wrap what it raises
        ours, others = group.split(ResolverError)
        if ours is None or others is not None:
            raise
        raise _first(ours) from None
    return 0


def _first(group: BaseExceptionGroup[ResolverError]) -> ResolverError:
    """The error itself, however many nurseries have wrapped it."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
