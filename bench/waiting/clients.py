"""The two clients, a process each: a crowd that waits, and one who asks for what is known."""

from __future__ import annotations

import math
import multiprocessing
import select
import socket
import time
from typing import TYPE_CHECKING, NamedTuple

from bench.attack.authority import SO_RCVBUFFORCE
from bench.attack.client import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from tests.simulation import netns

RESOLVER = ("203.0.113.1", 53)
GOOD = "192.0.2.77"
CROWD = [f"198.18.{number}.1" for number in range(64)]  # a network each
LOST_S = 2.0


class Hit(NamedTuple):
    """When it was asked, and seconds to its reply; infinity for none."""

    at: float
    took_s: float


class Asked(NamedTuple):
    """One of the crowd's: when, and when it was replied to; infinity for never."""

    at: float
    until: float


class Client:
    """*work* in a process that was forked beforehand; it has a pipe, and ends when told to."""

    def __init__(self, work: Callable[[Connection], object]) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs,), daemon=True)
        self._process.start()

    def end(self) -> None:
        self._process.kill()
        self._process.join()


def ask_hits(place: netns.Namespace, rate: int, pipe: Connection) -> None:
    """Ask at *rate* at even intervals whatever happens; send the `Hit`s since the last time
    whenever anything comes over *pipe*."""
    sock = place.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((GOOD, 0))
    sock.connect(RESOLVER)
    sock.settimeout(0.0)
    data = query("known.good.world")[2:]
    asked: dict[int, float] = {}
    hits: list[Hit] = []
    number, due = 0, time.monotonic()
    while True:
        now = time.monotonic()
        if now >= due:
            number, due = (number + 1) & 0xFFFF, max(due + 1 / rate, now - 0.01)
            asked[number] = time.monotonic()
            sock.send(number.to_bytes(2, "big") + data)
        if select.select([sock], [], [], max(0.0, due - time.monotonic()))[0]:
            reply, now = sock.recv(512), time.monotonic()
            began = asked.pop(int.from_bytes(reply[:2], "big"), None)
            if began is not None:
                hits.append(Hit(began, now - began))
        if not number & 0xFF and pipe.poll():
            pipe.recv()
            late = [key for key, at in asked.items() if at < time.monotonic() - LOST_S]
            hits += [Hit(asked.pop(key), math.inf) for key in late]
            pipe.send(hits)
            hits = []


def wait(place: netns.Namespace, count: int, asking_s: float, zones: int, pipe: Connection) -> None:
    """Once told, ask *count* names of *zones* within *asking_s*; then hear what comes until told
    again, and send an `Asked` for each."""
    socks = []
    for source in CROWD:
        sock = place.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        sock.bind((source, 0))
        sock.connect(RESOLVER)
        sock.settimeout(0.0)
        socks.append(sock)
    queries = [
        query(f"w{number}.z{number % zones}.world", number=number & 0xFFFF)
        for number in range(count)
    ]
    pipe.recv()
    began, asked = time.monotonic(), list[float]()
    until = [math.inf] * count
    while not pipe.poll():
        now = time.monotonic()
        while len(asked) < min(count, count * (now - began) / asking_s):
            number = len(asked)
            asked.append(now)
            socks[number % len(socks)].send(queries[number])
        for number, at in _heard(socks):
            if number < count:
                until[number] = min(until[number], at)
    pipe.recv()
    pipe.send([Asked(*pair) for pair in zip(asked, until, strict=False)])


def _heard(socks: list[socket.socket]) -> Iterator[tuple[int, float]]:
    """What has come within 5 ms: the number of a question, and when."""
    for sock in select.select(socks, [], [], 0.005)[0]:
        at = time.monotonic()
        try:
            while True:
                yield int.from_bytes(sock.recv(512)[:2], "big"), at
        except OSError:
            continue
