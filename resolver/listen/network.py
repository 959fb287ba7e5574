"""The seam to the network, listener side: sockets that queries come in on (twin of upstream.network)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import trio

    from resolver.protocol.transport import Client


class Datagram(NamedTuple):
    """*local* is the address it came to on a wildcard socket (opaque ancillary data), else None."""

    data: bytes
    peer: tuple[str, int] | tuple[str, int, int, int]
    local: object | None = None


class UdpSocket(Protocol):
    """A bound UDP socket."""

    async def wait_readable(self) -> None: ...

    def receive(self) -> Sequence[Datagram]:
        """What is there now, at most one batch."""

    def send(self, replies: Sequence[Datagram]) -> None:
        """Send from where each came to. What the kernel refuses is counted and dropped."""

    def close(self) -> None: ...


class TcpListener(Protocol):
    """A listening TCP socket."""

    async def accept(self) -> tuple[trio.abc.HalfCloseableStream, tuple[str, int]]: ...

    async def aclose(self) -> None: ...


class ListenNetwork(Protocol):
    """Where listening sockets come from: the real ones, or the lab's."""

    def bind_udp(self, host: str, port: int) -> UdpSocket: ...

    def bind_tcp(self, host: str, port: int) -> TcpListener: ...


class Handler(Protocol):
    """What a listener hands queries to (`pipeline.Pipeline`)."""

    def recall(self, data: bytes, client: Client) -> bytes | None:
        """The reply if it can be had without waiting or parsing in full: the packet cache."""

    def start(self, data: bytes, client: Client, respond: Callable[[bytes], None]) -> None:
        """Take on a query that `recall` did not answer. *respond* is called at most once,
        from any task of the same loop; never when the query is dropped. Never raises on bad data."""
