"""One client's connection of DNS over HTTPS (RFC 8484): HTTP/2 or HTTP/1.1, as ALPN agreed.

Octets become requests in an engine (`http2`, `http1`), requests become queries in `doh_request`;
the packet cache answers here, in the loop that reads. What may be taken on is `serving`'s, and
besides: the connection is not read while HTTPS_IN_WORK queries are in work, where a query that the
client has given up counts until it ends; and nothing is taken on while more than
HTTPS_UNREAD_OCTETS wait for the client to make room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import trio

from resolver.errors import drop_frames
from resolver.limits import (
    HTTPS_IN_WORK,
    HTTPS_JSON_SLICE,
    HTTPS_LINGER_SECONDS,
    HTTPS_UNREAD_OCTETS,
    MISS_IN_HITS,
    OCTETS_IN_HIT,
    STREAM_CHUNK_OCTETS,
    TCP_IDLE_SECONDS,
    TCP_READ_SECONDS,
    TCP_TOTAL_SECONDS,
)
from resolver.listen.doh_request import (
    Form,
    Response,
    Written,
    busy,
    limited,
    read_untrusted,
    response,
)
from resolver.listen.http1 import Http1
from resolver.listen.http2 import Http2
from resolver.listen.serving import ServedStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.listen.doh_request import Asked, Fields
    from resolver.listen.http_engine import Engine
    from resolver.listen.site import Site

_HTTP_2: Final = "h2"
_FAULTY: Final = 400
_RECORD_OCTETS: Final = 12  # of the shortest record in a reply


class WebConnection(ServedStream):
    """*site*: what is served; *alternative*: where else it is (RFC 7838 §3), b"": nowhere."""

    PIPELINE = HTTPS_IN_WORK
    TOTAL_S = TCP_TOTAL_SECONDS + TCP_IDLE_SECONDS  # the rest is for what is in flight

    def __init__(
        self,
        stream: trio.abc.Stream,
        *arguments: Any,
        site: Site,
        alternative: Callable[[], bytes] = bytes,
        **named: Any,
    ) -> None:
        super().__init__(stream, *arguments, **named)
        self._alternative = alternative
        self._more: Fields = ()  # of an answer's header
        is_http2 = getattr(stream, "alpn", None) == _HTTP_2  # no ALPN, or another: HTTP/1.1
        self._http: Engine = Http2() if is_http2 else Http1()
        self._site = site
        site.http2 += is_http2
        site.http1 += not is_http2
        self._ends_at = self.active_at + TCP_TOTAL_SECONDS
        self._held_since = 0.0
        self._is_faulty = False
        self._writing = 0  # answers in the making: long ones, or that waited for another

    # --- reading -----------------------------------------------------------------------------

    @property
    def _has_asked(self) -> bool:
        return bool(self._http.asked)

    @property
    def _is_mid_message(self) -> bool:
        return self._held > 0 or self._http.began_at is not None

    @property
    def _is_done(self) -> bool:
        return self._is_ending or self._http.is_over

    @property
    def _is_owed(self) -> bool:
        return (self.in_flight > 0 or self._writing > 0) and not self._http.fault

    def _heed(self, chunk: bytes | bytearray) -> None:
        now = self._now()
        told = self._alternative()
        self._more = ((b"alt-svc", told),) if told else ()
        self._http.receive(chunk, now)
        if now >= self._ends_at:
            self.finish_up()
        self._flush()

    def _patience_ends(self) -> float:
        began_at = self._http.began_at
        ends_at = max(self._heard_at, self.active_at) + self._idle_s
        if began_at is not None:
            ends_at = began_at + TCP_READ_SECONDS
        if self._held:
            ends_at = min(ends_at, self._held_since + TCP_READ_SECONDS)
        return ends_at

    def _hear(self) -> bool:
        return super()._hear() and self.in_flight < self.PIPELINE

    async def _take_all(self) -> None:
        """As `ServedStream`; but a client that has to make room says so in what is read next."""
        while self._http.asked:
            if self._is_full():
                if self._waits_for_room:
                    return
                await self._moved.wait()
            elif self._rounds.left <= 0:
                await self._rounds.pause()
            else:
                self._take()
        while self.in_flight >= self.PIPELINE and not self._is_over:
            self._moved = trio.Event() if self._moved.is_set() else self._moved
            await self._moved.wait()

    @property
    def _waits_for_room(self) -> bool:
        """Nothing helps but that the client makes room for what is held."""
        is_held = self._held > 0 and self.unsent_octets == self._held >= HTTPS_UNREAD_OCTETS
        return is_held and self.in_flight < self.PIPELINE

    def _is_full(self) -> bool:
        is_within = self.in_flight < self.PIPELINE and self.unsent_octets < HTTPS_UNREAD_OCTETS
        if is_within and not self._share.is_full_for(self):
            return False
        self._moved = trio.Event() if self._moved.is_set() else self._moved
        return True

    def _take(self) -> None:
        self.active_at = self._now()
        recall = self._fast_path.begin()
        http, site, rate, source = self._http, self._site, self._admission.rate, self._source
        left, hits = self._rounds.left, 0
        room = HTTPS_UNREAD_OCTETS - self.unsent_octets
        while left > 0 and room > 0 and http.asked:
            number, request = http.asked.popleft()
            left -= 1
            asked = read_untrusted(request, site)
            if isinstance(asked, Response):
                site.refused += asked.status >= _FAULTY
                http.respond(number, asked)
                continue
            self.queries += 1
            http.useful_octets += len(asked.query)
            site.json += asked.form is Form.JSON
            if rate is not None and not rate.allows_stream(source):
                http.respond(number, limited(site))
                continue
            reply = recall(asked.query, source)
            if reply is not None:
                hits += 1
                room -= len(reply)
                left -= len(reply) // OCTETS_IN_HIT
                self._answer(number, asked, reply)
                continue
            left -= MISS_IN_HITS
            self._miss(number, asked)
            if self._is_full():
                break
        self._rounds.left = left
        if hits:
            self.hits += hits
            self._fast_path.hits += hits
            self._rounds.note_hits(self.active_at)
        self._flush()

    def _miss(self, number: int, asked: Asked) -> None:
        if not self._begin(asked.query, _WebReply(self, number, asked)):
            self._http.respond(number, busy(self._site))

    # --- answering ---------------------------------------------------------------------------

    def finish(self, number: int, asked: Asked, reply: bytes | None) -> None:
        """Strike a query off the books, and answer its request."""
        self._ended(reply)
        had_asked = self._has_asked
        if reply is None:
            self._http.respond(number, busy(self._site))
        else:
            self._answer(number, asked, reply)
        self._flush()
        self._go_on(had_asked=had_asked)

    def _answer(self, number: int, asked: Asked, reply: bytes) -> None:
        is_long = asked.form is Form.JSON and len(reply) > HTTPS_JSON_SLICE * _RECORD_OCTETS
        if is_long and self._nursery is not None and not self._is_over:
            self._writing += 1
            written = Written(asked, reply, self._site, self._more)
            self._nursery.start_soon(self._write_slowly, number, written)
        else:
            self._http.respond(number, response(asked, reply, self._site, self._more))

    async def _write_slowly(self, number: int, written: Written) -> None:
        """A long JSON answer, others having their turn between its slices."""
        for _ in written:
            await trio.lowlevel.checkpoint()
        self._writing -= 1
        had_asked = self._has_asked
        self._http.respond(number, written.response)
        self._flush()
        self._go_on(had_asked=had_asked)

    def _go_on(self, *, had_asked: bool) -> None:
        """Both loops look again; and what an answer has brought forth is taken on.

        HTTP/1.1 reads the next request, which has come long ago, once the one before is answered
        (RFC 9112 §9.3.2). The client waits, so nothing else would have us look; it may have said
        that no more will come.
        """
        self.wake()
        if self._has_asked and not had_asked and not self._is_over and self._nursery is not None:
            self._writing += 1
            self._nursery.start_soon(self._take_what_waited)

    async def _take_what_waited(self) -> None:
        try:
            await self._take_all()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            drop_frames(error)
            self.let_go()
        except MemoryError:
            self.let_go()
            self._handler.shortage.note()
        self._writing -= 1
        self.wake()

    def _flush(self) -> None:
        """What the engine has to say goes out; what it holds back counts as unread."""
        http = self._http
        octets, held = http.octets(), http.held_octets
        if held != self._held and not self._is_over:
            more, self._held, self._held_since = held - self._held, held, trio.current_time()
            if more > 0:
                self._backlog.add(self, more)
            else:
                self._backlog.remove(self, -more)
                self.wake()
        if octets:
            self._send(octets, http.cuts(octets))
        if http.is_over:
            self._silence.cancel()
        if http.fault and not self._is_faulty:
            self._is_faulty = True
            setattr(self._site, http.fault, getattr(self._site, http.fault) + 1)

    # --- the end -----------------------------------------------------------------------------

    def let_go(self) -> None:
        super().let_go()
        self._http.let_go()

    async def run(self) -> None:
        self._flush()  # HTTP/2 speaks first
        await super().run()

    def _last_words(self) -> bytes:
        self._http.part()
        return self._http.octets()

    async def _take_leave(self) -> bool:
        is_done = await super()._take_leave()
        if self._is_faulty:
            with trio.move_on_after(HTTPS_LINGER_SECONDS):  # a reset would overtake our last words
                while await self._stream.receive_some(STREAM_CHUNK_OCTETS):
                    pass
        return is_done


class _WebReply:
    """The way back for one query. A second call is ignored: the place is given back once."""

    __slots__ = ("_asked", "_connection", "_number")

    def __init__(self, connection: WebConnection, number: int, asked: Asked) -> None:
        self._connection: WebConnection | None = connection
        self._number = number
        self._asked = asked

    def __call__(self, reply: bytes | None) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.finish(self._number, self._asked, reply)
