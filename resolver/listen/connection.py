"""One client's stream: queries come pipelined, replies leave in the order they are ready.

RFC 7766 §6.2.1.1 (pipelining), §7 (answers out of order), §8 (length and message in one write);
RFC 9210 §4.2 (limits and timeouts). A client that shuts down its sending side still gets all it
asked for; one that reads or writes too slowly, or keeps silent, is let go. Knows no sockets: any
half-closeable stream will do, which is how TLS will come here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from resolver.limits import (
    TCP_IDLE_SECONDS,
    TCP_PIPELINE,
    TCP_READ_SECONDS,
    TCP_TOTAL_SECONDS,
)
from resolver.listen.admission import network_of, raw_address, short_reply
from resolver.protocol.codes import Rcode
from resolver.protocol.framing import Splitter, frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.listen.admission import Admission
    from resolver.listen.network import Front, Handler
    from resolver.protocol.transport import Client

    SendNow = Callable[[bytes], int]  # how many octets were taken; never blocks, never raises

_CHUNK_OCTETS: Final = 16_384
_UNSENT_OCTETS: Final = 262_144
_PIPELINE: Final = int(TCP_PIPELINE)


def send_later(_: bytes) -> int:
    """Take nothing at once: what a stream without a socket of its own does."""
    return 0


class Connection:
    """Serves one stream to its end. Counters are plain integers."""

    def __init__(
        self,
        stream: trio.abc.HalfCloseableStream,
        client: Client,
        *,
        handler: Handler,
        front: Front,
        admission: Admission,
        idle_s: float = float(TCP_IDLE_SECONDS),
        send_now: SendNow = send_later,
    ) -> None:
        self._stream = stream
        self._send_now = send_now
        self._is_writing = False
        self._client = client
        self._handler = handler
        self._front = front
        self._admission = admission
        self._idle_s = idle_s
        self._source = raw_address(client.host)
        self._network = network_of(self._source)
        self._splitter = Splitter()
        self._unsent = bytearray()
        self._moved = trio.Event()
        self._began_at: float | None = None
        self._is_reading = True
        self._is_over = False
        self.in_flight = 0
        self.queries = 0
        self.hits = 0

    def __repr__(self) -> str:
        return f"<Connection of {self._client.host}, {self.in_flight} in flight>"

    async def run(self) -> None:
        """Until the client has left or is let go, and all it asked is answered."""
        try:
            with trio.move_on_after(float(TCP_TOTAL_SECONDS)):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write_all)
                    await self._read_all()
                    self._is_reading = False
                    self._wake()
        except* (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            pass  # the client has gone, or does not read: its replies are nobody's
        finally:
            self._is_over = True
            await trio.aclose_forcefully(self._stream)

    async def _read_all(self) -> None:
        while True:
            while self._is_full():
                await self._moved.wait()
            with trio.move_on_at(self._patience_ends()) as silence:
                chunk = await self._stream.receive_some(_CHUNK_OCTETS)
            if silence.cancelled_caught:
                if self.in_flight and not self._splitter.is_mid_message:
                    continue  # it waits for us, not we for it
                return
            if not chunk:
                return
            messages = self._splitter.feed(chunk)
            if messages or not self._splitter.is_mid_message:
                self._began_at = None
            self._take(messages)

    def _patience_ends(self) -> float:
        """When to give up on the client: idle too long, or too long over one message."""
        now = trio.current_time()
        if not self._splitter.is_mid_message:
            return now + self._idle_s
        if self._began_at is None:
            self._began_at = now
        return self._began_at + float(TCP_READ_SECONDS)

    def _is_full(self) -> bool:
        """Read no more for now: it asks faster than we answer, or than it reads."""
        if self.in_flight < _PIPELINE and len(self._unsent) < _UNSENT_OCTETS:
            return False
        self._moved = trio.Event() if self._moved.is_set() else self._moved
        return True

    def _take(self, messages: list[bytes]) -> None:
        self._front.begin()
        rate = self._admission.rate
        replies: list[bytes] = []
        for data in messages:
            self.queries += 1
            if rate is not None and not rate.allows(self._source):
                continue
            reply = self._front.recall(data, self._source)
            if reply is None:
                self._miss(data)
            else:
                self.hits += 1
                self._front.hits += 1
                replies.append(frame(reply))
        if replies:
            self._send(b"".join(replies))

    def _send(self, octets: bytes) -> None:
        """At once what the system takes, which spares a task its turn; then the rest, in order."""
        if not self._unsent and not self._is_writing:
            octets = octets[self._send_now(octets) :]
        if octets:
            self._unsent += octets
            self._wake()

    def _miss(self, data: bytes) -> None:
        if self._admission.enter(self._network):
            self.in_flight += 1
            self._handler.start(data, self._client, _Responder(self))
            return
        reply = short_reply(data, rcode=Rcode.SERVFAIL)
        if reply is not None:
            self._send(frame(reply))

    def finish(self, reply: bytes | None) -> None:
        """Strike a query off the books, and send its reply if there is one."""
        self._admission.leave(self._network)
        self.in_flight -= 1
        if reply is not None and not self._is_over:
            self._send(frame(reply))
        self._wake()

    def _wake(self) -> None:
        """Something moved: both loops look again."""
        self._moved.set()

    async def _write_all(self) -> None:
        while True:
            if not self._unsent:
                if not self._is_reading and not self.in_flight:
                    break
                if self._moved.is_set():
                    self._moved = trio.Event()
                await self._moved.wait()
                continue
            octets, self._unsent = self._unsent, bytearray()
            self._is_writing = True
            with trio.fail_after(float(TCP_READ_SECONDS)):
                await self._stream.send_all(octets)
            self._is_writing = False
            self._wake()
        await self._stream.send_eof()


class _Responder:
    """The way back for one query. A second call is ignored: the place is given back once."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection: Connection | None = connection

    def __call__(self, reply: bytes | None) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.finish(reply)
