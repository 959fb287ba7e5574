"""One client's stream: queries come pipelined, replies leave in the order they are ready.

RFC 7766 §6.2.1.1 (pipelining), §7 (answers out of order), §8 (length and message in one write);
RFC 9210 §4.2 (limits and timeouts). A client that shuts down its sending side still gets all it
asked for; one that reads or writes too slowly, or keeps silent, is let go. Queries are taken on one
by one, and only while the client may have more: what waits in the stream has cost it as much as us.
Knows no sockets: any `trio.abc.Stream` will do; one without a half-close (TLS) is closed in its own
orderly way once all is sent.

Errors of the stream are caught in the task where they arise. In a nursery's group of exceptions
they would hold the frames that hold them, about ten kilobytes a client, until a collector came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from resolver.errors import drop_frames
from resolver.limits import (
    MISS_IN_HITS,
    STREAM_CHUNK_OCTETS,
    STREAM_WRITE_OCTETS,
    TCP_IDLE_SECONDS,
    TCP_PIPELINE,
    TCP_READ_SECONDS,
    TCP_TOTAL_SECONDS,
    TCP_UNSENT_OCTETS,
)
from resolver.listen.admission import network_of, raw_address, short_reply
from resolver.protocol.codes import Rcode
from resolver.protocol.framing import Splitter, frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.listen.admission import Admission
    from resolver.listen.backlog import Backlog
    from resolver.listen.listen_network import FastPath, Handler
    from resolver.listen.share import FairShare
    from resolver.protocol.transport import Client
    from resolver.runtime.turns import Rounds

    # How many octets were taken, and how many of the stream's own wait for a `send_all` because of
    # them; never blocks, never raises.
    SendNow = Callable[[bytes], tuple[int, int]]

_GONE: Final = (trio.BrokenResourceError, trio.ClosedResourceError)


def send_later(_: bytes) -> tuple[int, int]:
    """Take nothing at once: what a stream without a socket of its own does."""
    return 0, 0


class ClientConnection:
    """Serves one stream to its end. Counters are plain integers."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        client: Client,
        *,
        handler: Handler,
        fast_path: FastPath,
        admission: Admission,
        backlog: Backlog,
        rounds: Rounds,
        share: FairShare,
        idle_s: float = TCP_IDLE_SECONDS,
        send_now: SendNow = send_later,
    ) -> None:
        self._stream = stream
        self._send_now = send_now
        self._client = client
        self._handler = handler
        self._fast_path = fast_path
        self._admission = admission
        self._backlog = backlog
        self._rounds = rounds
        self._share = share
        self._idle_s = idle_s
        self._source = raw_address(client.host)
        self._network = network_of(self._source)
        self._splitter = Splitter()
        self._scope = trio.CancelScope()
        self._unsent = bytearray()
        self._moved = trio.Event()
        self._began_at: float | None = None
        self._is_reading = True
        self._is_ending = False
        self._is_over = False
        self._silence = trio.CancelScope()
        self.unsent_octets = 0  # what is being written included; the backlog's to change
        self.active_at = trio.current_time()
        self.in_flight = 0
        self.queries = 0
        self.hits = 0

    def __repr__(self) -> str:
        return f"<ClientConnection of {self._client.host}, {self.in_flight} in flight>"

    @property
    def is_idle(self) -> bool:
        """True if the client waits for nothing: no query in flight, no reply unsent."""
        return not (self.in_flight or self.unsent_octets or self._is_over)

    def let_go(self) -> None:
        """End it from outside. Its replies are nobody's from now on."""
        self._is_over = True
        self._scope.cancel()
        self._share.forget(self)
        self._unsent = bytearray()
        self._backlog.remove(self, self.unsent_octets)

    def finish_up(self) -> None:
        """Take on nothing more, and end when all that was asked is answered."""
        self._is_ending = True
        self._silence.cancel()

    def hand_to(self, handler: Handler, fast_path: FastPath) -> None:
        """What comes from now on goes to *handler*; what is in flight is answered as it is."""
        self._handler, self._fast_path = handler, fast_path

    async def run(self) -> None:
        """Until the client has left or is let go, and all it asked is answered."""
        self._scope.deadline = trio.current_time() + TCP_TOTAL_SECONDS
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write)
                    await self._read()
        finally:
            self.let_go()
            await trio.aclose_forcefully(self._stream)

    async def _read(self) -> None:
        """Take on what comes, to the end; a stream that breaks ends the connection."""
        try:
            await self._read_all()
        except _GONE as error:
            drop_frames(error)
            self.let_go()
        except MemoryError:
            self.let_go()
            self._handler.shortage.note()
        self._is_reading = False
        self.wake()

    async def _write(self) -> None:
        """Send what is ready, to the end; likewise, and a client that does not read."""
        try:
            if not await self._write_all():
                self.let_go()
        except (*_GONE, MemoryError) as error:
            drop_frames(error)
            self.let_go()

    async def _read_all(self) -> None:
        while True:
            await self._take_all()
            if self._is_ending:
                return
            with trio.move_on_at(self._patience_ends()) as self._silence:
                chunk = await self._stream.receive_some(STREAM_CHUNK_OCTETS)
            if self._silence.cancelled_caught:
                if self.in_flight and not self._splitter.is_mid_message and not self._is_ending:
                    continue  # it waits for us, not we for it
                return
            if not chunk:
                return
            self._splitter.push(chunk)
            if self._splitter.has_message:
                self._began_at = None

    def _patience_ends(self) -> float:
        """When to give up on the client: idle too long, or too long over one message."""
        now = trio.current_time()
        if not self._splitter.is_mid_message:
            return now + self._idle_s
        if self._began_at is None:
            self._began_at = now
        return self._began_at + TCP_READ_SECONDS

    async def _take_all(self) -> None:
        """All that has come in whole, at the client's pace of reading and in turn with others."""
        while self._splitter.has_message:
            if self._is_full():
                await self._moved.wait()
            elif self._rounds.left <= 0:
                await self._rounds.pause()
            else:
                self._take()

    def _is_full(self) -> bool:
        """Take on no more for now: it asks faster than we answer, or than it reads."""
        is_within = self.in_flight < TCP_PIPELINE and self.unsent_octets < TCP_UNSENT_OCTETS
        if is_within and not self._share.is_full_for(self):
            return False
        self._moved = trio.Event() if self._moved.is_set() else self._moved
        return True

    def _take(self) -> None:
        """Queries one by one, each only if the client may have one more: it may have the first."""
        self.active_at = trio.current_time()
        recall = self._fast_path.begin()
        rate, source, take = self._admission.rate, self._source, self._splitter.take
        replies: list[bytes] = []
        left = self._rounds.left
        room = TCP_UNSENT_OCTETS - self.unsent_octets
        while left > 0 and room > 0 and (data := take()) is not None:
            left -= 1
            self.queries += 1
            if rate is not None and not rate.allows_stream(source):
                continue
            reply = recall(data, source)
            if reply is not None:
                replies.append(len(reply).to_bytes(2, "big") + reply)
                room -= len(reply)
                continue
            left -= MISS_IN_HITS
            before = self.unsent_octets
            self._miss(data)
            room += before - self.unsent_octets
            if self._is_full():
                break
        self._rounds.left = left
        if replies:
            self.hits += len(replies)
            self._fast_path.hits += len(replies)
            self._send(b"".join(replies))

    def _send(self, octets: bytes) -> None:
        """At once what the system takes, which spares a task its turn; then the rest, in order."""
        if self._is_over:
            return
        held = 0
        if not self.unsent_octets:
            taken, held = self._send_now(octets)
            octets = octets[taken:]
        if octets or held:
            self._unsent += octets
            self._backlog.add(self, len(octets) + held)
            self.wake()

    def _miss(self, data: bytes) -> None:
        if self._admission.enter(self._network):
            self.in_flight += 1
            self._share.enter()
            self._handler.start(data, self._client, _StreamReply(self))
            return
        reply = short_reply(data, rcode=Rcode.SERVFAIL)
        if reply is not None:
            self._send(frame(reply))

    def finish(self, reply: bytes | None) -> None:
        """Strike a query off the books, and send its reply if there is one."""
        self._admission.leave(self._network)
        self.in_flight -= 1
        self._share.leave()
        self.active_at = trio.current_time()
        if reply is not None:
            self._send(frame(reply))
        self.wake()

    def wake(self) -> None:
        """Something moved: both loops look again."""
        self._moved.set()

    async def _write_all(self) -> bool:
        """False if the client was too slow to take what it had asked for."""
        while True:
            if not self.unsent_octets:
                if not self._is_reading and not self.in_flight:
                    break
                if self._moved.is_set():
                    self._moved = trio.Event()
                await self._moved.wait()
                continue
            piece = bytes(self._unsent[:STREAM_WRITE_OCTETS])
            del self._unsent[:STREAM_WRITE_OCTETS]
            with trio.move_on_after(TCP_READ_SECONDS) as patience:
                await self._stream.send_all(piece)
            if patience.cancelled_caught or self._is_over:
                return False
            self._backlog.remove(self, self.unsent_octets - len(self._unsent))
            self.wake()
        await self._take_leave()
        return True

    async def _take_leave(self) -> None:
        """All is sent: say so, in the way that the stream has for it."""
        with trio.move_on_after(TCP_READ_SECONDS):  # TLS has something to send, too
            if isinstance(self._stream, trio.abc.HalfCloseableStream):
                await self._stream.send_eof()
            else:
                await self._stream.aclose()


class _StreamReply:
    """The way back for one query. A second call is ignored: the place is given back once."""

    __slots__ = ("_connection",)

    def __init__(self, connection: ClientConnection) -> None:
        self._connection: ClientConnection | None = connection

    def __call__(self, reply: bytes | None) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.finish(reply)
