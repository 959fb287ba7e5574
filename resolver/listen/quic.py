"""Clients over QUIC on one UDP socket: whose datagram it is, who may begin, and what is due.

One task takes datagrams in, a few at a time, and waits for the earliest timer besides; replies
that are ready between leave at once. What cannot belong to a connection costs microseconds, and no
memory: a Retry, a list of versions, or nothing at all (RFC 9000 §5.2, §8.1.2, §6.1). A flood of it
has half of our time at most: few are told, and between batches we sleep. Replies leave from the
address that each client knows. The library behind it is loaded where such a listener is.
"""

from __future__ import annotations

import heapq
import math
import os
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, ClassVar, Final

import trio

from resolver.errors import WireError
from resolver.limits import (
    LEAVING_LOOK_SECONDS,
    QUIC_CONNECTIONS,
    QUIC_INITIAL_OCTETS,
    QUIC_PAST,
    QUIC_TIMER_SECONDS,
    QUIC_TOLD,
    QUIC_TURN,
    REST_SECONDS,
    UDP_BATCH,
)
from resolver.listen.admission import raw_address
from resolver.listen.listen_network import Datagram
from resolver.listen.quic_packets import ID_OCTETS, read_head_untrusted, version_negotiation
from resolver.listen.quic_places import Entry, QuicPlaces
from resolver.listen.quic_tokens import Proof, RetryTokens

if TYPE_CHECKING:
    from resolver.listen.listen_network import Handler, UdpSocket
    from resolver.listen.quic_kit import QuicKit
    from resolver.listen.quic_packets import Head
    from resolver.listen.quic_peer import Path, QuicPeer, Spoken
    from resolver.listen.steered_ports import Seat
    from resolver.protocol.transport import Transport


_FIRST_IDS: Final = 2  # the client's own choice, and the one that it is answered with


def _host_of(datagram: Datagram) -> str:
    return datagram.peer[0].partition("%")[0]


class QuicService:
    """Serves one bound socket. *kit* makes what the library has to make, and what is spoken;
    *seat*: the socket's place among those of other workers, if there are any."""

    COUNTS: ClassVar = {
        "queries": "Queries that came over it.",
        "datagrams": "Datagrams that came to listeners of it.",
        "ignored": "Datagrams there that were not QUIC, or of no connection.",
        "versions": "Clients that were told which versions of QUIC are spoken here.",
        "invalid_tokens": "Clients that proved their address too late, or with another's token.",
        "turned_away": "Clients that came as the listener was leaving.",
    }

    def __init__(
        self,
        sock: UdpSocket,
        kit: QuicKit,
        *,
        host: str = "",
        places: QuicPlaces | None = None,
        seat: Seat | None = None,
    ) -> None:
        self.socket = sock
        self.places = QuicPlaces() if places is None else places
        self.datagrams = 0
        self.ignored = 0
        self.versions = 0
        self.invalid_tokens = 0
        self.turned_away = 0
        self._strangers = 0  # in this batch
        self._told = 0  # of these, who was told something
        self._cost = 0  # of the last datagram
        self._host = host
        self._seat = seat
        self._kit = kit
        self._tokens = RetryTokens()
        self._peers: dict[QuicPeer, tuple[bytes, ...]] = {}  # with what first datagrams may have
        self._by_id: dict[bytes, QuicPeer] = {}
        self._past: dict[bytes, None] = {}  # that of those who are gone, _FIRST_IDS each
        self._dirty: dict[QuicPeer, None] = {}
        self._timers: list[tuple[float, int, QuicPeer]] = []
        self._numbers = count()
        self._sleep = trio.CancelScope()
        self._running = trio.CancelScope()
        self._is_at_it = False
        self._is_leaving = False

    def __repr__(self) -> str:
        return f"<QuicService {self._host}: {len(self._peers)} connections>"

    def __len__(self) -> int:
        return len(self._peers)

    @property
    def queries(self) -> int:
        """All that were asked."""
        return self._kit.queries

    @property
    def transport(self) -> Transport:
        """What is spoken there."""
        return self._kit.transport

    def hand_to(self, handler: Handler) -> None:
        """What comes from now on, on open connections too, goes to *handler*."""
        self._kit.hand_to(handler)

    # --- its one task ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until cancelled, or `leave`. The socket is closed by whoever bound it."""
        try:
            with self._running:
                while True:
                    self._sleep = trio.CancelScope(deadline=self._next_due())
                    with self._sleep:
                        await self.socket.wait_readable()
                    await self._take_all()
                    if self._strangers >= UDP_BATCH // 2:
                        await trio.sleep(REST_SECONDS)
        finally:
            for peer in list(self._peers):
                peer.let_go(is_excessive=False)

    async def _take_all(self) -> None:
        """What has come, in turns with others, and what is due."""
        batch = deque(self.socket.receive())
        self._strangers = self._told = 0
        while True:
            try:
                self.turn(batch)
            except MemoryError:  # datagrams are lost, as they are
                self._kit.shortage.note()
            if not batch:
                return
            await trio.lowlevel.checkpoint()

    def turn(self, batch: deque[Datagram]) -> None:
        """Take in a few datagrams of *batch*, do what is due, and send what comes of it.

        Few: QUIC_TURN of them, or of questions in them; one that begins a connection costs as much.
        What is due may be half a handshake sent again, and of those that began together it is due
        together: so one connection's, and half as many datagrams besides.
        """
        self._is_at_it = True
        try:
            left = QUIC_TURN // 2 if self._do_one_due() else QUIC_TURN
            while batch and left > 0:
                self._cost = 1
                self._take(batch.popleft())
                left -= self._cost
        finally:
            self._is_at_it = False
        self._settle()

    def _do_one_due(self) -> bool:
        """See to the connection whose time came first; False if none is due."""
        if self._next_due() > trio.current_time():
            return False
        _, _, peer = heapq.heappop(self._timers)
        peer.due = math.inf
        peer.on_time()
        self._dirty[peer] = None
        return True

    def _settle(self) -> None:
        """Send what is ready, set timers, and keep all within the memory that they may have."""
        self._is_at_it = True
        try:
            while self._dirty:
                peer, _ = self._dirty.popitem()
                peer.flush()
                if not peer.is_over:
                    self._set_timer(peer)
                self.places.enforce()
        finally:
            self._is_at_it = False

    def _set_timer(self, peer: QuicPeer) -> None:
        due = peer.next_due()
        if due == peer.due:
            return
        due = max(due, trio.current_time() + QUIC_TIMER_SECONDS)
        peer.due = due
        if due < math.inf:
            heapq.heappush(self._timers, (due, next(self._numbers), peer))
        self._sleep.deadline = min(self._sleep.deadline, due)

    def _next_due(self) -> float:
        timers = self._timers
        while timers and (timers[0][2].is_over or timers[0][2].due != timers[0][0]):
            heapq.heappop(timers)
        return timers[0][0] if timers else math.inf

    # --- whose it is -----------------------------------------------------------------------------

    def _take(self, datagram: Datagram) -> None:
        self.datagrams += 1
        try:
            head = read_head_untrusted(datagram.data)
        except WireError:
            self._ignore()
            return
        peer = self._by_id.get(head.destination)
        if peer is None:
            peer = self._begun(head, datagram)
        elif not (peer.is_open or peer.awaits_more_from(_host_of(datagram))):
            self._ignore()
            return
        if peer is None:
            return
        asked = self._kit.queries
        peer.receive(datagram.data, self._kit.path(datagram))
        self._cost = max(self._cost, self._kit.queries - asked)
        self._dirty[peer] = None

    def _ignore(self) -> None:
        self.ignored += 1
        self._strangers += 1

    def _begun(self, head: Head, datagram: Datagram) -> QuicPeer | None:
        """The connection that a datagram of a stranger begins, if it may."""
        is_whole = len(datagram.data) >= QUIC_INITIAL_OCTETS
        if is_whole and not head.is_known_version:
            if self._may_tell():
                self.versions += 1
                self._reply(datagram, version_negotiation(head, os.urandom(1)[0]))
            return None
        is_named = bool(head.token) or len(head.destination) >= ID_OCTETS  # RFC 9000 §7.2
        if not (is_whole and head.is_initial and is_named) or head.destination in self._past:
            self._ignore()
            return None
        if self._is_leaving:
            self.turned_away += 1
            self._strangers += 1
            return None
        host = _host_of(datagram)
        address = raw_address(host)
        named = address + datagram.peer[1].to_bytes(2, "big")
        proof = self._proof(head, named)
        if proof is None and head.token and self._tokens.is_ours(head.token):
            if self._may_tell():
                self.invalid_tokens += 1
                self._cost = QUIC_TURN  # it is encrypted
                self._reply(datagram, self._kit.invalid_token(head))
            return None
        entry = self.places.entry(
            host, address, self._peers, most=QUIC_CONNECTIONS, is_proven=proof is not None
        )
        if entry is Entry.COME:
            return self._welcome(head, host, proof)
        if entry is Entry.GO:
            self._strangers += 1
        elif self._may_tell():
            self.places.retried += 1
            self._retry(head, datagram, named)
        return None

    def _may_tell(self) -> bool:
        """May one more stranger of a batch be told what is amiss? Else it is ignored."""
        if self._told >= QUIC_TOLD:
            self._ignore()
            return False
        self._strangers += 1
        self._told += 1
        return True

    def _proof(self, head: Head, named: bytes) -> Proof | None:
        if not head.token:
            return None
        proof = self._tokens.read_untrusted(head.token, named, trio.current_time())
        return proof if proof is not None and proof.retried == head.destination else None

    def _retry(self, head: Head, datagram: Datagram, named: bytes) -> None:
        proof = Proof(head.destination, os.urandom(ID_OCTETS))
        token = self._tokens.make(named, proof, trio.current_time())
        self._reply(datagram, self._kit.retry(head, proof, token))

    def _welcome(self, head: Head, host: str, proof: Proof | None) -> QuicPeer:
        peer = self._kit.begin(self, host, proof or Proof(head.destination, b""))
        self._cost = QUIC_TURN
        first = self._peers[peer] = (head.destination, peer.transport.host_cid)
        for identifier in first:
            self.know(peer, identifier)
        return peer

    def _reply(self, datagram: Datagram, data: bytes) -> None:
        self.socket.send((Datagram(data, datagram.peer, datagram.local),))

    # --- for its connections (`quic_peer.Owner`) -------------------------------------------------

    def new_id(self) -> bytes:
        return os.urandom(ID_OCTETS) if self._seat is None else self._seat.own_id(ID_OCTETS)

    def send(self, data: bytes, path: Path) -> None:
        self.socket.send((Datagram(data, path.peer, path.local),))

    def touch(self, connection: QuicPeer) -> None:
        self._dirty[connection] = None
        if not self._is_at_it:
            self._settle()

    def know(self, connection: QuicPeer, identifier: bytes) -> None:
        if self._by_id.setdefault(identifier, connection) is connection:
            connection.identifiers.add(identifier)

    def unknow(self, connection: QuicPeer, identifier: bytes) -> None:
        connection.identifiers.discard(identifier)
        if self._by_id.get(identifier) is connection:
            del self._by_id[identifier]

    def forget(self, connection: QuicPeer) -> None:
        for identifier in connection.identifiers:
            del self._by_id[identifier]
        connection.identifiers.clear()
        for identifier in self._peers.pop(connection, ()):
            self._past[identifier] = None
        while len(self._past) > _FIRST_IDS * QUIC_PAST:
            del self._past[next(iter(self._past))]
        self._dirty.pop(connection, None)

    def speak(self, alpn: str, connection: QuicPeer) -> Spoken | None:
        return self._kit.speak(alpn, connection)

    # --- its end ---------------------------------------------------------------------------------

    async def leave(self, patience_s: float) -> None:
        """Nobody new may come; returns when all are answered and gone, or after *patience_s*."""
        self._is_leaving = True
        for peer in list(self._peers):
            peer.finish_up()
        with trio.move_on_after(patience_s):
            while self._peers:  # noqa: ASYNC110  # once in a listener's life
                await trio.sleep(LEAVING_LOOK_SECONDS)
        for peer in list(self._peers):
            peer.let_go(is_excessive=False)
        self._running.cancel()
