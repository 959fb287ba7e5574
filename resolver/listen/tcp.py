"""Queries over TCP: accept within limits, then leave each client to its `Connection`.

At most TCP_CONNECTIONS in all and TCP_CONNECTIONS_PER_CLIENT of one address (RFC 7766 §6.2.2); one
too many is closed at once. When all places are taken, the oldest connection that waits for nothing
makes room, so that idle strangers cannot keep everybody out (RFC 9210 §4.2).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import trio

from resolver.limits import TCP_CONNECTIONS, TCP_CONNECTIONS_PER_CLIENT, TCP_IDLE_SECONDS
from resolver.listen.connection import Connection, send_later
from resolver.protocol.transport import Client, Transport

if TYPE_CHECKING:
    from resolver.listen.admission import Admission
    from resolver.listen.connection import SendNow
    from resolver.listen.network import Handler, TcpListener


class TcpPlaces:
    """The connections of all listeners, counted together."""

    def __init__(
        self,
        *,
        total: int = int(TCP_CONNECTIONS),
        per_client: int = int(TCP_CONNECTIONS_PER_CLIENT),
    ) -> None:
        self.total = total
        self.per_client = per_client
        self.refused = 0
        self.accepted = 0
        self._taken = 0
        self._scopes: dict[Connection, trio.CancelScope] = {}
        self._by_host: dict[str, int] = {}

    def __len__(self) -> int:
        return self._taken

    def take(self, host: str) -> bool:
        """A place for one more connection from *host*, after making room if need be.

        Each True needs one `hold`.
        """
        held = self._by_host.get(host, 0)
        is_full = self._taken >= self.total and not self._dismiss_idle()
        if held >= self.per_client or is_full:
            self.refused += 1
            return False
        self._by_host[host] = held + 1
        self._taken += 1
        return True

    def _dismiss_idle(self) -> bool:
        for connection, scope in self._scopes.items():
            if not connection.in_flight and not scope.cancel_called:
                scope.cancel()
                return True
        return False

    async def hold(self, connection: Connection, host: str) -> None:
        """Run *connection* in the place taken for it, then give that back."""
        self.accepted += 1
        scope = self._scopes[connection] = trio.CancelScope()
        try:
            with scope:
                await connection.run()
        finally:
            del self._scopes[connection]
            self._taken -= 1
            self._by_host[host] -= 1
            if not self._by_host[host]:
                del self._by_host[host]


class TcpService:
    """Serves one listening socket."""

    def __init__(
        self,
        listener: TcpListener,
        handler: Handler,
        admission: Admission,
        *,
        places: TcpPlaces | None = None,
        host: str = "",
        idle_s: float = float(TCP_IDLE_SECONDS),
    ) -> None:
        self._listener = listener
        self._handler = handler
        self._admission = admission
        self._places = TcpPlaces() if places is None else places
        self._host = host
        self._idle_s = idle_s
        self._front = handler.front(Transport.TCP)
        self.queries = 0

    def __repr__(self) -> str:
        return f"<TcpService {self._host}: {len(self._places)} connections>"

    async def run(self) -> None:
        """Accept until cancelled. The listener is closed by whoever bound it."""
        async with trio.open_nursery() as nursery:
            while True:
                stream, peer = await self._listener.accept()
                if self._places.take(peer[0]):
                    nursery.start_soon(self._serve, stream, peer)
                else:
                    await trio.aclose_forcefully(stream)

    async def _serve(self, stream: trio.abc.HalfCloseableStream, peer: tuple[str, int]) -> None:
        client = Client(peer[0].partition("%")[0], peer[1], Transport.TCP, self._host)
        connection = Connection(
            stream,
            client,
            handler=self._handler,
            front=self._front,
            admission=self._admission,
            idle_s=self._idle_s,
            send_now=_sender(stream),
        )
        try:
            await self._places.hold(connection, peer[0])
        finally:
            self.queries += connection.queries


def _sender(stream: trio.abc.HalfCloseableStream) -> SendNow:
    """Sends on a real socket what the system takes at once.

    By descriptor: not to be called once the stream is closed, when that may be another's.
    """
    if not isinstance(stream, trio.SocketStream):
        return send_later
    fd = stream.socket.fileno()

    def send(octets: bytes) -> int:
        try:
            return os.write(fd, octets)  # non-blocking, as all of trio's are
        except OSError:  # full, or gone: `send_all` waits, or finds out
            return 0

    return send
