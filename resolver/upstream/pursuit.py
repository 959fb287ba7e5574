"""One question at one zone cut, from the first packet to the first usable reply.

Plain state, moved on by events: a reply, a refusal, an expiry, a timer, an address found. Every
method runs to its end without waiting; the asker's task sleeps on `woken`. Sending is the desk's
(`exchange`), choosing is `select`'s, what is remembered is `infra`'s. RFC 9520 §3.1 bounds retries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import trio

from resolver import limits
from resolver.errors import ExchangeFailed, ResolverError, WorkExceeded
from resolver.model import Ede, Verdict
from resolver.protocol.codes import EdeCode, Rcode, RRType
from resolver.protocol.names import ROOT, to_text
from resolver.upstream.infra import EdnsState, site_of
from resolver.upstream.inquiry import Reply
from resolver.upstream.query import server_cookie
from resolver.upstream.select import (
    Situation,
    companion,
    hedge_s,
    next_hedge_s,
    opening,
    serial_s,
    weigh,
)

if TYPE_CHECKING:
    from resolver.model import Server
    from resolver.protocol.wire import Message
    from resolver.upstream.exchange import Copy, Exchange
    from resolver.upstream.infra import AddressState, Key
    from resolver.upstream.inquiry import Inquiry
    from resolver.upstream.select import Candidate
    from resolver.upstream.timers import Timer

_ASK_SECONDS = float(limits.ASK_SECONDS)
_SENDS = int(limits.ASK_SENDS)
_PER_ADDRESS = int(limits.SENDS_PER_ADDRESS)
_EARLY_COPIES = int(limits.EARLY_COPIES)
_EARLY = float(limits.EARLY_SECONDS)
_MISMATCHES = int(limits.SPOOF_MISMATCHES)
_HEDGE_DEPTH = int(limits.HEDGE_DEPTH)
_SILENCES_FOR_PLAIN = 2  # one may be loss: RFC 6891 §6.2.2 wants certainty before EDNS is given up
_TOLD_SERVERS = 4
_NO_ROOM_WAIT = float(limits.OVERDUE_FLOOR_SECONDS)
_ROUNDS = int(limits.NS_LOOKUPS_PER_CUT)


class Arrived(NamedTuple):
    """A reply that matched, with the query it answers."""

    server: Server
    state: AddressState
    message: Message
    transport: str
    rtt_s: float
    had_edns: bool
    had_cookie: bool


class Pursuit:
    """The state of one `ask`."""

    def __init__(self, desk: Exchange, inquiry: Inquiry, now: float) -> None:
        self.desk = desk
        self.inquiry = inquiry
        self.zone = inquiry.delegation.zone
        self.site = site_of(self.zone)
        self.started = now
        self.give_up = min(inquiry.budget.deadline, now + _ASK_SECONDS)
        self.is_speculative = desk.settings.speculation and inquiry.budget.depth <= _HEDGE_DEPTH
        self.copies: list[Copy] = []
        self.streams: dict[Key, trio.CancelScope] = {}
        self.sends: dict[Key, int] = {}
        self.total = 0
        self.rejected: set[Key] = set()
        self.plain: set[Key] = set()
        self.edns_silent: set[Key] = set()
        self.reasons: dict[Server, str] = {}
        self.replied = False
        self.mismatches = 0
        self.uses_tcp = inquiry.wants_tcp
        self.timer: Timer | None = None
        self.gap = 0.0
        self.is_race = False
        self.is_exhausted = False
        self.wants_addresses = False
        self.lookup: trio.CancelScope | None = None
        self.lookup_error: WorkExceeded | None = None
        self.rounds = 0
        self.reply: Reply | None = None
        self.error: ResolverError | None = None
        self.woken = trio.Event()

    def __repr__(self) -> str:
        state = "done" if self.is_done else f"{len(self.copies)} on their way"
        return f"<Pursuit {to_text(self.inquiry.question.qname)} at {to_text(self.zone)}: {state}>"

    @property
    def is_done(self) -> bool:
        return self.reply is not None or self.error is not None

    # --- moving on -------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """Ask the first server, or the first two."""
        if now >= self.give_up:
            self._fail(now)
            return
        candidates = self._candidates(now)
        if not candidates:
            self._need_addresses(now)
            return
        self._open(candidates, now)

    def step(self, now: float) -> None:
        """Ask one more server, if there is one that may be asked; else wait, look up, or fail."""
        if self.is_done:
            return
        if now >= self.give_up:
            self._fail(now)
            return
        if self.desk.is_held(self, now):
            return
        if self.total >= _SENDS:
            if self._has_live(now):
                self._arm(self.give_up)
            else:
                self._fail(now)
            return
        choice = self._choose(now)
        if choice is None:
            self._wait_or_fail(now)
            return
        is_repeat = choice.server[:2] in self.sends
        if choice.is_suspect or is_repeat:
            self._want_addresses()
        if self._send(choice, "retry" if is_repeat else "hedge", now):
            self._arm_after(choice, is_repeat=is_repeat, now=now)

    def on_lookup(self, *, found_more: bool, now: float) -> None:
        """A nameserver lookup came back; *found_more* False: there is nothing left to look up."""
        self.rounds += 1
        if not found_more or self.rounds >= _ROUNDS:
            self.is_exhausted = True
        if not self.total:
            self.begin(now)
        elif not self._has_live(now):
            self.step(now)

    def resume(self, now: float) -> None:
        """An outage ended: what was held goes out at once."""
        if self.is_done:
            return
        self.sends.clear()
        if self.total:
            self.step(now)
        else:
            self.begin(now)

    def rearm(self, when: float) -> None:
        """Try again then; not later than the end of patience."""
        self._arm(when)

    def close(self) -> None:
        """The asker is gone, or has what it wanted: copies on their way go on teaching alone."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        for copy in self.copies:
            copy.pursuits.remove(self)
        self.copies.clear()
        for scope in self.streams.values():
            scope.cancel()
        self.streams.clear()
        self.desk.parked.discard(self)

    # --- what comes back -------------------------------------------------------------------

    def on_reply(self, arrived: Arrived, now: float) -> None:
        """A reply to this very query. The copy is off the list already."""
        if self.is_done:
            return
        self.replied = True
        state, message = arrived.state, arrived.message
        if self._retries_edns(arrived, now):
            return
        self._learn_edns(arrived, now)
        judged = self.inquiry.judge(message, arrived.server)
        self.desk.tell(self, arrived.server, arrived.transport, arrived.rtt_s, judged.verdict.value)
        if judged.verdict.is_usable:
            self.desk.infra.unmark(state, self.zone)
            if self.is_race:
                self._probe_after_race(state, now)
            self._finish(Reply(arrived.server, message, judged, arrived.rtt_s, arrived.transport))
            return
        self.desk.infra.mark(state, self.zone, judged.verdict, now)
        self.reject(arrived.server, judged.verdict.value, now)

    def reject(self, server: Server, reason: str, now: float) -> None:
        """This server is of no use for this question: ask another, at once if none is on its way."""
        if self.is_done:
            return
        self.rejected.add(server[:2])
        self.reasons[server] = reason
        if not self._has_live(now) or all(copy.is_overdue(now) for copy in self.copies):
            self.step(now)

    def refused(self, server: Server, reason: str, now: float) -> None:
        """The kernel would not send: nothing went out, so another server takes the place."""
        self.rejected.add(server[:2])
        self.reasons[server] = reason
        self._arm(now)

    def on_malformed(self, server: Server, state: AddressState, reason: str, now: float) -> None:
        """Matched, but no DNS message."""
        self.desk.tell(self, server, "udp", None, reason)
        self.desk.infra.mark(state, self.zone, Verdict.USELESS, now)
        self.reject(server, reason, now)

    def on_truncated(self, server: Server, state: AddressState, now: float) -> None:
        """TC: the same server again, over TCP (RFC 7766 §5)."""
        self._go_tcp(server, state, "retry", now)

    def on_mismatch(self, server: Server, state: AddressState, now: float) -> None:
        """Somebody guesses: after ten misses the question goes where guessing is of no use."""
        self.mismatches += 1
        if self.mismatches == _MISMATCHES and not self.is_done:
            self.uses_tcp = True
            self._go_tcp(server, state, "retry", now)

    def on_case(self, server: Server, state: AddressState, now: float) -> None:
        """Right in all but the case of letters: a folding server or a forger. TCP tells them apart."""
        self._go_tcp(server, state, "retry", now)

    def on_silence(self, copy: Copy) -> None:
        """A copy expired; its port stays open a while, but nothing more is expected."""
        self.reasons.setdefault(copy.server, "no reply")
        self.desk.tell(self, copy.server, "udp", None, "timeout")

    # --- whom to ask -----------------------------------------------------------------------

    def _candidates(self, now: float) -> list[Candidate]:
        shunned, rejected = self.inquiry.shunned, self.rejected
        servers = [
            server
            for server in self.inquiry.delegation.servers()
            if server[:2] not in rejected
            and server.host not in shunned
            and self.desk.is_allowed(server, is_forward=self.inquiry.delegation.is_forward)
        ]
        situation = Situation(self.zone, self.site, now, self.desk.reach.broken_families)
        return weigh(servers, situation, infra=self.desk.infra, rng=self.desk.rng)

    def _open(self, candidates: list[Candidate], now: float) -> None:
        if self.desk.is_held(self, now):
            return
        is_speculative = self.is_speculative and not self.desk.is_busy
        width = int(limits.RACE_WIDTH) if is_speculative else 1
        chosen = opening(candidates, width=width)
        if chosen[0].is_suspect or chosen[0].is_marked:
            self._want_addresses()
        self.desk.note_first_send()
        is_sent = self._send(chosen[0], "first", now)
        self.is_race = len(chosen) > 1
        for racer in chosen[1:]:
            is_sent = self._send(racer, "race", now) or is_sent
        if is_sent and is_speculative and len(chosen) == 1 and chosen[0].is_known:
            self._probe(candidates, chosen[0].state, now)
        self._sound_the_root(now)
        if is_sent and not self.is_done:
            self._arm_after(chosen[0], is_repeat=False, now=now)

    def _probe(self, candidates: list[Candidate], primary: AddressState, now: float) -> None:
        """A companion: the same question to a server worth knowing better, off the critical path."""
        found = self.desk.probe_family(candidates, now) or companion(candidates, primary, now=now)
        if found is None or self.inquiry.budget.purse.queries < _SENDS:
            return
        if self.desk.probes.take():
            found.state.probed_at = now
            self._send(found, "probe", now)

    def _probe_after_race(self, winner: AddressState, now: float) -> None:
        """Now it is known what there is to beat: look for better, while the question is at hand."""
        if not self.is_speculative or self.desk.is_busy or self.uses_tcp or not winner.n:
            return
        self._probe(self._candidates(now), winner, now)

    def _sound_the_root(self, now: float) -> None:
        """The priming query goes to all root addresses once, 26 packets in the life of a process.

        That measures the way to the root and the health of both families before any client asks,
        and gives the prior for everything else.
        """
        question = self.inquiry.question
        if self.zone != ROOT or question.qtype != RRType.NS or not self.is_speculative:
            return
        if self.desk.is_busy or not self.desk.may_sound():
            return
        for candidate in self._candidates(now):
            if not candidate.state.n and not candidate.state.waiting:
                self._send(candidate, "probe", now)

    def _choose(self, now: float) -> Candidate | None:
        """The cheapest address not asked yet; then one whose earlier copies are overdue.

        Not the latter while somebody's reply is not even late.
        """
        repeat = None
        can_wait = any(copy.late_at > now for copy in self.copies)
        busy = {copy.server[:2] for copy in self.copies if not copy.is_overdue(now)}
        for candidate in self._candidates(now):
            key = candidate.server[:2]
            count = self.sends.get(key, 0)
            if not count:
                return candidate
            may_repeat = self._may_repeat(key) and not can_wait
            may_repeat = may_repeat and key not in busy and key not in self.streams
            if may_repeat and (repeat is None or count < self.sends[repeat.server[:2]]):
                repeat = candidate
        return repeat

    def _has_live(self, now: float) -> bool:
        """Something on its way may still be answered."""
        return bool(self.streams) or any(copy.expires_at > now for copy in self.copies)

    def _wait_or_fail(self, now: float) -> None:
        """Nobody may be asked right now."""
        if self.desk.reach.is_out:
            self.desk.park(self, now)
            return
        if not self._has_live(now):
            self._need_addresses(now)
            return
        self._want_addresses()
        moments = [copy.overdue_at for copy in self.copies if self._may_repeat(copy.server[:2])]
        for copy in self.copies:
            moments += [copy.late_at, copy.expires_at]
        self._arm(min((at for at in moments if at > now), default=self.give_up))

    def _may_repeat(self, key: Key) -> bool:
        return self.sends.get(key, 0) < _PER_ADDRESS

    # --- sending ---------------------------------------------------------------------------

    def _send(self, candidate: Candidate, role: str, now: float) -> bool:
        """True if a packet went out, or joined one that is on its way."""
        server, state = candidate.server, candidate.state
        if self.uses_tcp:
            return self._go_tcp(server, state, role, now)
        if not self.desk.has_room():
            self._arm(now + _NO_ROOM_WAIT)
            return False
        return self._send_udp(server, state, role, now)

    def _send_udp(self, server: Server, state: AddressState, role: str, now: float) -> bool:
        if not self._spend(server, now):
            return False
        with_edns = server[:2] not in self.plain and self._wants_edns(server, state, now)
        return self.desk.send(self, server, state, role=role, with_edns=with_edns, now=now)

    def _wants_edns(self, server: Server, state: AddressState, now: float) -> bool:
        """Not towards servers that EDNS breaks; the last try without it where it may be to blame."""
        if self.inquiry.delegation.is_signed:
            return True
        if not state.knows_edns(now):
            return False
        if state.edns is EdnsState.WORKS or self._may_repeat(server[:2]):
            return True
        self.edns_silent.add(server[:2])
        return False

    def _go_tcp(self, server: Server, state: AddressState, role: str, now: float) -> bool:
        if self.is_done or server[:2] in self.streams or not self._spend(server, now):
            return False
        with_edns = server[:2] not in self.plain and (
            self.inquiry.delegation.is_signed or state.knows_edns(now)
        )
        self.desk.start_tcp(self, server, state, role=role, with_edns=with_edns, now=now)
        self._arm(now + max(state.expiry_s, float(limits.EXPIRY_UNKNOWN_SECONDS)))
        return True

    def _spend(self, server: Server, now: float) -> bool:
        try:
            self.inquiry.budget.spend_query()
        except WorkExceeded as error:
            if not self._has_live(now):
                self._end(error)
            else:
                self._arm(self.give_up)
            return False
        key = server[:2]
        self.sends[key] = self.sends.get(key, 0) + 1
        self.total += 1
        return True

    # --- timers ----------------------------------------------------------------------------

    def _arm_after(self, choice: Candidate, *, is_repeat: bool, now: float) -> None:
        """When to do more: soon if hedging is on, after a fair wait if it is not."""
        state = choice.state
        if self.uses_tcp:
            return
        if not self.is_speculative or self.desk.is_busy:
            self.gap = serial_s(state)
        elif not self.gap:
            self.gap = hedge_s(state)
        else:
            self.gap = next_hedge_s(state, self.gap, is_second_round=is_repeat)
        self._arm(now + self.gap)

    def _arm(self, when: float) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.timer = self.desk.timers.at(min(when, self.give_up), self._on_timer)

    def _on_timer(self, now: float) -> None:
        self.timer = None
        if self.is_done:
            return
        if not self.total:
            self.begin(now)
            return
        young = [copy for copy in self.copies if not copy.is_overdue(now)]
        if young and self.is_speculative and now < self.give_up:
            if len(young) >= _EARLY_COPIES and now - self.started < _EARLY:
                self._arm(self.started + _EARLY)
                return
            if not self.desk.is_held(self, now) and not self.desk.hedges.take():
                self._arm(max(copy.overdue_at for copy in young))
                return
        self.step(now)

    # --- EDNS ------------------------------------------------------------------------------

    def _retries_edns(self, arrived: Arrived, now: float) -> bool:
        """FORMERR, NOTIMP, BADVERS, BADCOOKIE: the same server again with less, or with the cookie.

        True if a retry is on its way. What was learnt is kept only when the retry works.
        """
        if not arrived.had_edns:
            return False
        server, state, message = arrived.server, arrived.state, arrived.message
        key, rcode = server[:2], message.rcode
        if rcode == Rcode.BADCOOKIE:
            self.desk.counters.bad_cookies += 1
            state.server_cookie = server_cookie(message)
            if self.sends.get(key, 0) >= _PER_ADDRESS - 1:
                return self._go_tcp(server, state, "retry", now)
        elif rcode in (Rcode.FORMERR, Rcode.NOTIMP, Rcode.BADVERS):
            if message.edns is not None and arrived.had_cookie:
                state.cookies_broken = True
            else:
                self.plain.add(key)
            self.desk.counters.edns_fallbacks += 1
        else:
            return False
        self.desk.tell(self, server, arrived.transport, arrived.rtt_s, f"rcode {rcode}")
        if not self._may_repeat(key) or self.total >= _SENDS:
            return False
        return self._send_udp(server, state, "retry", now)

    def _learn_edns(self, arrived: Arrived, now: float) -> None:
        state, message = arrived.state, arrived.message
        key = arrived.server[:2]
        if arrived.had_edns:
            if message.edns is not None:
                state.note_edns(EdnsState.WORKS, now)
                cookie = server_cookie(message)
                if cookie:
                    state.server_cookie = cookie
        elif (
            message.rcode not in (Rcode.FORMERR, Rcode.NOTIMP)
            and not self.inquiry.delegation.is_signed
        ):
            if key in self.plain:
                state.note_edns(EdnsState.BROKEN, now)
            elif key in self.edns_silent and state.edns is EdnsState.UNKNOWN:
                state.edns_silences += 1
                if state.edns_silences >= _SILENCES_FOR_PLAIN:
                    state.note_edns(EdnsState.BROKEN, now)

    # --- the end ---------------------------------------------------------------------------

    def _want_addresses(self) -> None:
        """Look up more nameservers beside what is on its way: all that is known is doubtful."""
        if not self.is_exhausted and not self.wants_addresses:
            self.wants_addresses = True
            self.woken.set()

    def _need_addresses(self, now: float) -> None:
        """Nobody is left to ask and nothing is on its way."""
        if self.is_exhausted:
            if self.lookup is None:
                if self.lookup_error is not None and not self.total:
                    self._end(self.lookup_error)
                else:
                    self._fail(now)
            return
        self._arm(self.give_up)
        self._want_addresses()

    def _finish(self, reply: Reply) -> None:
        self.reply = reply
        self._wake()

    def _fail(self, now: float) -> None:
        for copy in self.copies:
            self.reasons.setdefault(copy.server, "no reply")
        self.desk.counters.failed += 1
        self._end(self._failure(now))

    def _end(self, error: ResolverError) -> None:
        self.error = error
        self._wake()

    def _wake(self) -> None:
        self.close()
        self.woken.set()
        if self.lookup is not None:
            self.lookup.cancel()

    def _failure(self, now: float) -> ExchangeFailed:
        zone = to_text(self.zone)
        told = [f"{server.host} {reason}" for server, reason in self.reasons.items()]
        if not told:
            return ExchangeFailed(
                f"no nameserver address for {zone}",
                ede=(Ede(EdeCode.NO_REACHABLE_AUTHORITY, f"no nameserver address for {zone}"),),
            )
        text = ", ".join(told[:_TOLD_SERVERS])
        if len(told) > _TOLD_SERVERS:
            text += f" and {len(told) - _TOLD_SERVERS} more"
        ede = (
            Ede(EdeCode.NO_REACHABLE_AUTHORITY, f"at delegation {zone}"),
            Ede(EdeCode.NETWORK_ERROR, text),
        )
        elapsed_ms = round((now - self.started) * 1000)
        return ExchangeFailed(f"no usable reply for {zone} in {elapsed_ms} ms: {text}", ede=ede)

    def verdicts(self) -> frozenset[str]:
        """What servers said that was of no use, for the trace."""
        known = {verdict.value for verdict in Verdict}
        return frozenset(reason for reason in self.reasons.values() if reason in known)
