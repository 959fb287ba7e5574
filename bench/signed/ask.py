"""A client with a bounded window: UDP first, TCP when the reply is cut short."""

from __future__ import annotations

import selectors
import socket
import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.simulation import netns

WINDOW = 16
PATIENCE_S = 12.0
TC = 0x02


def ask_all(
    place: netns.Namespace,
    server: str,
    queries: Sequence[bytes],
    *,
    window: int = WINDOW,
    patience_s: float = PATIENCE_S,
) -> list[bytes | None]:
    """The replies to *queries* in their order; None where none came."""
    replies: list[bytes | None] = [None] * len(queries)
    waiting = iter(enumerate(queries))
    busy: dict[socket.socket, tuple[int, float]] = {}
    with selectors.DefaultSelector() as selector:
        slots = [place.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(window)]
        try:
            for slot in slots:
                slot.connect((server, 53))
                slot.settimeout(0)
                selector.register(slot, selectors.EVENT_READ)
                _next(slot, waiting, busy)
            while busy:
                for key, _ in selector.select(0.1):
                    _receive(key.fileobj, queries, replies, busy)  # type: ignore[arg-type]
                _give_up(busy, patience_s)
                for slot in slots:
                    if slot not in busy:
                        _next(slot, waiting, busy)
        finally:
            for slot in slots:
                slot.close()
    for number, reply in enumerate(replies):
        if reply is not None and reply[2] & TC:
            replies[number] = _over_tcp(place, server, queries[number])
    return replies


def _next(
    slot: socket.socket,
    waiting: Iterator[tuple[int, bytes]],
    busy: dict[socket.socket, tuple[int, float]],
) -> None:
    following = next(waiting, None)
    if following is not None:
        number, query = following
        slot.send(query)
        busy[slot] = (number, time.monotonic())


def _receive(
    slot: socket.socket,
    queries: Sequence[bytes],
    replies: list[bytes | None],
    busy: dict[socket.socket, tuple[int, float]],
) -> None:
    try:
        reply = slot.recv(65535)
    except OSError:
        return
    if slot in busy and reply[:2] == queries[busy[slot][0]][:2]:
        replies[busy.pop(slot)[0]] = reply


def _give_up(busy: dict[socket.socket, tuple[int, float]], patience_s: float) -> None:
    now = time.monotonic()
    for slot, (_, since) in list(busy.items()):
        if now - since > patience_s:
            del busy[slot]


def _over_tcp(place: netns.Namespace, server: str, query: bytes) -> bytes | None:
    with place.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
        stream.settimeout(PATIENCE_S)
        try:
            stream.connect((server, 53))
            stream.sendall(struct.pack("!H", len(query)) + query)
            with stream.makefile("rb") as incoming:
                (length,) = struct.unpack("!H", incoming.read(2))
                return incoming.read(length)
        except (OSError, struct.error):
            return None
