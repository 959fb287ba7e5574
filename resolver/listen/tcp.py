"""Queries over streams: accept within limits, then leave each client to its `ServedStream`.

TCP, and what is spoken over it: which of them is a value (`Transport`), and all count together.

At most TCP_CONNECTIONS in all, fewer where descriptors are short, and TCP_CONNECTIONS_PER_CLIENT of
one address (RFC 7766 §6.2.2); the machine itself, whose every program has the same address, may
have half of all. Where one more comes, the connection that has been idle longest makes room, of the
same client or of anybody's, so that neither idle strangers nor a program that keeps its connections
keep others out (RFC 9210 §4.2). If none is idle, the new one is closed at once.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar, Final

import trio

from resolver.limits import (
    LEAVING_LOOK_SECONDS,
    TCP_CLIENT_QUERIES,
    TCP_CONNECTIONS,
    TCP_CONNECTIONS_PER_CLIENT,
    TCP_IDLE_SECONDS,
    TCP_UNSENT_TOTAL_OCTETS,
    THIS_MACHINE_CLIENTS,
)
from resolver.listen.backlog import Backlog
from resolver.listen.readiness import Readiness
from resolver.listen.serving import send_later
from resolver.listen.share import FairShare
from resolver.listen.stream import ClientConnection
from resolver.protocol.ip_addresses import address_octets, is_loopback
from resolver.protocol.transport import Client, Transport
from resolver.runtime.tls_stream import TlsStream
from resolver.runtime.turns import Rounds, Turns
from resolver.upstream.udp import half_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from resolver.listen.admission import Admission
    from resolver.listen.listen_network import Handler, StreamListener
    from resolver.listen.serving import SendNow, ServedStream

    Secured = Callable[[trio.abc.Stream, str], Awaitable[TlsStream | None]]
    Speak = Callable[..., ServedStream]

_EVERY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  # to recognise them


def slots_limit(descriptors: int) -> int:
    """How many TCP clients fit under RLIMIT_NOFILE: half of what the rest of the process leaves.

    The other half is for upstream queries: a client whose question cannot be asked has no use of
    its connection.
    """
    return min(TCP_CONNECTIONS, half_of(descriptors))


class TcpSlots:
    """The connections of all listeners, counted together, and what they share."""

    COUNTS: ClassVar = {
        "accepted": "Connections that found a place.",
        "refused": "Connections that found no place.",
        "dismissed": "Idle connections that made room for another.",
    }

    def __init__(
        self,
        *,
        total: int = TCP_CONNECTIONS,
        per_client: int = TCP_CONNECTIONS_PER_CLIENT,
        unsent_octets: int = TCP_UNSENT_TOTAL_OCTETS,
        turns: Turns | None = None,
    ) -> None:
        self.total = total
        self.per_client = min(per_client, total)
        self.local = max(self.per_client, total // 2)
        self.backlog = Backlog(most=unsent_octets)
        self.rounds = Rounds(turns or Turns())
        self.readiness = Readiness(self.rounds)
        self.refused = 0
        self.accepted = 0
        self.dismissed = 0
        self._taken = 0
        self._connections: dict[ServedStream, str] = {}
        self._by_host: dict[str, FairShare] = {}

    def __len__(self) -> int:
        return self._taken

    def take(self, host: str) -> bool:
        """A place for one more connection from *host*, after making room if need be.

        Each True needs one `give_back`.
        """
        share = self._by_host.get(host)
        held = share.connections if share is not None else 0
        if held >= (self.local if is_loopback(host) else self.per_client):
            has_room = self._dismiss_idle(
                each for each, whose in self._connections.items() if whose == host
            )
        else:
            has_room = self._taken < self.total or self._dismiss_idle(self._connections)
        if not has_room:
            self.refused += 1
            return False
        if share is None:
            share = self._by_host[host] = FairShare(_in_flight_of(host))
        share.connections += 1
        self._taken += 1
        return True

    def _dismiss_idle(self, connections: Iterable[ServedStream]) -> bool:
        """Let go who has been idle longest; its place is free a moment later."""
        idle = [each for each in connections if each.is_idle]
        if not idle:
            return False
        min(idle, key=lambda each: each.active_at).let_go()
        self.dismissed += 1
        return True

    def share_of(self, host: str) -> FairShare:
        """What the connections of *host* have in flight; it has a place."""
        return self._by_host[host]

    async def hold(self, connection: ServedStream, host: str) -> None:
        """Run *connection* in the place taken for it."""
        self.accepted += 1
        self._connections[connection] = host
        try:
            await connection.run()
        finally:
            del self._connections[connection]

    def give_back(self, host: str) -> None:
        """The place that was taken for a connection from *host*."""
        self._taken -= 1
        share = self._by_host[host]
        share.connections -= 1
        if not share.connections:
            del self._by_host[host]


def _in_flight_of(host: str) -> int:
    return TCP_CLIENT_QUERIES * (THIS_MACHINE_CLIENTS if is_loopback(host) else 1)


class StreamService:
    """Serves one listening socket, on which *transport* is spoken.

    *secured* has what comes in encrypted, or None where that fails (`handshakes`). *speak* makes
    of each stream what is spoken on it.
    """

    COUNTS: ClassVar = {"queries": "Queries that came over connections which have ended."}

    def __init__(
        self,
        listener: StreamListener,
        handler: Handler,
        admission: Admission,
        *,
        transport: Transport,
        slots: TcpSlots | None = None,
        host: str = "",
        place: str = "",
        idle_s: float = TCP_IDLE_SECONDS,
        secured: Secured | None = None,
        speak: Speak = ClientConnection,
    ) -> None:
        self._listener = listener
        self._handler = handler
        self._admission = admission
        self._slots = TcpSlots() if slots is None else slots
        self._host = host
        self._idle_s = idle_s
        self._speak = speak
        self._secured = secured
        self.transport = transport
        self._place = place or host
        self._fast_path = handler.fast_path(transport, self._place)
        self._connections: set[ServedStream] = set()
        self._accepting = trio.CancelScope()
        self._has_accepted = trio.Event()  # the last one that it ever will
        self.queries = 0

    def __repr__(self) -> str:
        name = f"{self.transport.value}://{self._host}"
        return f"<StreamService {name}: {len(self._connections)} connections>"

    async def run(self) -> None:
        """Accept until cancelled. The listener is closed by whoever bound it."""
        async with trio.open_nursery() as nursery:
            with self._accepting:
                while True:
                    stream, peer = await self._listener.accept()
                    if self._slots.take(peer[0]):
                        nursery.start_soon(self._serve, stream, peer)
                    else:
                        await trio.aclose_forcefully(stream)
            self._has_accepted.set()

    async def accept_no_more(self) -> None:
        """Returns when all that had come have been taken in, and the listener may be closed."""
        with trio.move_on_after(LEAVING_LOOK_SECONDS):
            while self._listener.has_unread:  # `run` is at it
                await trio.lowlevel.checkpoint()
        self._accepting.cancel()
        await self._has_accepted.wait()

    def hand_to(self, handler: Handler) -> None:
        """What comes from now on, on open connections too, goes to *handler*."""
        self._handler = handler
        self._fast_path = handler.fast_path(self.transport, self._place)
        for connection in self._connections:
            connection.hand_to(handler, self._fast_path)

    async def leave(self, patience_s: float) -> None:
        """Accept nobody any more; returns when all are answered and gone, or after *patience_s*."""
        self._accepting.cancel()
        for connection in list(self._connections):
            connection.finish_up()
        with trio.move_on_after(patience_s):
            while self._connections:  # noqa: ASYNC110  # once in a listener's life
                await trio.sleep(LEAVING_LOOK_SECONDS)
        for connection in list(self._connections):
            connection.let_go()

    async def _serve(self, stream: trio.abc.Stream, peer: tuple[str, int]) -> None:
        """One client in the place taken for it, its handshake included, if it has one."""
        try:
            if self._secured is None:
                await self._converse(stream, peer)
            elif (secured := await self._secured(stream, peer[0])) is not None:
                await self._converse(secured, peer)
        finally:
            self._slots.give_back(peer[0])

    def _asked_at(self, stream: trio.abc.Stream) -> bytes:
        """The raw address that *stream* came to, where we listen at every one of a family."""
        carrier = stream.transport if isinstance(stream, TlsStream) else stream
        if self._host not in _EVERY or not isinstance(carrier, trio.SocketStream):
            return b""
        try:
            return address_octets(carrier.socket.getsockname()[0].partition("%")[0])
        except OSError:  # it is gone already
            return b""

    async def _converse(self, stream: trio.abc.Stream, peer: tuple[str, int]) -> None:
        """One connection to its end; memory that runs out ends no other."""
        host, asked_at = peer[0].partition("%")[0], self._asked_at(stream)
        client = Client(host, peer[1], self.transport, self._host, asked_at, self._place)
        connection = self._speak(
            stream,
            client,
            handler=self._handler,
            fast_path=self._fast_path,
            admission=self._admission,
            backlog=self._slots.backlog,
            rounds=self._slots.rounds,
            share=self._slots.share_of(peer[0]),
            idle_s=self._idle_s,
            send_now=_sender(stream),
            heard=self._slots.readiness.of(stream),
        )
        self._connections.add(connection)
        try:
            await self._slots.hold(connection, peer[0])
        finally:
            self._connections.discard(connection)
            self.queries += connection.queries


def _sender(stream: trio.abc.Stream) -> SendNow:
    """Sends on a real socket what the system takes at once.

    By descriptor: not to be called once the stream is closed, when that may be another's.
    """
    if isinstance(stream, TlsStream):
        return lambda octets, cuts: (len(octets), stream.send_now(octets, cuts))
    if not isinstance(stream, trio.SocketStream):
        return send_later
    fd = stream.socket.fileno()

    def send(octets: bytes, _: Sequence[int]) -> tuple[int, int]:
        try:
            return os.write(fd, octets), 0  # non-blocking, as all of trio's are
        except OSError:  # full, or gone: `send_all` waits, or finds out
            return 0, 0

    return send
