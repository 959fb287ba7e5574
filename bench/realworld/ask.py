"""The client's side: a bounded window of UDP queries to one resolver, answers kept as octets."""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dns.exception
import dns.flags
import dns.message
import dns.rdatatype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.simulation import netns

WINDOW = 32
PATIENCE_S = 5.0
TRIES = 2


@dataclass(slots=True)
class Link:
    """What one question got: the reply's octets (None: silence) and how long it took."""

    name: str
    rtype: str
    reply: bytes | None
    elapsed_s: float


def query(name: str, rtype: str, *, dnssec: bool = False) -> dns.message.Message:
    message = dns.message.make_query(name, rtype, use_edns=0, payload=1232, want_dnssec=dnssec)
    message.flags |= dns.flags.AD
    return message


def ask_all(
    place: netns.Namespace,
    server: tuple[str, int],
    questions: Iterable[tuple[str, str]],
    *,
    window: int = WINDOW,
    progress: Callable[[int], None] = lambda _done: None,
) -> list[Link]:
    """Ask *server* every question, *window* at a time, as a stub would: two tries of five seconds.

    Each slot has a socket of its own, so a late answer to one question cannot answer the next
    (the id is compared too).
    """
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    waiting = deque((name, rtype, query(name, rtype).to_wire()) for name, rtype in questions)
    outcomes: list[Link] = []
    with selectors.DefaultSelector() as selector:
        slots = [_Slot(place.socket(family, socket.SOCK_DGRAM), server) for _ in range(window)]
        try:
            for slot in slots:
                selector.register(slot.socket, selectors.EVENT_READ, slot)
                slot.take(waiting)
            while any(slot.busy for slot in slots):
                for key, _ in selector.select(0.05):
                    outcomes += key.data.receive()
                now = time.perf_counter()
                for slot in slots:
                    outcomes += slot.tick(now)
                    if not slot.busy:
                        slot.take(waiting)
                progress(len(outcomes))
        finally:
            for slot in slots:
                slot.socket.close()
    return outcomes


class _Slot:
    """One question in flight at a time."""

    def __init__(self, udp: socket.socket, server: tuple[str, int]) -> None:
        self.socket = udp
        self.busy = False
        udp.settimeout(0)
        udp.connect(server)
        self._question = ("", "", b"")
        self._started = self._sent = 0.0
        self._tries = 0

    def take(self, waiting: deque[tuple[str, str, bytes]]) -> None:
        if not waiting:
            return
        self._question = waiting.popleft()
        self.busy, self._tries = True, 0
        self._started = time.perf_counter()
        self._send()

    def receive(self) -> list[Link]:
        try:
            reply = self.socket.recv(65535)
        except OSError:  # a port that is closed answers with ICMP; the next try may do better
            return []
        if not self.busy or reply[:2] != self._question[2][:2]:
            return []
        return [self._finish(reply)]

    def tick(self, now: float) -> list[Link]:
        if not self.busy or now - self._sent < PATIENCE_S:
            return []
        if self._tries < TRIES:
            self._send()
            return []
        return [self._finish(None)]

    def _send(self) -> None:
        self._tries += 1
        self._sent = time.perf_counter()
        try:
            self.socket.send(self._question[2])
        except OSError:
            return

    def _finish(self, reply: bytes | None) -> Link:
        self.busy = False
        name, rtype, _ = self._question
        return Link(name, rtype, reply, time.perf_counter() - self._started)


def is_authority(place: netns.Namespace, server: str, apex: str) -> bool:
    """Whether *server* has an authoritative SOA for *apex*."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with place.socket(family, socket.SOCK_DGRAM) as udp:
        udp.settimeout(1.0)
        try:
            udp.connect((server, 53))
            udp.send(query(apex, "SOA").to_wire())
            reply = dns.message.from_wire(udp.recv(65535))
        except (OSError, dns.exception.DNSException):
            return False
    return bool(reply.answer) and bool(reply.flags & dns.flags.AA)
