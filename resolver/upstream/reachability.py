"""Group events of one way out: a family without a route, and a network without an answer.

One server's silence is `infra`'s matter. Here many silences are read together: several prefixes of
one family while the other answers mean the family is broken; everybody at once means that it is
*us* who are cut off, and then nobody's record may suffer for it. Pure: *now* is passed in.
The public tree, each forward and each stub zone have one of these each (`ways`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from resolver.limits import (
    FAMILY_PREFIXES,
    FAMILY_PROBE_SECONDS,
    NO_ROUTE_SECONDS,
    OUTAGE_PREFIXES,
    OUTAGE_SENDS,
    OUTAGE_TRICKLE_SECONDS,
)

if TYPE_CHECKING:
    from resolver.upstream.server_state import ServerState


class Family:
    """IPv4 or IPv6 as a whole. *has_route* until the kernel says otherwise."""

    __slots__ = ("has_route", "is_broken", "no_route_at", "probed_at", "silent", "t_ok")

    def __init__(self) -> None:
        self.is_broken = False
        self.has_route = True
        self.silent: set[str] = set()
        self.t_ok = -math.inf
        self.probed_at = -math.inf
        self.no_route_at = -math.inf


class Reachability:
    """Family health and outage, from the sends and answers of everybody on one way out.

    *used*: the families that it has addresses of and may be asked over.
    """

    def __init__(self, used: frozenset[bool] = frozenset({False, True})) -> None:
        self._used = used
        self._families = {False: Family(), True: Family()}
        self.broken_families: frozenset[bool] = frozenset()
        self.is_out = False
        self._overdue = 0
        self._overdue_prefixes: set[str] = set()
        self._trickle_at = -math.inf
        self._journal: list[tuple[ServerState, tuple[int, float, bool, frozenset[bytes]]]] = []

    def __repr__(self) -> str:
        broken = " ".join("IPv6" if is_ipv6 else "IPv4" for is_ipv6 in self.broken_families)
        return f"<Reachability {'OUTAGE' if self.is_out else 'ok'} broken={broken or '-'}>"

    @property
    def last_answer(self) -> float:
        """When somebody answered last; minus infinity: nobody ever did."""
        return max(family.t_ok for family in self._families.values())

    @property
    def next_trickle_at(self) -> float:
        return self._trickle_at + OUTAGE_TRICKLE_SECONDS

    def note_answer(self, state: ServerState, now: float) -> bool:
        """Somebody answered. True if that ends an outage, or a time without any route."""
        family = self._families[state.is_ipv6]
        family.t_ok = now
        family.is_broken = False
        was_out, self.is_out = self.is_out, False
        if not family.has_route:
            was_out = was_out or not self._has_route
            family.has_route = True
        if family.silent:
            family.silent.clear()
        if self.broken_families:
            self._settle()
        if self._overdue or self._journal:
            self._overdue = 0
            self._overdue_prefixes.clear()
            self._journal.clear()
        return was_out

    def note_silence(self, state: ServerState, sent_at: float, now: float) -> None:
        """Nothing came, while the other family answered since: one more prefix against this one."""
        family = self._families[state.is_ipv6]
        other = self._families[not state.is_ipv6]
        if family.t_ok < sent_at < other.t_ok:
            family.silent.add(state.prefix)
            if len(family.silent) >= FAMILY_PREFIXES and not family.is_broken:
                family.is_broken = True
                family.probed_at = now
                self._settle()

    def note_overdue(self, state: ServerState, sent_at: float, now: float) -> bool:
        """A packet is later than its server ever was. True if so many are that it may be us."""
        self.note_silence(state, sent_at, now)
        if self.last_answer >= sent_at or not state.n:
            return (
                False  # somebody answered since; or a server that never did, which proves nothing
            )
        self._overdue += 1
        if len(self._overdue_prefixes) < OUTAGE_PREFIXES:
            self._overdue_prefixes.add(state.prefix)
        are_many = self._overdue >= OUTAGE_SENDS
        return are_many and len(self._overdue_prefixes) >= OUTAGE_PREFIXES and not self.is_out

    def note_no_route(self, *, is_ipv6: bool, now: float) -> None:
        """The kernel has no route for the family: no need to wait for silence."""
        family = self._families[is_ipv6]
        family.is_broken = True
        family.has_route = False
        family.probed_at = family.no_route_at = now
        self._settle()

    def may_reach(self, *, is_ipv6: bool) -> bool:
        """False once the kernel has said that it has no route for the family."""
        return self._families[is_ipv6].has_route

    def has_no_route(self, now: float) -> bool:
        """The kernel said a moment ago that no route leads anywhere, of each family in its turn."""
        families = [self._families[is_ipv6] for is_ipv6 in self._used]
        last = max((family.no_route_at for family in families), default=-math.inf)
        return now - last < NO_ROUTE_SECONDS and not self._has_route

    @property
    def _has_route(self) -> bool:
        return any(self._families[is_ipv6].has_route for is_ipv6 in self._used)

    def remember(self, state: ServerState) -> None:
        """Before a silence is written down: what to put back should it prove to be an outage."""
        kept = (state.fails, state.t_fail, state.is_unreachable, frozenset(state.silent_domains))
        self._journal.append((state, kept))

    def may_probe_family(self, state: ServerState, now: float) -> bool:
        """True at most once in 30 s for a broken family: the moment to try it again."""
        family = self._families[state.is_ipv6]
        return family.is_broken and now - family.probed_at >= FAMILY_PROBE_SECONDS

    def note_family_probe(self, state: ServerState, now: float) -> None:
        self._families[state.is_ipv6].probed_at = now

    def take_trickle(self, now: float) -> bool:
        """During an outage: may this packet go? Two a second may."""
        if now < self.next_trickle_at:
            return False
        self._trickle_at = now
        return True

    def begin_outage(self) -> None:
        """Everybody is silent: what was held against them since the last answer is taken back."""
        self.is_out = True
        for state, (fails, t_fail, is_unreachable, owner_domains) in reversed(self._journal):
            state.fails = fails
            state.t_fail = t_fail
            state.is_unreachable = is_unreachable
            state.silent_domains = set(owner_domains)
        self._journal.clear()

    def end_outage(self) -> None:
        """Somebody else has heard an answer."""
        self.is_out = False
        self._overdue = 0
        self._overdue_prefixes.clear()
        self._journal.clear()

    def _settle(self) -> None:
        """A family counts as broken only while the other does not."""
        broken = frozenset(f for f, family in self._families.items() if family.is_broken)
        self.broken_families = broken if len(broken) == 1 else frozenset()
