"""Clients that ask at an even pace, each from a port of its own: what became of their questions."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Self

import dns.message
import dns.rcode

if TYPE_CHECKING:
    from collections.abc import Sequence

STEP_S = 0.02


class Asked(NamedTuple):
    """A question that has had its time, and how often it was sent."""

    sent_at: float
    tries: int
    rcode: int | None
    name: str


class _Waiting(NamedTuple):
    sock: socket.socket
    name: str
    query: bytes
    began: float
    tries: int
    again_at: float


class Askers:
    """Ask for *names* at *rate* a second while the block lasts, or as many as this process gets
    done; *again_s*: a reply is waited for so long, and then it is asked once more from the same
    port, as glibc's stub does. *last_s*: for so long then."""

    def __init__(
        self, port: int, names: Sequence[str], *,
        rate: float = 200.0, again_s: float = 5.0, last_s: float = 0.0,
    ) -> None:  # fmt: skip
        self.done: list[Asked] = []
        self._port = port
        self._queries = [
            (name, dns.message.make_query(name, "A", use_edns=0).to_wire()) for name in names
        ]
        self._rate = rate
        self._again_s, self._last_s = again_s, last_s or again_s
        self._selector = selectors.DefaultSelector()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._selector.close()

    @property
    def lost(self) -> list[Asked]:
        """Those that were not answered the first time, or not well."""
        return [one for one in self.done if one.tries > 1 or one.rcode != dns.rcode.NOERROR]

    @property
    def failed(self) -> list[Asked]:
        """Those that were not answered at all, or not well."""
        return [one for one in self.done if one.rcode != dns.rcode.NOERROR]

    def _run(self) -> None:
        due, number = time.monotonic(), 0
        while not self._is_over.is_set() or self._selector.get_map():
            now = time.monotonic()
            if not self._is_over.is_set() and due <= now:
                self._begin(*self._queries[number % len(self._queries)])
                # Never to catch up: on a loaded machine nobody would read what has come meanwhile.
                due, number = max(due + 1 / self._rate, now), number + 1
            for key, _ in self._selector.select(min(STEP_S, 1 / self._rate)):
                self._end(key.data)
            self._ask_again()

    def _begin(self, name: str, query: bytes) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(("127.0.0.1", self._port))
        sock.setblocking(False)  # noqa: FBT003
        now = time.monotonic()
        waiting = _Waiting(sock, name, query, now, 1, now + self._again_s)
        self._selector.register(sock, selectors.EVENT_READ, waiting)
        with suppress(OSError):
            sock.send(query)

    def _ask_again(self) -> None:
        now = time.monotonic()
        for key in list(self._selector.get_map().values()):
            waiting: _Waiting = key.data
            if now < waiting.again_at:
                continue
            if waiting.tries > 1:
                self._note(waiting, None)
                continue
            later = waiting._replace(tries=2, again_at=now + self._last_s)
            self._selector.modify(waiting.sock, selectors.EVENT_READ, later)
            with suppress(OSError):
                waiting.sock.send(waiting.query)

    def _end(self, waiting: _Waiting) -> None:
        with suppress(OSError):  # refused: nobody listens there now; it is asked again
            reply = dns.message.from_wire(waiting.sock.recv(4096))
            self._note(waiting, int(reply.rcode()))

    def _note(self, waiting: _Waiting, rcode: int | None) -> None:
        self._selector.unregister(waiting.sock)
        waiting.sock.close()
        self.done.append(Asked(waiting.began, waiting.tries, rcode, waiting.name))
