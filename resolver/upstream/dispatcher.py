"""Where all questions to servers meet: ports, streams, timers, and shared knowledge.

`ask` is the walker's door. One task drains the network and one sleeps on the timer heap; a question
costs no task of its own. Whom to ask and when is not decided here but in `cut_query`: this tells it
what happened, and does what it wants done.
"""

from __future__ import annotations

import math
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import trio

from resolver.errors import ResolverError, WireError, WorkExceeded
from resolver.limits import CASE_BROKEN_SECONDS, IN_FLIGHT
from resolver.protocol.transport import Transport
from resolver.runtime.clock import trio_clock
from resolver.upstream import cut_actions as do
from resolver.upstream.asked import Asked
from resolver.upstream.compose import Composer
from resolver.upstream.crowd import crowded
from resolver.upstream.cut_actions import WakeAt
from resolver.upstream.cut_query import CutQuery
from resolver.upstream.descriptors import Descriptors
from resolver.upstream.edns_fallback import Arrived
from resolver.upstream.encrypted import NOTHING, Encrypted
from resolver.upstream.filters import AddressFilter
from resolver.upstream.outstanding import Outstanding
from resolver.upstream.query import Match, read_untrusted
from resolver.upstream.replies import Replies
from resolver.upstream.request import Reply
from resolver.upstream.server_events import InstanceChanged, Tried
from resolver.upstream.shared_knowledge import SharedKnowledge
from resolver.upstream.stream_queries import StreamQueries
from resolver.upstream.taps import Taps
from resolver.upstream.tcp import TcpPool
from resolver.upstream.timers import Timers
from resolver.upstream.transmission import Transmission
from resolver.upstream.udp_queries import UdpQueries, errno_text
from resolver.upstream.ways import Ways

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.model import Delegation
    from resolver.upstream.cut_actions import Event
    from resolver.upstream.encrypted import Encryption
    from resolver.upstream.infra import Infra
    from resolver.upstream.network import Network
    from resolver.upstream.outage_hooks import OutageHooks
    from resolver.upstream.reachability import Reachability
    from resolver.upstream.request import Request
    from resolver.upstream.settings import OutgoingSettings
    from resolver.upstream.stream_queries import StreamEnd


class Dispatcher:
    """All that is on its way to servers, and all that is known of them. One per process."""

    def __init__(
        self,
        *,
        network: Network,
        infra: Infra,
        rng: Random,
        config: OutgoingSettings,
        in_flight_limit: int = IN_FLIGHT,
        validates: bool = True,
        named: Iterable[Delegation] = (),
    ) -> None:
        self.network = network
        self.infra = infra
        named = tuple(named)
        self.timers = timers = Timers(before=lambda: self._udp.drain())  # noqa: PLW0108 - not yet there
        self.outstanding = Outstanding(network=network, timers=timers, limit=in_flight_limit)
        self.shared = shared = SharedKnowledge(
            infra=infra,
            outstanding=self.outstanding,
            compose=Composer(infra, config, rng=rng, validates=validates),
            filters=AddressFilter(config, named),
            dice=Random(rng.getrandbits(64)),  # noqa: S311 - for ties: nothing to be guessed
            speculation=config.speculation,
        )
        self.counters = shared.counters
        self.descriptors = Descriptors(self.outstanding, self.counters)
        self.taps = Taps()
        self._udp = UdpQueries(
            network=network, outstanding=self.outstanding, timers=timers, infra=infra,
            counters=self.counters, hear=self._hear, taps=self.taps, news=shared.instance_news,
        )  # fmt: skip
        self.replies = Replies(network, self._udp.drain, self.counters)
        self.ways = self._udp.ways = Ways(
            shared, named, outstanding=self.outstanding, descriptors=self.descriptors,
            timers=timers, launch=self._udp.launch, hear=self._hear,
            hear_links=network.hear_links,
        )  # fmt: skip
        self.encrypted = Encrypted(self._udp, self.outstanding, shared, network=network, rng=rng)
        self._streams: StreamQueries | None = None
        self._now = trio.current_time
        self._does = self._executors()

    def __repr__(self) -> str:
        return f"<Dispatcher {self.outstanding!r} {self.reach!r} {self.infra!r}>"

    def reconfigure(
        self,
        settings: OutgoingSettings,
        *,
        validates: bool,
        named: Iterable[Delegation],
        hooks: OutageHooks,
        encryption: Encryption = NOTHING,
    ) -> None:
        """Go by another configuration from the next packet on; what is on its way is not touched.

        *named*: zone cuts as the operator wrote them.
        """
        named = tuple(named)
        self.shared.speculation = settings.speculation
        self.shared.compose.go_by(settings, validates=validates)
        self.shared.filters = AddressFilter(settings, named)
        self.ways.name(named)
        self.ways.hooks = hooks
        self.encrypted.go_by(encryption)
        hooks.changed(self.ways.is_any_cut)

    # --- for the walker and the composition root ---------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Drain the network and keep the timers, until cancelled."""
        async with trio.open_nursery() as nursery:
            pool = TcpPool(network=self.network, nursery=nursery, link=self.infra.link)
            self._streams = StreamQueries(pool=pool, nursery=nursery)
            self.encrypted.start(nursery)
            nursery.start_soon(self.timers.run)
            nursery.start_soon(self.ways.links.run)
            self._now = trio_clock()
            task_status.started()
            await self.replies.run()

    async def ask(self, request: Request) -> Reply:
        """The first usable reply of the cut's servers. Raises ExchangeFailed or WorkExceeded."""
        self.counters.asked += 1
        crowds, delegation = self.shared.crowds, request.delegation
        now = self._now()
        if crowds and not crowds.admits(delegation.zone, now):
            self.counters.turned_away += 1
            raise crowded(delegation.zone)
        way = self.ways.public if delegation.way is None else self.ways.of(delegation)
        if way.reach.is_out and way.is_known_cut:
            self.counters.failed += 1
            raise self.ways.refuse(way, request, now)
        asked = Asked(CutQuery(self.shared, request, way, now))
        try:
            self._hear(asked, do.BEGUN, now)
            while asked.reply is None and asked.error is None:
                if asked.wants_lookup:
                    await self._look_up(asked)
                else:
                    await asked.news()
        finally:
            if asked.reply is None and asked.error is None:
                self._hear(asked, do.LEFT, trio.current_time())
                self._finish(asked)
        if asked.reply is not None:
            self.counters.answered += 1
            if delegation.is_forward:
                way.question = request.question
            if crowds:
                crowds.note_answer(delegation.zone, self._now())
            return asked.reply
        error, asked.error = asked.error, None
        assert error is not None  # noqa: S101 - the loop says so
        try:
            raise error
        finally:
            del error  # its traceback holds this frame: a cycle that only the collector would end

    def on_event(self, listener: Callable[[Tried], None]) -> None:
        """Call *listener* with every try: for `resolver trace` and the query log."""
        self.shared.listeners.append(listener)

    def off_event(self, listener: Callable[[Tried], None]) -> None:
        self.shared.listeners.remove(listener)

    @property
    def in_flight(self) -> int:
        """Ports open now, those that only wait for late replies included."""
        return len(self.outstanding)

    @property
    def is_busy(self) -> bool:
        """Overload: nothing speculative is sent (70 % of the in-flight limit)."""
        return self.outstanding.is_busy

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

    async def _look_up(self, asked: Asked) -> None:
        """Look up the next nameserver names in the asker's task, beside whatever is on its way."""
        asked.wants_lookup = False
        self._hear(asked, do.LOOKUP_BEGUN, trio.current_time())
        found_more = False
        exceeded: WorkExceeded | None = None
        with trio.CancelScope() as asked.lookup:
            try:
                found_more = await asked.query.request.more_addresses()
            except WorkExceeded as error:
                exceeded = error.with_traceback(None)  # which holds frames: a cycle
            except ResolverError:
                found_more = True  # this name cannot be had; the next may
        asked.lookup = None
        self._hear(asked, do.LookedUp(found_more, exceeded), trio.current_time())

    # --- between a cut query and the world ---------------------------------------------------

    def _executors(self) -> dict[type, Callable[[Asked, Any, float], None]]:
        """Who does an action, by its kind, but for the commonest two (`_hear`)."""
        return {
            **dict.fromkeys(do.OUTCOMES, self._hear),
            Reply: self._answer,
            do.DoubtLink: self._doubt_link,
            do.Fail: self._fail,
            do.HangUp: self._hang_up,
            do.Join: self._join,
            do.Leave: self._leave,
            do.LookUp: self._want_lookup,
            do.NoResort: self._no_resort,
            do.OverTcp: self._start_stream,
            do.Park: self._park,
            do.ResortAt: self._resort_at,
            do.Trickle: self._trickle,
            Tried: self._tell,
            InstanceChanged: self.shared.instance_news.tell,
        }

    def _hear(self, asked: Asked, event: Event, now: float) -> None:
        """Tell a cut query what happened, and do what it wants done."""
        for action in asked.query.step(event, now):
            if type(action) is Transmission:
                self._send(asked, action, now)
            elif type(action) is WakeAt:
                if asked.timer is not None:
                    self.timers.cancel(asked.timer)
                asked.timer = self.timers.at(action[0], partial(self._on_timer, asked))
            else:
                self._does[type(action)](asked, action, now)

    def _on_timer(self, asked: Asked, now: float) -> None:
        asked.timer = None
        self._hear(asked, do.WOKEN, now)

    def _send(self, asked: Asked, packet: Transmission, now: float) -> None:
        """Over UDP. Where the kernel would not have it, that says nothing about the server."""
        packet.waiters.append(asked)
        event: Event
        try:
            if self._udp.launch(packet, now):
                return
            event = do.NoRoom(packet)
        except OSError as error:
            if self.descriptors.are_short(error, now):
                event = do.NoRoom(packet)
            else:
                self.counters.unreachable += 1
                self.ways.note_no_route(packet.way, packet.state, error, now)
                event = do.Refused(packet, errno_text(error))
        packet.waiters.clear()
        self._hear(asked, event, now)

    def _join(self, asked: Asked, action: do.Join, _: float) -> None:
        self.outstanding.join(action.transmission, asked)

    def _leave(self, asked: Asked, action: do.Leave, _: float) -> None:
        for packet in action.transmissions:
            self.outstanding.leave(packet, asked)

    def _hang_up(self, asked: Asked, _: do.HangUp, __: float) -> None:
        scopes, asked.scopes = asked.scopes, {}
        for scope in scopes.values():
            scope.cancel()

    def _want_lookup(self, asked: Asked, _: do.LookUp, __: float) -> None:
        asked.wants_lookup = True
        asked.wake()

    def _doubt_link(self, asked: Asked, action: do.DoubtLink, now: float) -> None:
        query = asked.query
        is_open = self.ways.doubt(query.way, query.started, now)
        if action.is_told:
            self._hear(asked, do.Doubted(is_open, action.is_last), now)

    def _trickle(self, asked: Asked, _: do.Trickle, now: float) -> None:
        self.ways.send_trickle(asked.query.way, now)
        self._hear(asked, do.TRICKLED, now)

    def _park(self, asked: Asked, _: do.Park, __: float) -> None:
        asked.is_parked = True
        self.ways.park(asked)

    def _resort_at(self, asked: Asked, action: do.ResortAt, _: float) -> None:
        at, key = action
        due = partial(self._hear, asked, do.ResortDue(key))
        asked.resorts[key] = self.timers.at(at, due)

    def _no_resort(self, asked: Asked, action: do.NoResort, _: float) -> None:
        timer = asked.resorts.pop(action.key, None)
        if timer is not None:
            self.timers.cancel(timer)

    def _tell(self, _: Asked, tried: Tried, __: float) -> None:
        for listener in self.shared.listeners:
            listener(tried)

    def _answer(self, asked: Asked, reply: Reply, _: float) -> None:
        asked.reply = reply
        self._finish(asked)

    def _fail(self, asked: Asked, action: do.Fail, _: float) -> None:
        asked.error = action.error
        self._finish(asked)

    def _finish(self, asked: Asked) -> None:
        """Nothing is to happen to it any more."""
        if asked.timer is not None:
            self.timers.cancel(asked.timer)
            asked.timer = None
        for timer in asked.resorts.values():
            self.timers.cancel(timer)
        asked.resorts.clear()
        if asked.is_parked:
            self.ways.unpark(asked)
        asked.wake()
        if asked.lookup is not None:
            asked.lookup.cancel()

    # --- over streams ------------------------------------------------------------------------

    def _start_stream(self, asked: Asked, action: do.OverTcp, _: float) -> None:
        if self._streams is None:
            raise RuntimeError("Dispatcher.run is not running")
        self.counters.sent_tcp += 1
        server, state, sent = action
        query = asked.query
        self.taps.stream(server, query.zone, sent.data)
        asked.scopes[state.key] = self._streams.start(
            server,
            state,
            sent,
            patience=lambda: query.give_up,
            ended=partial(self._on_stream_end, asked),
        )

    def _on_stream_end(self, asked: Asked, scope: trio.CancelScope, end: StreamEnd) -> None:
        """Something came, or nothing will; if anybody still wants to know."""
        server, state, sent, reply, reason, took_s = end
        if asked.scopes.get(state.key) is not scope:
            return
        del asked.scopes[state.key]
        query, now = asked.query, trio.current_time()
        query.attempts.streams -= {state.key}
        if reply is None:
            state.tcp_failed_at = now
            self._hear(asked, do.StreamFailed(server, reason), now)
            return
        data, match = reply
        self.taps.streamed(end, query.zone, query.request.question)
        state.note_alive(now)
        state.tcp_failed_at = -math.inf
        if query.way.reach.note_answer(state, now):
            self.ways.end(query.way, now)
        if match is Match.DOUBTFUL:  # nobody forges into a connection: the server folds case
            state.case_broken_until = now + CASE_BROKEN_SECONDS
        try:
            message = read_untrusted(data, sent, query.request.question)
        except WireError as error:
            self._hear(asked, do.Malformed(server, state, Transport.TCP, error), now)
            return
        self._hear(asked, Arrived(server, state, message, Transport.TCP, took_s, sent), now)
