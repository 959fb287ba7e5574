"""Queries over UDP: wait once, then serve batches until the socket is empty.

What the packet cache knows is answered in the batch, without a task and without an object per
datagram; what it does not know waits its turn for the pipeline, which answers when it can. A hit
costs two microseconds, a miss fifty times that: so the socket is emptied first, and few misses are
begun at a time, of each client network in turn. After UDP_TURNS full batches and UDP_STARTS misses
the other tasks of the process have their turn. Neither flood starves the other kind of query, nor
timers.
RFC 1035 §4.2.1, 2181 §4.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import trio

from resolver.limits import (
    LEAVING_LOOK_SECONDS,
    RATE_HIT,
    UDP_BATCH,
    UDP_REFUSALS,
    UDP_STARTS,
    UDP_STARTS_BUSY,
    UDP_STARTS_IDLE,
    UDP_TURNS,
    UDP_TURNS_SIFTED,
)
from resolver.listen.admission import raw_address
from resolver.listen.listen_network import BatchSocket, Datagram
from resolver.listen.rate_limit import MISS_EXTRA
from resolver.listen.short_reply import short_reply
from resolver.listen.udp_socket import asked_at
from resolver.protocol.codes import Rcode
from resolver.protocol.ip_addresses import is_loopback, network_of
from resolver.protocol.transport import Client, Transport
from resolver.runtime.fair_queue import FairQueue
from resolver.runtime.together import Together
from resolver.runtime.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from resolver.listen.admission import Admission
    from resolver.listen.listen_network import Handler, Missed, Raw, Recall, Sift, UdpSocket
    from resolver.listen.rate_limit import RateLimit

    Turn = Callable[[Recall, Missed, Sift | None], tuple[int, int]]
    Single = Callable[[Recall, Missed], tuple[int, int]]


_new = tuple.__new__  # for what is made for each query: half the constructor's cost


class UdpService:
    """Serves one bound socket. Counters are plain integers; whoever wants them reads them."""

    COUNTS: ClassVar = {
        "queries": "Datagrams that came.",
        "misses": "Datagrams that the packet cache could not answer.",
        "limited": "Queries over the rate limit.",
        "unanswered": "Queries that got no reply.",
    }

    def __init__(
        self,
        sock: UdpSocket,
        handler: Handler,
        admission: Admission,
        *,
        host: str = "",
        place: str = "",
        turns: Turns | None = None,
    ) -> None:
        self.socket = sock
        self._handler = handler
        self._admission = admission
        self._host = host
        self._place = place or host
        self._turns = turns or Turns()
        self._leaving: Together[Datagram] = Together(self._turns, sock.send)
        self._turn: Turn
        self._single: Single
        self._rate: RateLimit | None = None
        self._gap = 1  # hits to the next that is charged
        self._take_apart: Callable[[Raw], Datagram] | None = None
        self._sources: Callable[[Iterable[int]], list[bytes]] | None = None
        if isinstance(sock, BatchSocket):  # in Python 3.11 that question takes 5 µs: asked once
            self._turn, self._single, self._take_apart = sock.turn, sock.single, sock.read
            self._sources = sock.sources
        else:
            self._turn = self._single = partial(plain_turn, sock)
        self.hand_to(handler)
        self._running = trio.CancelScope()
        self._waiting: FairQueue[tuple[Datagram | Raw, bytes, bytes]] = FairQueue()
        self._refusals = 0  # of this turn
        self._is_sifting = False  # somebody is over his rate
        self._is_more = False  # `take` has left something
        self._begun_at = 0  # the turn whose misses have been begun
        self.is_serving = False  # `run` is at it, and will be until nothing waits
        self.queries = 0
        self.misses = 0
        self.limited = 0
        self.unanswered = 0
        self.in_flight = 0  # taken on and not answered yet, those that wait included

    def hand_to(self, handler: Handler) -> None:
        """What comes from now on goes to *handler*, within the rate that is allowed now."""
        self._handler, self._fast_path = handler, handler.fast_path(Transport.UDP, self._place)
        self._rate = rate = self._admission.rate
        self._fast_path.hold_back(rate.anybody.is_over if rate is not None else None)

    def __repr__(self) -> str:
        return f"<UdpService {self._host}: {self.queries} queries, {self._fast_path.hits} hits>"

    async def run(self) -> None:
        """Serve until cancelled, or `leave`. The socket is closed by whoever bound it."""
        with self._running:
            while True:
                await self.socket.wait_readable()
                self.is_serving = True
                try:
                    while self.drain():
                        await trio.lowlevel.checkpoint()
                except MemoryError:  # a batch is lost, as packets are
                    self._handler.shortage.note()
                self.is_serving = False

    async def leave(self, patience_s: float) -> None:
        """Returns when what has come is answered, or out of patience; meanwhile more may come.

        Whoever asked while an earlier query was waited for asked in good time: the socket is open.
        """
        self._running.cancel()
        with trio.move_on_after(patience_s):
            while True:
                while self.drain():
                    await trio.lowlevel.checkpoint()
                if not self.in_flight:
                    break
                await trio.sleep(LEAVING_LOOK_SECONDS)
        self._leaving.flush()

    def drain(self) -> bool:
        """Answer the hits of up to UDP_TURNS batches, begin UDP_STARTS misses; is there more?"""
        number = self._turns.number
        if number == 0 or number != self._begun_at:
            self.take()
            self._begin_some()
        return self._is_more or bool(self._waiting)

    def begin_ahead(self) -> None:
        """Begin misses, so that `drain` need not at this turn of the loop; see `idle_loop`."""
        self._begun_at = self._turns.number
        try:
            self._begin_some()
        except MemoryError:
            self._handler.shortage.note()

    def _begin_some(self) -> None:
        waiting, turns = self._waiting, self._turns
        if not waiting:
            return
        most = UDP_STARTS_IDLE
        if turns.is_short:
            is_busy = turns.is_behind or self._is_sifting or self._refusals
            most = UDP_STARTS_BUSY if is_busy else UDP_STARTS
        now = turns.time()
        for _ in range(min(len(waiting), most)):
            self._begin(*waiting.take(), now)

    @property
    def has_waiting(self) -> bool:
        """True if misses wait for `drain`."""
        return bool(self._waiting)

    def take(self) -> bool:
        """Answer the hits of up to UDP_TURNS batches, set the misses aside; may there be more?"""
        came = served = self._refusals = 0
        rate = self._rate
        charged_each = self._recall_and_charge if rate and self._sources is None else None
        sift, turns = None, UDP_TURNS
        self._is_sifting = rate is not None and rate.anybody.bars_anybody()
        if self._is_sifting:
            sift, turns = self._sift, UDP_TURNS_SIFTED
            self._turns.note_flood()
        for _ in range(turns):
            recall = self._fast_path.begin()
            came, answered = self._turn(charged_each or recall, self._missed, sift)
            if rate is not None and charged_each is None:
                self._charge(rate, came)
            self.queries += came
            served += answered
            if came < UDP_BATCH:
                break
        if served:
            self._fast_path.hits += served
            self._turns.note_hits()
        self._is_more = came == UDP_BATCH
        return self._is_more

    def take_one(self) -> None:
        """Answer one datagram if it is a hit, else set it aside."""
        self._refusals, self._is_more = 0, False
        recall = self._fast_path.begin()
        if self._rate is not None:
            self._gap -= 1
            if self._gap <= 0 or self._sources is None:
                self._gap = self._rate.gap()
                recall = self._recall_and_charge
        came, served = self._single(recall, self._missed)
        self.queries += came
        if served:
            self._fast_path.hits += served
            self._turns.note_hits()

    # --- rates -------------------------------------------------------------------------------

    def _recall_and_charge(self, data: bytes, source: bytes) -> bytes | None:
        """As `recall`, where there is no batch to charge for behind it."""
        rate, reply = self._rate, self._fast_path.recall(data, source)
        if rate is not None:
            tokens = RATE_HIT if self._sources is None else rate.sample
            if not rate.anybody.charge(source, tokens):
                self._fast_path.look_again(source)
        return reply

    def _charge(self, rate: RateLimit, came: int) -> None:
        """A hit's price of all that *came* in a batch, those few charged that are drawn.

        Who has nothing left then is no longer answered from the fast path.
        """
        at = self._gap - 1
        if at >= came:
            self._gap -= came
            return
        slots = []
        while at < came:
            slots.append(at)
            at += rate.gap()
        self._gap = at - came + 1
        assert self._sources is not None  # noqa: S101  # else each is charged as it comes
        for source in rate.anybody.charge_all(self._sources(slots), rate.sample):
            self._fast_path.look_again(source)

    def _sift(self, sources: Sequence[bytes], read: Callable[[int], bytes]) -> set[int]:
        """Which of a batch are dropped unread: a flood leaves time for who is none of it."""
        assert self._rate is not None  # noqa: S101  # who calls has looked
        dropped = self._rate.sift(sources, read)
        self.limited += len(dropped)
        return dropped

    def _is_let_in(self, rate: RateLimit, arrival: Datagram | Raw, source: bytes) -> bool:
        """Its source has no tokens left: False if the query has had what it gets."""
        if rate.admits_proven(arrival.data, source):
            reply = self._fast_path.recall_beside(arrival.data, source)
            if reply is None:
                rate.missed(source, is_proven=True)
                return True
            self._fast_path.hits += 1
        else:
            self.limited += 1
            reply = rate.slip(arrival.data, source)
        if reply:
            self._send(reply, self._read(arrival))
        return False

    def _missed(self, arrival: Datagram | Raw, source: bytes) -> None:
        """Give it a place among those who wait, or refuse it."""
        rate = self._rate
        if (
            rate is not None
            and not rate.anybody.pays(source, MISS_EXTRA)
            and not self._is_let_in(rate, arrival, source)
        ):
            return
        self.misses += 1
        network = network_of(source)
        if self._admission.enter(network):
            self.in_flight += 1
            self._waiting.put(network, (arrival, source, network))
            return
        self._refuse(arrival, source)

    def _refuse(self, arrival: Datagram | Raw, source: bytes) -> None:
        """Say so at once, that the client may ask elsewhere, to the first of a turn.

        A reply costs as much as reading five datagrams: a flood whose every query got one would
        hold up those who are none of it.
        """
        if self._rate is not None:
            self._rate.failed(source)
        self._refusals += 1
        reply = None
        if self._refusals <= UDP_REFUSALS:
            reply = short_reply(arrival.data, rcode=Rcode.SERVFAIL)
        if reply is None:
            self.unanswered += 1
        else:
            self._send(reply, self._read(arrival))

    def _begin(self, arrival: Datagram | Raw, source: bytes, network: bytes, now: float) -> None:
        try:
            datagram = self._read(arrival)
        except MemoryError:
            self.in_flight -= 1
            self._admission.leave(network)
            raise
        host, port = datagram.peer[:2]
        if "%" in host:
            host = host.partition("%")[0]
        local = asked_at(datagram.local) if datagram.local else b""
        client = _new(Client, (host, port, Transport.UDP, self._host, local, self._place))
        reply = _DatagramReply(self, datagram, source, network, now)
        self._admission.pulses.begin(source)
        self._handler.start(datagram.data, client, reply)

    def _read(self, arrival: Datagram | Raw) -> Datagram:
        if isinstance(arrival, Datagram):
            return arrival
        assert self._take_apart is not None  # noqa: S101  # only such a socket has raw ones
        return self._take_apart(arrival)

    def _send(self, reply: bytes, query: Datagram) -> None:
        self.socket.send((_answering(reply, query),))

    def finish(self, query: _DatagramReply, reply: bytes | None) -> None:
        """Strike a query off the books, and send its reply if there is one and it may leave."""
        self.in_flight -= 1
        self._admission.leave(query.network)
        source, rate = query.source, self._rate
        if self._admission.pulses.end(source) and not self._may_leave(query):
            reply = None
        if rate is not None:
            rate.ended(source, reply)
        if reply is None:
            self.unanswered += 1
        else:
            self._leaving.add(_answering(reply, query.datagram))

    def _may_leave(self, query: _DatagramReply) -> bool:
        """May the reply leave, of whose client so many wait?"""
        now, pulses = self._turns.time(), self._admission.pulses
        return (
            not pulses.is_late(query.began, now)
            or is_loopback(query.datagram.peer[0])
            or self._admission.proofs.holds(query.datagram.data, query.source)
            or pulses.admits(query.source, now)
        )


def _answering(reply: bytes, query: Datagram) -> Datagram:
    """*reply*, to whoever asked *query*, from where it was asked."""
    return _new(Datagram, (reply, query.peer, query.local, query.source))


class _DatagramReply:
    """The way back for one query. A second call is ignored: the place is given back once."""

    __slots__ = ("_service", "began", "datagram", "network", "source")

    def __init__(
        self, service: UdpService, datagram: Datagram, source: bytes, network: bytes, began: float
    ) -> None:
        self._service: UdpService | None = service
        self.datagram = datagram
        self.source = source
        self.network = network
        self.began = began

    def __call__(self, reply: bytes | None) -> None:
        service, self._service = self._service, None
        if service is not None:
            service.finish(self, reply)


def plain_turn(
    sock: UdpSocket, recall: Recall, missed: Missed, sift: Sift | None = None
) -> tuple[int, int]:
    """One batch on a socket that cannot do it by itself; see `BatchSocket.turn`. Nothing is sifted:
    it has cost its system call."""
    del sift
    batch = sock.receive()
    replies: list[Datagram] = []
    for datagram in batch:
        source = raw_address(datagram.peer[0])
        reply = recall(datagram.data, source)
        if reply is None:
            missed(datagram, source)
        elif reply:
            replies.append(datagram._replace(data=reply))
    if replies:
        sock.send(replies)
    return len(batch), len(replies)
