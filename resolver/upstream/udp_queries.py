"""Queries over UDP, and those over encrypted sessions: sent, matched with replies, and given up.

A reply is matched to the very copy it answers, and what nobody waits for any more still teaches how
far its server is. RFC 5452 §9 (ports, ids, matching), RFC 7873 (cookies). Those who wait hear what
came; what to make of it is `cut_query`'s.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import trio

from resolver.errors import WireError
from resolver.limits import LATE_REPLY_SECONDS, SESSION_ROUND_TRIPS
from resolver.protocol.ip_addresses import network_of
from resolver.protocol.transport import Transport
from resolver.upstream import cut_actions as do
from resolver.upstream.edns_fallback import Arrived
from resolver.upstream.instance_news import learnt
from resolver.upstream.neighbours import Witness
from resolver.upstream.query import (
    Match,
    is_truncated,
    match_cookie,
    match_untrusted,
    read_untrusted,
)
from resolver.upstream.query_form import BARE, UNMIXED
from resolver.upstream.server_state import EdnsState
from resolver.upstream.transmission import Purpose

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.upstream.asked import Asked, Hear
    from resolver.upstream.infra import Infra
    from resolver.upstream.instance_news import InstanceNews
    from resolver.upstream.network import Network, UdpPort
    from resolver.upstream.outstanding import Outstanding
    from resolver.upstream.server_events import UpstreamCounters
    from resolver.upstream.taps import Taps
    from resolver.upstream.timers import Timers
    from resolver.upstream.transmission import Transmission
    from resolver.upstream.ways import Ways

_new = tuple.__new__  # for what is made for each reply: half the constructor's cost


class UdpQueries:
    """*hear* is called with whoever waits and what happened.

    *carriers*: ports that carry sessions over QUIC, and who takes their datagrams.
    """

    def __init__(
        self,
        *,
        network: Network,
        outstanding: Outstanding,
        timers: Timers,
        infra: Infra,
        counters: UpstreamCounters,
        hear: Hear,
        taps: Taps,
        news: InstanceNews,
    ) -> None:
        self._taps = taps
        self._news = news
        self._network = network
        self._outstanding = outstanding
        self._timers = timers
        self._infra = infra
        self._counters = counters
        self._hear = hear
        self.ways: Ways  # once there are any: they send, too
        self.carriers: dict[UdpPort, Callable[[bytes | OSError], None]] = {}

    def launch(self, packet: Transmission, now: float) -> bool:
        """Send it, and see to it when it expires. False if there is no room for it.

        Raises OSError; nothing is on its way then, either.
        """
        if not self._outstanding.launch(packet):
            return False
        if packet.server.transport is Transport.UDP:
            self._counters.sent_udp += 1
        elif not packet.port.has_departed:
            now += (SESSION_ROUND_TRIPS - 1) * packet.state.overdue_s  # as far as can be told
            packet.depart(now)
        packet.state.note_sent(packet.owner_domain, now)
        packet.timer = self._timers.at(packet.expires_at, partial(self._on_expiry, packet))
        if self._taps.listeners:
            self._taps.packet(packet)
        return True

    def drain(self) -> int:
        """Take in what has come, so many at most as a turn has time for; returns how many."""
        now = trio.current_time()
        came = self._network.receive(self._whose)
        for port, data in came:
            self.on_datagram(port, data, now)
        return len(came)

    def _whose(self, port: UdpPort) -> bytes:
        """The network of the client for whom something was asked there first; b"": ours."""
        packet = self._outstanding.of(port)
        if packet is None or not packet.waiters:
            return b""
        return network_of(packet.waiters[0].query.request.budget.whole.source)

    def departed(self, port: UdpPort, now: float) -> None:
        """What had to wait for a session went out: its time begins now."""
        packet = self._outstanding.of(port)
        if packet is None or packet.timer is None or now >= packet.expires_at:
            return
        packet.depart(now)
        packet.state.waiting.pop(packet.owner_domain, None)
        packet.state.note_sent(packet.owner_domain, now)
        self._timers.cancel(packet.timer)
        packet.timer = self._timers.at(packet.expires_at, partial(self._on_expiry, packet))

    def on_datagram(self, port: UdpPort, data: bytes | OSError, now: float) -> None:
        packet = self._outstanding.of(port)
        if packet is None:
            if self.carriers and port in self.carriers:
                self.carriers[port](data)
            return
        if isinstance(data, OSError):
            self._on_error(packet, data, now)
            return
        match = match_untrusted(packet.sent, data)
        if self._taps.listeners and match is not Match.NO:
            self._taps.packet(packet, data, now - packet.sent_at)
        if match is not Match.YES:
            self._on_mismatch(packet, match, now)
        elif not packet.waiters:
            self._counters.late += 1
            is_witness = packet.purpose is Purpose.WITNESS and packet.way.reach.is_out
            if is_witness and not self.ways.believes(packet, data, now):
                self._retire(packet)
            else:
                self._answered(packet, now)
                self._learn_beside_untrusted(packet, data, now)
        elif is_truncated(data) and packet.server.transport is Transport.UDP:
            self._counters.truncated += 1
            rtt_s = now - packet.sent_at
            for asked in self._answered(packet, now):
                self._hear(asked, do.Truncated(packet, rtt_s), now)
            self._learn_beside_untrusted(packet, data, now)
        else:
            self._on_message_untrusted(packet, data, now)

    def _on_error(self, packet: Transmission, error: OSError, now: float) -> None:
        if getattr(error, "is_unproven", False):
            self._on_unproven(packet, error, now)
        else:
            self._on_icmp(packet, error, now)

    def _on_message_untrusted(self, packet: Transmission, data: bytes, now: float) -> None:
        server, state, sent = packet.server, packet.state, packet.sent
        try:
            message = read_untrusted(data, sent, packet.slot[1])
        except WireError as error:
            for asked in self._answered(packet, now):
                self._hear(asked, do.Malformed(server, state, server.transport, error), now)
            return
        if sent.cookie:
            match = match_cookie(sent, message)
            if match is not Match.YES:
                self._on_strange_cookie(packet, match, now)
                return
        fields = server, state, message, server.transport, now - packet.sent_at, sent
        arrived = _new(Arrived, fields)
        for asked in self._answered(packet, now):
            self._hear(asked, arrived, now)

    def _learn_beside_untrusted(self, packet: Transmission, data: bytes, now: float) -> None:
        """Nobody waits for it any more, or it was cut short. It is read where it may say which
        instance this is, or that EDNS works, so that the next may."""
        server, state, sent = packet.server, packet.state, packet.sent
        is_new = state.edns is EdnsState.UNKNOWN and sent.edns is not None
        if not (sent.asks_instance or is_new):
            return
        with suppress(WireError):
            message = read_untrusted(data, sent, packet.slot[1])
            if is_new and message.edns is not None:
                state.note_edns(EdnsState.WORKS, now)
            if sent.asks_instance and match_cookie(sent, message) is Match.YES:
                change = learnt(server, state, b"", message, now - packet.sent_at, now)
                if change is not None:
                    self._news.tell(None, change, now)

    def _on_mismatch(self, packet: Transmission, match: Match, now: float) -> None:
        """Not the reply to what was asked, octet by octet: counted; the true one may still come."""
        if match is Match.DOUBTFUL:  # a server that folds case, or a forger
            self._counters.case_mismatched += 1
            for asked in self._retire(packet):
                self._hear(asked, do.Doubtful(packet, UNMIXED), now)
            return
        self._counters.mismatched += 1
        event = do.Mismatched(packet, match is Match.NEAR)
        for asked in [*packet.waiters]:
            self._hear(asked, event, now)

    def _on_strange_cookie(self, packet: Transmission, match: Match, now: float) -> None:
        """Not our cookie: not believed. None at all, though the server has one: it forgot, or

        somebody else speaks. TCP tells; what was not believed may be followed by the true reply.
        """
        self._counters.mismatched += match is Match.NO
        waiting = [*packet.waiters] if match is Match.NO else self._retire(packet)
        for asked in waiting:
            self._hear(asked, do.Doubtful(packet, BARE), now)

    def _on_icmp(self, packet: Transmission, error: OSError, now: float) -> None:
        """Port, host or net unreachable: as good as an answer, and sooner than a timeout."""
        self._counters.unreachable += 1
        way, state = packet.way, packet.state
        if not way.reach.is_out:
            way.reach.remember(state)
            state.note_unreachable(packet.owner_domain, now)
            way.reach.note_silence(state, packet.sent_at, now)
        if packet.purpose is Purpose.WITNESS:
            self.ways.note_refused(way, now)
        event = do.Unreachable(packet, errno_text(error))
        for asked in self._retire(packet):
            self._hear(asked, event, now)

    def _on_unproven(self, packet: Transmission, error: OSError, now: float) -> None:
        """Somebody is there, who is not who was meant: of no use, but no sign of an outage."""
        self._counters.unreachable += 1
        way, state = packet.way, packet.state
        state.is_unreachable = True
        state.waiting.clear()
        if way.reach.note_answer(state, now):
            self.ways.end(way, now)
        event = do.Unreachable(packet, errno_text(error))
        for asked in self._retire(packet):
            self._hear(asked, event, now)

    # --- the end of a packet -----------------------------------------------------------------

    def _answered(self, packet: Transmission, now: float) -> list[Asked]:
        """The reply teaches; returns those who wait for it."""
        state, way = packet.state, packet.way
        self._infra.note_answer(state, now - packet.sent_at, now)
        if state.srtt < way.neighbours.far_s:
            witness = Witness(packet.server, state, packet.slot[1], packet.owner_domain)
            way.neighbours.note(witness)
        waiting: list[Asked] = self._outstanding.retire(packet)
        for asked in waiting:
            asked.query.attempts.on_its_way.remove(packet)
        if way.reach.note_answer(state, now):
            self.ways.end(way, now)
        return waiting

    def _retire(self, packet: Transmission) -> list[Asked]:
        waiting: list[Asked] = self._outstanding.retire(packet)
        for asked in waiting:
            asked.query.attempts.on_its_way.remove(packet)
        return waiting

    def _on_expiry(self, packet: Transmission, now: float) -> None:
        """Lost, as far as anybody can tell. The port stays open: a late reply still teaches."""
        self._counters.expired += 1
        patience = (
            max((a.query.late_until(now) for a in packet.waiters), default=now) + LATE_REPLY_SECONDS
        )
        packet.timer = self._timers.at(patience, lambda _: self._close(packet))
        self._outstanding.lapse(packet)
        event = do.Silent(packet)
        for asked in [*packet.waiters]:
            self._hear(asked, event, now)
        way, state = packet.way, packet.state
        if way.reach.note_overdue(state, packet.sent_at, now):
            self.ways.doubt(way, packet.sent_at, now)
        if way.reach.is_out:
            state.waiting.clear()
        elif state.t_ok < packet.sent_at:
            way.reach.remember(state)
            state.note_silence(packet.owner_domain, packet.sent_at, now)

    def _close(self, packet: Transmission) -> None:
        self._retire(packet)


def errno_text(error: OSError) -> str:
    """The kernel's name for it, or the sentence that says why there is no session."""
    reason: str = getattr(error, "reason", "")
    return reason or errno.errorcode.get(error.errno or 0, "error")
