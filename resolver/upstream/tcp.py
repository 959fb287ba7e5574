"""Queries over TCP: connections kept and shared per server address, several queries on each.

For replies that were truncated, for questions under spoofing attack, and where the walker wants it.
RFC 7766: reuse (§6.2.1), pipelining (§6.2.1.1), replies in any order (§7), idle time-out (§6.2.3),
length and message in one write (§8). What it does not do: decide whether and whom to ask.
"""

from __future__ import annotations

import errno
import math
from typing import TYPE_CHECKING

import trio

from resolver.errors import drop_frames
from resolver.limits import (
    EXPIRY_UNKNOWN_SECONDS,
    UPSTREAM_TCP_CONNECTIONS,
    UPSTREAM_TCP_PIPELINE,
    UPSTREAM_TCP_STRAYS,
)
from resolver.protocol.framing import Splitter, frame
from resolver.upstream.query import Match, match_untrusted

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.delegation import Key
    from resolver.model import Server
    from resolver.upstream.link_profile import LinkProfile
    from resolver.upstream.network import Network
    from resolver.upstream.query import Sent

_RECEIVE_OCTETS = 65_536


def _idle() -> None:
    """Nobody wants to know that octets came."""


class _Waiting:
    """One query on a connection, and its reply once it is there."""

    __slots__ = ("arrived", "hears", "match", "reply", "sent")

    def __init__(self, sent: Sent, hears: Callable[[], None]) -> None:
        self.sent = sent
        self.hears = hears
        self.reply: bytes | None = None
        self.match = Match.NO
        self.arrived = trio.Event()


class ServerConnection:
    """One stream with its reader. Closed as a whole: whoever still waits is told."""

    def __init__(self, stream: trio.abc.HalfCloseableStream, link: LinkProfile) -> None:
        self._stream = stream
        self._link = link
        self._lock = trio.Lock()
        self._waiting: dict[bytes, _Waiting] = {}
        self._scope = trio.CancelScope()
        self._strays = 0
        self._heard_at = -math.inf
        self.is_closed = False
        self.served = 0

    def __repr__(self) -> str:
        return f"<ServerConnection waiting={len(self._waiting)} served={self.served}>"

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def has_room(self, sent: Sent) -> bool:
        return len(self._waiting) < UPSTREAM_TCP_PIPELINE and sent.data[:2] not in self._waiting

    async def ask(self, sent: Sent, hears: Callable[[], None] = _idle) -> tuple[bytes, Match]:
        """Send, and wait for the reply. Raises OSError if the connection ends first.

        *hears* is called whenever octets come, of whatever reply.
        """
        waiting = _Waiting(sent, hears)
        key = sent.data[:2]
        self._waiting[key] = waiting
        self._scope.deadline = math.inf
        asked_at = trio.current_time()
        try:
            async with self._lock:
                await self._stream.send_all(frame(sent.data))
            await waiting.arrived.wait()
        except (trio.BrokenResourceError, trio.ClosedResourceError, MemoryError) as error:
            drop_frames(error)
            self.shut()
            raise OSError(errno.ECONNRESET, "connection lost") from None
        except trio.Cancelled:
            self._leave(asked_at)
            raise
        finally:
            self._waiting.pop(key, None)
            if not self._waiting:
                self._scope.deadline = trio.current_time() + self._link.tcp_idle_s
        if waiting.reply is None:
            raise OSError(errno.ECONNRESET, "connection closed by the server")
        self.served += 1
        return waiting.reply, waiting.match

    def _leave(self, asked_at: float) -> None:
        """Who asked waits no longer: may anybody else ask here?

        A write that was cut short leaves half a message: nothing may follow it. And where nothing
        came for long the network is mute or gone: once it is back, the kernel sends again only
        after as long a silence (RFC 6298 §5.5), so a new connection is sooner.
        """
        waited_s = trio.current_time() - asked_at
        is_mute = (
            self._heard_at < asked_at and waited_s >= self._link.patience * EXPIRY_UNKNOWN_SECONDS
        )
        if self._lock.locked() or is_mute:
            self.shut()

    async def read(self) -> None:
        """Until the end of the stream or of patience; hands replies to those who wait."""
        splitter = Splitter()
        try:
            with self._scope:
                while data := await self._stream.receive_some(_RECEIVE_OCTETS):
                    self._heard_at = trio.current_time()
                    for waiting in self._waiting.values():
                        waiting.hears()
                    splitter.push(data)
                    while (message := splitter.take()) is not None:
                        self._deliver_untrusted(message)
                        if self._strays > UPSTREAM_TCP_STRAYS:
                            return  # it babbles: 65,536 octets may be 32,768 messages
        except (trio.BrokenResourceError, trio.ClosedResourceError, MemoryError) as error:
            drop_frames(error)  # those who wait are told below
        finally:
            self.shut()
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await trio.aclose_forcefully(self._stream)

    def shut(self) -> None:
        """Take no more queries; wake all who wait. Idempotent."""
        self.is_closed = True
        self._scope.cancel()
        for waiting in self._waiting.values():
            waiting.arrived.set()

    def _deliver_untrusted(self, message: bytes) -> None:
        """Octets that answer nothing asked here are counted, and else ignored."""
        waiting = self._waiting.get(message[:2])
        if waiting is None or waiting.reply is not None:
            self._strays += 1
            return
        match = match_untrusted(waiting.sent, message)
        if match is Match.YES or match is Match.DOUBTFUL:
            waiting.reply = message
            waiting.match = match
            waiting.arrived.set()
        else:
            self._strays += 1


class _Opening:
    """A connection in the making; *error* says that there will be none."""

    __slots__ = ("done", "error")

    def __init__(self) -> None:
        self.done = trio.Event()
        self.error: int | None = None


class TcpPool:
    """At most one open connection per server address, and a bounded number in all."""

    def __init__(self, *, network: Network, nursery: trio.Nursery, link: LinkProfile) -> None:
        self.link = link
        self._network = network
        self._nursery = nursery
        self._open: dict[Key, ServerConnection] = {}
        self._opening: dict[Key, _Opening] = {}
        self.connects = 0

    def __repr__(self) -> str:
        return f"<TcpPool open={len(self._open)} connects={self.connects}>"

    async def ask(
        self, server: Server, sent: Sent, hears: Callable[[], None] = _idle
    ) -> tuple[bytes, Match]:
        """One query; raises OSError. A kept connection that proves dead is replaced once.

        The caller bounds the time.
        """
        connection, is_reused = await self._connection(server, sent)
        try:
            return await connection.ask(sent, hears)
        except OSError:
            if not is_reused:
                raise
        connection, _ = await self._connection(server, sent)
        return await connection.ask(sent, hears)

    async def _connection(self, server: Server, sent: Sent) -> tuple[ServerConnection, bool]:
        key = server.key
        while True:
            kept = self._open.get(key)
            if kept is not None and not kept.is_closed and kept.has_room(sent):
                return kept, True
            opening = self._opening.get(key)
            if opening is None:
                return await self._connect(server), False
            await opening.done.wait()
            if opening.error is not None:  # what failed for one a moment ago fails for all
                raise OSError(opening.error, "no connection")

    async def _connect(self, server: Server) -> ServerConnection:
        key = server.key
        self._make_room()
        opening = self._opening[key] = _Opening()
        try:
            connection = ServerConnection(await self._network.connect_tcp(server), self.link)
        except OSError as error:
            opening.error = error.errno or errno.ECONNREFUSED
            raise
        finally:
            del self._opening[key]
            opening.done.set()
        self.connects += 1
        self._open[key] = connection
        self._nursery.start_soon(self._keep, key, connection)
        return connection

    def _make_room(self) -> None:
        """Shut the connection with the least to do, once there are too many (RFC 7766 §6.2.2)."""
        while len(self._open) >= UPSTREAM_TCP_CONNECTIONS:
            key = min(self._open, key=lambda each: self._open[each].waiting)
            self._open.pop(key).shut()

    async def _keep(self, key: Key, connection: ServerConnection) -> None:
        try:
            await connection.read()
        finally:
            if self._open.get(key) is connection:
                del self._open[key]
