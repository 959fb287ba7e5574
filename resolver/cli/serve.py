"""resolver serve: the daemon in the foreground. Arguments → Config; the rest is `foreground`'s.

Every problem of the configuration is told, not only the first, before anything is bound.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from resolver.cli import verify
from resolver.config import check, endpoints
from resolver.config.changes import changes, merged, overlaid
from resolver.config.listen_urls import listen_url
from resolver.daemon import (
    control,
    foreground,
    given_sockets,
    host,
    in_common,
    memory_limit,
    preload,
    privileges,
    state,
)
from resolver.daemon.descriptors import count_descriptors
from resolver.daemon.reload import Source
from resolver.daemon.run import tls_of
from resolver.daemon.status_line import serving
from resolver.daemon.tls_contexts import is_needed
from resolver.daemon.workers import Hooks, Supervisor, worker_count
from resolver.errors import CannotStart, ConfigError
from resolver.library.settings import internet
from resolver.limits import WORKER_STOP_SECONDS
from resolver.runtime import compiled, interrupt
from resolver.runtime.clock import SystemClock
from resolver.telemetry import logs
from resolver.telemetry.shared_counters import Slot

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from resolver.config.schema import Config
    from resolver.daemon.run import Daemon
    from resolver.daemon.tls_contexts import TlsContexts
    from resolver.listen.sockets import GivenSockets

_log = logging.getLogger(__name__)
FAILED = 1
WRONG_CONFIGURATION = 2


def run(options: argparse.Namespace) -> int:
    """Until a signal ends it, and then 0; 1 if it cannot start just now, 2 if it never can."""
    config, problems = verify.configuration(options)
    if problems:
        refused, _ = verify.rehearsed(config, options)  # told now, not once these are mended
        for problem in verify.in_order([*problems, *refused]):
            print(f"resolver: {problem}", file=sys.stderr)
        return WRONG_CONFIGURATION
    return _told(options, lambda: _serve(options, config))


def _serve(options: argparse.Namespace, config: Config) -> int:
    """As *config*, which is free of faults, says. Raises ConfigError, CannotStart."""
    if options.beside:
        config = _beside(config)
    _open_log(config)
    if modules := compiled.checked():
        _log.info("%d modules run compiled", modules)
    given = given_sockets.take(os.environ)
    config = given_sockets.folded(config, given)
    for sentence in check.old_spellings(config):
        _log.warning("%s", sentence)
    for sentence in state.useless_anchors(config, state.read_anchors(config)):
        _log.warning("%s", sentence)
    with (
        interrupt.allowed(),
        internet(config, lab=options.lab) as (fitting, network),
    ):
        available = memory_limit.available_octets()
        count = 1 if options.lab else worker_count(fitting.server.workers)
        count = memory_limit.workers_that_fit(fitting, count, available)
        server = msgspec.structs.replace(fitting.server, workers=count)
        counted = msgspec.structs.replace(fitting, server=server)
        counted, wanted = memory_limit.fitted(counted, available), counted
        for sentence in memory_limit.cut_short(wanted, counted, available):
            _log.warning("%s", sentence)
        ours = changes(config, counted)

        def read() -> tuple[Config, list[ConfigError]]:
            """What the file says now, fitted as it was at the start."""
            found, problems = verify.configuration(options)
            if not problems:
                found = given_sockets.folded(_beside(found) if options.beside else found, given)
            return overlaid(found, ours), problems

        source = Source(read, partial(verify.in_place, options=options))
        bound = given_sockets.by_place(given)
        if count > 1:
            return _supervise(options, counted, count, source, bound)
        return foreground.serve(counted, _announce, network=network, source=source, given=bound)


def _beside(config: Config) -> Config:
    """One that is tried out beside the daemon of this machine, as `resolver bench` does: its cache
    starts empty and is not kept, it shares nothing, and has no door but `server.listen`."""
    replace = msgspec.structs.replace
    return replace(
        config,
        cache=replace(config.cache, persist=False),
        valkey=replace(config.valkey, url=""),
        dnssec=replace(config.dnssec, rfc5011=False),
        log=replace(config.log, queries="off"),
        control=replace(config.control, socket=""),
        metrics=replace(config.metrics, listen=""),
        health=replace(config.health, listen=""),
        web=replace(config.web, listen=""),
        dnstap=replace(config.dnstap, to=""),
        otel=replace(config.otel, endpoint=""),
    )


def _open_log(config: Config) -> None:
    account = privileges.account_of(privileges.user_of(config.server.user))
    owner = (account.pw_uid, account.pw_gid) if account is not None else None
    try:
        logs.configure(config.log, directory=config.working_directory, owner=owner)
    except OSError as error:
        raise logs.unusable(config.log, error) from None


def _supervise(
    options: argparse.Namespace, config: Config, count: int, source: Source, given: GivenSockets
) -> int:
    """Several processes on one port; the supervisor speaks for all of them.

    At SIGHUP each reads the configuration for itself. The supervisor does too: a worker that has to
    be started again begins with what the others go by.
    """
    count_descriptors(config)  # it would be each worker's complaint
    preload.load(config)  # once for all, and for each that is started again
    counters = in_common.counters_of(count)
    directory = state.StateDirectory(config.working_directory)
    directory.open()
    tls = tls_of(config, directory, SystemClock().wall)
    if is_needed(config):
        tls.make_ahead()  # before the fork: workers know each other's tickets

    standing = _Standing(config, source, tls)

    def stopping() -> None:
        counters.note_ending()
        host.notify("STOPPING=1")

    places = dict.fromkeys(listen_url(text).where for text in config.server.listen)
    hooks = Hooks(
        on_ready=lambda: host.notify(f"READY=1\nSTATUS={serving(places, count)}"),
        on_stopping=stopping,
        on_turn=host.Watchdog(host.watchdog_seconds()).turn,
        on_reopen=standing.reopen,
        on_reread=standing.reread,
        on_anew=partial(standing.reread, is_anew=True),
    )

    def work(worker: int) -> int:
        slot, lifeline = Slot(counters, worker), supervisor.lifeline
        return _told(
            options,
            lambda: foreground.serve(
                standing.config,
                _announce,
                slot=slot,
                lifeline=lifeline,
                source=source,
                tls=tls,
                given=given,
            ),
        )

    leave_s = config.resolution.query_timeout + WORKER_STOP_SECONDS
    supervisor = Supervisor(count, work, hooks=hooks, leave_s=leave_s)
    try:
        return supervisor.run()
    finally:
        control.sweep(standing.config)


class _Standing:
    """What a worker that is begun goes by: the configuration that the others have reloaded."""

    def __init__(self, config: Config, source: Source, tls: TlsContexts) -> None:
        self.config = config
        self._source = source
        self._tls = tls

    def reopen(self) -> None:
        """At SIGHUP."""
        host.notify(host.reloading())
        logs.reopen()
        self.reread()
        host.notify("READY=1")

    def reread(self, *, is_anew: bool = False) -> None:
        """*is_anew*: what needs a restart counts, too."""
        found, problems = self._source.read()
        if not problems:  # the first worker tells them
            config = found if is_anew else merged(found, changes(self.config, found))
            self.config = config
            with suppress(ConfigError):  # likewise
                self._tls.adopt(config, self._tls.read(config))


def _told(options: argparse.Namespace, serve: Callable[[], int]) -> int:
    """The exit status; what could not be used is told, as `resolver check` tells it."""
    try:
        return serve()
    except ConfigError as error:
        print(f"resolver: {verify.in_place(error, options)}", file=sys.stderr)
        return WRONG_CONFIGURATION
    except CannotStart as error:
        for problem in error.problems:
            print(f"resolver: {verify.in_place(problem, options)}", file=sys.stderr)
        if not error.problems:
            print(f"resolver: {error}", file=sys.stderr)
        return FAILED


def _announce(daemon: Daemon) -> None:
    """For somebody at a terminal; a service manager hears of readiness in its own way."""
    if sys.stderr.isatty():
        where = ", ".join(endpoints.show(endpoint) for endpoint in daemon.bound)
        print(f"resolver: listening on {where}", file=sys.stderr)
        if (page := daemon.control.page) is not None:
            print(f"resolver: the page is at {page.address()}", file=sys.stderr)
