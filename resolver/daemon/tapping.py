"""dnstap while the daemon runs: heard on the bus, sent to its receiver, which may come and go.

While nobody takes them, messages wait as far as there is room, then they are dropped and counted. A
receiver that is gone is tried again, soon and then ever less often. Nothing here waits on the path.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from resolver import __version__
from resolver.config.tap_target import TapTarget, tap_target
from resolver.daemon import tap_sinks
from resolver.daemon.tap import Tap
from resolver.daemon.troubles import Trouble
from resolver.errors import WireError, drop_frames
from resolver.limits import DNSTAP_PAUSE_MOST_SECONDS, DNSTAP_PAUSE_SECONDS, DNSTAP_SECONDS
from resolver.runtime.clock import stamps
from resolver.telemetry.events import Answered, Recalled
from resolver.upstream.server_events import Crossed

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.config.schema import Config
    from resolver.daemon.tap_sinks import Sink
    from resolver.runtime.clock import Clock
    from resolver.telemetry.events import Bus
    from resolver.telemetry.metrics import Registry

_log = logging.getLogger(__name__)


class Tapping:
    """Fed by *bus* while `dnstap.to` says where to. *worker*: its number; the first one tells."""

    def __init__(self, bus: Bus, clock: Clock, nursery: trio.Nursery, *, worker: int) -> None:
        self.tap = Tap(stamps(clock), self._wake)
        self.is_connected = False
        self._bus = bus
        self._nursery = nursery
        self._worker = worker
        self._came = trio.Event()
        self._scope = trio.CancelScope()
        self._key: object = None
        self._trouble = Trouble(_log, tells=not worker)

    def __repr__(self) -> str:
        return f"<Tapping {'connected' if self.is_connected else 'not connected'}>"

    def go_by(self, config: Config) -> None:
        """Send from now on what *config* wants, where it wants it; what stayed the same goes on."""
        wanted = config.dnstap
        key = wanted, config.server.identity
        if key == self._key or (self._key is None and not wanted.to):
            return
        self._key = key
        self._scope.cancel()
        for listener in (self.tap.hear, self.tap.hear_hit, self.tap.hear_crossing):
            self._bus.unsubscribe(listener)
        _, waiting = self.tap.take()
        self.tap.dropped += waiting
        if not wanted.to:
            return
        from resolver.telemetry.dnstap import Encoder  # noqa: PLC0415 - where it is wanted

        self.tap.encoder = Encoder(
            config.server.identity, f"resolver {__version__}", shows_clients=wanted.client_addresses
        )
        if "client" in wanted.messages:
            self._bus.subscribe(self.tap.hear, Answered)
            self._bus.subscribe(self.tap.hear_hit, Recalled)
        if "resolver" in wanted.messages:
            self._bus.subscribe(self.tap.hear_crossing, Crossed)
        target = tap_target(wanted.to)
        if target.file:
            target = TapTarget(file=str(Path(config.working_directory, target.file).absolute()))
        self._scope = scope = trio.CancelScope()
        self._nursery.start_soon(self._keep_sending, target, scope)

    def _wake(self) -> None:
        self._came.set()

    async def _keep_sending(self, target: TapTarget, scope: trio.CancelScope) -> None:
        """Until cancelled: connect, send, and when that fails try again later."""
        pause_s = DNSTAP_PAUSE_SECONDS
        with scope:
            while True:
                try:
                    async with tap_sinks.opened(target, self._worker) as sink:
                        self.is_connected = True
                        self._tell(target, "")
                        pause_s = DNSTAP_PAUSE_SECONDS
                        await self._send(sink)
                except (OSError, WireError, trio.BrokenResourceError, trio.TooSlowError) as error:
                    self._tell(target, _why(error))
                    drop_frames(error)
                finally:
                    self.is_connected = False
                await trio.sleep(pause_s)
                pause_s = min(2 * pause_s, DNSTAP_PAUSE_MOST_SECONDS)

    async def _send(self, sink: Sink) -> None:
        """What waits, again and again. Raises what *sink* does."""
        while True:
            await self._came.wait()
            await trio.sleep(DNSTAP_SECONDS)
            self._came = trio.Event()
            octets, count = self.tap.take()
            try:
                await sink.send(octets)
            except BaseException:
                self.tap.dropped += count
                raise
            self.tap.messages += count

    def _tell(self, target: TapTarget, why: str) -> None:
        reach = f"dnstap messages reach {target}"
        self._trouble.note(why, f"no {reach}", f"{reach} again")


def _why(error: BaseException) -> str:
    if isinstance(error, trio.TooSlowError):
        return "it takes too long"
    if isinstance(error, trio.BrokenResourceError):
        return "it hung up"
    return getattr(error, "strerror", None) or str(error)


def count_tapping(registry: Registry, tapping: Callable[[], Tapping]) -> None:
    """Register all of it."""
    registry.count("dnstap", Tap, lambda: [tapping().tap])
    registry.gauge(
        "dnstap_connected",
        "1 while a receiver of dnstap messages takes them, or a file does.",
        lambda: int(tapping().is_connected),
    )
