"""Ways out: the public tree, each forward and each stub zone; is one of them cut off?

A dead zone is the zone's own matter and remembered (RFC 9520). Where nobody on a way out can be
reached it is our link that is down: questions fail within a second, nothing is remembered of
anybody, and a packet now and then (a trickle probe) finds out that the link is whole again.
The evidence is sought, not waited for: what is late, or was turned away by everybody, while nobody
answered since, has servers that used to answer asked for their own NS set. All of them silent, or
unreachable, or no route to any: the link. One of them answers: the zone.
"""

from __future__ import annotations

import errno
import logging
import math
from functools import partial
from typing import TYPE_CHECKING

import trio

from resolver.errors import ExchangeFailed, LinkDown, ResolverError
from resolver.limits import (
    EXPIRY_FLOOR_SECONDS,
    OUTAGE_ASK_SECONDS,
    OUTAGE_CANARY_SECONDS,
    OUTAGE_PREFIXES,
    OUTAGE_VERDICT_SECONDS,
)
from resolver.model import Ede, Question
from resolver.protocol.codes import EdeCode, RRType
from resolver.protocol.names import ROOT, to_text
from resolver.upstream.outstanding import Transmission
from resolver.upstream.query_form import BARE
from resolver.upstream.reachability import Reachability
from resolver.upstream.server_state import owner_domain_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.model import Delegation, Name, Server
    from resolver.upstream.cut_query import CutQuery
    from resolver.upstream.dispatcher import Dispatcher
    from resolver.upstream.server_state import ServerState
    from resolver.upstream.timers import Timer

_log = logging.getLogger(__name__)
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
_FEW = 3  # witnesses below which each is asked twice: one packet may be lost


class Way:
    """One way out. *zone* is the forward or stub zone, None for the public tree.

    *servers* are its witnesses: the root's servers, or those that the operator named. They are
    asked *question*: their zone's NS set, or what a forwarder answered last and has at hand. While
    *awaited* of them were asked and *refused* by the network, the verdict is due at *verdict_at*.
    """

    __slots__ = (
        "awaited",
        "is_forward",
        "owner_domain",
        "parked",
        "question",
        "reach",
        "refused",
        "servers",
        "sounded_at",
        "timer",
        "verdict_at",
        "zone",
    )

    def __init__(
        self, zone: Name | None, servers: Iterable[Server] = (), *, is_forward: bool = False
    ) -> None:
        self.zone = zone
        self.owner_domain = owner_domain_of(zone or ROOT)
        self.is_forward = is_forward
        self.servers = tuple(servers)
        self.question = Question(zone or ROOT, RRType.NS)
        families = frozenset(server.is_ipv6 for server in self.servers)
        self.reach = Reachability(families or frozenset({False, True}))
        self.parked: set[CutQuery] = set()
        self.sounded_at = -math.inf
        self.verdict_at = -math.inf
        self.awaited = 0
        self.refused = 0
        self.timer: Timer | None = None

    def __repr__(self) -> str:
        return f"<Way {self} {self.reach!r} parked={len(self.parked)}>"

    def __str__(self) -> str:
        return "the public tree" if self.zone is None else f"the servers for {to_text(self.zone)}"

    def is_cut(self, now: float) -> bool:
        """Nobody answers, or no route leads anywhere."""
        return self.reach.is_out or self.reach.has_no_route(now)


class Ways:
    """All ways out of one exchange, the soundings on them, and who waits for an outage's end."""

    def __init__(self, dispatcher: Dispatcher, named: Iterable[Delegation] = ()) -> None:
        self._desk = dispatcher
        self.public = Way(None)
        self._configured: dict[Name, Way] = {}
        self.name(named)
        self.forgive: Callable[[Name], None] = lambda _: None
        """Called with a zone when what failed in it and below turns out to be our link's doing."""

    def name(self, named: Iterable[Delegation]) -> None:
        """Have these ways out, besides the public tree; one that stays as it was keeps its state.

        Who waits on one that goes asks on: its servers are those of its own zone cut.
        """
        before = [self.public, *self._configured.values()]
        known = {(way.zone, way.servers, way.is_forward): way for way in before}
        self._configured = {}
        for delegation in named:
            zone = delegation.way
            servers = tuple(one for one in delegation.servers() if self._may_ask(one, delegation))
            way = known.get((zone, servers, zone is not None and delegation.is_forward))
            if way is None:
                way = Way(zone, servers, is_forward=zone is not None and delegation.is_forward)
            if zone is None:
                self.public = way
            else:
                self._configured[zone] = way
        for way in before:
            if way is not self.public and way is not self._configured.get(way.zone or ROOT):
                self._give_up(way)

    def _give_up(self, way: Way) -> None:
        """Nobody is told any more when it is whole again: whoever waits for that tries on."""
        if way.timer is not None:
            self._desk.timers.cancel(way.timer)
            way.timer = None
        held, way.parked = way.parked, set()
        if held:
            way.reach = Reachability(frozenset({False, True}))
        for cut_query in held:
            cut_query.resume(trio.current_time())

    def __repr__(self) -> str:
        return f"<Ways {self.public!r} and {len(self._configured)} more>"

    def cut_off(self, now: float) -> int:
        """How many of them are cut off."""
        return sum(way.is_cut(now) for way in (self.public, *self._configured.values()))

    def _may_ask(self, server: Server, delegation: Delegation) -> bool:
        return self._desk.allows(server, delegation.zone, is_forward=delegation.is_forward)

    def of(self, delegation: Delegation) -> Way:
        """The way on which the servers of *delegation* are reached."""
        zone = delegation.way
        return self.public if zone is None else self._configured.get(zone, self.public)

    # --- is it they, or we? ----------------------------------------------------------------

    def doubt(self, way: Way, since: float, now: float) -> bool:
        """Nothing came of what went out at *since*. True while it is open whose fault that is."""
        reach = way.reach
        if reach.is_out or reach.last_answer >= since:
            return False
        if way.verdict_at > now:
            return True
        return now - way.sounded_at >= OUTAGE_CANARY_SECONDS and self._sound(way, now)

    def error(self, way: Way, failed: ExchangeFailed, now: float) -> ResolverError:
        """*failed* as it is, or as our own link's fault."""
        if not way.is_cut(now):
            return failed
        why = "nobody answers" if way.reach.is_out else "no route"
        text = f"{why}: {way}"
        ede = [one for one in failed.ede if one.code != EdeCode.NETWORK_ERROR]
        return LinkDown(f"{text}: {failed}", ede=(*ede, Ede(EdeCode.NETWORK_ERROR, text)))

    def _sound(self, way: Way, now: float) -> bool:
        """Ask witnesses; True if a verdict will come of it."""
        witnesses = self._witnesses(way)
        way.sounded_at = now
        way.awaited = way.refused = 0
        for server, state in witnesses:
            if not self._ask(way, server, state, now):
                return False
        if not way.awaited:
            for family in {state.is_ipv6 for _, state in witnesses}:
                way.reach.note_no_route(is_ipv6=family, now=now)
            return False
        slowest = max(state.overdue_s for _, state in witnesses)
        way.verdict_at = now + min(OUTAGE_VERDICT_SECONDS, max(EXPIRY_FLOOR_SECONDS, slowest))
        if way.awaited < _FEW:
            halfway = (now + way.verdict_at) / 2
            self._desk.timers.at(halfway, partial(self._ask_again, way, witnesses))
        way.timer = self._desk.timers.at(way.verdict_at, partial(self._judge, way))
        return True

    def _ask_again(self, way: Way, witnesses: list[tuple[Server, ServerState]], now: float) -> None:
        if way.verdict_at > now and way.reach.last_answer < way.sounded_at:
            for server, state in witnesses:
                self._ask(way, server, state, now)

    def _witnesses(self, way: Way) -> list[tuple[Server, ServerState]]:
        """Servers that used to answer, of as many prefixes, the nearest first.

        One of a family that never answered is among them: has it a route by now?
        Where nobody ever answered, all are strangers.
        """
        infra = self._desk.infra
        states = [(server, infra.state(server)) for server in way.servers]
        self._desk.dice.shuffle(states)
        states.sort(key=lambda pair: (not pair[1].n, pair[1].srtt))
        has_answered = way.reach.last_answer > -math.inf
        prefixes: set[str] = set()
        families: set[bool] = set()
        chosen = []
        for server, state in states:
            is_fit = (state.n > 0 or not has_answered) and way.reach.may_reach(
                is_ipv6=state.is_ipv6
            )
            is_new = is_fit and state.prefix not in prefixes and len(prefixes) < OUTAGE_PREFIXES
            if is_new or state.is_ipv6 not in families:
                if is_new:
                    prefixes.add(state.prefix)
                families.add(state.is_ipv6)
                chosen.append((server, state))
        return chosen

    def _ask(self, way: Way, server: Server, state: ServerState, now: float) -> bool:
        """One packet to a witness. False if the kernel has no room for it."""
        dispatcher = self._desk
        sent = dispatcher.compose(
            way.question, state, is_forward=way.is_forward, form=BARE, now=now
        )
        copy = Transmission([], way.question, way, way.owner_domain, server, state, sent, now)
        copy.is_witness = True
        try:
            dispatcher.launch(copy, now)
        except OSError as error:
            if dispatcher.descriptors.are_short(error, now):
                return False
            self.note_no_route(way, state, error, now)
            return True
        dispatcher.counters.soundings += 1
        way.awaited += 1
        return True

    def note_refused(self, way: Way, now: float) -> None:
        """The network itself turned a packet to a witness away."""
        way.refused += 1
        if way.verdict_at > now and way.refused >= way.awaited:
            self._judge(way, now)

    def _judge(self, way: Way, now: float) -> None:
        """Has anybody answered since the witnesses were asked?"""
        if way.timer is not None:
            self._desk.timers.cancel(way.timer)
            way.timer = None
        way.verdict_at = -math.inf
        last = way.reach.last_answer
        if last >= way.sounded_at or way.reach.is_out:
            return
        is_certain = way.refused >= way.awaited or last > -math.inf
        if is_certain or (way.zone is None and way.awaited >= OUTAGE_PREFIXES):
            way.reach.begin_outage()
            self.begin(way, now)

    def note_no_route(self, way: Way, state: ServerState, error: OSError, now: float) -> None:
        """The kernel would not send: does it say so of the whole family?"""
        if error.errno in _NO_ROUTE:
            way.reach.note_no_route(is_ipv6=state.is_ipv6, now=now)

    # --- an outage -------------------------------------------------------------------------

    def begin(self, way: Way, now: float) -> None:
        """*way* is cut off. Who asked is told within OUTAGE_ASK_SECONDS, and nobody is blamed."""
        dispatcher = self._desk
        dispatcher.counters.outages += 1
        _log.warning("nobody answers any more: %s", way)
        waiting = set(way.parked)
        for copy in dispatcher.flight:
            if copy.way is way:
                copy.state.waiting.clear()
                waiting.update(copy.pursuits)
        self.forgive(way.zone or ROOT)
        for cut_query in waiting:
            cut_query.move_on(now)

    def end(self, way: Way, now: float) -> None:
        """The first answer: everybody who was held asks at once."""
        _log.warning("answers come again: %s", way)
        for copy in self._desk.flight:
            if copy.way is way:
                copy.state.waiting.clear()
        self.forgive(way.zone or ROOT)
        held, way.parked = way.parked, set()
        for cut_query in held:
            cut_query.resume(now)

    def is_held(self, cut_query: CutQuery, now: float) -> bool:
        """During an outage packets go out one by one, and the others wait for the first answer."""
        way = cut_query.way
        cut_query.give_up = min(cut_query.give_up, cut_query.started + OUTAGE_ASK_SECONDS)
        if now < cut_query.give_up and way.reach.take_canary(now):
            self._send_canary(way, now)
            return False
        self.park(cut_query, now)
        return True

    def park(self, cut_query: CutQuery, now: float) -> None:
        """Until the outage is over, or it is this one's turn to try."""
        way = cut_query.way
        way.parked.add(cut_query)
        cut_query.rearm(max(now, way.reach.next_canary_at))

    def _send_canary(self, way: Way, now: float) -> None:
        """Beside somebody's question, whose zone may be dead for good."""
        witnesses = self._witnesses(way)
        if witnesses:
            self._ask(way, *self._desk.dice.choice(witnesses), now)
