"""Sessions over a TLS connection: writing to it without waiting, reading it until its end."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from resolver.errors import drop_frames
from resolver.limits import SESSION_UNSENT_OCTETS
from resolver.upstream.open_session import OpenSession

if TYPE_CHECKING:
    from resolver.runtime.tls_stream import TlsStream
    from resolver.upstream.session import Host

_QUICKACK = getattr(socket, "TCP_QUICKACK", 0)  # Linux
_GONE = (trio.BrokenResourceError, trio.ClosedResourceError, MemoryError)


class StreamSession(OpenSession):
    """`Session` over an established *stream*; *_take_untrusted* is for who speaks over it."""

    def __init__(self, stream: TlsStream, host: Host, *, nursery: trio.Nursery) -> None:
        super().__init__(host)
        self._stream = stream
        self._nursery = nursery
        self._is_flushing = False
        self._has_asked = False

    @property
    def ticket(self) -> object | None:
        return self._stream.session

    def _write(self, data: bytes) -> None:
        """What the system does not take at once follows; who reads nothing is given up."""
        left = self._stream.send_now(data)
        if not self._has_asked:
            self._has_asked = True
            _acknowledge_at_once(self._stream.transport)
        if left > SESSION_UNSENT_OCTETS:
            self.reason = "reads nothing"
            self.shut()
        elif left and not self._is_flushing:
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

    def _take_untrusted(self, data: bytes) -> bool:
        """What came; True if no more is wanted. Never raises."""
        raise NotImplementedError

    def _end(self) -> None:
        """It is over: what is to be let go of."""

    async def serve(self) -> None:
        self._rest()
        try:
            with self._scope:
                while data := await self._stream.receive_some():
                    self._note_heard()
                    if self._take_untrusted(data):
                        return
        except _GONE as error:
            drop_frames(error)  # those who wait are told by the host
        finally:
            self.is_open = False
            self._end()
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await self._stream.aclose()


def _acknowledge_at_once(transport: trio.abc.Stream) -> None:
    """What comes next are session tickets, and the reply behind them.

    Many servers hold it back until these are acknowledged (Nagle's algorithm, RFC 896), which the
    kernel would do 40 ms later. It forgets at each query that is sent: this is for the first.
    """
    if isinstance(transport, trio.SocketStream) and _QUICKACK:
        with suppress(OSError):  # it is gone: the reader finds out
            transport.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
