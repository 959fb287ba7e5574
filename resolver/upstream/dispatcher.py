"""The dispatcher where all questions to servers meet: ports, timers, replies, shared knowledge.

`ask` is the walker's door. One task drains the network and one sleeps on the timer heap; a question
costs no task of its own (DESIGN rule 5). Replies are matched to the very copy they answer, and what
nobody waits for any more still teaches how far its server is. RFC 5452 §9 (ports, ids, matching),
RFC 7873 (cookies). Whom to ask and when is not decided here but in `cut_query` and `select`.
"""

from __future__ import annotations

import errno
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import trio
from trio.lowlevel import current_task, wait_task_rescheduled

from resolver import limits
from resolver.errors import ResolverError, WireError, WorkExceeded
from resolver.limits import LATE_REPLY_SECONDS
from resolver.protocol.transport import Transport
from resolver.upstream.bucket import Bucket
from resolver.upstream.compose import Composer
from resolver.upstream.crowd import Crowds, crowded
from resolver.upstream.cut_query import CutQuery
from resolver.upstream.descriptors import Descriptors
from resolver.upstream.edns_fallback import Arrived
from resolver.upstream.filters import AddressFilter
from resolver.upstream.outstanding import Outstanding, Transmission
from resolver.upstream.query import (
    Match,
    is_truncated,
    match_cookie,
    match_untrusted,
    read_untrusted,
)
from resolver.upstream.query_form import BARE, UNMIXED
from resolver.upstream.server_events import UpstreamCounters
from resolver.upstream.stream_queries import Streams
from resolver.upstream.tcp import TcpPool
from resolver.upstream.timers import Timers
from resolver.upstream.ways import Ways

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.model import Delegation, Name, Server
    from resolver.protocol.edns import Option
    from resolver.runtime.clock import Clock
    from resolver.upstream.infra import Infra
    from resolver.upstream.network import Network, UdpPort
    from resolver.upstream.query_form import Form
    from resolver.upstream.reachability import Reachability
    from resolver.upstream.request import Reply, Request
    from resolver.upstream.server_events import Tried
    from resolver.upstream.server_state import ServerState
    from resolver.upstream.settings import OutgoingSettings
    from resolver.upstream.ways import Way


class Dispatcher:
    """All that is on its way to servers, and all that is known of them. One per process."""

    def __init__(
        self,
        *,
        network: Network,
        infra: Infra,
        clock: Clock,
        rng: Random,
        config: OutgoingSettings,
        in_flight_limit: int = limits.IN_FLIGHT,
        validates: bool = True,
        options: tuple[Option, ...] = (),
        named: Iterable[Delegation] = (),
    ) -> None:
        self.network = network
        self.infra = infra
        self.clock = clock
        self.rng = rng
        self.dice = Random(rng.getrandbits(64))  # noqa: S311 - for ties: nothing to be guessed
        self.settings = config
        self.compose = Composer(infra, config, rng=rng, validates=validates, options=options)
        self.counters = UpstreamCounters()
        self.timers = Timers(before=self._drain)
        self.flight = Outstanding(network=network, timers=self.timers, limit=in_flight_limit)
        self.hedges = Bucket(share=limits.HEDGE_SHARE, burst=limits.HEDGE_BURST)
        self.probes = Bucket(share=limits.PROBE_SHARE, burst=limits.PROBE_BURST)
        self.listeners: list[Callable[[Tried], None]] = []
        named = tuple(named)
        self.allows = AddressFilter(config, named).allows
        self.ways = Ways(self, named)
        self.descriptors = Descriptors(self.flight, self.counters)
        self.crowds = Crowds()
        self._streams: Streams | None = None
        self._now = trio.current_time
        self._is_sounded = False

    def __repr__(self) -> str:
        return f"<Dispatcher {self.flight!r} {self.reach!r} {self.infra!r}>"

    def reconfigure(
        self,
        settings: OutgoingSettings,
        *,
        validates: bool,
        named: Iterable[Delegation],
        forgive: Callable[[Name], None],
    ) -> None:
        """Go by another configuration from the next packet on; what is on its way is not touched.

        *named*: zone cuts as the operator wrote them. *forgive*: see `Ways.forgive`.
        """
        named = tuple(named)
        self.settings = settings
        self.compose.go_by(settings, validates=validates)
        self.allows = AddressFilter(settings, named).allows
        self.ways.name(named)
        self.ways.forgive = forgive

    # --- for the walker and the composition root -------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Drain the network and keep the timers, until cancelled."""
        async with trio.open_nursery() as nursery:
            pool = TcpPool(network=self.network, nursery=nursery)
            self._streams = Streams(pool=pool, nursery=nursery)
            nursery.start_soon(self.timers.run)
            self._now = trio.lowlevel.current_clock().current_time  # a third of trio's own cost
            task_status.started()
            while True:
                await self.network.wait()
                try:
                    self._drain()
                except MemoryError:  # what came is lost, as packets are; its question asks again
                    self.counters.out_of_memory += 1

    async def ask(self, request: Request) -> Reply:
        """The first usable reply of the cut's servers. Raises ExchangeFailed or WorkExceeded."""
        self.counters.asked += 1
        zone = request.delegation.zone
        if self.crowds and not self.crowds.admits(zone, self._now()):
            self.counters.turned_away += 1
            raise crowded(zone)
        cut_query = CutQuery(self, request, self._now())
        try:
            cut_query.move_on(cut_query.started)
            while cut_query.reply is None and cut_query.error is None:
                if cut_query.wants_addresses:
                    await self._look_up(cut_query)
                else:
                    cut_query.sleeper = current_task()
                    await wait_task_rescheduled(cut_query.let_go)
        finally:
            if cut_query.reply is None:  # else it is closed
                cut_query.close()
        if cut_query.reply is not None:
            self.counters.answered += 1
            if request.delegation.is_forward:
                cut_query.way.question = request.question
            if self.crowds:
                self.crowds.note_answer(zone, self._now())
            return cut_query.reply
        error, cut_query.error, cut_query.lookup_error = cut_query.error, None, None
        assert error is not None  # noqa: S101 - `is_done` says so
        try:
            raise error
        finally:
            del error  # its traceback holds this frame: a cycle that only the collector would end

    def on_event(self, listener: Callable[[Tried], None]) -> None:
        """Call *listener* with every try: for `resolver trace` and the query log."""
        self.listeners.append(listener)

    def off_event(self, listener: Callable[[Tried], None]) -> None:
        self.listeners.remove(listener)

    @property
    def in_flight(self) -> int:
        """Ports open now, those that only wait for late replies included."""
        return len(self.flight)

    @property
    def is_busy(self) -> bool:
        """Overload: nothing speculative is sent (70 % of the in-flight limit)."""
        return self.flight.is_busy

    @property
    def reach(self) -> Reachability:
        """The public tree's."""
        return self.ways.public.reach

    @property
    def is_offline(self) -> bool:
        """In the public tree nobody answers at all, or no route leads anywhere (RFC 8767)."""
        return self.ways.public.is_cut(trio.current_time())

    @property
    def tcp_connects(self) -> int:
        """TCP connections opened since the start."""
        return self._streams.pool.connects if self._streams is not None else 0

    # --- for pursuits ----------------------------------------------------------------------

    def note_first_send(self) -> None:
        """A question begins: a share of a hedge and of a probe is earned."""
        for bucket in (self.hedges, self.probes):
            if bucket.tokens < bucket.burst:
                bucket.fill()

    def may_sound(self) -> bool:
        """True once in the life of the process."""
        was_sounded, self._is_sounded = self._is_sounded, True
        return not was_sounded

    def send(
        self, cut_query: CutQuery, server: Server, state: ServerState, *, form: Form, now: float
    ) -> bool:
        """Send a copy over UDP. False if the kernel would not have it; the cut_query is told."""
        question, delegation = cut_query.request[:2]
        sent = self.compose(question, state, is_forward=delegation.is_forward, form=form, now=now)
        copy = Transmission(
            [cut_query], question, cut_query.way, cut_query.owner_domain, server, state, sent, now
        )
        try:
            self.launch(copy, now)
        except OSError as error:
            self._refused_by_kernel(cut_query, copy, error, now)
            return False
        cut_query.copies.append(copy)
        return True

    def launch(self, copy: Transmission, now: float) -> None:
        """Send it, and see to it when it expires. Raises OSError; nothing is on its way then."""
        self.flight.launch(copy)
        copy.state.note_sent(copy.owner_domain, now)
        copy.timer = self.timers.at(copy.expires_at, partial(self._on_expiry, copy))
        self.counters.sent_udp += 1

    def start_tcp(
        self, cut_query: CutQuery, server: Server, state: ServerState, *, form: Form, now: float
    ) -> None:
        """Ask over TCP in a task of the exchange's own."""
        if self._streams is None:
            raise RuntimeError("Dispatcher.run is not running")
        self.counters.sent_tcp += 1
        question, delegation = cut_query.request[:2]
        sent = self.compose(question, state, is_forward=delegation.is_forward, form=form, now=now)
        self._streams.start(cut_query, server, state, sent)

    def _refused_by_kernel(
        self, cut_query: CutQuery, copy: Transmission, error: OSError, now: float
    ) -> None:
        """No route, or no descriptors: says nothing about the server."""
        if self.descriptors.are_short(error, now):
            cut_query.on_no_room(copy.server, now)
            return
        self.counters.unreachable += 1
        self.ways.note_no_route(copy.way, copy.state, error, now)
        cut_query.on_refusal(copy.server, _errno_text(error), now)

    # --- receiving -------------------------------------------------------------------------

    def _drain(self) -> None:
        """Take all that has come in."""
        now = trio.current_time()
        for port, data in self.network.receive():
            self._on_datagram(port, data, now)

    def _on_datagram(self, port: UdpPort, data: bytes | OSError, now: float) -> None:
        copy = self.flight.of(port)
        if copy is None:
            return
        if isinstance(data, OSError):
            self._on_icmp(copy, data, now)
            return
        match = match_untrusted(copy.sent, data)
        if match is not Match.YES:
            self._on_mismatch(copy, match, now)
        elif not copy.pursuits:
            self.counters.late += 1
            self._answered(copy, now)
        elif is_truncated(data):  # the same server again, over TCP (RFC 7766 §5)
            self.counters.truncated += 1
            for cut_query in self._answered(copy, now):
                cut_query.tell(copy.server, Transport.UDP, now - copy.sent_at, "truncated")
                if not cut_query.streams:  # one connection will do for a race of two
                    cut_query.go_tcp(copy.server, copy.state, now)
        else:
            self._on_message_untrusted(copy, data, now)

    def _on_message_untrusted(self, copy: Transmission, data: bytes, now: float) -> None:
        server, state = copy.server, copy.state
        try:
            message = read_untrusted(data, copy.sent, copy.slot[1])
        except WireError as error:
            for cut_query in self._answered(copy, now):
                cut_query.on_malformed(server, state, Transport.UDP, error, now)
            return
        match = match_cookie(copy.sent, message)
        if match is not Match.YES:
            self._on_strange_cookie(copy, match, now)
            return
        arrived = Arrived(server, state, message, Transport.UDP, now - copy.sent_at, copy.sent)
        for cut_query in self._answered(copy, now):
            cut_query.on_reply(arrived, now)

    def _on_mismatch(self, copy: Transmission, match: Match, now: float) -> None:
        """Not the reply to what was asked, octet by octet: counted; the true one may still come."""
        if match is Match.DOUBTFUL:  # a server that folds case, or a forger
            self.counters.case_mismatched += 1
            for cut_query in self.flight.retire(copy):
                cut_query.on_doubt(copy, UNMIXED, now)
            return
        self.counters.mismatched += 1
        for cut_query in list(copy.pursuits):
            if match is Match.NEAR:
                cut_query.on_near_miss(copy, now)
            else:
                cut_query.on_mismatch(copy, now)

    def _on_strange_cookie(self, copy: Transmission, match: Match, now: float) -> None:
        """Not our cookie: not believed. None at all, though the server has one: it forgot, or

        somebody else speaks. TCP tells; what was not believed may be followed by the true reply.
        """
        self.counters.mismatched += match is Match.NO
        waiting = list(copy.pursuits) if match is Match.NO else self.flight.retire(copy)
        for cut_query in waiting:
            cut_query.on_doubt(copy, BARE, now)

    def _answered(self, copy: Transmission, now: float) -> list[CutQuery]:
        """The reply teaches; returns those who wait for it."""
        self.infra.note_answer(copy.state, now - copy.sent_at, now)
        waiting = self.flight.retire(copy)
        if copy.way.reach.note_answer(copy.state, now):
            self.ways.end(copy.way, now)
        return waiting

    def note_alive(self, way: Way, state: ServerState, now: float) -> None:
        """Somebody on this *way* answered, over whatever transport."""
        if way.reach.note_answer(state, now):
            self.ways.end(way, now)

    def _on_icmp(self, copy: Transmission, error: OSError, now: float) -> None:
        """Port, host or net unreachable: as good as an answer, and sooner than a timeout."""
        self.counters.unreachable += 1
        way, state = copy.way, copy.state
        if not way.reach.is_out:
            way.reach.remember(state)
            state.note_unreachable(copy.owner_domain, now)
            way.reach.note_silence(state, copy.sent_at, now)
        if copy.is_witness:
            self.ways.note_refused(way, now)
        reason = _errno_text(error)
        for cut_query in self.flight.retire(copy):
            cut_query.tell(copy.server, Transport.UDP, now - copy.sent_at, reason)
            cut_query.reject(copy.server, reason, now)

    # --- silence ---------------------------------------------------------------------------

    def _on_expiry(self, copy: Transmission, now: float) -> None:
        """Lost, as far as anybody can tell. The port stays open: a late reply still teaches."""
        self.counters.expired += 1
        patience = max((p.late_until(now) for p in copy.pursuits), default=now) + LATE_REPLY_SECONDS
        copy.timer = self.timers.at(patience, lambda _: self._close(copy))
        self.flight.lapse(copy)
        for cut_query in [*copy.pursuits]:
            cut_query.on_silence(copy, now)
        way, state = copy.way, copy.state
        if way.reach.note_overdue(state, copy.sent_at, now):
            self.ways.begin(way, now)
        if way.reach.is_out:
            state.waiting.clear()
        elif state.t_ok < copy.sent_at:
            way.reach.remember(state)
            state.note_silence(copy.owner_domain, copy.sent_at, now)

    def _close(self, copy: Transmission) -> None:
        self.flight.retire(copy)

    # --- lookups ---------------------------------------------------------------------------

    async def _look_up(self, cut_query: CutQuery) -> None:
        """Look up the next nameserver names in the asker's task, beside whatever is on its way."""
        cut_query.wants_addresses = False
        found_more = False
        with trio.CancelScope() as cut_query.lookup:
            try:
                found_more = await cut_query.request.more_addresses()
            except WorkExceeded as error:
                cut_query.lookup_error = error.with_traceback(None)  # which holds frames: a cycle
            except ResolverError:
                found_more = True  # this name cannot be had; the next may
        cut_query.lookup = None
        if not cut_query.is_done:
            cut_query.on_lookup(found_more=found_more, now=trio.current_time())


def _errno_text(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "error")
