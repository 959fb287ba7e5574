"""OpenTelemetry while the daemon runs: what is chosen goes to the collector that is configured."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from resolver.daemon.troubles import Trouble
from resolver.limits import OTEL_SEND_SECONDS
from resolver.runtime.clock import stamps
from resolver.telemetry.events import Resolved
from resolver.telemetry.traces import Traces

if TYPE_CHECKING:
    from random import Random

    from resolver.config.schema_telemetry import Otel
    from resolver.runtime.clock import Clock
    from resolver.telemetry.events import Bus
    from resolver.telemetry.otel import Sender

_log = logging.getLogger(__name__)


class Tracing:
    """Fed by *bus* while `otel.endpoint` says where to. *tells* False: another worker complains."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        rng: Random,
        nursery: trio.Nursery,
        *,
        tells: bool = True,
    ) -> None:
        self._now_ns = stamps(clock)
        self.traces = Traces(rng)
        self._bus = bus
        self._nursery = nursery
        self._endpoint = ""
        self._scope = trio.CancelScope()
        self._tells = tells

    def __repr__(self) -> str:
        return f"<Tracing {'on' if self._endpoint else 'off'}>"

    def go_by(self, config: Otel) -> None:
        """Tell from now on what *config* wants, where it wants it."""
        self.traces.sample = config.sample
        if config.endpoint == self._endpoint:
            return
        self._endpoint = config.endpoint
        self._bus.unsubscribe(self.traces.hear)
        self._scope.cancel()
        if not config.endpoint:
            return
        from resolver.telemetry.otel import Sender  # noqa: PLC0415 - where it is wanted

        trouble = Trouble(_log, tells=self._tells)

        def note(count: int, is_taken: bool) -> None:  # noqa: FBT001  # as the exporter says it
            self.traces.note_sent(count, is_taken)
            reach = f"spans reach {config.endpoint}"
            why = "" if is_taken else "its collector does not take them"
            trouble.note(why, f"no {reach}", f"{reach} again")

        sender = Sender(config.endpoint, note)
        self.traces.tell = lambda event: sender.tell(event, self._now_ns())
        self._bus.subscribe(self.traces.hear, Resolved)
        self._scope = trio.CancelScope()
        self._nursery.start_soon(self._end, sender, self._scope)

    async def _end(self, sender: Sender, scope: trio.CancelScope) -> None:
        """Once cancelled, what waits has a moment to go."""
        try:
            with scope:
                await trio.sleep_forever()
        finally:
            with trio.move_on_after(OTEL_SEND_SECONDS, shield=True):
                await trio.to_thread.run_sync(sender.close, abandon_on_cancel=True)
