"""The stub: the same names at the same moments to every resolver, and what each answer took.

One thread, one socket per resolver, opened inside that resolver's namespace. Arrivals are
Poisson. The time of an answer is the kernel's receive stamp, so that our own slowness is not
counted.
"""

import dataclasses
import functools
import heapq
import random
import selectors
import socket
import struct
import time
from collections.abc import Callable

from bench.latency.latency_world import Lookup
from bench.latency.wire import HEADER_OCTETS, RESPONSE, address_rdata, query
from tests.simulation import netns

PATIENCE_S = 12.0
SERVER = ("127.0.0.1", 53)
LONGEST_WAIT_S = 0.25
SO_TIMESTAMPNS = 35
NANO = 1_000_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """Of one question: milliseconds to the answer or to our giving up; rcode None is silence."""

    zone: str
    sent_s: float
    took_ms: float
    rcode: int | None
    is_right: bool


@dataclasses.dataclass(slots=True)
class _Pending:
    lookup: Lookup
    wire: bytes
    sent_ns: int
    sent_s: float


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """Something to do *at_s* seconds after the start of a phase."""

    at_s: float
    run: Callable[[], None]


def poisson(rng: random.Random, count: int, rate_per_s: float) -> list[float]:
    """Seconds of *count* arrivals."""
    at_s = 0.0
    arrivals = []
    for _ in range(count):
        at_s += rng.expovariate(rate_per_s)
        arrivals.append(at_s)
    return arrivals


class Stub:
    """Asks one resolver."""

    def __init__(self, name: str, place: netns.Namespace, rng: random.Random) -> None:
        self.name = name
        self.outcomes: list[Outcome] = []
        self.pending: dict[int, _Pending] = {}
        self._rng = rng
        self.socket = place.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.connect(SERVER)

    def ask(self, lookup: Lookup, since_s: float) -> int:
        """Send; the number under which the question is pending."""
        number = self._rng.randrange(1 << 16)
        while number in self.pending:
            number = self._rng.randrange(1 << 16)
        wire = self.wire(number, lookup.qname)
        self.pending[number] = _Pending(lookup, wire, time.time_ns(), since_s)
        self._send(wire)
        return number

    def wire(self, number: int, qname: str) -> bytes:
        """The octets of a question."""
        return query(number, qname)

    def ask_again(self, number: int, pending: _Pending) -> None:
        """The same datagram once more, if there is no answer yet."""
        if self.pending.get(number) is pending:
            self._send(pending.wire)

    def _send(self, wire: bytes) -> None:
        try:
            self.socket.send(wire)
        except OSError:  # refused: the resolver is gone, which is silence
            return

    def receive(self) -> None:
        """Take every answer that has arrived."""
        while True:
            try:
                data, ancillary, _, _ = self.socket.recvmsg(4096, 128)
            except BlockingIOError:
                return
            except OSError:
                continue
            arrived_ns = time.time_ns()
            for level, kind, stamp in ancillary:
                if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("qq", stamp[:16])
                    arrived_ns = seconds * NANO + nanoseconds
            self._note(data, arrived_ns)

    def _note(self, data: bytes, arrived_ns: int) -> None:
        number = int.from_bytes(data[:2], "big")
        if len(data) < HEADER_OCTETS or not data[2] & RESPONSE or number not in self.pending:
            return
        pending = self.pending.pop(number)
        took_ms = (arrived_ns - pending.sent_ns) / 1e6
        rcode = data[3] & 15
        is_right = rcode == 0 and address_rdata(pending.lookup.expected) in data
        self.outcomes.append(Outcome(pending.lookup.zone, pending.sent_s, took_ms, rcode, is_right))

    def give_up(self, *, older_than_s: float) -> None:
        """Note as silence what has been pending for so long."""
        before = time.time_ns() - int(older_than_s * NANO)
        for number, pending in list(self.pending.items()):
            if pending.sent_ns <= before:
                del self.pending[number]
                self.outcomes.append(
                    Outcome(
                        pending.lookup.zone, pending.sent_s, PATIENCE_S * 1000, None, is_right=False
                    )
                )


class _Agenda:
    """Things to do at moments from now on, in order."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0  # things of one moment are done as they were added

    def __bool__(self) -> bool:
        return bool(self._queue)

    def add(self, at_s: float, run: Callable[[], None]) -> None:
        self._serial += 1
        heapq.heappush(self._queue, (self._start + at_s, self._serial, run))

    def run_due(self) -> None:
        while self._queue and self._queue[0][0] <= time.monotonic():
            heapq.heappop(self._queue)[2]()

    def wait_s(self) -> float:
        """How long to wait for answers meanwhile."""
        if not self._queue:
            return LONGEST_WAIT_S
        return max(0.0, min(LONGEST_WAIT_S, self._queue[0][0] - time.monotonic()))


def run_phase(
    stubs: list[Stub],
    lookups: list[Lookup],
    arrivals: list[float],
    events: list[Event],
    retransmit_s: tuple[float, ...] = (),
) -> None:
    """Ask *lookups* of all *stubs* at *arrivals*, run *events*; return when nothing is pending."""
    agenda = _Agenda()

    def ask(lookup: Lookup, at_s: float) -> None:
        for stub in stubs:
            number = stub.ask(lookup, at_s)
            for delay_s in retransmit_s:
                again = functools.partial(stub.ask_again, number, stub.pending[number])
                agenda.add(at_s + delay_s, again)

    for event in events:
        agenda.add(event.at_s, event.run)
    for lookup, at_s in zip(lookups, arrivals, strict=True):
        agenda.add(at_s, functools.partial(ask, lookup, at_s))
    with selectors.DefaultSelector() as selector:
        for stub in stubs:
            selector.register(stub.socket, selectors.EVENT_READ, stub)
        while agenda or any(stub.pending for stub in stubs):
            agenda.run_due()
            for stub in stubs:
                stub.give_up(older_than_s=PATIENCE_S)
            for key, _ in selector.select(agenda.wait_s()):
                key.data.receive()
