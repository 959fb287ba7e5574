"""What HTTP/1.1 and HTTP/2 have in common, for who reads and writes the stream (`web`).

An engine knows no stream: octets that have come go in, requests come out; responses go in, octets
to send come out. It never raises. It breaks its own reference cycles in `let_go`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Sequence

    from resolver.listen.doh_request import Request, Response

# What a library raises where what comes meets a fault of its own: the end of one connection, as
# what is no HTTP is, and not of the daemon.
FAULTS: Final = (AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
WANTED: Final = frozenset({b"accept", b"content-encoding", b"content-type"})


class Engine(Protocol):
    """The server's end of one connection."""

    asked: deque[tuple[int, Request]]
    """Whole requests, each with the number that its response is to have."""
    is_over: bool
    """Nothing that comes counts any more; what `octets` gives is the last."""
    fault: str
    """The counter of the client's fault that ended it; "" if none has."""
    useful_octets: int
    """Of DNS queries: who takes requests out counts them."""
    held_octets: int
    """Of bodies that wait until the client makes room for them."""

    @property
    def began_at(self) -> float | None:
        """When the oldest request began that is not whole yet."""

    def receive(self, chunk: bytes | bytearray, now: float) -> None:
        """What has come."""

    def respond(self, number: int, response: Response) -> None:
        """Once for each request; one that the client has given up is passed over."""

    def octets(self) -> bytes:
        """What is to be sent by now."""

    def cuts(self, octets: bytes) -> Sequence[int]:
        """Where in *octets*, which `octets` has just given, each response but the last ends."""

    def part(self) -> None:
        """No more is taken on: say so, if there is a way to."""

    def let_go(self) -> None:
        """Forget everything."""
