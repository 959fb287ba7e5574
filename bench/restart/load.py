"""Clients of a daemon that is about to be killed: new questions at a *rate*, known ones between.

What was answered, and when, is remembered: what is older than two seconds at the kill must be known
by the next daemon.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import dns.rcode

from bench.realworld import ask

if TYPE_CHECKING:
    import random

    from tests.simulation import netns

    Asked = tuple[str, str]

PATIENCE_S: Final = 120.0
HITS: Final = 4  # known ones for each
SERVER: Final = ("127.0.0.1", 53)
_ANSWERED = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)


class Answered(NamedTuple):
    """When a question was answered first, and how last."""

    at: float
    reply: bytes


class Load:
    """*questions*, one after the other, from *place*."""

    def __init__(
        self, place: netns.Namespace, questions: list[Asked], rng: random.Random, *, rate: float
    ) -> None:
        self.answered: dict[Asked, Answered] = {}
        self.queries = 0
        self._place = place
        self._pause_s = 1 / rate
        self._waiting = list(reversed(questions))
        self._pending: dict[bytes, Asked] = {}
        self._rng = rng

    def run(self, seconds: float, *, since_answer: bool) -> None:
        """Ask for so long, or so long after the first answer; what is on its way then is lost."""
        end = time.monotonic() + (PATIENCE_S if since_answer else seconds)
        with self._place.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(SERVER)
            next_at = time.monotonic()
            while (now := time.monotonic()) < end:
                if now >= next_at:
                    next_at = now + self._pause_s
                    self._send(sock)
                sock.settimeout(max(min(next_at, end) - time.monotonic(), 0.0005))
                if self._receive(sock) and since_answer and len(self.answered) == 1:
                    end = time.monotonic() + seconds

    def _send(self, sock: socket.socket) -> None:
        known = list(self.answered)
        wanted = self._rng.choices(known, k=HITS) if known else []
        if self._waiting:
            wanted.append(self._waiting[-1])
        for asked in wanted:
            query = ask.query(*asked).to_wire()
            try:
                sock.send(query)
            except ConnectionRefusedError:  # it has not started yet
                return
            self._pending[_identity(query)] = asked
            self.queries += 1
        if self._waiting and wanted:
            self._waiting.pop()

    def _receive(self, sock: socket.socket) -> bool:
        """True if something was answered for the first time."""
        try:
            reply = sock.recv(65535)
        except (TimeoutError, ConnectionRefusedError):
            return False
        asked = self._pending.pop(_identity(reply), None)
        if asked is None or reply[3] & 0xF not in _ANSWERED:
            return False
        first = self.answered.get(asked)
        at = time.monotonic() if first is None else first.at
        self.answered[asked] = Answered(at, reply)
        return first is None


def _identity(message: bytes) -> bytes:
    """The id and the question: among so many ids some come twice."""
    end = message.index(b"\0", 12) + 5
    return message[:2] + message[12:end]
