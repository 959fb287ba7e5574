"""One question at one zone cut, from the first packet to the first usable reply.

Plain state, moved on by events: a reply, a refusal, an expiry, a timer, an address found. Every
method runs to its end without waiting; the asker's task sleeps until `wake`. Sending is
`dispatcher`'s, choosing `select`'s, remembering `infra`'s. RFC 9520 §3.1 bounds retries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio.lowlevel import Abort, reschedule

from resolver.errors import ResolverError, WorkExceeded
from resolver.limits import (
    ASK_SECONDS,
    ASK_SENDS,
    ASK_SUSPECT_SECONDS,
    EARLY_COPIES,
    EARLY_SECONDS,
    EXPIRY_UNKNOWN_SECONDS,
    HEDGE_DEPTH,
    LAST_RESORT_MISMATCHES,
    NS_LOOKUPS_PER_CUT,
    OVERDUE_FLOOR_SECONDS,
    RACE_WIDTH,
    SENDS_PER_ADDRESS,
    SPOOF_MISMATCHES,
)
from resolver.model import USABLE, Ede, Verdict
from resolver.protocol.codes import EdeCode, Rcode
from resolver.protocol.names import ROOT, to_text
from resolver.protocol.transport import Transport
from resolver.upstream import resort, speculate
from resolver.upstream.crowd import crowded
from resolver.upstream.doubt import Doubts
from resolver.upstream.edns_fallback import Again, Fallback
from resolver.upstream.failure_reasons import MALFORMED, no_usable_reply
from resolver.upstream.query_form import BARE, FULL, LOWER, PLAIN
from resolver.upstream.request import Reply
from resolver.upstream.select import (
    Situation,
    first_hedge_s,
    next_hedge_s,
    opening,
    serial_s,
    weigh,
)
from resolver.upstream.server_events import Tried
from resolver.upstream.server_state import owner_domain_of

if TYPE_CHECKING:
    import trio

    from resolver.delegation import Key
    from resolver.errors import WireError
    from resolver.model import Server
    from resolver.upstream.dispatcher import Dispatcher
    from resolver.upstream.edns_fallback import Arrived
    from resolver.upstream.outstanding import Transmission
    from resolver.upstream.query_form import Form
    from resolver.upstream.request import Request
    from resolver.upstream.select import Candidate
    from resolver.upstream.server_state import ServerState
    from resolver.upstream.timers import Timer

_NOBODY: frozenset[Key] = frozenset()


class CutQuery:
    """The state of one `ask`."""

    def __init__(self, dispatcher: Dispatcher, request: Request, now: float) -> None:
        delegation = request.delegation
        self.dispatcher = dispatcher
        self.request = request
        self.zone = delegation.zone
        self.owner_domain = owner_domain_of(self.zone)
        ways = dispatcher.ways
        self.way = ways.public if delegation.way is None else ways.of(delegation)
        self.started = now
        self.give_up = min(request.budget.whole.deadline, now + ASK_SECONDS)
        self.may_speculate = dispatcher.settings.speculation and request.budget.depth <= HEDGE_DEPTH
        self.fallback = Fallback(is_signed=delegation.is_signed)
        self.copies: list[Transmission] = []
        self.streams: dict[Key, trio.CancelScope] = {}
        self.sends: dict[Key, int] = {}
        self.total = 0
        self.rejected = _NOBODY
        self.reasons: dict[Server, str] = {}
        self.mismatches = 0
        self.doubts: Doubts | None = None
        self.has_resorted = False
        self.lacks_room = False
        self.is_stuck = False
        if dispatcher.crowds:
            self.may_speculate = self.may_speculate and dispatcher.crowds.is_calm(self.zone)
        self.uses_tcp = request.wants_tcp
        self.is_race = False
        self.timer: Timer | None = None
        self.gap = 0.0
        self.is_exhausted = False
        self.wants_addresses = False
        self.rounds = 0
        self.lookup: trio.CancelScope | None = None
        self.lookup_error: WorkExceeded | None = None
        self.reply: Reply | None = None
        self.error: ResolverError | None = None
        self.sleeper: trio.lowlevel.Task | None = None

    def __repr__(self) -> str:
        state = "done" if self.is_done else f"{len(self.copies)} on their way"
        return f"<CutQuery {to_text(self.request.question.qname)} at {to_text(self.zone)}: {state}>"

    @property
    def is_done(self) -> bool:
        return self.reply is not None or self.error is not None

    @property
    def is_speculative(self) -> bool:
        """May packets be sent that the answer does not need? Not under overload."""
        return self.may_speculate and not self.dispatcher.flight.is_busy

    # --- moving on -------------------------------------------------------------------------

    def move_on(self, now: float) -> None:
        """Begin, or ask one more server if one may be asked; else wait, look up, or fail."""
        if self.reply is not None or self.error is not None:
            return
        if now >= self.give_up:
            self._fail(now)
        elif self.way.reach.is_out and self.dispatcher.ways.is_held(self, now):
            return
        elif not self.total:
            self._open(now)
        elif self.total >= ASK_SENDS:
            self._wait(now)
        else:
            self._ask_another(now)

    def on_lookup(self, *, found_more: bool, now: float) -> None:
        """A nameserver lookup came back; *found_more* False: there is nothing left to look up."""
        self.rounds += 1
        if not found_more or self.rounds >= NS_LOOKUPS_PER_CUT:
            self.is_exhausted = True
        if not self._has_live(now):
            self.move_on(now)

    def resume(self, now: float) -> None:
        """An outage ended: what was held goes out at once, and what was lost counts for nothing."""
        self.sends.clear()
        self.total = 0
        self.rejected = _NOBODY
        self.give_up = min(self.request.budget.whole.deadline, now + ASK_SECONDS)
        self._hang_up()
        self.move_on(now)

    def late_until(self, now: float) -> float:
        """As long as a reply that counts as lost may still be waited for."""
        return self.give_up if self.request.delegation.is_last_word else now

    def rearm(self, when: float) -> None:
        """Move on then, or at the end of patience."""
        timers = self.dispatcher.timers
        if self.timer is not None:
            timers.cancel(self.timer)
        self.timer = timers.at(min(when, self.give_up), self._on_timer)

    def close(self) -> None:
        """The asker is gone, or has what it wanted: copies on their way go on teaching alone."""
        if self.timer is not None:
            self.dispatcher.timers.cancel(self.timer)
            self.timer = None
        if self.copies:
            self._leave_copies()
        if self.streams:
            self._hang_up()
        if self.doubts is not None:
            self.doubts.close()
        self.way.parked.discard(self)
        if self.is_stuck:
            self.is_stuck = False
            self.dispatcher.crowds.leave(self.zone)

    def _hang_up(self) -> None:
        """Nobody waits for what comes over TCP any more."""
        for scope in self.streams.values():
            scope.cancel()
        self.streams.clear()

    def wake(self) -> None:
        """Let the asker's task look at what there is now."""
        task, self.sleeper = self.sleeper, None
        if task is not None:
            reschedule(task)

    def let_go(self, _: object) -> Abort:
        """The asker's task is cancelled while it sleeps."""
        self.sleeper = None
        return Abort.SUCCEEDED

    def _on_timer(self, now: float) -> None:
        self.timer = None
        young = [copy for copy in self.copies if not copy.is_overdue(now)]
        if not young and self.copies:
            self.dispatcher.ways.doubt(self.way, self.started, now)
        if young and self.may_speculate and now < self.give_up and not self.way.reach.is_out:
            early_until = self.started + EARLY_SECONDS  # one sum: a difference may round otherwise
            if len(young) >= EARLY_COPIES and now < early_until:
                self.rearm(early_until)
                return
            if not self.dispatcher.hedges.take():  # what is overdue costs no token
                self.rearm(max(copy.overdue_at for copy in young))
                return
        self.move_on(now)

    # --- what comes back -------------------------------------------------------------------

    def on_reply(self, arrived: Arrived, now: float) -> None:
        """A reply to this very query. The copy is off the list already."""
        if self.reply is not None or self.error is not None:
            return
        server, state, message = arrived.server, arrived.state, arrived.message
        if self.doubts is not None:
            self.doubts.on_reply(arrived, now)
        if message.rcode or message.edns is None:
            again = self.fallback.asks_again(arrived)
            if again is not Again.NO and self._ask_again(arrived, again, now):
                return
        self.fallback.learn(arrived, now)
        classified = self.request.classify(message, server)
        if self.dispatcher.listeners:
            self.tell(server, arrived.transport, arrived.rtt_s, classified.verdict.value)
        if classified.verdict not in USABLE:
            if arrived.transport is not Transport.UDP:
                state.tcp_failed_at = now  # it says no more than UDP did
            self.dispatcher.infra.mark(state, self.zone, classified.verdict, now)
            self.reject(server, classified.verdict.value, now)
            return
        if state.marks:
            self.dispatcher.infra.unmark(state, self.zone, now)
        if self.is_race and self.is_speculative:
            speculate.after_race(self, state, now)
        self.reply = Reply(server, message, classified, arrived.rtt_s, arrived.transport)
        self._finish()

    def reject(self, server: Server, reason: str, now: float) -> None:
        """This server is of no use here: ask another, at once if nobody is expected to answer."""
        if self.is_done or self.way.reach.is_out:  # it is us, not the server
            return
        self.rejected |= {server.key}
        self.reasons[server] = reason
        if not self._has_live(now) or all(copy.is_overdue(now) for copy in self.copies):
            self.move_on(now)

    def on_refusal(self, server: Server, reason: str, now: float) -> None:
        """The kernel would not send: nothing went out, so another server takes the place."""
        self._refund(server)
        self.tell(server, Transport.UDP, None, reason)
        self.rejected |= {server.key}
        self.reasons[server] = reason
        self.rearm(now)

    def on_no_room(self, server: Server, now: float) -> None:
        """No descriptor or port is free: soon again."""
        self._refund(server)
        self.lacks_room = True
        self.rearm(now + OVERDUE_FLOOR_SECONDS)

    def on_malformed(
        self, server: Server, state: ServerState, transport: Transport, error: WireError, now: float
    ) -> None:
        """Matched, but no DNS message."""
        self.dispatcher.counters.useless += 1
        self.tell(server, transport, None, f"malformed: {error}")
        self.dispatcher.infra.mark(state, self.zone, Verdict.USELESS, now)
        self.reject(server, MALFORMED, now)

    def on_mismatch(self, copy: Transmission, now: float) -> None:
        """Somebody guesses: after ten misses the question goes where guessing is of no use.

        After many more at the last resort nobody is listened to.
        """
        self.mismatches += 1
        if self.mismatches == SPOOF_MISMATCHES:
            self.uses_tcp = True
            self._leave_copies()
            self.on_doubt(copy, FULL, now)
        elif self.mismatches == SPOOF_MISMATCHES + LAST_RESORT_MISMATCHES:
            self._leave_copies()
            self.move_on(now)

    def on_near_miss(self, copy: Transmission, now: float) -> None:
        """The right id, and yet not the reply: TCP beside the copy, which may still be answered."""
        self.on_mismatch(copy, now)
        if not self.streams and copy.state.may_bear_tcp(now) and self._may_repeat(copy.state.key):
            self.go_tcp(copy.server, copy.state, now)

    def on_doubt(self, copy: Transmission, form: Form, now: float) -> None:
        """A reply that may be forged, or is not believed: TCP, else once more in *form*."""
        if self.doubts is None:
            self.doubts = Doubts(self)
        if copy.sent.edns is None:
            form = PLAIN.without(form)  # what it replied to: with more it may be silent
        rtt_s = now - copy.sent_at
        self.doubts.add(copy.server, copy.state, form, rtt_s=rtt_s, now=now)

    def on_tcp_failure(self, server: Server, reason: str, now: float) -> None:
        """No connection, or nothing came over it."""
        self.tell(server, Transport.TCP, None, reason)
        if self.doubts is None or not self.doubts.on_tcp_failure(server.key, now):
            self.reject(server, reason, now)

    def _leave_copies(self) -> None:
        for copy in self.copies:
            self.dispatcher.flight.leave(copy, self)
        self.copies.clear()

    def on_silence(self, copy: Transmission, now: float) -> None:
        """A copy expired; its port stays open a while, but nothing more is expected."""
        self.reasons.setdefault(copy.server, resort.SILENT)
        self.tell(copy.server, Transport.UDP, None, "timeout")
        self._wait_in_crowd(now)

    def _wait_in_crowd(self, now: float) -> None:
        """Be counted among those who wait for servers that do not answer; not for too many."""
        crowds = self.dispatcher.crowds
        if self.is_done or self.way.reach.is_out:
            return
        if not self.is_stuck:
            self.is_stuck = True
            crowds.enter(self.zone, now)
        if not crowds.may_stay(self.zone, now):
            self.dispatcher.counters.turned_away += 1
            self._end(crowded(self.zone))

    def tell(self, server: Server, transport: Transport, rtt_s: float | None, outcome: str) -> None:
        """Let those who watch know what became of one packet."""
        if self.dispatcher.listeners:
            tried = Tried(self.request.question, self.zone, server, transport, rtt_s, outcome)
            for listener in self.dispatcher.listeners:
                listener(tried)

    # --- whom to ask -----------------------------------------------------------------------

    def candidates(self, now: float) -> list[Candidate]:
        dispatcher, delegation, excluded = (
            self.dispatcher,
            self.request.delegation,
            self.request.excluded,
        )
        servers = [
            server
            for server in delegation.book.servers
            if server.key not in self.rejected
            and server.host not in excluded
            and dispatcher.allows(server, self.zone, is_forward=delegation.is_forward)
        ]
        situation = Situation(self.zone, self.owner_domain, now, self.way.reach.broken_families)
        return weigh(servers, situation, infra=dispatcher.infra, rng=dispatcher.dice)

    def _open(self, now: float) -> None:
        """Ask the cheapest server, or the first two of a set that nobody knows."""
        candidates = self.candidates(now)
        if not candidates:
            self._need_addresses(now)
            return
        is_speculative = self.is_speculative
        chosen = opening(candidates, width=RACE_WIDTH if is_speculative else 1)
        first = chosen[0]
        if first.is_suspect or first.is_marked:
            self._distrust(first, now)
            if self.error is not None:
                return
        self.dispatcher.note_first_send()
        is_sent = self.send(first, now)
        if len(chosen) > 1:
            self.is_race = True
            self.dispatcher.counters.races += 1
            for candidate in chosen[1:]:
                is_sent |= self.send(candidate, now)
        elif is_sent and is_speculative:
            speculate.beside(self, candidates, first.state, now)
        if is_speculative and self.zone == ROOT:
            speculate.probe_roots(self, now)
        if is_sent:
            typical_s = self.dispatcher.infra.typical_rtt_s if self.is_race else 0.0
            self.gap = first_hedge_s(chosen, candidates, typical_s=typical_s)
            self._rearm(first.state, now)

    def _distrust(self, first: Candidate, now: float) -> None:
        """Expect little where the best of all was silent, or of no use, a moment ago."""
        if not self.request.is_repeated:
            self.want_addresses()
        if first.is_suspect:
            if not self.request.delegation.is_last_word:
                self.give_up = min(self.give_up, now + ASK_SUSPECT_SECONDS)
            self._wait_in_crowd(now)

    def _ask_another(self, now: float) -> None:
        choice = self._choose(now)
        if choice is None:
            self._wait(now)
            return
        is_repeat = choice.server.key in self.sends
        if choice.is_suspect or is_repeat:
            self.want_addresses()
        if self.send(choice, now):
            if is_repeat:
                self.dispatcher.counters.retries += 1
            else:
                self.dispatcher.counters.hedges += 1
            gap = self.gap
            if is_repeat and choice.state.n:  # it may have been measured since the first try
                gap = min(gap, choice.state.overdue_s)
            self.gap = next_hedge_s(choice.state, gap, is_second_round=is_repeat)
            self._rearm(choice.state, now)

    def _choose(self, now: float) -> Candidate | None:
        """The cheapest address not asked yet; then one whose earlier copies are overdue.

        Not the latter while somebody's reply is not even late, nor a server that was of no use to
        this zone a moment ago while anybody may still answer.
        """
        repeat = None
        can_wait = any(copy.late_at > now for copy in self.copies)
        busy = {copy.server.key for copy in self.copies if not copy.is_overdue(now)}
        for candidate in self.candidates(now):
            key = candidate.server.key
            if candidate.is_marked and self._has_live(now):
                continue
            if key not in self.sends:
                return candidate
            if can_wait or key in busy or key in self.streams or not self._may_repeat(key):
                continue
            if repeat is None or self.sends[key] < self.sends[repeat.server.key]:
                repeat = candidate
        return repeat

    # --- sending ---------------------------------------------------------------------------

    def send(self, candidate: Candidate, now: float) -> bool:
        """True if a packet went out, or this cut_query joined one that is on its way."""
        server, state = candidate.server, candidate.state
        if self.uses_tcp:
            return self.go_tcp(server, state, now)
        flight = self.dispatcher.flight
        if flight.join(self, (state.key, self.request.question), now):
            self.dispatcher.counters.shared += 1
            self.sends[state.key] = self.sends.get(state.key, 0) + 1
            self.total += 1
            return True
        if not flight.has_room():
            self.lacks_room = True
            self.rearm(now + OVERDUE_FLOOR_SECONDS)
            return False
        is_last_try = self.sends.get(state.key, 0) == SENDS_PER_ADDRESS - 1
        if is_last_try and not self.way.reach.is_out and self.fallback.wants_tcp(state, now):
            return self.go_tcp(server, state, now, BARE)
        return self._go_udp(server, state, now)

    def _go_udp(self, server: Server, state: ServerState, now: float) -> bool:
        key = state.key
        if not self._spend(key, now):
            return False
        form = self.fallback.form(state, now, tries=self.sends[key])
        if self.doubts is not None:
            form = self.doubts.borne(key, form)
        return self.dispatcher.send(self, server, state, form=form, now=now)

    def go_tcp(
        self, server: Server, state: ServerState, now: float, form: Form | None = None
    ) -> bool:
        """Over TCP: a truncated reply, a forger or a folder of case, or wanted from the start."""
        if self.is_done or server.key in self.streams or not self._spend(server.key, now):
            return False
        form = form or self.fallback.form(state, now, tries=1)
        self.dispatcher.start_tcp(self, server, state, form=form, now=now)
        self.rearm(now + max(state.expiry_s, EXPIRY_UNKNOWN_SECONDS))
        return True

    def send_again(self, server: Server, state: ServerState, form: Form, now: float) -> bool:
        """Over UDP in *form*, or joined to somebody's copy of the same; False if none is out."""
        if self.dispatcher.flight.join(self, (state.key, self.request.question), now):
            return True
        if not self._spend(state.key, now):
            return False
        self.rearm(now + state.expiry_s)
        return self.dispatcher.send(self, server, state, form=form, now=now)

    def _ask_again(self, arrived: Arrived, again: Again, now: float) -> bool:
        """The same server with less, or with its cookie. True if that is on its way."""
        server, state = arrived.server, arrived.state
        self.tell(server, arrived.transport, arrived.rtt_s, f"rcode {arrived.message.rcode}")
        if arrived.message.rcode == Rcode.BADCOOKIE:
            self.dispatcher.counters.bad_cookies += 1
        else:
            self.dispatcher.counters.edns_fallbacks += 1
        if self.sends.get(state.key, 0) >= SENDS_PER_ADDRESS or self.total >= ASK_SENDS:
            return False
        if again is Again.TCP:
            return self.go_tcp(server, state, now, LOWER)  # a mix of case protects nothing there
        return self._go_udp(server, state, now)

    def _spend(self, key: Key, now: float) -> bool:
        try:
            self.request.budget.spend_query()
        except WorkExceeded as error:
            if self._has_live(now):
                self.rearm(max((copy.expires_at for copy in self.copies), default=self.give_up))
            else:
                self._end(error)
            return False
        self.sends[key] = self.sends.get(key, 0) + 1
        self.total += 1
        return True

    def _refund(self, server: Server) -> None:
        """What `_spend` took for a packet that never went out."""
        self.request.budget.refund_query()
        self.sends[server.key] -= 1
        self.total -= 1

    def _may_repeat(self, key: Key) -> bool:
        return self.sends.get(key, 0) < SENDS_PER_ADDRESS

    # --- waiting, and the end --------------------------------------------------------------

    def _rearm(self, state: ServerState, now: float) -> None:
        """When to do more: soon if hedging is on, after a fair wait if it is not."""
        if not self.uses_tcp and self.reply is None and self.error is None:
            wait_s = self.gap if self.is_speculative else serial_s(state)
            if self.sends.get(state.key, 0) >= SENDS_PER_ADDRESS and not any(
                map(self._may_repeat, self.sends)
            ):
                wait_s = min(wait_s, state.overdue_s)  # the last resort is next
            self.rearm(now + wait_s)

    def _has_live(self, now: float) -> bool:
        """Something on its way may still be answered."""
        return bool(self.streams) or any(copy.expires_at > now for copy in self.copies)

    def _wait(self, now: float) -> None:
        """Nobody may be asked right now: until somebody may, or nobody can answer any more."""
        if self.way.reach.is_out:
            self.dispatcher.ways.park(self, now)
            return
        if not self._has_live(now):
            self._need_addresses(now)
            return
        self.want_addresses()
        if all(copy.is_overdue(now) for copy in self.copies) and resort.over_tcp(self, now):
            return
        moments = [copy.expires_at for copy in self.copies]
        if self.total < ASK_SENDS:
            for copy in self.copies:
                moments += [copy.late_at, copy.overdue_at]
        self.rearm(min((at for at in moments if at > now), default=self.give_up))

    def want_addresses(self) -> None:
        """Look up more nameservers beside what is on its way: all that is known is doubtful."""
        if not self.is_exhausted and not self.wants_addresses and self.total < ASK_SENDS:
            self.wants_addresses = True
            self.wake()

    def _need_addresses(self, now: float) -> None:
        """Nobody is left to ask and nothing is on its way."""
        if self.way.reach.has_no_route(now) or (self.request.is_probe and self.total):
            self._fail(now)  # after a probe comes the full question, and comes now
            return
        self.want_addresses()
        if self.wants_addresses or self.lookup is not None:
            self.rearm(self.give_up)
        elif self.lookup_error is not None and not self.total:
            self._end(self.lookup_error)
        elif not resort.over_tcp(self, now):
            self._fail(now)

    def _fail(self, now: float) -> None:
        ways, way = self.dispatcher.ways, self.way
        if self.reasons and now < self.give_up and ways.doubt(way, self.started, now):
            self.rearm(way.verdict_at)  # is it they, or we?
            return
        if now < self.give_up and self.copies and self.request.delegation.is_last_word:
            self.rearm(self.give_up)  # who asks others may take as long as the client waits
            return
        for copy in self.copies:
            self.reasons.setdefault(copy.server, resort.SILENT)
        self.dispatcher.counters.failed += 1
        if self.lacks_room and not self.reasons:
            self._end(WorkExceeded("IN_FLIGHT", ede=(Ede(EdeCode.OTHER, "no socket is free"),)))
        else:
            failed = no_usable_reply(self.zone, self.reasons, now - self.started)
            self._end(ways.error(way, failed, now))

    def _end(self, error: ResolverError) -> None:
        self.error = error
        self._finish()

    def _finish(self) -> None:
        self.close()
        self.wake()
        if self.lookup is not None:
            self.lookup.cancel()
