"""What is known of all server addresses together: states, prefixes, and a prior for strangers.

RTT and reachability are never keyed by zone or nameserver name, so that what one zone's lookups
teach serves all. Bounded in number. No I/O, no clock: *now* is trio's time, passed in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from resolver import limits
from resolver.limits import (
    ADDRESS_CHANCES,
    ADDRESS_STATES,
    GLOBAL_SPREAD,
    HINT_SPREAD,
    HINT_SPREAD_SECONDS,
    REFUSED_SECONDS,
    RTT_GAIN_PRIOR,
    TYPICAL_RTT_SECONDS,
    ZONE_MARKS,
)
from resolver.model import Verdict
from resolver.protocol.transport import Transport
from resolver.upstream.instance import KeptInstance  # noqa: TC001  # for `Kept`, whose fields are read
from resolver.upstream.link_profile import LinkProfile
from resolver.upstream.server_state import TURNS, Habits, Hint, Mark, ServerState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from resolver.delegation import Key
    from resolver.model import Name, Server

_FIRST_PRIOR = math.log(TYPICAL_RTT_SECONDS)

_MARK_SECONDS = {
    Verdict.LAME: limits.LAME_SECONDS,
    Verdict.SERVFAIL: limits.SERVFAIL_SECONDS,
}


class Kept(NamedTuple):
    """One address in a snapshot: plain values, ready for JSON."""

    host: str
    port: int
    transport: str
    auth_name: str
    srtt_s: float
    age_s: float
    habits: Habits = Habits()
    instances: list[KeptInstance] = []  # noqa: RUF012  # of a tuple: nobody changes it


class Infra:
    """*most* addresses, and the *link* to them; what was not used for long goes first."""

    def __init__(self, *, rng: Random, most: int = ADDRESS_STATES) -> None:
        self._rng = rng
        self._most = most
        self.states: dict[Key, ServerState] = {}
        self._prefixes: dict[str, float] = {}
        self.global_log_rtt = _FIRST_PRIOR
        self.link = LinkProfile()

    def __repr__(self) -> str:
        return f"<Infra addresses={len(self.states)}>"

    def __len__(self) -> int:
        return len(self.states)

    def state(self, server: Server) -> ServerState:
        """The state of a server's address, made if it is new."""
        return self.state_of(server.key)

    def state_of(self, key: Key) -> ServerState:
        state = self.states.get(key)
        if state is None:
            if len(self.states) >= self._most:
                self._evict()
            state = self.states[key] = ServerState(key)
            if self.link.patience > 1.0:
                state.be_patient(self.link.patience)
        state.was_used = True
        return state

    def instance_of(self, server: Server) -> str | None:
        """Which instance answers at its address, as text, if that is known."""
        state = self.states.get(server.key)
        instances = None if state is None else state.watch.instances
        return None if instances is None else instances.current.text

    def _evict(self) -> None:
        """Drop the oldest that was not used since it was last looked at (second chance).

        An LRU order would cost every look-up a microsecond; this costs only the insertions.
        """
        states = self.states
        for _ in range(ADDRESS_CHANCES):
            key = next(iter(states))
            state = states.pop(key)
            if not state.was_used:
                return
            state.was_used = False
            states[key] = state
        del states[next(iter(states))]

    def clear(self) -> None:
        """Know nothing of anybody. What is on its way teaches nothing: nobody asks those states."""
        self.states.clear()
        self._prefixes.clear()
        self.global_log_rtt = _FIRST_PRIOR

    def note_answer(self, state: ServerState, rtt_s: float, now: float) -> None:
        """Teach the address, its prefix and the global prior.

        Only first answers shape the prior: later ones come mostly from near servers, and would make
        every stranger look near.
        """
        if not state.n:
            log_rtt = math.log(max(rtt_s, 1e-4))
            self.global_log_rtt += RTT_GAIN_PRIOR * (log_rtt - self.global_log_rtt)
        state.note_answer(rtt_s, now)
        if self.link.slots is not None:
            self.link.slots.note(state, rtt_s, now)
        if len(self._prefixes) >= self._most:
            del self._prefixes[next(iter(self._prefixes))]
        self._prefixes[state.prefix] = state.srtt

    @property
    def typical_rtt_s(self) -> float:
        """The geometric mean RTT of all servers ever met."""
        return math.exp(self.global_log_rtt)

    def prefix_log_rtt(self, prefix: str) -> float | None:
        """Log of the RTT last learnt in a /24 or /48."""
        srtt = self._prefixes.get(prefix)
        return None if srtt is None else math.log(max(srtt, 1e-4))

    def snapshot(self, now: float) -> list[Kept]:
        """What is worth keeping over a restart: RTT and habits of every address that answered.

        In an earlier run too, if it was not asked in this one.
        """
        kept = []
        for (host, port, transport, name), state in self.states.items():
            if state.n:
                srtt_s, at = state.srtt, state.t_ok
            elif state.hint is not None:
                srtt_s, at = math.exp(state.hint.log_rtt), state.hint.measured_at
            else:
                continue
            age_s, habits = round(now - at, 1), state.habits(now)
            instances = state.watch.snapshot(now)
            kept.append(
                Kept(host, port, transport.value, name, round(srtt_s, 6), age_s, habits, instances)
            )
        return kept

    def restore(self, kept: Iterable[Kept], *, away_s: float, now: float) -> None:
        """Take a snapshot of *away_s* seconds ago for a guess, the wider the older it is.

        A guess only: nothing counts as measured, and one silence is enough for doubt. Raises
        ValueError if a transport, a habit or an instance is none.
        """
        for host, port, transport, name, srtt_s, age_s, habits, instances in kept:
            state = self.state_of((host, port, Transport(transport), name))
            if state.n or srtt_s <= 0.0:
                continue
            passed_s = max(age_s, 0.0) + away_s
            spread = min(math.hypot(HINT_SPREAD, passed_s / HINT_SPREAD_SECONDS), GLOBAL_SPREAD)
            state.expect(Hint(math.log(srtt_s), spread, now - passed_s))
            state.take_back(habits, age_s=away_s, silent_s=passed_s, now=now)
            state.watch.take_back(instances, away_s=away_s, now=now)

    def mark(self, state: ServerState, zone: Name, verdict: Verdict, now: float) -> None:
        """Remember that this address is of no use to *zone*; says nothing about other zones.

        Nor about other names, where it answered some well: it fails for this question then, not for
        the zone, and to pass it over would send all other names to servers that may be worse.
        """
        until = now + _MARK_SECONDS.get(verdict, REFUSED_SECONDS)
        known = state.marks.pop(zone, None)
        if known is not None and known.verdict is Verdict.ANSWER and known.until > now:
            verdict, until = known
        if len(state.marks) >= ZONE_MARKS:
            del state.marks[next(iter(state.marks))]
        state.marks[zone] = Mark(verdict, until)

    def is_unstable(self, state: ServerState, now: float) -> bool:
        """Did its instances take turns a while ago? To be asked of one that has marks."""
        mark = state.marks.get(TURNS)
        if mark is not None and mark.until <= now:
            del state.marks[TURNS]
            return False
        return mark is not None

    def unmark(self, state: ServerState, zone: Name, now: float) -> None:
        """It is of use after all: as long as it goes on so, *zone*'s failures are the names'."""
        if zone in state.marks:
            state.marks[zone] = Mark(Verdict.ANSWER, now + REFUSED_SECONDS)

    def marked(self, state: ServerState, zone: Name, now: float) -> Mark | None:
        """The mark in force, if any."""
        mark = state.marks.get(zone)
        if mark is not None and mark.until <= now:
            del state.marks[zone]
            return None
        return None if mark is not None and mark.verdict is Verdict.ANSWER else mark

    def cookie(self, state: ServerState) -> bytes:
        """This address's client cookie: random, one per server address (RFC 7873 §4.1, §6)."""
        if not state.cookie:
            state.cookie = self._rng.getrandbits(64).to_bytes(8, "big")
        return state.cookie
