"""The desk where all questions to servers meet: ports, timers, replies, shared knowledge.

`ask` is the walker's door. One task drains the network and one sleeps on the timer heap; a resolution
costs one task in all, not one per try (DESIGN rule 5). Replies are matched to the very copy they
answer, and what nobody waits for any more still teaches how far its server is. RFC 5452 §9 (ports,
ids, matching), RFC 7873 (cookies), RFC 6891 (EDNS). It does not decide whom to ask: `pursuit` does.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import trio

from resolver import limits
from resolver.errors import ResolverError, WireError, WorkExceeded
from resolver.protocol.codes import Flag
from resolver.protocol.wire import parse_untrusted
from resolver.upstream.bucket import Bucket
from resolver.upstream.events import Counters, Tried
from resolver.upstream.filters import AddressFilter
from resolver.upstream.pursuit import Arrived, Pursuit
from resolver.upstream.query import (
    Match,
    compose,
    cookie_agrees,
    is_truncated,
    match_untrusted,
    offer,
)
from resolver.upstream.reach import Reach
from resolver.upstream.select import hedge_s
from resolver.upstream.tcp import TcpPool
from resolver.upstream.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from resolver.clock import Clock
    from resolver.model import Name, Server
    from resolver.protocol.edns import Edns
    from resolver.upstream.infra import AddressState, Infra, Key
    from resolver.upstream.inquiry import Inquiry, Reply
    from resolver.upstream.network import Network, UdpPort
    from resolver.upstream.query import Sent
    from resolver.upstream.select import Candidate
    from resolver.upstream.settings import OutgoingSettings
    from resolver.upstream.timers import Timer

_LATE = float(limits.LATE_REPLY_SECONDS)
_TCP_SECONDS = float(limits.TCP_SECONDS)
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
_OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EAGAIN})


class Copy:
    """One UDP query on its way, lost, or late. *pursuits* are those who wait for it."""

    __slots__ = (
        "expires_at",
        "late_at",
        "overdue_at",
        "port",
        "pursuits",
        "role",
        "sent",
        "sent_at",
        "server",
        "site",
        "slot",
        "state",
        "timer",
    )

    def __init__(
        self, pursuit: Pursuit, server: Server, state: AddressState, sent: Sent, now: float
    ) -> None:
        self.pursuits = [pursuit]
        self.server = server
        self.state = state
        self.sent = sent
        self.sent_at = now
        self.late_at = now + hedge_s(state)
        self.overdue_at = max(self.late_at, now + state.overdue_s)
        self.expires_at = now + state.expiry_s
        self.site: Name = pursuit.site
        self.slot = (server[:2], pursuit.inquiry.question)
        self.role = "first"
        self.port: UdpPort | None = None
        self.timer: Timer | None = None

    def __repr__(self) -> str:
        return f"<Copy to {self.server.host} {self.role} waited for by {len(self.pursuits)}>"

    def is_overdue(self, now: float) -> bool:
        return now >= self.overdue_at


class Exchange:
    """All that is on its way to servers, and all that is known of them. One per process."""

    def __init__(
        self,
        *,
        network: Network,
        infra: Infra,
        clock: Clock,
        rng: Random,
        config: OutgoingSettings,
        in_flight_limit: int = int(limits.IN_FLIGHT),
        wants_dnssec: bool = True,
    ) -> None:
        self.network = network
        self.infra = infra
        self.clock = clock
        self.rng = rng
        self.settings = config
        self.counters = Counters()
        self.reach = Reach()
        self.timers = Timers()
        self.hedges = Bucket(share=float(limits.HEDGE_SHARE), burst=float(limits.HEDGE_BURST))
        self.probes = Bucket(share=float(limits.PROBE_SHARE), burst=float(limits.PROBE_BURST))
        self.parked: set[Pursuit] = set()
        self._filter = AddressFilter(config)
        self._wants_dnssec = wants_dnssec
        self._limit = in_flight_limit
        self._busy_above = int(in_flight_limit * float(limits.OVERLOAD_SHARE))
        self._copies: dict[UdpPort, Copy] = {}
        self._slots: dict[tuple[Key, object], Copy] = {}
        self._listeners: list[Callable[[Tried], None]] = []
        self._nursery: trio.Nursery | None = None
        self._pool: TcpPool | None = None
        self._is_sounded = False

    def __repr__(self) -> str:
        return f"<Exchange in_flight={self.in_flight} {self.reach!r} {self.infra!r}>"

    # --- for the walker and the composition root -------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Drain the network and keep the timers, until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._pool = TcpPool(network=self.network, nursery=nursery)
            nursery.start_soon(self.timers.run)
            task_status.started()
            while True:
                await self.network.wait()
                now = trio.current_time()
                for port, data in self.network.receive():
                    self._on_datagram(port, data, now)

    async def ask(self, inquiry: Inquiry) -> Reply:
        """The first usable reply of the cut's servers. Raises ExchangeFailed or WorkExceeded."""
        self.counters.asked += 1
        pursuit = Pursuit(self, inquiry, trio.current_time())
        try:
            pursuit.begin(pursuit.started)
            while not pursuit.is_done:
                if pursuit.wants_addresses:
                    await self._look_up(pursuit)
                else:
                    await pursuit.woken.wait()
                    pursuit.woken = trio.Event()
        finally:
            pursuit.close()
        if pursuit.reply is not None:
            self.counters.answered += 1
            return pursuit.reply
        assert pursuit.error is not None  # noqa: S101 - `is_done` says so
        raise pursuit.error

    def on_event(self, listener: Callable[[Tried], None]) -> None:
        """Call *listener* with every try: for `resolver trace` and the query log."""
        self._listeners.append(listener)

    def off_event(self, listener: Callable[[Tried], None]) -> None:
        self._listeners.remove(listener)

    @property
    def in_flight(self) -> int:
        """Ports open now, those that only wait for late replies included."""
        return len(self._copies)

    @property
    def is_busy(self) -> bool:
        """Overload: nothing speculative is sent (selection §4, 70 % of the limit)."""
        return len(self._copies) > self._busy_above

    @property
    def tcp_connects(self) -> int:
        """TCP connections opened since the start."""
        return self._pool.connects if self._pool is not None else 0

    @property
    def is_offline(self) -> bool:
        """Nobody answers at all: serve stale at once (RFC 8767)."""
        return self.reach.is_out

    # --- for pursuits ----------------------------------------------------------------------

    def is_allowed(self, server: Server, *, is_forward: bool) -> bool:
        """Family switches and forbidden ranges; what the operator typed in himself may be local."""
        return self._filter.allows(server.host, is_forward=is_forward)

    def note_first_send(self) -> None:
        self.hedges.fill()
        self.probes.fill()

    def may_sound(self) -> bool:
        """True once in the life of the process."""
        was_sounded, self._is_sounded = self._is_sounded, True
        return not was_sounded

    def probe_family(self, candidates: list[Candidate], now: float) -> Candidate | None:
        """The cheapest address of a broken family, if it is time to try that family again."""
        if not self.reach.broken_families:
            return None
        for candidate in candidates:
            if self.reach.may_probe_family(candidate.state, now) and not candidate.is_marked:
                self.reach.note_family_probe(candidate.state, now)
                return candidate
        return None

    def is_held(self, pursuit: Pursuit, now: float) -> bool:
        """During an outage packets go out one by one, and the others wait for the first answer."""
        if not self.reach.is_out or self.reach.take_canary(now):
            return False
        self.park(pursuit, now)
        return True

    def park(self, pursuit: Pursuit, now: float) -> None:
        """Until the outage is over, or it is this one's turn to try."""
        self.parked.add(pursuit)
        pursuit.rearm(now + float(limits.OUTAGE_CANARY_SECONDS))

    def send(
        self,
        pursuit: Pursuit,
        server: Server,
        state: AddressState,
        *,
        role: str,
        with_edns: bool,
        now: float,
    ) -> bool:
        """Send a copy over UDP, or join the same question that is on its way to this server.

        False if the kernel would not have it; the pursuit is told nothing then.
        """
        slot = (server[:2], pursuit.inquiry.question)
        other = self._slots.get(slot)
        if other is not None and not other.is_overdue(now) and pursuit not in other.pursuits:
            other.pursuits.append(pursuit)
            pursuit.copies.append(other)
            self.counters.shared += 1
            return True
        sent = self._compose(pursuit, state, with_edns=with_edns, now=now)
        copy = Copy(pursuit, server, state, sent, now)
        copy.role = role
        if not self._put_on_its_way(copy, now):
            return False
        self._slots[slot] = copy
        pursuit.copies.append(copy)
        self._count(role)
        return True

    def start_tcp(
        self,
        pursuit: Pursuit,
        server: Server,
        state: AddressState,
        *,
        role: str,
        with_edns: bool,
        now: float,
    ) -> None:
        """Ask over TCP in a task of the exchange's own; the pursuit hears of the end."""
        if self._nursery is None:
            raise RuntimeError("Exchange.run is not running")
        sent = self._compose(pursuit, state, with_edns=with_edns, now=now)
        deadline = min(now + _TCP_SECONDS, pursuit.give_up)
        scope = pursuit.streams[server[:2]] = trio.CancelScope(deadline=deadline)
        self.counters.sent_tcp += 1
        del role
        self._nursery.start_soon(self._ask_tcp, pursuit, server, state, sent, scope)

    def tell(
        self, pursuit: Pursuit, server: Server, transport: str, rtt_s: float | None, outcome: str
    ) -> None:
        """Let those who watch know."""
        if self._listeners:
            event = Tried(pursuit.inquiry.question, pursuit.zone, server, transport, rtt_s, outcome)
            for listener in self._listeners:
                listener(event)

    # --- sending ---------------------------------------------------------------------------

    def _compose(
        self, pursuit: Pursuit, state: AddressState, *, with_edns: bool, now: float
    ) -> Sent:
        inquiry = pursuit.inquiry
        is_forward = inquiry.delegation.is_forward
        flags = 0
        if is_forward:
            flags = Flag.RD | (Flag.CD if self._wants_dnssec else 0)
        edns: Edns | None = None
        if with_edns:
            edns = offer(
                payload=self.settings.udp_payload_size,
                dnssec_ok=self._wants_dnssec,
                cookie=b"" if state.cookies_broken else self.infra.cookie(state),
                server_cookie=state.server_cookie,
            )
        return compose(
            inquiry.question,
            rng=self.rng,
            flags=flags,
            edns=edns,
            mixes_case=self.settings.query_case_randomization and now >= state.case_broken_until,
        )

    def _put_on_its_way(self, copy: Copy, now: float) -> bool:
        try:
            port = copy.port = self.network.open_udp(copy.server)
            port.send(copy.sent.data)
        except OSError as error:
            if copy.port is not None:
                copy.port.close()
            self._refused_by_kernel(copy, error, now)
            return False
        self._copies[port] = copy
        copy.state.note_sent(copy.site, now)
        copy.timer = self.timers.at(copy.expires_at, lambda at: self._on_expiry(copy, at))
        self.counters.sent_udp += 1
        return True

    def _refused_by_kernel(self, copy: Copy, error: OSError, now: float) -> None:
        """No route, or no descriptors: says nothing about the server."""
        self.counters.unreachable += 1
        pursuit = copy.pursuits[0]
        reason = errno.errorcode.get(error.errno or 0, "error")
        if error.errno in _NO_ROUTE and not pursuit.inquiry.delegation.is_forward:
            self.reach.note_no_route(is_ipv6=copy.state.is_ipv6, now=now)
        self.tell(pursuit, copy.server, "udp", None, reason)
        if error.errno in _OUT_OF_DESCRIPTORS:
            self._make_room()
            pursuit.reasons[copy.server] = "out of descriptors"
            pursuit.rearm(now + float(limits.OVERDUE_FLOOR_SECONDS))
        else:
            pursuit.refused(copy.server, reason, now)

    def has_room(self) -> bool:
        """May one more packet be on its way? Those that nobody waits for any more make room."""
        return len(self._copies) < self._limit or self._make_room()

    def _make_room(self) -> bool:
        """Close the oldest port that only waits for a late reply, if there is one."""
        for copy in self._copies.values():
            if not copy.pursuits:
                self._retire(copy)
                return True
        return False

    def _count(self, role: str) -> None:
        counters = self.counters
        if role == "race":
            counters.races += 1
        elif role == "probe":
            counters.probes += 1
        elif role == "hedge":
            counters.hedges += 1
        elif role == "retry":
            counters.retries += 1

    # --- receiving -------------------------------------------------------------------------

    def _on_datagram(self, port: UdpPort, data: bytes | OSError, now: float) -> None:
        copy = self._copies.get(port)
        if copy is None:
            return
        if isinstance(data, OSError):
            self._on_icmp(copy, data, now)
            return
        match = match_untrusted(copy.sent, data)
        if match is Match.NO:
            self._on_mismatch(copy, now)
        elif match is Match.CASE:
            self.counters.case_mismatched += 1
            for pursuit in self._retire(copy):
                pursuit.on_case(copy.server, copy.state, now)
        elif not copy.pursuits:
            self.counters.late += 1
            self._answered(copy, now)
        elif is_truncated(data):
            self.counters.truncated += 1
            for pursuit in self._answered(copy, now):
                self.tell(pursuit, copy.server, "udp", now - copy.sent_at, "truncated")
                pursuit.on_truncated(copy.server, copy.state, now)
        else:
            self._on_message_untrusted(copy, data, now)

    def _on_message_untrusted(self, copy: Copy, data: bytes, now: float) -> None:
        try:
            message = parse_untrusted(data)
        except WireError as error:
            self.counters.useless += 1
            for pursuit in self._answered(copy, now):
                pursuit.on_malformed(copy.server, copy.state, f"malformed: {error}", now)
            return
        if not cookie_agrees(copy.sent, message):
            self._on_mismatch(copy, now)
            return
        had_edns = copy.sent.edns
        arrived = Arrived(
            copy.server, copy.state, message, "udp", now - copy.sent_at,
            had_edns is not None, had_edns is not None and bool(had_edns.options),
        )  # fmt: skip
        for pursuit in self._answered(copy, now):
            pursuit.on_reply(arrived, now)

    def _on_mismatch(self, copy: Copy, now: float) -> None:
        self.counters.mismatched += 1
        for pursuit in list(copy.pursuits):
            pursuit.on_mismatch(copy.server, copy.state, now)

    def _answered(self, copy: Copy, now: float) -> list[Pursuit]:
        """The reply teaches; returns those who wait for it."""
        self.infra.note_answer(copy.state, now - copy.sent_at, now)
        waiting = self._retire(copy)
        if self.reach.note_answer(copy.state, now):
            self._outage_over(now)
        return waiting

    def _on_icmp(self, copy: Copy, error: OSError, now: float) -> None:
        """Port, host or net unreachable: as good as an answer, and sooner than a timeout."""
        self.counters.unreachable += 1
        self.reach.remember(copy.state)
        copy.state.note_unreachable(copy.site, now)
        self.reach.note_silence(copy.state, copy.sent_at, now)
        reason = errno.errorcode.get(error.errno or 0, "unreachable")
        for pursuit in self._retire(copy):
            self.tell(pursuit, copy.server, "udp", now - copy.sent_at, reason)
            pursuit.reject(copy.server, reason, now)

    def _retire(self, copy: Copy) -> list[Pursuit]:
        """Close the port and forget the copy; returns those who waited for it."""
        if copy.port is not None:
            self._copies.pop(copy.port, None)
            copy.port.close()
        if copy.timer is not None:
            copy.timer.cancel()
        if self._slots.get(copy.slot) is copy:
            del self._slots[copy.slot]
        waiting, copy.pursuits = copy.pursuits, []
        for pursuit in waiting:
            pursuit.copies.remove(copy)
        return waiting

    # --- silence ---------------------------------------------------------------------------

    def _on_expiry(self, copy: Copy, now: float) -> None:
        """Lost, as far as anybody can tell. The port stays open: a late reply still teaches."""
        self.counters.expired += 1
        copy.timer = self.timers.at(now + _LATE, lambda _: self._close_late(copy))
        if self._slots.get(copy.slot) is copy:
            del self._slots[copy.slot]
        for pursuit in copy.pursuits:
            pursuit.on_silence(copy)
        state = copy.state
        began = self.reach.note_overdue(state, copy.sent_at, now)
        if began:
            self._outage_began()
        if self.reach.is_out:
            state.waiting.clear()
        elif state.t_ok < copy.sent_at:
            self.reach.remember(state)
            state.note_silence(copy.site, copy.sent_at, now)

    def _close_late(self, copy: Copy) -> None:
        self._retire(copy)

    def _outage_began(self) -> None:
        """Nobody's silence counts from here on, and none since the last answer did."""
        self.counters.outages += 1
        for copy in self._copies.values():
            copy.state.waiting.clear()

    def _outage_over(self, now: float) -> None:
        """The first answer: everybody who was held asks at once."""
        for copy in self._copies.values():
            copy.state.waiting.clear()
        held = list(self.parked)
        self.parked.clear()
        for pursuit in held:
            pursuit.resume(now)

    # --- TCP and lookups -------------------------------------------------------------------

    async def _ask_tcp(
        self,
        pursuit: Pursuit,
        server: Server,
        state: AddressState,
        sent: Sent,
        scope: trio.CancelScope,
    ) -> None:
        assert self._pool is not None  # noqa: S101 - made with the nursery this runs in
        started = trio.current_time()
        outcome: tuple[bytes, Match] | None = None
        reason = "no reply over TCP"
        with scope:
            try:
                outcome = await self._pool.ask(server, sent)
            except OSError as error:
                reason = f"TCP: {errno.errorcode.get(error.errno or 0, 'failed')}"
        now = trio.current_time()
        if pursuit.streams.pop(server[:2], None) is None or pursuit.is_done:
            return
        if outcome is None:
            self.tell(pursuit, server, "tcp", None, reason)
            pursuit.reject(server, reason, now)
            return
        data, match = outcome
        if match is Match.CASE:
            state.case_broken_until = now + float(limits.CASE_BROKEN_SECONDS)
        self._on_stream_untrusted(pursuit, server, state, sent, data, now - started)

    def _on_stream_untrusted(
        self,
        pursuit: Pursuit,
        server: Server,
        state: AddressState,
        sent: Sent,
        data: bytes,
        rtt_s: float,
    ) -> None:
        now = trio.current_time()
        state.note_alive(now)
        try:
            message = parse_untrusted(data)
        except WireError as error:
            self.counters.useless += 1
            pursuit.on_malformed(server, state, f"malformed: {error}", now)
            return
        has_options = sent.edns is not None and bool(sent.edns.options)
        arrived = Arrived(server, state, message, "tcp", rtt_s, sent.edns is not None, has_options)
        pursuit.on_reply(arrived, now)

    async def _look_up(self, pursuit: Pursuit) -> None:
        """Look up the next nameserver names in the asker's task, beside whatever is on its way."""
        pursuit.wants_addresses = False
        found_more = False
        with trio.CancelScope() as pursuit.lookup:
            try:
                found_more = await pursuit.inquiry.more_addresses()
            except WorkExceeded as error:
                pursuit.lookup_error = error
            except ResolverError:
                found_more = True  # this name cannot be had; the next may
        pursuit.lookup = None
        if not pursuit.is_done:
            pursuit.on_lookup(found_more=found_more, now=trio.current_time())
