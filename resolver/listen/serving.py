"""One client's stream, whatever is spoken on it: taken on, answered, and let go of, within limits.

RFC 7766 §7 (answers out of order), RFC 9210 §4.2 (limits and timeouts). A client that shuts down
its sending side still gets all it asked for; one that reads or writes too slowly, or keeps silent,
is let go. Queries are taken on one by one, and only while the client may have more: what waits in
the stream has cost it as much as us. How octets become queries, and replies octets, is the
subclass's: `stream` (DNS as it is), `web` (HTTP). Knows no sockets: any `trio.abc.Stream` will do.

Errors of the stream are caught in the task where they arise. In a nursery's group of exceptions
they would hold the frames that hold them, about ten kilobytes a client, until a collector came.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

import trio

from resolver.errors import drop_frames
from resolver.limits import (
    OCTETS_IN_HIT,
    STREAM_CHUNK_OCTETS,
    STREAM_WRITE_OCTETS,
    TCP_IDLE_SECONDS,
    TCP_PIPELINE,
    TCP_READ_SECONDS,
    TCP_TOTAL_SECONDS,
    TCP_UNSENT_OCTETS,
)
from resolver.listen.admission import raw_address
from resolver.protocol.ip_addresses import network_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resolver.listen.admission import Admission
    from resolver.listen.backlog import Backlog
    from resolver.listen.listen_network import FastPath, Handler, Respond
    from resolver.listen.readiness import Heard
    from resolver.listen.share import FairShare
    from resolver.protocol.transport import Client
    from resolver.runtime.turns import Rounds

    # How many octets were taken, and how many of the stream's own wait for a `send_all` because of
    # them; never blocks, never raises. With them, where what is told separately begins.
    SendNow = Callable[[bytes, Sequence[int]], tuple[int, int]]

_GONE: Final = (trio.BrokenResourceError, trio.ClosedResourceError)


def send_later(_: bytes, __: Sequence[int]) -> tuple[int, int]:
    """Take nothing at once: what a stream without a socket of its own does."""
    return 0, 0


class ServedStream(ABC):
    """Serves one stream to its end. Counters are plain integers."""

    PIPELINE = TCP_PIPELINE  # queries in flight
    TOTAL_S = TCP_TOTAL_SECONDS

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
        heard: Heard | None = None,
    ) -> None:
        self._stream = stream
        self._send_now = send_now
        self._heard = heard
        self._is_past_heard = False  # what comes next is the stream's own to say
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
        self._scope = trio.CancelScope()
        self._nursery: trio.Nursery | None = None
        self._unsent = bytearray()
        self._held = 0  # octets that wait for more than the stream: of `unsent_octets`
        self._moved = trio.Event()
        self._is_reading = True
        self._is_ending = False
        self._is_over = False
        self._pause_s = -1.0  # how long the next query has to wait, which is over the rate
        self._silence = trio.CancelScope()
        self._now = trio.lowlevel.current_clock().current_time  # a third of trio's own cost
        self._heard_at = self._now()
        self.unsent_octets = 0  # what is being written included; the backlog's to change
        self.active_at = self._heard_at
        self.in_flight = 0
        self.queries = 0
        self.hits = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._client.host}, {self.in_flight} in flight>"

    # --- the subclass's ----------------------------------------------------------------------

    @property
    @abstractmethod
    def _has_asked(self) -> bool:
        """True if a whole query waits to be taken on."""

    @property
    @abstractmethod
    def _is_mid_message(self) -> bool:
        """True if a part of one has come."""

    @abstractmethod
    def _heed(self, chunk: bytes | bytearray) -> None:
        """Octets that have come."""

    @abstractmethod
    def _patience_ends(self) -> float:
        """When to give up on the client: idle too long, since it was heard last (`_heard_at`) or
        answered last (`active_at`), or too long over one message.
        """

    @abstractmethod
    def _take(self) -> None:
        """Queries one by one, each only if the client may have one more: it may have the first."""

    def _answer_alone(self, _: bytes) -> bool:
        """True if the octets were one query and no more, which could be answered at once."""
        return False

    def _last_words(self) -> bytes:
        """What is to be said once all is answered."""
        return b""

    @property
    def _is_done(self) -> bool:
        """True if no more is read, whatever comes."""
        return self._is_ending

    @property
    def _is_owed(self) -> bool:
        """True if answers are still to come that somebody waits for."""
        return self.in_flight > 0

    # --- from outside ------------------------------------------------------------------------

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
        self._held = 0
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
        self._scope.deadline = trio.current_time() + self.TOTAL_S
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    self._nursery = nursery
                    nursery.start_soon(self._write)
                    await self._read()
        finally:
            self._nursery = None
            self.let_go()
            await trio.aclose_forcefully(self._stream)

    # --- reading -----------------------------------------------------------------------------

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

    async def _read_all(self) -> None:
        while True:
            silent_s = self._now() - self._heard_at
            await self._take_all()
            self._heard_at = self._now() - silent_s  # nobody listened meanwhile
            if self._is_done:
                return
            with trio.move_on_at(self._patience_ends()) as self._silence:
                chunk = await self._next()
            if self._silence.cancelled_caught:
                if self._is_done or not self._has_patience():
                    return
            elif chunk:
                self._heard_at = self._now()
                self._heed(chunk)
            elif chunk is not None:
                return

    def _has_patience(self) -> bool:
        """True if it waits for us, not we for it, or was heard since we began to wait."""
        now = self._now()
        if self._is_owed and not self._is_mid_message:
            self._heard_at = now
            return True
        return now < self._patience_ends()

    async def _next(self) -> bytes | bytearray | None:
        """What comes next, b"" at the end; None once something has come that is heeded already."""
        if self._heard is None or self._is_past_heard:
            self._is_past_heard = False
            return await self._stream.receive_some(STREAM_CHUNK_OCTETS)
        await self._heard.wait(self._hear)
        return None

    def _hear(self) -> bool:
        """Heed what has come, and answer it; False if `_read_all` has to see to the rest."""
        assert self._heard is not None  # noqa: S101  # who else would call
        try:
            octets, self._is_past_heard = self._heard.receive(STREAM_CHUNK_OCTETS)
            if octets:
                rounds = self._rounds
                rounds.left -= len(octets) // OCTETS_IN_HIT
                self._heard_at = self._now()
                if not self._is_past_heard and self._answer_alone(octets):
                    return True
                self._heed(octets)
                if self._has_asked and rounds.left > 0 and not self._is_full():
                    self._take()
        except _GONE as error:
            drop_frames(error)
            self.let_go()
        except MemoryError:
            self.let_go()
            self._handler.shortage.note()
        else:
            if self._is_past_heard:
                return False
            return not octets or not (self._has_asked or self._is_mid_message or self._is_done)
        return True

    async def _take_all(self) -> None:
        """All that has come in whole, at the client's pace of reading and in turn with others."""
        while self._has_asked:
            if self._is_full():
                await self._moved.wait()
            elif self._pause_s >= 0:
                pause_s, self._pause_s = self._pause_s, -1.0
                await trio.sleep(pause_s)
            elif self._rounds.left <= 0:
                await self._rounds.pause()
            else:
                self._take()

    def _is_full(self) -> bool:
        """Take on no more for now: it asks faster than we answer, or than it reads."""
        is_within = self.in_flight < self.PIPELINE and self.unsent_octets < TCP_UNSENT_OCTETS
        if is_within and not self._share.is_full_for(self):
            return False
        self._moved = trio.Event() if self._moved.is_set() else self._moved
        return True

    # --- queries on their way ----------------------------------------------------------------

    def _begin(self, data: bytes, respond: Respond) -> bool:
        """Have the query answered the long way; False if there is no place for it.

        *respond* is to call `_ended`.
        """
        if not self._admission.enter(self._network):
            return False
        if self._admission.rate is not None:
            self._admission.rate.missed(self._source, is_proven=True)
        self.in_flight += 1
        self._share.enter()
        self._handler.start(data, self._client, respond)
        return True

    def _ended(self, reply: bytes | None) -> None:
        """Strike a query off the books; *reply* is what it came to."""
        self._admission.leave(self._network)
        if self._admission.rate is not None:
            self._admission.rate.ended(self._source, reply, is_proven=True)
        self.in_flight -= 1
        self._share.leave()
        self.active_at = self._now()

    def wake(self) -> None:
        """Something moved: both loops look again."""
        self._moved.set()

    # --- writing -----------------------------------------------------------------------------

    def _send(self, octets: bytes, cuts: Sequence[int] = ()) -> None:
        """At once what the system takes, which spares a task its turn; then the rest, in order.

        *cuts*: see `SendNow`.
        """
        if self._is_over:
            return
        held = 0
        if self.unsent_octets == self._held:
            taken, held = self._send_now(octets, cuts)
            octets = octets[taken:]
        if octets or held:
            self._unsent += octets
            self._backlog.add(self, len(octets) + held)
            self.wake()

    async def _write(self) -> None:
        """Send what is ready, to the end; likewise, and a client that does not read."""
        try:
            if not await self._write_all():
                self.let_go()
        except (*_GONE, MemoryError) as error:
            drop_frames(error)
            self.let_go()

    async def _write_all(self) -> bool:
        """False if the client was too slow to take what it had asked for."""
        while True:
            if self.unsent_octets == self._held:
                if not self._is_reading and not self._is_owed:
                    break
                if self._moved.is_set():
                    self._moved = trio.Event()
                await self._moved.wait()
                continue
            if not await self._write_piece():
                return False
        return await self._take_leave()

    async def _write_piece(self) -> bool:
        piece = bytes(self._unsent[:STREAM_WRITE_OCTETS])
        del self._unsent[:STREAM_WRITE_OCTETS]
        with trio.move_on_after(TCP_READ_SECONDS) as patience:
            await self._stream.send_all(piece)
        if patience.cancelled_caught or self._is_over:
            return False
        self._backlog.remove(self, self.unsent_octets - self._held - len(self._unsent))
        self.wake()
        return True

    async def _take_leave(self) -> bool:
        """All is sent: say so, in the way that the stream has for it."""
        if last := self._last_words():
            self._send(last)
        while self.unsent_octets > self._held:
            if not await self._write_piece():
                return False
        with trio.move_on_after(TCP_READ_SECONDS):  # TLS has something to send, too
            if isinstance(self._stream, trio.abc.HalfCloseableStream):
                await self._stream.send_eof()
            else:
                await self._stream.aclose()
        return True
