"""resolver serve: the daemon in the foreground. Arguments → Config; the rest is `app`'s.

Every problem of the configuration is told, not only the first, before anything is bound.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

from resolver import app
from resolver.cli import inprocess
from resolver.config import addresses, check, load
from resolver.config.schema import Config
from resolver.errors import ConfigError
from resolver.telemetry import logs
from resolver.telemetry.board import Board, Place
from resolver.workers import Supervisor, worker_count

if TYPE_CHECKING:
    import argparse

    from resolver.app import Daemon

WRONG_CONFIGURATION = 2


def run(options: argparse.Namespace) -> int:
    """Until SIGTERM or SIGINT; then 0."""
    config, problems = configuration(options)
    for problem in problems:
        print(f"resolver: {problem}", file=sys.stderr)
    if problems:
        return WRONG_CONFIGURATION
    try:
        logs.configure(config.log)
    except OSError as error:
        expected = f'"stderr" or a file to write ({error.strerror})'
        raise ConfigError("log.destination", config.log.destination, expected) from None
    with inprocess.internet(config, is_lab=options.lab) as (fitting, network):
        count = 1 if options.lab else worker_count(fitting.server.workers)
        server = msgspec.structs.replace(fitting.server, workers=count)
        counted = msgspec.structs.replace(fitting, server=server)
        if count > 1:
            board = Board(count)
            return Supervisor(count, lambda worker: _work(counted, Place(board, worker))).run()
        return app.serve(counted, _announce, network=network)


def _work(config: Config, place: Place) -> int:
    """One of several processes. What it cannot use is told as if it were the only one."""
    try:
        return app.serve(config, _announce, place=place)
    except ConfigError as error:
        print(f"resolver: {error}", file=sys.stderr)
        return WRONG_CONFIGURATION


def configuration(options: argparse.Namespace) -> tuple[Config, list[ConfigError]]:
    """The file, with --listen in place of what it says; and all that is wrong with them."""
    config, problems = load.read(options.config) if options.config else (Config(), [])
    if options.listen:
        server = msgspec.structs.replace(config.server, listen=tuple(options.listen))
        config = msgspec.structs.replace(config, server=server)
        problems += [
            ConfigError("--listen", fault.value, fault.expected)
            for fault in check.faults(config)
            if fault.key == "server.listen"
        ]
    return config, problems


def _announce(daemon: Daemon) -> None:
    """For somebody at a terminal; a service manager hears of readiness in its own way."""
    if sys.stderr.isatty():
        where = ", ".join(addresses.show(endpoint) for endpoint in daemon.bound)
        print(f"resolver: listening on {where}", file=sys.stderr)
