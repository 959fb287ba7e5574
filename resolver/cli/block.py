"""resolver block test NAME: which list says what of a name, from the daemon or from its files.

Where no daemon can be asked, the compiled lists in `working_directory` are looked into, or, where
there are none, the files that the configuration names.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from resolver.cli import control_lists
from resolver.cli.control_parts import inert, json_line
from resolver.cli.control_session import NoDaemon, Refusal, Session, path_of
from resolver.cli.servers import DEFAULT_CONFIG
from resolver.config import load
from resolver.config.files import can_be_read
from resolver.config.schema import Config
from resolver.daemon import list_compiling
from resolver.daemon.list_desk import in_words, rule_at
from resolver.daemon.list_job import CompileJob, ListPart
from resolver.daemon.list_mapping import mapped_untrusted
from resolver.daemon.list_shelf import COMPILED, DIRECTORY, text_name
from resolver.daemon.list_terms import list_policy, list_specs
from resolver.errors import ConfigError, WireError
from resolver.operate.asked import client_of, name_of, type_of
from resolver.operate.verb import Misused, Refused
from resolver.policy.list_judge import Asker
from resolver.policy.lists import Lists
from resolver.protocol import names

if TYPE_CHECKING:
    import argparse

    from resolver.daemon.list_mapping import Mapped

FAILED, WRONG_USE = 1, 2


def run(options: argparse.Namespace) -> int:
    """0 it was told; 1 it cannot be; 2 wrong use."""
    try:
        told = _told(options)
    except ConfigError as error:
        print(f"resolver block: {error}", file=sys.stderr)
        return WRONG_USE
    except (Refusal, Refused) as error:
        print(inert(f"resolver block: {error}"), file=sys.stderr)
        is_misuse = isinstance(error, Misused) or getattr(error, "is_misuse", False)
        return WRONG_USE if is_misuse else FAILED
    if options.json:
        print(json_line(msgspec.json.encode(told)))
    else:
        for line in control_lists.tested(told):
            print(inert(line))
    return 0


def _told(options: argparse.Namespace) -> dict[str, Any]:
    given = {"name": options.name, "type": options.type, "client": options.client}
    try:
        with Session(path_of(options.socket, options.config)) as session:
            reply = session.ask("lists test", **given)
        return {key: value for key, value in reply.items() if key not in ("id", "ok")}
    except NoDaemon as error:
        if options.socket is not None:
            raise Refusal(str(error)) from None
        return without_a_daemon(_config(options.config), **given)


def _config(path: str | None) -> Config:
    """Raises ConfigError."""
    if path is None and not Path(DEFAULT_CONFIG).is_file():
        return Config()
    return load.load(path or DEFAULT_CONFIG)


def without_a_daemon(config: Config, name: str, type: str, client: str) -> dict[str, Any]:  # noqa: A002
    """What lists say of *name*, for clients of every tag. Raises Refused."""
    wire, qtype, source = name_of(name), type_of(type), client_of(client)
    found = _mapped(config)
    lists = Lists()
    lists.go_by(list_policy(config))
    if found is not None:
        lists.use(found.table, found.patterns)
    told: dict[str, Any] = {"name": names.to_text(wire)}
    tags = frozenset(tag for entry in (*config.block, *config.allow) for tag in entry.tags)
    best = lists.step(tags).ruling(wire, Asker(qtype, source))
    told |= in_words(best)
    if best is not None and best.line:
        for spec in list_specs(config):
            if spec.ident == best.use.ident:
                kept = Path(config.working_directory, DIRECTORY, text_name(spec.source))
                told["rule"] = _rule(kept if kept.is_file() else spec.path, best.line)
    return told


def _rule(path: Path | None, number: int) -> str:
    try:
        return "" if path is None else rule_at(os.open(path, os.O_RDONLY | os.O_CLOEXEC), number)
    except OSError:
        return ""


def _mapped(config: Config) -> Mapped | None:
    """The compiled lists, as they lie there or made now. Raises Refused."""
    if not list_specs(config):
        return None
    path = Path(config.working_directory, DIRECTORY, COMPILED)
    try:
        if config.working_directory and path.is_file():
            with path.open("rb") as file:
                return mapped_untrusted(file.fileno(), is_shared=False)
        return _compiled(config)
    except (OSError, WireError) as error:
        raise Refused(f"the lists cannot be read: {error}") from None


def _compiled(config: Config) -> Mapped:
    print("no daemon and no compiled lists: reading the files themselves", file=sys.stderr)
    parts, began = [], time.monotonic()
    for spec in list_specs(config):
        descriptor = -1
        if spec.path is not None:
            if can_be_read(spec.path):
                descriptor = os.open(spec.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            else:  # as in the daemon, the others count
                print(f"list {spec.name}: {spec.path} cannot be read", file=sys.stderr)
        parts.append(
            ListPart(
                spec.ident, spec.name, spec.is_allow, spec.form, spec.as_listed, descriptor, -1,
                ("", ""),
            )
        )  # fmt: skip
    with tempfile.TemporaryFile() as file:
        list_compiling.compiled(CompileJob(parts, file.fileno(), os.getpid()))
        print(f"compiled in {time.monotonic() - began:.1f} s", file=sys.stderr)
        return mapped_untrusted(file.fileno(), is_shared=False)
