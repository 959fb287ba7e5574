"""Would a daemon start with this configuration? For `check` and `serve` alike: one verdict.

`config.check` looks at the text alone. Here is what only this machine can tell: whether files hold
what they should, the log can be written, the account exists, a forwarder is ourselves. Binding is
left to the start; `check` rehearses it (`Look`), and takes for granted what the service file has
systemd bring about (*promised*). What a user may not look at, who is not root, is not refused: it
is said that nobody has looked.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
import time
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from resolver.cli import servers
from resolver.config import endpoints, holes, load
from resolver.config.check_server import is_own
from resolver.config.check_zones import servers_of
from resolver.config.listen_urls import listen_url
from resolver.daemon import encryption, memory_limit, privileges, shared_terms, state
from resolver.daemon.service_unit import Promises
from resolver.errors import CannotStart, ConfigError, Kind
from resolver.runtime.private_files import SHARED_ACCOUNT
from resolver.telemetry import logs

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from resolver.config.schema import Config, Zone
    from resolver.daemon.certificates import Identity

_NOTHING = Promises()


class Look(NamedTuple):
    """What `check` finds: *problems* that `serve` would refuse, what is *unknown* to who asks, and
    *notes*."""

    config: Config
    problems: list[ConfigError]
    unknown: list[ConfigError]
    notes: list[str]


def configuration(
    options: argparse.Namespace, promised: Promises = _NOTHING
) -> tuple[Config, list[ConfigError]]:
    """The file, with --listen in place of what it says; and all that is wrong with them.

    What is wrong cannot be read from it (`config.holes`).
    """
    config, problems = load.read(options.config, listen=options.listen or ())
    if options.listen:
        problems = [in_place(one, options) for one in problems]
    if "working_directory" in (one.where for one in problems) and _is_promised(config, promised):
        problems = [one for one in problems if one.where != "working_directory"]
        config = holes.known(config, "working_directory")
    problems += [in_place(one, options) for one in on_this_machine(config, promised)]
    return config, in_order(problems)


def in_order(problems: list[ConfigError]) -> list[ConfigError]:
    """By line of the file; what has none comes last."""

    def line(problem: ConfigError) -> int:
        number = problem.place.rpartition(" line ")[2]
        return int(number) if number.isdigit() else sys.maxsize

    return sorted(problems, key=line)


def look(options: argparse.Namespace, promised: Promises, *, binds: bool = True) -> Look:
    """As `configuration`, and the start rehearsed; what may not be looked at is told apart.

    *binds* False: no port is tried.
    """
    config, problems = configuration(options, promised)
    refused, without = rehearsed(config, options) if binds else ([], [])
    problems, unknown = _apart(in_order([*problems, *refused]))
    if problems:
        return Look(config, problems, unknown, [])
    config = holes.whole(config)
    return Look(config, [], unknown, [*notes(config, promised), *without])


def in_place(problem: ConfigError, options: argparse.Namespace) -> ConfigError:
    """*problem* with the line of the file that it is about, or the option."""
    if options.listen and problem.where in ("server.listen", "--listen"):
        return problem.at("", "--listen")
    if options.config is None or problem.place or not problem.where:
        return problem
    return load.in_file(problem, options.config)


def _apart(problems: list[ConfigError]) -> tuple[list[ConfigError], list[ConfigError]]:
    """Those that count, and those that only say that somebody who is not root may not look."""
    if os.geteuid() == 0:
        return problems, []
    kinds: dict[bool, list[ConfigError]] = {False: [], True: []}
    for problem in problems:
        is_unknown = problem.kind is Kind.DENIED and problem.where != "--config"
        kinds[is_unknown].append(problem)
    return kinds[False], kinds[True]


def on_this_machine(config: Config, promised: Promises = _NOTHING) -> Iterator[ConfigError]:
    """What stops a start and only this machine can tell."""
    looks: list[Callable[[Config], object]] = [
        state.read_hints,
        state.read_anchors,
        _certificates,
        shared_terms.shared_terms,
        memory_limit.room_for_lists,
        partial(_log, promised=promised),
    ]
    looks.append(partial(_directory, promised=promised))
    for look_at in looks:
        problem = _problem_of(look_at, config)
        if problem is not None:
            yield problem
    yield from _encryption(config)
    yield from _user(config, promised)
    yield from _admins(config)
    for kind in ("forward", "stub"):
        yield from _loops(config, kind)


def notes(config: Config, promised: Promises = _NOTHING) -> Iterator[str]:
    """What works, but probably not as meant, on this machine."""
    directory, user = config.working_directory, privileges.user_of(config.server.user)
    if _is_promised(config, promised):
        if not os.access(directory, os.X_OK):
            yield f"working_directory {directory} is made by systemd, as the service file says"
    elif directory and not _may_write(Path(directory), user):
        who = user if os.geteuid() == 0 and user else "you"
        yield f"working_directory {directory} cannot be written by {who}: no state is kept"
    if config.log.kept != "off" and os.geteuid() == 0 and user == SHARED_ACCOUNT:
        yield f"no query log is kept as {user}, which other programs are too: set server.user"
    if trouble := _without_door(config, promised):
        yield f"no control socket: {trouble}; set control.socket to another path"
    for identity in _certificates(config):
        if trouble := identity.trouble(time.time()):
            whose = ", ".join((*identity.names, *identity.addresses)) or "nobody"
            yield f"tls.certificate for {whose}: {trouble}; clients that verify refuse it"


def _without_door(config: Config, promised: Promises) -> str:
    """Why a socket that is asked for cannot be opened, as far as nothing has to be made for it."""
    from resolver.operate import door_socket  # noqa: PLC0415  # a start does it itself

    path = door_socket.path_of(config.control.socket, config.working_directory)
    if (
        path is None
        or config.control.socket == door_socket.AUTO
        or path.parent in promised.directories
    ):
        return ""
    return door_socket.trouble_of(path)


def _certificates(config: Config) -> tuple[Identity, ...]:
    """Only where they are used: what reads them takes long to load. Raises ConfigError."""
    if not any(listen_url(text).is_encrypted for text in config.server.listen):
        return ()
    from resolver.daemon.tls_contexts import named  # noqa: PLC0415  # see above

    return named(config)


def _directory(config: Config, *, promised: Promises) -> None:
    """Raises ConfigError."""
    if _is_promised(config, promised):
        return
    directory = state.StateDirectory(config.working_directory)
    directory.open()
    directory.close()


def _is_promised(config: Config, promised: Promises) -> bool:
    directory = holes.whole(config).working_directory
    return Path(directory) in promised.directories


def _problem_of(look: Callable[[Config], object], config: Config) -> ConfigError | None:
    with suppress(holes.Hole):
        try:
            look(config)
        except ConfigError as problem:
            return problem
    return None


def _log(config: Config, *, promised: Promises) -> None:
    """Raises ConfigError."""
    path = logs.destination(config.log, config.working_directory)
    if path is None or (
        path.parent in promised.directories and not os.access(path.parent, os.W_OK | os.X_OK)
    ):
        return
    try:
        logs.try_out(path)
    except OSError as error:
        raise logs.unusable(config.log, error) from None


@holes.as_far_as_known
def _encryption(config: Config) -> Iterator[ConfigError]:
    """Of each zone that is sent away, whom its servers are to be believed by."""
    for entry in config.forward:
        alone = msgspec.structs.replace(config, forward=(entry,))
        problem = _problem_of(encryption.terms_of, alone)
        if problem is not None:
            yield problem


@holes.as_far_as_known
def _user(config: Config, promised: Promises) -> Iterator[ConfigError]:
    """An account is needed by root only; the default one may be missing for everybody else."""
    if config.server.user == promised.user:
        return
    user = privileges.user_of(config.server.user)
    is_needed = os.geteuid() == 0 or config.server.user != privileges.AUTO
    if user and is_needed and privileges.account_of(user) is None:
        yield ConfigError("server.user", user, 'an account of this machine, or ""')


@holes.as_far_as_known
def _admins(config: Config) -> Iterator[ConfigError]:
    for who in config.control.admins:
        if isinstance(who, str) and privileges.account_of(who) is None:
            yield ConfigError("control.admins", who, "an account of this machine, or its number")


@holes.as_far_as_known
def _loops(config: Config, kind: str) -> Iterator[ConfigError]:
    """A question that is sent to ourselves comes back, and is sent again."""
    for number, table in enumerate(getattr(config, kind)):
        yield from _loop(config, f"{kind}[{number}].addresses", table)


@holes.as_far_as_known
def _loop(config: Config, key: str, table: Zone) -> Iterator[ConfigError]:
    for where in servers_of(table):
        if is_own(config, where, is_here=_is_here):
            expected = f"another server for {table.zone}: this resolver listens there"
            if table.addresses == (config.local.private_reverse,):
                key = "local.private_reverse"
            yield ConfigError(key, _as_written(table, where), expected)


def _as_written(table: Zone, where: endpoints.Endpoint) -> str:
    """The address in *table* that *where* stands for, so that its line is found."""
    for text in table.addresses:
        alone = msgspec.structs.replace(table, addresses=(text,))
        if where in servers_of(alone):
            return text
    return endpoints.show(where)


# --- binding ---------------------------------------------------------------------------------


def rehearsed(config: Config, options: argparse.Namespace) -> tuple[list[ConfigError], list[str]]:
    """What `serve` would refuse as it binds, and what it would go on without, in sentences.

    A daemon of ours that runs has the ports of its own configuration, which is as it should be.
    """
    import trio  # noqa: PLC0415  # `serve` does without all this

    from resolver.daemon.bind import sockets_of  # noqa: PLC0415
    from resolver.daemon.descriptors import count_descriptors  # noqa: PLC0415

    try:
        with suppress(holes.Hole):
            count_descriptors(config)
        listen = config.server.listen
        sockets = sockets_of(config, is_shared=False, tells=False)
    except CannotStart as error:
        return [ConfigError("", None, str(error), kind=Kind.SHORT)], []
    except holes.Hole:
        return [], []
    problems, without = trio.run(sockets.rehearse)
    if any(one.kind is Kind.IN_USE for one in problems) and (place := _ours(listen)) is not None:
        running = f"a daemon of ours runs already, on {endpoints.show(place)}"
        problems = [one for one in problems if one.kind is not Kind.IN_USE]
        without = [*without, running]
    return [in_place(one, options) for one in problems], without


def _ours(listen: tuple[str, ...]) -> endpoints.Endpoint | None:
    """Where a daemon of ours answers, of those places; it may be busy, so it is asked twice."""
    wanted = set(servers.reachable(listen))
    found = (servers.daemon(listen)[0] for _ in range(2))
    return next((place for place in found if place in wanted), None)


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
