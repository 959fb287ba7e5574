"""The query log while the daemon runs: heard on the bus, written from a thread, pruned.

Nothing here can end or stall the daemon. While the disk stands still, lines wait as far as there is
room for them, then they are dropped and counted; what is wrong is told once, and when it is over.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from resolver import __version__
from resolver.daemon.troubles import Trouble
from resolver.limits import (
    QUERY_LOG_DAYS,
    QUERY_LOG_LEAVING_SECONDS,
    QUERY_LOG_LOOK_SECONDS,
    QUERY_LOG_OCTETS,
    QUERY_LOG_SECONDS,
)
from resolver.runtime.clock import SystemClock, stamps
from resolver.telemetry.client_forms import DAY_KEY_OCTETS, ClientForms, DayKey
from resolver.telemetry.events import Answered, Recalled
from resolver.telemetry.query_lines import Mark
from resolver.telemetry.query_log import QueryLog
from resolver.telemetry.query_log_files import DIRECTORY, Keeping, QueryLogFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.config.schema import Log, View
    from resolver.runtime.clock import Clock
    from resolver.telemetry.events import Bus
    from resolver.telemetry.shared_counters import Slot

_log = logging.getLogger(__name__)
_MODES = ("off", "failures", "all")


class QueryLogging:
    """What is kept of queries in *directory*; "" keeps nothing. *slot*: one of several workers."""

    def __init__(self, bus: Bus, clock: Clock, directory: str, *, slot: Slot | None = None) -> None:
        cell = bytearray(DAY_KEY_OCTETS) if slot is None else memoryview(slot.day_key)
        leads = slot is None or slot.is_first
        key = DayKey(cell[:DAY_KEY_OCTETS], os.urandom, leads=leads)
        self._is_real = isinstance(clock, SystemClock)
        # the times in a log are the machine's own, as those of any other log
        self._wall: Callable[[], float] = time.time if self._is_real else clock.wall
        self.log = QueryLog(ClientForms(key), stamps(clock), self._wake)
        self._key = key
        self._bus = bus
        self._directory = Path(directory).absolute() / DIRECTORY if directory else None
        keeping = Keeping(QUERY_LOG_DAYS, QUERY_LOG_OCTETS)
        self._files = QueryLogFiles(self._directory or Path(), keeping)
        self._came = trio.Event()
        self._told: tuple[str, str] = ("off", "no")
        self._by_view: tuple[str, dict[str, str]] = ("off", {})
        self._worker = 0 if slot is None else slot.number
        self._trouble = Trouble(_log, tells=not self._worker)
        self._is_writing = False

    def __repr__(self) -> str:
        return f"<QueryLogging {self._told[0]}>"

    def go_by(self, config: Log, views: Iterable[View] = ()) -> None:
        """Log from now on as *config* says, and as those of *views* say for theirs."""
        if self._directory is None:
            return
        self._files.keeping = Keeping(config.keep, config.size_octets)
        kept: dict[str, str] = {
            view.name: view.log for view in views if view.log not in ("", config.kept)
        }
        most = max((config.kept, *kept.values()), key=_MODES.index)
        told, by_view = (most, config.clients), (config.kept, kept)
        if told == self._told and by_view == self._by_view:
            return
        if self._told[0] != "off":
            self._end()
        self._told, self._by_view = told, by_view
        self.log.go_by(config.clients, *by_view)
        if most != "off":
            self._mark("start")
        if most == "failures":
            self._bus.subscribe(self.log.hear_failure, Answered)
        elif most == "all":
            self._bus.subscribe(self.log.hear, Answered)
            self._bus.subscribe(self.log.hear_hit, Recalled)

    def _end(self) -> None:
        for listener in (self.log.hear, self.log.hear_hit, self.log.hear_failure):
            self._bus.unsubscribe(listener)
        self._mark("stop")

    def _mark(self, event: str) -> None:
        queries, clients = self._told
        dropped = self.log.dropped if event == "stop" else 0
        version = __version__ if event == "start" else ""
        self.log.mark(
            Mark(
                t="", event=event, version=version, queries=queries, clients=clients,
                worker=self._worker, dropped=dropped,
            )
        )  # fmt: skip

    def _wake(self) -> None:
        self._came.set()

    # --- the run ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write what waits, and look for what has grown too old, until cancelled; then the rest."""
        if self._directory is None:
            return
        try:
            while True:
                await self._write()
                with trio.move_on_after(QUERY_LOG_LOOK_SECONDS):
                    await self._came.wait()
                    await trio.sleep(QUERY_LOG_SECONDS)
        finally:
            with trio.move_on_after(QUERY_LOG_LEAVING_SECONDS, shield=True):
                await self._finish()

    async def _finish(self) -> None:
        if self._told[0] != "off":
            self._end()
        if self._is_writing:  # a thread that the disk holds up: it has the file
            self.log.dropped += self.log.take()[1]
            return
        await self._write()
        self._files.close()

    async def _write(self) -> None:
        """All that waits; the other calls of a thread wait for this one."""
        self._came = trio.Event()
        lines, count = self.log.take()
        self._key.at(self._wall())  # yesterday's goes, whether anybody asks or not
        try:
            if self._is_real:
                await trio.to_thread.run_sync(self._store, lines, abandon_on_cancel=True)
            else:
                self._store(lines)
        except OSError as error:
            self.log.dropped += count
            self._tell(error.strerror or str(error))
        else:
            self.log.written += count
            if lines:
                self._tell("")

    def _store(self, lines: list[bytes]) -> None:
        self._is_writing = True
        try:
            wall = self._wall()
            if lines:
                self._files.write(lines, wall)
            else:
                self._files.prune(wall)
        finally:
            self._is_writing = False

    def _tell(self, why: str) -> None:
        where = self._directory
        fails, goes_on = f"no query log is kept in {where}", f"a query log is kept again in {where}"
        self._trouble.note(why, fails, goes_on)
