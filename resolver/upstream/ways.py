"""Ways out: the public tree, each forward and each stub zone; is one of them cut off?

A dead zone is the zone's own matter and remembered (RFC 9520). Where nobody on a way out can be
reached it is our link that is down: questions fail at once, nothing is remembered of anybody, and a
packet now and then (`recovery`), none for any question, finds out that the link is whole again. The
evidence is sought, not waited for: what is late, or was turned away by everybody, while nobody
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

from resolver.limits import (
    NO_ROUTE_SECONDS,
    OUTAGE_MISSED,
    OUTAGE_PREFIXES,
    OUTAGE_STRANGERS,
    OUTAGE_TRICKLE_SECONDS,
    OUTAGE_WITNESSES,
)
from resolver.protocol.names import ROOT
from resolver.runtime.duration import duration
from resolver.upstream.cut_actions import OUTAGE_BEGAN, OUTAGE_ENDED
from resolver.upstream.link_watch import LinkWatch
from resolver.upstream.neighbours import Witness, patience_s
from resolver.upstream.outage_hooks import OutageHooks, nobody
from resolver.upstream.query_form import BARE
from resolver.upstream.reachability import Reachability
from resolver.upstream.recovery import Recovery
from resolver.upstream.server_state import owner_domain_of
from resolver.upstream.transmission import Purpose, Transmission
from resolver.upstream.way import Way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from resolver.errors import LinkDown
    from resolver.model import Delegation, Name, Server
    from resolver.upstream.asked import Asked, Hear
    from resolver.upstream.descriptors import Descriptors
    from resolver.upstream.neighbours import KeptWitness
    from resolver.upstream.network import LinkChanges
    from resolver.upstream.outage_hooks import Tell
    from resolver.upstream.outstanding import Outstanding
    from resolver.upstream.request import Request
    from resolver.upstream.server_state import ServerState
    from resolver.upstream.shared_knowledge import SharedKnowledge
    from resolver.upstream.timers import Timer, Timers

    Launch = Callable[[Transmission, float], bool]

_log = logging.getLogger(__name__)
_LEVELS = logging.DEBUG, logging.WARNING  # of what another process has told already, or not
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})


class Ways:
    """All ways out of one dispatcher, the witnesses on them, and who waits for an outage's end.

    *launch* sends a packet to a witness; *hear* tells whoever waits what happened; *hear_links*
    opens what tells that a link or a route has changed (`links` listens, once it runs).
    """

    def __init__(
        self,
        shared: SharedKnowledge,
        named: Iterable[Delegation],
        *,
        outstanding: Outstanding,
        descriptors: Descriptors,
        timers: Timers,
        launch: Launch,
        hear: Hear,
        hear_links: Callable[[], LinkChanges],
    ) -> None:
        self._shared = shared
        self._outstanding = outstanding
        self._descriptors = descriptors
        self._timers = timers
        self._launch = launch
        self._hear = hear
        self._verdicts: dict[Way, Timer] = {}
        self._parked: dict[Way, dict[Asked, None]] = {}
        self.public = Way(None)
        self._configured: dict[Name, Way] = {}
        self.links = links = LinkWatch(hear_links, self.hasten)
        self._recovery = Recovery(
            timers, shared.dice, witnesses=self._witnesses, ask=self._ask, end=self.end,
            is_told=lambda: links.is_heard,
        )  # fmt: skip
        self._outage_s = 0.0
        self.hooks = OutageHooks()
        self.tell: Tell = nobody
        """Called with a way that was found cut off or whole, and since when that is so."""
        self.name(named)

    def name(self, named: Iterable[Delegation]) -> None:
        """Have these ways out, besides the public tree; one that stays as it was keeps its state.

        Who waits on one that goes asks on: its servers are those of its own zone cut.
        """
        before = [self.public, *self._configured.values()]
        known = {(way.zone, way.servers, way.is_forward): way for way in before}
        self._configured = {}
        for delegation in named:
            zone = delegation.way
            servers = tuple(one for one in delegation.given() if self._may_ask(one, delegation))
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
        self._recovery.stop(way)
        timer = self._verdicts.pop(way, None)
        if timer is not None:
            self._timers.cancel(timer)
        held = self._parked.pop(way, {})
        if held:
            way.reach = Reachability(frozenset({False, True}))
        for asked in held:
            self._hear(asked, OUTAGE_ENDED, trio.current_time())
        if not self.is_any_cut:
            self.links.end()

    def __repr__(self) -> str:
        return f"<Ways {self.public!r} and {len(self._configured)} more>"

    def __iter__(self) -> Iterator[Way]:
        return iter(self._all())

    def _all(self) -> Iterable[Way]:
        return (self.public, *self._configured.values())

    @property
    def is_any_cut(self) -> bool:
        """Is there an outage on any of them?"""
        return any(way.cut_since is not None for way in self._all())

    def outage_s(self, now: float) -> float:
        """Seconds of outages, of all ways together, those that go on included."""
        running = sum(now - way.cut_since for way in self._all() if way.cut_since is not None)
        return self._outage_s + running

    def cut_off(self, now: float) -> int:
        """How many of them are cut off."""
        return sum(way.is_cut(now) for way in self._all())

    def _may_ask(self, server: Server, delegation: Delegation) -> bool:
        allows = self._shared.filters.allows
        return allows(server, delegation.zone, is_forward=delegation.is_forward)

    def of(self, delegation: Delegation) -> Way:
        """The way on which the servers of *delegation* are reached."""
        zone = delegation.way
        return self.public if zone is None else self._configured.get(zone, self.public)

    # --- is it they, or we? ------------------------------------------------------------------

    def doubt(self, way: Way, since: float, now: float) -> bool:
        """Nothing came of what went out at *since*. True while it is open whose fault that is."""
        reach = way.reach
        if reach.is_out or reach.last_answer >= since:
            return False
        if way.verdict_at > now:
            return True
        return now - way.asked_at >= OUTAGE_TRICKLE_SECONDS and self._ask_witnesses(way, now)

    def _ask_witnesses(self, way: Way, now: float) -> bool:
        """Ask witnesses; True if a verdict will come of it."""
        witnesses = self._witnesses(way)
        way.asked_at = now
        way.awaited = way.refused = 0
        for witness in witnesses:
            if not self._ask(way, witness, now):
                return False
        if not way.awaited:
            for family in {witness.state.is_ipv6 for witness in witnesses}:
                way.reach.note_no_route(is_ipv6=family, now=now)
            return False
        self._decide_at(way, now + patience_s(witnesses))
        halfway = (now + way.verdict_at) / 2
        self._timers.at(halfway, partial(self._ask_more, way, witnesses))
        return True

    def _decide_at(self, way: Way, at: float) -> None:
        """The verdict is due then, and no sooner."""
        timer = self._verdicts.pop(way, None)
        if timer is not None:
            self._timers.cancel(timer)
        way.verdict_at = at
        self._verdicts[way] = self._timers.at(at, partial(self._decide, way))

    def _ask_more(self, way: Way, witnesses: list[Witness], now: float) -> None:
        """Nobody answered yet: the others, and few once more, for one packet may be lost.

        They are to have their chance, too: one of them may be all that the cut has left.
        """
        if way.verdict_at > now and way.reach.last_answer < way.asked_at:
            others = [one for one in self._witnesses(way, finds_life=True) if one not in witnesses]
            again = witnesses if len(witnesses) < OUTAGE_WITNESSES else []
            asked = [one for one in (*again, *others) if self._ask(way, one, now)]
            if asked:
                self._decide_at(way, max(way.verdict_at, now + patience_s(asked)))

    def _witnesses(self, way: Way, *, finds_life: bool = False) -> list[Witness]:
        """Neighbours, and servers of the way that used to answer, of as many prefixes, the nearest.

        One of a family that never answered is among them: has it a route by now?
        Where nobody ever answered, or whoever does is welcome (*finds_life*), strangers are, too.
        """
        infra = self._shared.infra
        states = [(server, infra.state(server)) for server in way.servers]
        self._shared.dice.shuffle(states)
        states.sort(key=lambda pair: (not pair[1].n, pair[1].srtt))
        takes_all = finds_life or way.reach.last_answer == -math.inf
        most = OUTAGE_STRANGERS if takes_all else OUTAGE_PREFIXES
        allows = self._shared.filters.allows
        chosen = [
            one for one in way.neighbours if allows(one.server, one.owner_domain, is_forward=False)
        ]
        prefixes = {one.state.prefix for one in chosen}
        families = {one.state.is_ipv6 for one in chosen}
        for server, state in states:
            is_fit = (state.n > 0 or takes_all) and way.reach.may_reach(is_ipv6=state.is_ipv6)
            is_new = is_fit and state.prefix not in prefixes and len(prefixes) < most
            if is_new or state.is_ipv6 not in families:
                if is_new:
                    prefixes.add(state.prefix)
                families.add(state.is_ipv6)
                chosen.append(Witness(server, state, way.question, way.owner_domain))
        return chosen

    def _ask(self, way: Way, witness: Witness, now: float) -> bool:
        """One packet to a witness. False if the kernel has no room for it."""
        server, state, question, owner_domain = witness
        sent = self._shared.compose(question, state, is_forward=way.is_forward, form=BARE, now=now)
        packet = Transmission(
            question, way, owner_domain, server, state, sent, now, Purpose.WITNESS
        )
        try:
            self._launch(packet, now)
        except OSError as error:
            if self._descriptors.are_short(error, now):
                return False
            self.note_no_route(way, state, error, now)
            return True
        self._shared.counters.witnesses += 1
        way.awaited += 1
        return True

    def note_refused(self, way: Way, now: float) -> None:
        """The network itself turned a packet to a witness away."""
        way.refused += 1
        if way.verdict_at > now and way.refused >= way.awaited:
            self._decide(way, now)

    def _decide(self, way: Way, now: float) -> None:
        """Has anybody answered since the witnesses were asked?"""
        timer = self._verdicts.pop(way, None)
        if timer is not None:
            self._timers.cancel(timer)
        way.verdict_at = -math.inf
        last = way.reach.last_answer
        if last >= way.asked_at or way.reach.is_out:
            way.neighbours.forget_silent()
            return
        is_certain = way.refused >= way.awaited or last > -math.inf
        if is_certain or (way.zone is None and way.awaited >= OUTAGE_PREFIXES):
            way.reach.begin_outage()
            self.begin(way, now)
            self.tell(way, True, way.asked_at)  # noqa: FBT003

    def note_no_route(self, way: Way, state: ServerState, error: OSError, now: float) -> None:
        """The kernel would not send: does it say so of the whole family?

        Of both, and nobody answered for a while: that is an outage too. Others are asked still:
        there may be routes to some.
        """
        if error.errno not in _NO_ROUTE:
            return
        way.reach.note_no_route(is_ipv6=state.is_ipv6, now=now)
        is_quiet = now - way.reach.last_answer >= NO_ROUTE_SECONDS
        if way.cut_since is None and is_quiet and way.reach.has_no_route(now):
            self.begin(way, now)

    def remember(self, kept: Iterable[KeptWitness]) -> None:
        """These were the nearest before a restart, witnesses of a start into a cut.

        Raises ValueError.
        """
        self.public.neighbours.restore(kept, self._shared.infra)

    # --- an outage ---------------------------------------------------------------------------

    def refuse(self, way: Way, request: Request, now: float) -> LinkDown:
        """The error of *request*: *way* is known to be cut off, and nobody is asked."""
        delegation = request.delegation
        servers = self._shared.filters.allowed(delegation)
        if servers and way.missed is None and way.misses < OUTAGE_MISSED:
            server = self._shared.dice.choice(servers)
            state = self._shared.infra.state(server)
            domain = owner_domain_of(delegation.zone)
            way.missed = Witness(server, state, request.question, domain)
        return way.refusal(delegation.zone, now)

    def believe(self, way: Way, *, is_cut: bool, since: float, now: float) -> None:
        """Another process of ours has found *way* cut off, or whole, *since* then. What this one
        has heard itself since counts more."""
        if is_cut and not way.is_cut(now) and way.reach.last_answer < since:
            way.reach.begin_outage()
            self.begin(way, now, tells=False)
        elif not is_cut and way.cut_since is not None and way.cut_since < since:
            way.reach.end_outage()
            self.end(way, now, tells=False)

    def begin(self, way: Way, now: float, *, tells: bool = True) -> None:
        """*way* is cut off. Who asked is told within OUTAGE_ASK_SECONDS, and nobody is blamed."""
        if way.cut_since is None:
            way.cut_since = now
            way.misses = 0
            self._shared.counters.outages += 1
            _log.log(_LEVELS[tells], "nobody answers any more: %s", way)
            if way.servers:
                self._recovery.begin(way, now)
            self.links.begin()
            self.hooks.changed(True)  # noqa: FBT003
        waiting = {**self._parked.get(way, {})}
        for packet in self._on(way):
            packet.state.waiting.clear()
            waiting.update(dict.fromkeys(packet.waiters))
        self.hooks.forgive(way.zone or ROOT)
        for asked in waiting:
            self._hear(asked, OUTAGE_BEGAN, now)

    def end(self, way: Way, now: float, *, tells: bool = True) -> None:
        """The first answer: everybody who was held asks at once. *tells*: others have to know."""
        if way.cut_since is not None:
            if tells:
                self.tell(way, False, now)  # noqa: FBT003
            out_s, way.cut_since, way.whole_since = now - way.cut_since, None, now
            self._outage_s += out_s
            _log.log(_LEVELS[tells], "answers come again after %s: %s", duration(out_s), way)
            self._recovery.stop(way)
        if not self.is_any_cut:
            self.links.end()
        for packet in self._on(way):
            packet.state.waiting.clear()
        self.hooks.forgive(way.zone or ROOT)
        self.hooks.changed(self.is_any_cut)
        for asked in self._parked.pop(way, {}):
            self._hear(asked, OUTAGE_ENDED, now)

    def hasten(self, now: float) -> None:
        """Something has changed on this machine: is one of the outages over?"""
        for way in self._all():
            if way.cut_since is not None:
                self._recovery.hasten(way, now)

    def _on(self, way: Way) -> Iterable[Transmission]:
        return (packet for packet in self._outstanding if packet.way is way)

    def park(self, asked: Asked) -> None:
        """Until the outage is over; it may be its turn to try before that."""
        self._parked.setdefault(asked.query.way, {})[asked] = None

    def held_on(self, way: Way) -> int:
        """How many wait until it is whole again."""
        return len(self._parked.get(way, ()))

    def unpark(self, asked: Asked) -> None:
        """It waits no longer. Idempotent."""
        parked = self._parked.get(asked.query.way)
        if parked is not None:
            parked.pop(asked, None)

    def believes(self, packet: Transmission, data: bytes, now: float) -> bool:
        """Does this reply of a witness end an outage?"""
        return self._recovery.believes(packet, data, self.hooks.is_genuine, now)

    def send_trickle(self, way: Way, now: float) -> None:
        """Beside somebody's question, whose zone may be dead for good."""
        witnesses = self._witnesses(way, finds_life=True)
        if witnesses:
            self._ask(way, self._shared.dice.choice(witnesses), now)
