"""`python -m bench.valkey.halves HOST PORT BEHIND`: a Redis that says half of what it should.

It passes on what goes to the Redis *BEHIND* it. Of each fourth reply only the first half comes
through: then the connection ends, or is silent for ever.
"""

from __future__ import annotations

import itertools
import selectors
import socket
import sys
from typing import Final

EACH: Final = 4
_PIECE: Final = 65_536


class Pair:
    """A client's connection, and ours to the Redis behind."""

    def __init__(self, client: socket.socket, behind: socket.socket) -> None:
        self.client = client
        self.behind = behind

    def close(self) -> None:
        self.client.close()
        self.behind.close()


def serve(host: str, port: int, behind: int) -> None:
    """Until it is ended."""
    listener = socket.create_server((host, port))
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    numbers = itertools.count(1)
    while True:
        for key, _ in selector.select():
            pair = key.data
            if pair is None:
                made = Pair(listener.accept()[0], socket.create_connection((host, behind)))
                for sock in (made.client, made.behind):
                    selector.register(sock, selectors.EVENT_READ, made)
            elif pair.client.fileno() >= 0 and not _pass(key.fileobj, pair, numbers, selector):
                for sock in (pair.client, pair.behind):
                    if sock.fileno() in selector.get_map():
                        selector.unregister(sock)
                pair.close()


def _pass(
    source: object, pair: Pair, numbers: itertools.count[int], selector: selectors.BaseSelector
) -> bool:
    """Pass on what has come. False: the connection ends."""
    try:
        if source is pair.client:
            data = pair.client.recv(_PIECE)
            pair.behind.sendall(data)
            return bool(data)
        data = pair.behind.recv(_PIECE)
        number = next(numbers)
        if number % EACH:
            pair.client.sendall(data)
            return bool(data)
        pair.client.sendall(data[: len(data) // 2])
    except OSError:
        return False
    if number % (2 * EACH):
        return False
    selector.unregister(pair.behind)  # silent from now on
    return True


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
