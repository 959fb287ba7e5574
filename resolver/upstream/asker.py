"""What a cut query can do: hand over packets, wait, end. Whom to ask and when is `cut_query`'s.

Nothing is done here: each of these notes what it costs and adds an action to those that the step
at hand returns. Every packet is paid for from the client's budget. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.errors import WorkExceeded
from resolver.limits import (
    EXPIRY_UNKNOWN_SECONDS,
    HEDGE_DEPTH,
    OVERDUE_FLOOR_SECONDS,
    SENDS_PER_ADDRESS,
)
from resolver.protocol.transport import Transport
from resolver.upstream import cut_actions as do
from resolver.upstream.attempts import Attempts
from resolver.upstream.cut_actions import OVER, State
from resolver.upstream.edns_fallback import Fallback
from resolver.upstream.query_form import BARE
from resolver.upstream.server_events import Tried
from resolver.upstream.server_state import owner_domain_of
from resolver.upstream.transmission import Purpose, Transmission

if TYPE_CHECKING:
    from resolver.delegation import Key
    from resolver.model import Server
    from resolver.upstream.cut_actions import Action
    from resolver.upstream.doubt import Doubts
    from resolver.upstream.lookups import Lookups
    from resolver.upstream.query_form import Form
    from resolver.upstream.request import Reply, Request
    from resolver.upstream.select import Candidate
    from resolver.upstream.server_state import ServerState
    from resolver.upstream.shared_knowledge import SharedKnowledge
    from resolver.upstream.way import Way

_new = tuple.__new__  # for what is made for each packet: half the constructor's cost


class Asker:
    """*shared* is what all cut queries read and note; *way* the way out to these servers."""

    __slots__ = (
        "actions", "attempts", "doubts", "fallback", "gap", "give_up", "has_resorted", "is_race",
        "is_stuck", "lacks_room", "lookups", "may_speculate", "mismatches", "owner_domain",
        "request", "shared", "started", "state", "uses_tcp", "way", "zone",
    )  # fmt: skip

    def __init__(self, shared: SharedKnowledge, request: Request, way: Way, now: float) -> None:
        delegation, budget = request.delegation, request.budget
        self.shared = shared
        self.request = request
        self.way = way
        self.zone = delegation.zone
        self.owner_domain = owner_domain_of(self.zone)
        self.state = State.NEW
        self.actions: list[Action] = []
        self.started = now
        self.give_up = min(budget.whole.deadline, now + shared.link.ask_s)
        self.attempts = Attempts()
        self.fallback = Fallback(is_signed=delegation.is_signed)
        self.doubts: Doubts | None = None
        self.may_speculate = shared.speculation and budget.depth <= HEDGE_DEPTH
        if shared.crowds:
            self.may_speculate = self.may_speculate and shared.crowds.is_calm(self.zone)
        self.uses_tcp = request.wants_tcp
        self.lookups: Lookups | None = None
        self.mismatches = 0
        self.gap = 0.0
        self.is_race = False
        self.is_stuck = False
        self.lacks_room = False
        self.has_resorted = False

    # --- reading -----------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        return self.state in OVER

    @property
    def is_speculative(self) -> bool:
        """May packets be sent that the answer does not need? Not under overload."""
        return self.may_speculate and not self.shared.outstanding.is_busy

    def latest(self, now: float) -> float:
        """When one that begins now is given up."""
        return min(self.request.budget.whole.deadline, now + self.shared.link.ask_s)

    def late_until(self, now: float) -> float:
        """As long as a reply that counts as lost may still be waited for."""
        return self.give_up if self.request.delegation.is_last_word else now

    # --- sending -----------------------------------------------------------------------------

    def hand_over(
        self, candidate: Candidate, now: float, purpose: Purpose = Purpose.QUESTION
    ) -> bool:
        """True if a packet is handed over, or this waits for one that is on its way."""
        server, state = candidate.server, candidate.state
        if self.uses_tcp:
            return self.go_tcp(server, state, now)
        shared, key = self.shared, state.key
        if (key, self.request.question) in shared.outstanding.slots and self.join(state, now):
            shared.counters.shared += 1
            self.attempts.add(key)
            return True
        if shared.outstanding.is_full and not shared.outstanding.has_room:
            self.wait_for_room(now)
            return False
        is_last_try = self.attempts.sends.get(key) == SENDS_PER_ADDRESS - 1
        if is_last_try and not self.way.reach.is_out and self.fallback.wants_tcp(state, now):
            return self.go_tcp(server, state, now, BARE)
        return self.go_first(server, state, now, purpose)

    def go_first(
        self, server: Server, state: ServerState, now: float, purpose: Purpose = Purpose.QUESTION
    ) -> bool:
        """As this server is asked first: over UDP, or encrypted."""
        key = state.key
        if not self.spend(key, now):
            return False
        form = self.fallback.form(state, now, tries=self.attempts.sends[key])
        if self.doubts is not None:
            form = self.doubts.borne(key, form)
        self.transmit(server, state, form, now, purpose)
        return True

    def transmit(
        self, server: Server, state: ServerState, form: Form, now: float, purpose: Purpose
    ) -> None:
        """What was paid for goes out, over UDP or encrypted."""
        question, delegation = self.request.question, self.request.delegation
        sent = self.shared.compose(
            question, state, is_forward=delegation.is_forward, form=form, now=now
        )
        if self.shared.link.looks_like:
            self.shared.link.settle(state, now)
        packet = Transmission(
            question, self.way, self.owner_domain, server, state, sent, now, purpose
        )
        self.attempts.on_its_way.append(packet)
        self.actions.append(packet)

    def go_tcp(
        self, server: Server, state: ServerState, now: float, form: Form | None = None
    ) -> bool:
        """Over TCP: a truncated reply, a forger or a folder of case, or wanted from the start.

        Who is asked encrypted has no need of it, and is never asked otherwise.
        """
        if server.transport is not Transport.UDP:
            return self.go_first(server, state, now)
        key = state.key
        if self.is_over or key in self.attempts.streams or not self.spend(key, now):
            return False
        form = form or self.fallback.form(state, now, tries=1)
        request = self.request
        sent = self.shared.compose(
            request.question,
            state,
            is_forward=request.delegation.is_forward,
            form=form,
            now=now,
        )
        self.attempts.streams |= {key}
        self.actions.append(do.OverTcp(server, state, sent))
        self.wake_at(now + max(state.expiry_s, EXPIRY_UNKNOWN_SECONDS))
        return True

    def join(self, state: ServerState, now: float) -> bool:
        """Wait for somebody else's packet with the same question to that server (RFC 5452 §5)."""
        packet = self.shared.outstanding.find((state.key, self.request.question), now)
        if packet is None or packet in self.attempts.on_its_way:
            return False
        self.state = State.ASKED
        self.attempts.on_its_way.append(packet)
        self.actions.append(do.Join(packet))
        return True

    def spend(self, key: Key, now: float) -> bool:
        """Pay for a packet. Where nothing is left that is the end, unless somebody may answer."""
        try:
            self.request.budget.spend_query()
        except WorkExceeded as error:
            if self.attempts.has_live(now):
                on_its_way = self.attempts.on_its_way
                last = max((packet.expires_at for packet in on_its_way), default=self.give_up)
                self.wake_at(last)
            else:
                self.end(State.FAILED, do.Fail(error.again()))  # without frames that hold it
            return False
        self.state = State.ASKED
        attempts = self.attempts
        attempts.sends[key] = attempts.sends.get(key, 0) + 1
        attempts.total += 1
        return True

    def take_back(self, packet: Transmission) -> bool:
        """What was paid for one that never went out. True if this still goes on."""
        self.request.budget.refund_query()
        if packet.purpose is Purpose.PROBE:
            self.shared.counters.probes -= 1
        elif packet.purpose is Purpose.RESORT:
            self.shared.counters.last_resorts -= 1
        if self.is_over:
            return False
        self.attempts.take_back(packet)
        return True

    # --- waiting, and the end ----------------------------------------------------------------

    def wake_at(self, when: float) -> None:
        """Move on then, or at the end of patience."""
        self.actions.append(_new(do.WakeAt, (min(self.give_up, when),)))

    def wait_for_room(self, now: float) -> None:
        """No descriptor or port is free: soon again."""
        self.lacks_room = True
        self.wake_at(now + OVERDUE_FLOOR_SECONDS)

    def leave(self) -> None:
        """Copies on their way go on teaching alone."""
        attempts = self.attempts
        if attempts.on_its_way:
            self.actions.append(do.Leave(attempts.on_its_way))
            attempts.on_its_way = []

    def hang_up(self) -> None:
        """Nobody waits for what comes over TCP any more."""
        if self.attempts.streams:
            self.attempts.streams = frozenset()
            self.actions.append(do.HANG_UP)

    def tell(self, server: Server, transport: Transport, rtt_s: float | None, text: str) -> None:
        """Let those who watch know what became of one packet."""
        if self.shared.listeners:
            question = self.request.question
            self.actions.append(Tried(question, self.zone, server, transport, rtt_s, text))

    def end(self, state: State, action: do.Fail | Reply | None = None) -> None:
        """Nothing more is waited for."""
        self.state = state
        if self.attempts.on_its_way:
            self.leave()
        if self.attempts.streams:
            self.hang_up()
        if self.is_stuck:
            self.is_stuck = False
            self.shared.crowds.leave(self.zone)
        if action is not None:
            self.actions.append(action)
