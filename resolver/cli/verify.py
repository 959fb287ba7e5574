"""Would a daemon start with this configuration? For `check` and `serve` alike: one verdict.

`config.check` looks at the text alone. Here is what only this machine can tell, to the user who
asks: whether files hold what they should, the log can be written, the account exists, a forwarder
is ourselves. Only binding is left to the start: a daemon may be running; and, for `check`, what the
service file has systemd bring about (*promised*).
"""

from __future__ import annotations

import os
import socket
import stat
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from resolver.config import check, endpoints, load
from resolver.config.listen_urls import listen_url
from resolver.config.schema import Config, Server
from resolver.daemon import encryption, privileges, state
from resolver.daemon.service_unit import Promises
from resolver.errors import ConfigError
from resolver.telemetry import logs

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

_DEFAULT_USER = Server().user
_NOTHING = Promises()


def configuration(
    options: argparse.Namespace, promised: Promises = _NOTHING
) -> tuple[Config, list[ConfigError]]:
    """The file, with --listen in place of what it says; and all that is wrong with them."""
    config, problems = (Config(), []) if options.config is None else load.read(options.config)
    if options.listen:
        server = msgspec.structs.replace(config.server, listen=tuple(options.listen))
        config = msgspec.structs.replace(config, server=server)
        problems = [problem for problem in problems if not problem.where.endswith("server.listen")]
        problems += [
            ConfigError("--listen", fault.value, fault.expected)
            for fault in check.faults(config)
            if fault.key == "server.listen"
        ]
    if _is_promised(config, promised):
        problems = [one for one in problems if not one.where.endswith(": working_directory")]
    if not problems:
        prefix = f"{options.config}: " if options.config else ""
        problems = [
            ConfigError(f"{prefix}{problem.where}", problem.value, problem.expected)
            for problem in on_this_machine(config, promised)
        ]
    return config, problems


def on_this_machine(config: Config, promised: Promises = _NOTHING) -> Iterator[ConfigError]:
    """What stops a start and only this machine can tell; *config* itself is free of faults."""
    for look in (state.read_hints, state.read_anchors, encryption.terms_of):
        problem = _problem_of(look, config)
        if problem is not None:
            yield problem
    yield from _certificates(config)
    yield from _log(config, promised)
    if config.server.user != promised.user:
        yield from _user(config)
    yield from _admins(config)
    yield from _loops(config)


def notes(config: Config, promised: Promises = _NOTHING) -> Iterator[str]:
    """What works, but probably not as meant, on this machine."""
    directory, user = config.working_directory, config.server.user
    if _is_promised(config, promised):
        if not os.access(directory, os.X_OK):
            yield f"working_directory {directory} is made by systemd, as the service file says"
    elif directory and not _may_write(Path(directory), user):
        who = user if os.geteuid() == 0 and user else "you"
        yield f"working_directory {directory} cannot be written by {who}: no state is kept"


def _certificates(config: Config) -> Iterator[ConfigError]:
    """Only where they are used: what reads them takes long to load."""
    if any(listen_url(text).is_encrypted for text in config.server.listen):
        from resolver.daemon import certificates  # noqa: PLC0415  # see above

        problem = _problem_of(certificates.read_all, config)
        if problem is not None:
            yield problem


def _is_promised(config: Config, promised: Promises) -> bool:
    return Path(config.working_directory) in promised.directories


def _problem_of(look: Callable[[Config], object], config: Config) -> ConfigError | None:
    try:
        look(config)
    except ConfigError as problem:
        return problem
    return None


def _log(config: Config, promised: Promises) -> Iterator[ConfigError]:
    path = logs.destination(config.log, config.working_directory)
    if path is None or (
        path.parent in promised.directories and not os.access(path.parent, os.W_OK | os.X_OK)
    ):
        return
    reason = logs.why_not(path)
    if reason:
        yield ConfigError(
            "log.destination", config.log.destination, f'"stderr" or a file to write ({reason})'
        )


def _user(config: Config) -> Iterator[ConfigError]:
    """An account is needed by root only; the default one may be missing for everybody else."""
    user = config.server.user
    is_needed = os.geteuid() == 0 or user != _DEFAULT_USER
    if user and is_needed and privileges.account_of(user) is None:
        yield ConfigError("server.user", user, 'an account of this machine, or ""')


def _admins(config: Config) -> Iterator[ConfigError]:
    for who in config.control.admins:
        if isinstance(who, str) and privileges.account_of(who) is None:
            yield ConfigError("control.admins", who, "an account of this machine, or its number")


def _loops(config: Config) -> Iterator[ConfigError]:
    """A question that is sent to ourselves comes back, and is sent again."""
    for kind, tables in (("forward", config.forward), ("stub", config.stub)):
        for table in tables:
            for where in check.servers_of(table):
                if check.is_own(config, where, is_here=_is_here):
                    yield ConfigError(
                        f"{kind} {table.zone}",
                        endpoints.show(where),
                        "another server: this resolver listens there",
                    )


def _is_here(host: str) -> bool:
    """True if *host* is an address of this machine: only those can be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as sock:
            sock.bind((host, 0))
    except OSError:
        return False
    return True


def _may_write(directory: Path, user: str) -> bool:
    """True if a daemon that we start can, once it is *user*, make files in *directory*."""
    account = privileges.account_of(user) if os.geteuid() == 0 and user else None
    if account is None:
        return os.access(directory, os.W_OK | os.X_OK)
    found = directory.stat()
    if found.st_uid == account.pw_uid:
        wanted = stat.S_IWUSR | stat.S_IXUSR
    elif found.st_gid == account.pw_gid:
        wanted = stat.S_IWGRP | stat.S_IXGRP
    else:
        wanted = stat.S_IWOTH | stat.S_IXOTH
    return found.st_mode & wanted == wanted
