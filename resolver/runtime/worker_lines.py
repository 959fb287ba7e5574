"""Lines among the workers of one machine, laid before the fork: one from the first to each other.

A pair of sockets for each, of messages that stay whole. Their parent keeps both ends, so that a
worker that is started again finds the line of the one before it.
"""

from __future__ import annotations

import os
import socket


class WorkerLines:
    """Those of *count* workers, numbered from 0; they live as long as these do."""

    def __init__(self, count: int) -> None:
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(count - 1)]
        self._descriptors = [(first.detach(), other.detach()) for first, other in pairs]

    def __repr__(self) -> str:
        return f"<WorkerLines of {len(self._descriptors) + 1}>"

    def to_others(self) -> dict[int, socket.socket]:
        """The first worker's ends, by whom they lead to; each is the caller's to close."""
        ends = [first for first, _ in self._descriptors]
        return {number: _socket(end) for number, end in enumerate(ends, 1)}

    def of(self, number: int) -> socket.socket:
        """Where worker *number*, from 1 on, hears the first; the caller's to close."""
        return _socket(self._descriptors[number - 1][1])

    def close(self) -> None:
        """Nobody says anything any more."""
        for pair in self._descriptors:
            for descriptor in pair:
                os.close(descriptor)
        self._descriptors = []


def _socket(descriptor: int) -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM, fileno=os.dup(descriptor))
