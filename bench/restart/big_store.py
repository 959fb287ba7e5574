"""A store of many records, made as the daemon would have written them, but quickly.

Addresses with two records each, denials, delegations, proven gaps: by the daemon's own code, under
the configuration file that it will be started with, so that all of it counts when it is read.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Final

import trio

from resolver.cache.gaps import Proven
from resolver.cache.negative import ANY_TYPE, Denied, Negative
from resolver.cache.record import Sealed, Stamp, seal
from resolver.cache.rrset import Entry
from resolver.cache.store import Row
from resolver.cache.store_writer import item_of
from resolver.config import load
from resolver.daemon.persistence import Persistence
from resolver.daemon.store_terms import basis_of
from resolver.daemon.wiring import assemble, found
from resolver.delegation import Delegation, Server
from resolver.model import Rank, RRset, Status
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from resolver.runtime.clock import SystemClock
from resolver.runtime.turns import Turns
from resolver.upstream.udp import SystemNetwork

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from resolver.model import Name

AT_ONCE: Final = 10_000
ADDRESSES, DENIALS, CUTS = 85, 8, 6  # of a hundred; the others are gaps
TTL: Final = 86_400
_ZONE: Final = names.from_text("example.")
_SIGNATURE: Final = (
    b"\0\x2f\x0d\x03\0\0\x0e\x10" + b"\x7f\xff\xff\xff" + b"\x60\0\0\0" + b"\x12\x34" + _ZONE
) + bytes(64)  # NSEC, P-256, 3 labels; in force until 2038


def name_of(number: int) -> Name:
    """The name of record *number*: some hosts in each of many domains."""
    return names.from_text(f"host{number}.d{number // 8}.example.")


def address_of(number: int) -> bytes:
    """The first of its two addresses."""
    return b"\x0a" + number.to_bytes(3, "big")


def _records(count: int, now: float) -> Iterator[object]:
    for number in range(count):
        name, until = name_of(number), now + TTL
        kind = number % 100
        if kind < 85:  # of a hundred
            rdatas = (address_of(number), b"\x0b" + number.to_bytes(3, "big"))
            yield Entry(
                name, RRType.A, rdatas, (), Rank.AUTH_ANSWER, Status.INSECURE, until,
                names.parent(name), ttl=TTL,
            )  # fmt: skip
        elif kind < 93:
            negative = Negative(
                Rcode.NXDOMAIN, (), zone=_ZONE, status=Status.INSECURE, ttl=TTL, expires_at=until
            )
            yield Denied(name, ANY_TYPE, negative)
        elif kind < 99:
            zone = names.parent(name)
            host = names.prepend(b"ns", zone)
            server = Server(f"10.9.{number >> 8 & 255}.{number & 255}", 53, host)
            yield Delegation(zone, (host,), {host: (server,)}, until)
        else:
            following = names.prepend(b"z", name)
            nsec = following + b"\0\x06\x40\0\0\0\0\x03"
            yield Proven(RRset(name, RRType.NSEC, TTL, (nsec,), (_SIGNATURE,)), until)


def make(config_file: Path, count: int) -> int:
    """Put *count* records below `working_directory` of *config_file*; the octets of the file."""
    return trio.run(_make, config_file, count)


async def _make(config_file: Path, count: int) -> int:
    config = load.load(config_file)
    clock = SystemClock()
    base = found(
        config,
        network=SystemNetwork((), turns=Turns()),
        clock=clock,
        rng=random.SystemRandom(),
        spawn=lambda *_: None,
    )
    parts = assemble(config, base)
    kept = Persistence(config.working_directory, slot=None)
    kept.open(parts)
    store, basis = kept.store, basis_of(parts)
    if store is None or store.file is None:
        raise RuntimeError(f"no store can be made in {config.working_directory}")
    now, wall = clock.now(), clock.wall()
    stamp = Stamp(store.boot, wall, now, TTL)
    tables: dict[bool, list[Row]] = {False: [], True: []}
    for at, what in enumerate(_records(count, now)):
        item = item_of(what, basis)
        if item is None:
            raise RuntimeError(f"a record that is not kept: {what}")
        way = basis.way(item.name, item.rtype)[1]
        sealed = Sealed(item.kind, item.standing, stamp, way, basis.trust, item.body())
        row = Row(item.number, int(wall), int(wall) + 4 * TTL, seal(sealed, store.key))
        tables[item.is_resident].append(row)
        if not at % AT_ONCE or at == count - 1:
            store.file.write(tables[False], residents=tables[True])
            tables = {False: [], True: []}
    octets = store.file.octets()
    kept.close()
    os.sync()
    return octets
