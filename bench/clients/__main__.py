"""`python -m bench.clients`: the table of clients, each case asked for, each answer looked at.

    --write FILE    put it between the marks of FILE (docs/encryption.md)
    --only TEXT     those whose name or transport contains it

Status 1 if a client that is here was not answered rightly. Those that cannot be had are named with
the reason. Browsers and systemd-resolved need root, and Debian's packages (tools/packages).
"""

from __future__ import annotations

import argparse
import importlib.util
import pathlib
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING, NamedTuple

from bench.clients import browsers, libraries, machines, programs
from bench.clients.cases import CASES, what_is_wrong
from bench.clients.programs import NotHad
from bench.clients.served import serving
from resolver.cli import tables
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.clients.cases import Case
    from bench.clients.programs import Client
    from bench.clients.served import Served

RIGHT, NO_WAY = "right", "–"


class Row(NamedTuple):
    """One client over one transport; *cells* by case: RIGHT, NO_WAY, or what is wrong."""

    name: str
    transport: Transport
    cells: tuple[str, ...]
    note: str = ""

    @property
    def is_right(self) -> bool:
        return all(cell in (RIGHT, NO_WAY) for cell in self.cells)


def rows(it: Served, clients: Iterable[Client]) -> tuple[list[Row], dict[str, str]]:
    """And why those that are not among them could not be asked."""
    found: list[Row] = []
    missing: dict[str, str] = {}
    for client in clients:
        if client.transport not in it.ports:
            missing[f"{client.name} ({client.transport.value})"] = "not listened on here"
        elif (client.program and shutil.which(client.program) is None) or (
            client.module and importlib.util.find_spec(client.module) is None
        ):
            missing[f"{client.name} ({client.transport.value})"] = "not installed"
        else:
            print(f"{client.name} over {client.transport.value} …", file=sys.stderr, flush=True)
            cells = tuple(_cell(it, client, case) for case in CASES)
            found.append(Row(client.name, client.transport, cells, client.note))
    return found, missing


def _cell(it: Served, client: Client, case: Case) -> str:
    if case not in client.cases:
        return NO_WAY
    try:
        return what_is_wrong(case, client.ask(it, case)) or RIGHT
    except NotHad as error:
        return str(error).replace("|", "/").replace("\n", " ")


def table(found: Sequence[Row]) -> str:
    """In markdown."""
    lines = ["| client | over | " + " | ".join(case.title for case in CASES) + " |"]
    lines.append("|---" * (2 + len(CASES)) + "|")
    lines += [f"| {row.name} | {row.transport.value} | {' | '.join(row.cells)} |" for row in found]
    notes = dict.fromkeys(row.note for row in found if row.note)
    return "\n".join([*lines, "", *(f"- {note}" for note in notes)] if notes else lines)


def all_clients() -> list[Client]:
    found = [
        *programs.clients(), *libraries.clients(), *browsers.clients(), *machines.clients(),
    ]  # fmt: skip
    order = list(Transport)
    return sorted(found, key=lambda one: order.index(one.transport))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.clients", description=__doc__)
    parser.add_argument("--write", type=pathlib.Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    clients = [one for one in all_clients() if options.only in f"{one.name} {one.transport.value}"]
    with tempfile.TemporaryDirectory() as directory:
        place = pathlib.Path(directory)
        place.chmod(0o755)
        with serving(place) as it:
            found, missing = rows(it, clients)
    print(table(found))
    for name, why in missing.items():
        print(f"not asked: {name}: {why}")
    if options.write:
        text = options.write.read_text("utf-8")
        options.write.write_text(tables.insert(text, "clients", table(found)), "utf-8")
    return 0 if all(row.is_right for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
