"""DNS over TLS towards a server: one connection, queries side by side, replies in any order.

An id of its own for each query on the connection, padding, and replies that are held against what
was asked as datagrams are: id, QR and question. RFC 7858, RFC 7766 §6.2.1.1 and §7, RFC 8467.
"""

from __future__ import annotations

import math
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import trio

from resolver.errors import WireError, drop_frames
from resolver.limits import SESSION_MUTE_SECONDS, UPSTREAM_TCP_STRAYS
from resolver.protocol.edns import OPT_KEEPALIVE
from resolver.protocol.framing import Splitter, frame
from resolver.protocol.wire import parse_untrusted
from resolver.upstream.padding import padded, question_end

if TYPE_CHECKING:
    from random import Random

    from resolver.runtime.tls_stream import TlsStream
    from resolver.upstream.session import Host, SessionPort

_HEADER_OCTETS = 12
_QUICKACK = getattr(socket, "TCP_QUICKACK", 0)  # Linux
_A_SECOND = 10  # in the option's units
_GONE = (trio.BrokenResourceError, trio.ClosedResourceError, MemoryError)


class _Waiting(NamedTuple):
    """A query on its way, what it asks as octets, and when it was sent."""

    port: SessionPort
    asked: bytes
    sent_at: float


class TlsSession:
    """`Session` over an established *stream*. *rng* draws ids."""

    def __init__(
        self, stream: TlsStream, host: Host, *, rng: Random, nursery: trio.Nursery
    ) -> None:
        self.is_open = True
        self.has_served = False
        self._stream = stream
        self._host = host
        self._rng = rng
        self._nursery = nursery
        self._waiting: dict[bytes, _Waiting] = {}
        self._scope = trio.CancelScope()
        self._is_flushing = False
        self._has_asked = False
        self._strays = 0
        self._heard_at = trio.current_time()
        self._unheard_since = math.inf  # the first query since then that was given up
        self._granted_s = math.inf

    def __repr__(self) -> str:
        return f"<TlsSession waiting={len(self._waiting)}>"

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def ticket(self) -> object | None:
        return self._stream.session

    def is_mute(self, now: float) -> bool:
        since = self._unheard_since
        for one in self._waiting.values():
            since = min(since, one.sent_at)
            break  # they are in the order of their sending
        return now - max(since, self._heard_at) >= SESSION_MUTE_SECONDS

    # --- queries -----------------------------------------------------------------------------

    def send(self, port: SessionPort) -> None:
        query = port.query
        number = query[:2]
        while number in self._waiting:
            number = self._rng.randbytes(2)
        asked = query[_HEADER_OCTETS : question_end(query)]
        port.number = number
        self._waiting[number] = _Waiting(port, asked, trio.current_time())
        self._scope.deadline = math.inf
        message = padded(query, asks_keepalive=not self._has_asked)
        left = self._stream.send_now(frame(number + message[2:]))
        if not self._has_asked:
            self._has_asked = True
            _acknowledge_at_once(self._stream.transport)
        if left and not self._is_flushing:
            self._is_flushing = True
            self._nursery.start_soon(self._flush)

    async def _flush(self) -> None:
        """What the system did not take at once."""
        try:
            await self._stream.send_all(b"")
        except _GONE as error:
            drop_frames(error)
            self.shut()
        finally:
            self._is_flushing = False

    def leave(self, port: SessionPort) -> None:
        one = self._waiting.get(port.number)
        if one is not None and one.port is port:
            self._unheard_since = min(self._unheard_since, one.sent_at)
            del self._waiting[port.number]
            self._rest()

    def orphans(self) -> list[SessionPort]:
        left, self._waiting = self._waiting, {}
        return [one.port for one in left.values()]

    def shut(self) -> None:
        self.is_open = False
        self._scope.cancel()

    def _rest(self) -> None:
        """Nothing is asked any more: not for ever."""
        if not self._waiting and self.is_open:
            idle_s = self._host.idle_s(self, self._granted_s)
            self._scope.deadline = trio.current_time() + idle_s

    # --- replies -----------------------------------------------------------------------------

    async def serve(self) -> None:
        splitter = Splitter()
        self._rest()
        try:
            with self._scope:
                while data := await self._stream.receive_some():
                    self._heard_at = trio.current_time()
                    self._unheard_since = math.inf
                    splitter.push(data)
                    while (message := splitter.take()) is not None:
                        self._deliver_untrusted(message)
                    if self._strays > UPSTREAM_TCP_STRAYS:
                        return  # it babbles
        except _GONE as error:
            drop_frames(error)  # those who wait are told by the host
        finally:
            self.is_open = False
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await self._stream.aclose()

    def _deliver_untrusted(self, message: bytes) -> None:
        """Octets that answer nothing asked here are counted, and else ignored. Never raises."""
        one = self._waiting.get(message[:2])
        if one is None or not _answers(message, one.asked):
            self._strays += 1
            return
        del self._waiting[message[:2]]
        if not self.has_served:
            self._granted_s = _granted_s_untrusted(message)
        self._host.heard(self, one.port, one.port.query[:2] + message[2:])
        self.has_served = True
        self._rest()


def _acknowledge_at_once(transport: trio.abc.Stream) -> None:
    """What comes next are session tickets, and the reply behind them.

    Many servers hold it back until these are acknowledged (Nagle's algorithm, RFC 896), which the
    kernel would do 40 ms later. It forgets at each query that is sent: this is for the first.
    """
    if isinstance(transport, trio.SocketStream) and _QUICKACK:
        with suppress(OSError):  # it is gone: the reader finds out
            transport.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)


def _answers(message: bytes, asked: bytes) -> bool:
    """Is it a reply, to this question or without any (an error)?"""
    if len(message) < _HEADER_OCTETS or not message[2] & 0x80:
        return False
    said = message[_HEADER_OCTETS : _HEADER_OCTETS + len(asked)]
    return message[4:6] == b"\0\0" or said.lower() == asked.lower()


def _granted_s_untrusted(message: bytes) -> float:
    """How long the server keeps a connection without queries, if it says (RFC 7828 §3.1)."""
    try:
        edns = parse_untrusted(message).edns
    except WireError:
        return math.inf
    data = edns.option(OPT_KEEPALIVE) if edns is not None else None
    return int.from_bytes(data, "big") / _A_SECOND if data else math.inf
