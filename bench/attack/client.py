"""The well-behaved client: hits and misses at a quiet turns, each timed, by a process for either.

It writes to a pipe, per phase, the round trips of hits and misses in milliseconds; what is not
answered within two seconds is a loss and counts as infinity.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import select
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.common.signing import name_wire

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from bench.attack.bed import Bed

HIT_EVERY_S = 0.01
MISS_EVERY_S = 0.04  # with the hits 225 tokens a second, of 250 (`random`)
PATIENCE_S = 2.0


def query(name: str, *, qtype: int = 1, number: int = 7, extra: bytes = b"") -> bytes:
    """A query in wire form; *extra* is a whole OPT record."""
    counts = b"\0\1\0\0\0\0" + (b"\0\1" if extra else b"\0\0")
    head = number.to_bytes(2, "big") + b"\1\0" + counts
    return head + name_wire(name) + qtype.to_bytes(2, "big") + b"\0\1" + extra


@dataclass(slots=True)
class Phase:
    """Round trips in milliseconds, in order of size; infinity for none."""

    hits: list[float] = field(default_factory=list)
    misses: list[float] = field(default_factory=list)


def quantile(values: list[float], share: float) -> float:
    """NaN of nothing."""
    if not values:
        return math.nan
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def ask(sock: socket.socket, data: bytes) -> float:
    """Milliseconds to the reply of the same id, or infinity. SERVFAIL is a loss too."""
    began = time.monotonic()
    with contextlib.suppress(OSError):
        sock.send(data)
        while (left := began + PATIENCE_S - time.monotonic()) > 0:
            if not select.select([sock], [], [], left)[0]:
                break
            reply = sock.recv(4096)
            if reply[:2] == data[:2]:
                taken = (time.monotonic() - began) * 1e3
                return taken if reply[3] & 15 in {0, 3} else math.inf
    return math.inf


def _live(bed: Bed, source: str, server: str, pipe: Connection, *, is_known: bool) -> None:
    """Ask until told to end; hand over what was measured whenever asked."""
    sock = bed.place.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((source, 0))
    sock.connect((server, 53))
    taken: list[float] = []
    number = 0
    while True:
        if pipe.poll():
            if pipe.recv() is None:
                return
            pipe.send(taken)
            taken = []
        number += 1
        name = "known" if is_known else f"m{number}-{time.monotonic_ns()}"
        taken.append(ask(sock, query(f"{name}.good.world", number=number & 0xFFFF)))
        time.sleep(HIT_EVERY_S if is_known else MISS_EVERY_S)


class GoodClient:
    """Two processes beside the attack; `phase` gives what they saw since the last call."""

    def __init__(self, bed: Bed, source: str, server: str) -> None:
        context = multiprocessing.get_context("fork")
        self._pipes: list[Connection] = []
        self._processes = []
        for is_known in (True, False):
            pipe, theirs = context.Pipe()
            process = context.Process(
                target=_live,
                args=(bed, source, server, theirs),
                kwargs={"is_known": is_known},
                daemon=True,
            )
            process.start()
            self._pipes.append(pipe)
            self._processes.append(process)

    def phase(self) -> Phase:
        for pipe in self._pipes:
            pipe.send("phase")
        return Phase(*(pipe.recv() for pipe in self._pipes))

    def stop(self) -> None:
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.send(None)
            process.join(5)
            process.kill()
