"""DNS over one client's QUIC connection (RFC 9250): a stream for each question and its answer.

A stream holds exactly one message behind its length, with id 0, and ends; whatever else comes ends
the connection (§4.3.3). What the packet cache knows is answered at once, the rest by whoever takes
queries on. A client that reads slowly, or asks more than it may have under way, waits: its
questions are taken from its streams, which are bounded, but not begun. One who gives questions up
is not answered; what was begun keeps its place until it ends, while there is a client: else giving
up would be the way to have more in progress than others. Once the client is gone it has none.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

import trio
from aioquic.quic import events

from resolver.errors import WireError
from resolver.limits import (
    QUIC_RESETS,
    QUIC_RESETS_SECONDS,
    QUIC_STREAMS,
    TCP_READ_SECONDS,
    TCP_UNSENT_OCTETS,
)
from resolver.listen.admission import network_of, raw_address
from resolver.listen.udp_socket import asked_at
from resolver.protocol.edns import OPT_KEEPALIVE
from resolver.protocol.framing import frame
from resolver.protocol.transport import Client, Transport
from resolver.protocol.wire import parse_untrusted

if TYPE_CHECKING:
    from resolver.listen.admission import Admission
    from resolver.listen.listen_network import FastPath, Handler
    from resolver.listen.quic_peer import Path, QuicPeer

# RFC 9250 §4.3
_NO_ERROR, _INTERNAL_ERROR, _PROTOCOL_ERROR, _CANCELLED, _EXCESSIVE_LOAD = range(5)
_NOT_A_QUESTION: Final = 3  # bits of a stream's number: begun by the server, or one way only
_HEADER: Final = 12
_LENGTH: Final = 2
_TENTH: Final = 10
_OVERHEAD: Final = 160  # octets of an object that keeps a piece of a question


class DoqService:
    """What the connections of one listener share."""

    def __init__(self, handler: Handler, admission: Admission, host: str) -> None:
        self.admission = admission
        self.host = host
        self.queries = 0
        self.hand_to(handler)

    def __repr__(self) -> str:
        return f"<DoqService {self.host}: {self.queries} queries>"

    def hand_to(self, handler: Handler) -> None:
        """What comes from now on goes to *handler*."""
        self.handler: Handler = handler
        self.fast_path: FastPath = handler.fast_path(Transport.QUIC, self.host)


class DoqSession:
    """One connection's questions (`quic_peer.Spoken`)."""

    def __init__(self, service: DoqService, peer: QuicPeer) -> None:
        self._service = service
        self._peer: QuicPeer | None = peer
        self._share = peer.share
        self._parts: dict[int, bytearray] = {}
        self._began: dict[int, float] = {}  # when, of those; the oldest first
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._open: dict[int, _Reply] = {}
        self._in_flight: dict[_Reply, None] = {}
        self._unsent = 0  # replies that the client has not acknowledged
        self._stuck_at = math.inf
        self._path: Path | None = None
        self._client: Client
        self._source = self._network = b""
        self._resets = self._asked = 0
        self._resets_since = trio.current_time()
        self._is_ending = False
        self.held_octets = 0

    def __repr__(self) -> str:
        return f"<DoqSession {len(self._in_flight)} in flight, {len(self._waiting)} waiting>"

    @property
    def is_idle(self) -> bool:
        """True if the client waits for nothing."""
        return not (self._in_flight or self._waiting or self._unsent)

    @property
    def due(self) -> float:
        """When patience with the client ends: with a question half said, or replies not read."""
        began_at = next(iter(self._began.values()), math.inf)
        return min(began_at, self._stuck_at) + TCP_READ_SECONDS

    # --- what comes ------------------------------------------------------------------------------

    def on_event(self, event: events.QuicEvent) -> None:
        if isinstance(event, events.StreamDataReceived):
            self._received(event.stream_id, event.data, is_end=event.end_stream)
        elif isinstance(event, events.StreamReset | events.StopSendingReceived):
            self._given_up(event.stream_id)

    def _received(self, stream: int, data: bytes, *, is_end: bool) -> None:
        """Keep it until its stream ends; the length says at once if there is too much of it."""
        if stream & _NOT_A_QUESTION:
            self._misused()
            return
        part = self._parts.get(stream)
        if part is None and not is_end:
            part = self._parts[stream] = bytearray()
            self._began[stream] = trio.current_time()
            self.held_octets += _OVERHEAD
        if part is not None:
            part += data
            self.held_octets += len(data)
        whole = data if part is None else part
        size = _LENGTH + int.from_bytes(whole[:_LENGTH], "big")
        if len(whole) > max(size, _LENGTH) or (is_end and len(whole) < size):
            self._misused()
        elif is_end:
            message = bytes(whole[_LENGTH:])
            self._drop_part(stream)
            self._take_on(stream, message)

    def _drop_part(self, stream: int) -> None:
        part = self._parts.pop(stream, None)
        if part is not None:
            del self._began[stream]
            self.held_octets -= len(part) + _OVERHEAD

    def _take_on(self, stream: int, message: bytes) -> None:
        if len(message) < _HEADER or message[:2] != b"\0\0" or message[2] & 0x80:
            self._misused()
            return
        self._service.queries += 1
        self._asked += 1
        self._waiting.append((stream, message))
        self.held_octets += len(message) + _OVERHEAD
        self._go_on()

    def _misused(self) -> None:
        """What came is no DNS over QUIC (RFC 9250 §4.3.3)."""
        if self._peer is not None:
            self._peer.count_misuse()
            self._peer.end(_PROTOCOL_ERROR)

    def _given_up(self, stream: int) -> None:
        """The client wants no answer any more (§4.3.1)."""
        peer = self._peer
        if peer is None or stream & _NOT_A_QUESTION:
            self._misused()
            return
        self._drop_part(stream)
        for at, (waiting, message) in enumerate(self._waiting):
            if waiting == stream:
                del self._waiting[at]
                self.held_octets -= len(message) + _OVERHEAD
                break
        reply = self._open.pop(stream, None)
        if reply is not None:
            reply.stream = -1
        peer.transport.give_up(stream, _CANCELLED)
        if self._is_giving_up_too_much():
            peer.count_overuse()
            peer.end(_EXCESSIVE_LOAD)

    def _is_giving_up_too_much(self) -> bool:
        now = trio.current_time()
        if now - self._resets_since > QUIC_RESETS_SECONDS:
            self._resets_since, self._resets, self._asked = now, 0, 0
        self._resets += 1
        return self._resets > QUIC_RESETS + self._asked // _TENTH

    # --- answers ---------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Begin what waits, as far as the client may have more."""
        peer = self._peer
        while self._waiting and peer is not None and not self._is_full():
            stream, message = self._waiting.popleft()
            self.held_octets -= len(message) + _OVERHEAD
            peer.active_at = trio.current_time()
            if peer.path != self._path:
                self._follow(peer.path)
            self._answer(stream, message)
            peer = self._peer

    def _is_full(self) -> bool:
        is_within = len(self._in_flight) < QUIC_STREAMS and self._unsent < TCP_UNSENT_OCTETS
        return not is_within or self._share.is_full_for(self)

    def _follow(self, path: Path) -> None:
        """The client is there now."""
        service = self._service
        host = path.peer[0].partition("%")[0]
        local = asked_at(path.local) if path.local else b""
        self._path = path
        self._client = Client(host, path.peer[1], Transport.QUIC, service.host, local)
        self._source = raw_address(host)
        self._network = network_of(self._source)

    def _answer(self, stream: int, message: bytes) -> None:
        service = self._service
        rate = service.admission.rate
        if rate is not None and not rate.allows_stream(self._source):
            self._refuse(stream, _EXCESSIVE_LOAD)
            return
        reply = service.fast_path.begin()(message, self._source)
        if reply is not None:
            service.fast_path.hits += 1
            self._send(stream, reply)
        elif _tells_to_keep_alive(message):
            self._misused()
        elif service.admission.enter(self._network):
            way_back = _Reply(self, stream, self._network)
            self._open[stream] = way_back
            self._in_flight[way_back] = None
            self._share.enter()
            service.handler.start(message, self._client, way_back)
        else:
            self._refuse(stream, _EXCESSIVE_LOAD)

    def _send(self, stream: int, reply: bytes) -> None:
        peer = self._peer
        if peer is None:
            return
        octets = frame(reply)
        if peer.transport.answer(stream, octets):
            if not self._unsent:
                self._stuck_at = trio.current_time()
            self._unsent += len(octets)
        peer.wants_flush()

    def _refuse(self, stream: int, code: int) -> None:
        """No answer, and why."""
        if self._peer is not None:
            self._peer.transport.give_up(stream, code)
            self._peer.wants_flush()

    def finish(self, way_back: _Reply, reply: bytes | None) -> None:
        """Strike a query off the books, and send its reply if there is one."""
        del self._in_flight[way_back]
        self._service.admission.leave(way_back.network)
        self._share.leave()
        if self._open.pop(way_back.stream, None) is None:
            pass  # it was given up
        elif reply is None:
            self._refuse(way_back.stream, _INTERNAL_ERROR)
        else:
            self._send(way_back.stream, reply)
        self.wake()

    def wake(self) -> None:
        """There may be room among the client's own questions."""
        self._go_on()
        self._end_if_done()

    # --- over time -------------------------------------------------------------------------------

    def on_room(self) -> None:
        peer = self._peer
        if peer is None:
            return
        unsent = peer.transport.unsent_octets
        if unsent < self._unsent:
            self._stuck_at = trio.current_time()
        self._unsent = unsent
        if not unsent:
            self._stuck_at = math.inf
        self._go_on()
        self._end_if_done()

    def on_time(self, now: float) -> None:
        peer = self._peer
        if peer is not None and now >= self.due:
            peer.count_overuse()
            peer.end(_EXCESSIVE_LOAD)

    def finish_up(self) -> None:
        self._is_ending = True
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._is_ending and self.is_idle and self._peer is not None:
            self._peer.end(_NO_ERROR)

    def gone(self) -> None:
        """Its questions keep no place; what was begun is somebody else's answer, or nobody's."""
        self._peer = None
        self._share.forget(self)
        for way_back in self._in_flight:
            way_back.let_go()
            self._service.admission.leave(way_back.network)
            self._share.leave()
        self._in_flight.clear()
        self._open.clear()
        self._waiting.clear()
        self._parts.clear()
        self._began.clear()
        self.held_octets = 0
        self._stuck_at = math.inf


class _Reply:
    """The way back for one query. A second call is ignored: the place is given back once."""

    __slots__ = ("_session", "network", "stream")

    def __init__(self, session: DoqSession, stream: int, network: bytes) -> None:
        self._session: DoqSession | None = session
        self.stream = stream
        self.network = network

    def __call__(self, reply: bytes | None) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.finish(self, reply)

    def let_go(self) -> None:
        """Nobody waits for it."""
        self._session = None


def _tells_to_keep_alive(message: bytes) -> bool:
    """True if it has the option of a stream that is kept open (RFC 9250 §5.5.2 forbids it)."""
    try:
        edns = parse_untrusted(message).edns
    except WireError:
        return False  # FORMERR says what is wrong
    return edns is not None and edns.option(OPT_KEEPALIVE) is not None
