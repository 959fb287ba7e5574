"""What one client asks over QUIC, whatever is spoken: taken on, answered, and let go of.

A stream holds one question and its answer. What the packet cache knows is answered at once, the
rest by whoever takes queries on. A client that reads slowly, or asks more than it may have under
way, waits: its questions are taken from its streams, which are bounded, but not begun. One who
gives questions up is not answered; what was begun keeps its place until it ends, while there is a
client: else giving up would be the way to have more in progress than others. Once the client is
gone it has none. How octets become questions, and replies octets, is the subclass's: `doq` (RFC
9250), `http3` (RFC 9114).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import trio

from resolver.limits import (
    QUIC_RESETS,
    QUIC_RESETS_SECONDS,
    QUIC_STREAMS,
    TCP_READ_SECONDS,
    TCP_UNSENT_OCTETS,
)
from resolver.listen.admission import raw_address
from resolver.listen.udp_socket import asked_at
from resolver.protocol.ip_addresses import network_of
from resolver.protocol.transport import Client

if TYPE_CHECKING:
    from aioquic.quic import events

    from resolver.listen.quic_peer import Codes, Path, QuicPeer
    from resolver.listen.quic_served import Served

T = TypeVar("T")
_TENTH: Final = 10
OVERHEAD: Final = 160  # octets of an object that keeps a piece of a question


class Session(ABC, Generic[T]):
    """One connection's questions (`quic_peer.Spoken`); *T* is how one is kept while it waits."""

    CODES: Codes

    def __init__(self, service: Served, peer: QuicPeer) -> None:
        self._service = service
        self._peer: QuicPeer | None = peer
        self._share = peer.share
        self._began: dict[int, float] = {}  # when, of questions that are not whole; oldest first
        self._waiting: deque[tuple[int, T, int]] = deque()  # with the octets that each is
        self._open: dict[int, Reply[T]] = {}
        self._in_flight: dict[Reply[T], None] = {}
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
        name, number = type(self).__name__, len(self._in_flight)
        return f"<{name} {number} in flight, {len(self._waiting)} waiting>"

    @property
    def is_idle(self) -> bool:
        """True if the client waits for nothing."""
        return not (self._in_flight or self._waiting or self._unsent)

    @property
    def due(self) -> float:
        """When patience with the client ends: with a question half said, or replies not read."""
        began_at = next(iter(self._began.values()), math.inf)
        return min(began_at, self._stuck_at) + TCP_READ_SECONDS

    # --- what is spoken ------------------------------------------------------------------------

    @abstractmethod
    def on_event(self, event: events.QuicEvent) -> None:
        """What has come."""

    @abstractmethod
    def _query(self, item: T) -> bytes:
        """The DNS message of *item*."""

    @abstractmethod
    def _reply(self, stream: int, item: T, reply: bytes) -> None:
        """Send the DNS *reply*, with `_send`."""

    @abstractmethod
    def _refuse(self, stream: int, *, is_rate: bool) -> None:
        """No answer: the client's network is over its rate, or there is no place."""

    def _fail(self, stream: int) -> None:
        """No answer: nobody has one to give."""
        self._reset(stream, self.CODES.fault)

    def _may_begin(self, query: bytes) -> bool:
        """False for a question that nobody is asked, since it has ended the connection."""
        del query
        return True

    def _drop_part(self, stream: int) -> None:
        """Forget what has come of a question that is not whole."""
        self._began.pop(stream, None)

    # --- what comes ----------------------------------------------------------------------------

    def _take_on(self, stream: int, item: T, octets: int) -> None:
        """A question that is whole."""
        self._service.queries += 1
        self._asked += 1
        self._waiting.append((stream, item, octets))
        self.held_octets += octets + OVERHEAD
        self._go_on()

    def _misused(self) -> None:
        """What came is not what is spoken here."""
        if self._peer is not None:
            self._peer.count_misuse()
            self._peer.end(self.CODES.misuse)

    def _given_up(self, stream: int) -> None:
        """The client wants no answer on that stream any more."""
        peer = self._peer
        if peer is None:
            return
        self._drop_part(stream)
        for at, (waiting, _, octets) in enumerate(self._waiting):
            if waiting == stream:
                del self._waiting[at]
                self.held_octets -= octets + OVERHEAD
                break
        reply = self._open.pop(stream, None)
        if reply is not None:
            reply.stream = -1
        peer.transport.give_up(stream, self.CODES.given_up)
        if self._is_giving_up_too_much():
            peer.count_overuse()
            peer.end(self.CODES.excess)

    def _is_giving_up_too_much(self) -> bool:
        now = trio.current_time()
        if now - self._resets_since > QUIC_RESETS_SECONDS:
            self._resets_since, self._resets, self._asked = now, 0, 0
        self._resets += 1
        return self._resets > QUIC_RESETS + self._asked // _TENTH

    # --- answers -------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Begin what waits, as far as the client may have more."""
        peer = self._peer
        while self._waiting and peer is not None and not self._is_full():
            stream, item, octets = self._waiting.popleft()
            self.held_octets -= octets + OVERHEAD
            peer.active_at = trio.current_time()
            if peer.path != self._path:
                self._follow(peer.path)
            self._answer(stream, item)
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
        self._client = Client(
            host, path.peer[1], service.transport, service.host, local, service.place
        )
        self._source = raw_address(host)
        self._network = network_of(self._source)

    def _answer(self, stream: int, item: T) -> None:
        service, query = self._service, self._query(item)
        rate = service.admission.rate
        if rate is not None and not rate.allows_stream(self._source):
            self._refuse(stream, is_rate=True)
            return
        reply = service.fast_path.begin()(query, self._source)
        if reply is not None:
            service.fast_path.hits += 1
            self._reply(stream, item, reply)
        elif not self._may_begin(query):
            pass
        elif service.admission.enter(self._network):
            if rate is not None:
                rate.missed(self._source, is_proven=True)
            way_back = Reply(self, stream, item, self._network)
            self._open[stream] = way_back
            self._in_flight[way_back] = None
            self._share.enter()
            service.handler.start(query, self._client, way_back)
        else:
            self._refuse(stream, is_rate=False)

    def _send(self, stream: int, octets: bytes) -> None:
        """*octets*, and the end of the stream."""
        peer = self._peer
        if peer is None:
            return
        if peer.transport.answer(stream, octets):
            if not self._unsent:
                self._stuck_at = trio.current_time()
            self._unsent += len(octets)
        peer.wants_flush()

    def _reset(self, stream: int, code: int) -> None:
        """No answer, and why."""
        if self._peer is not None:
            self._peer.transport.give_up(stream, code)
            self._peer.wants_flush()

    def finish(self, way_back: Reply[T], reply: bytes | None) -> None:
        """Strike a query off the books, and send its reply if there is one."""
        del self._in_flight[way_back]
        admission = self._service.admission
        admission.leave(way_back.network)
        if admission.rate is not None:
            admission.rate.ended(self._source, reply, is_proven=True)
        self._share.leave()
        if self._open.pop(way_back.stream, None) is None:
            pass  # it was given up
        elif reply is None:
            self._fail(way_back.stream)
        else:
            self._reply(way_back.stream, way_back.item, reply)
        self.wake()

    def wake(self) -> None:
        """There may be room among the client's own questions."""
        self._go_on()
        self._end_if_done()

    # --- over time -----------------------------------------------------------------------------

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
            peer.end(self.CODES.excess)

    def finish_up(self) -> None:
        self._is_ending = True
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._is_ending and self.is_idle and self._peer is not None:
            self._peer.end(self.CODES.nothing)

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
        self._began.clear()
        self.held_octets = 0
        self._stuck_at = math.inf


class Reply(Generic[T]):
    """The way back for one query. A second call is ignored: the place is given back once."""

    __slots__ = ("_session", "item", "network", "stream")

    def __init__(self, session: Session[T], stream: int, item: T, network: bytes) -> None:
        self._session: Session[T] | None = session
        self.stream = stream
        self.item = item
        self.network = network

    def __call__(self, reply: bytes | None) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.finish(self, reply)

    def let_go(self) -> None:
        """Nobody waits for it."""
        self._session = None
