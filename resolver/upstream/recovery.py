"""Is an outage over? A packet to a witness now and then, and who is believed that answers.

The root's servers sign what they say, a captive portal cannot: its reply to their question is none.
What a neighbour says nobody here can tell from a portal's word, so the root's servers are asked
beside it: unless a forged reply of theirs comes, it counts, for they may be beyond the cut.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from resolver.errors import WireError
from resolver.limits import (
    OUTAGE_FORGED_SECONDS,
    OUTAGE_VERDICT_SECONDS,
    OUTAGE_WITNESS_SECONDS,
    OUTAGE_WITNESSES,
)
from resolver.upstream.pace import Pace
from resolver.upstream.query import read_untrusted

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from resolver.protocol.message import Message
    from resolver.upstream.neighbours import Witness
    from resolver.upstream.server_state import ServerState
    from resolver.upstream.timers import Timer, Timers
    from resolver.upstream.transmission import Transmission
    from resolver.upstream.way import Way


class Recovery:
    """Of all ways out. *witnesses* of a way are asked by *ask*; *end* is told the end.

    *is_told*: does anybody tell when links and routes change (`hasten`)?
    """

    def __init__(
        self,
        timers: Timers,
        dice: Random,
        *,
        witnesses: Callable[[Way], list[Witness]],
        ask: Callable[[Way, Witness, float], bool],
        end: Callable[[Way, float], None],
        is_told: Callable[[], bool],
    ) -> None:
        self._timers = timers
        self._dice = dice
        self._witnesses = witnesses
        self._ask = ask
        self._end = end
        self._is_told = is_told
        self._paces: dict[Way, Pace] = {}
        self._next: dict[Way, Timer] = {}

    def __repr__(self) -> str:
        return f"<Recovery of {len(self._next)} ways>"

    def begin(self, way: Way, now: float) -> None:
        """An outage has begun: look whether it is over, again and again."""
        self._paces[way] = Pace(now)
        self._look_at(now + OUTAGE_WITNESS_SECONDS, way)

    def hasten(self, way: Way, now: float) -> None:
        """A link or a route has changed: look soon."""
        pace = self._paces.get(way)
        at = None if pace is None else pace.hastened(now)
        if at is not None:
            self._look_at(at, way)

    def stop(self, way: Way) -> None:
        """It is over. Idempotent."""
        self._paces.pop(way, None)
        timer = self._next.pop(way, None)
        if timer is not None:
            self._timers.cancel(timer)

    def _look_at(self, when: float, way: Way) -> None:
        timer = self._next.get(way)
        if timer is not None:
            self._timers.cancel(timer)
        self._next[way] = self._timers.at(when, partial(self._trickle, way))

    def _trickle(self, way: Way, now: float) -> None:
        """One packet, to one witness, whether or not anybody wants to know anything.

        Some of the first go to whom somebody wanted to ask meanwhile, if anybody did: what is
        served at home must not wait until the world is back because no witness lives there.
        """
        witnesses = self._witnesses(way)
        self._dice.shuffle(witnesses)
        if _is_doubtful(way, now):
            witnesses.sort(key=lambda one: one.question != way.question)
        elif way.missed is not None and self._dice.getrandbits(1):
            witnesses.insert(0, way.missed)
            way.missed = None
            way.misses += 1
        before = way.awaited
        self._ask_some(way, witnesses, 1, now)
        has_sent = way.awaited > before
        wait_s = self._paces[way].looked(now, has_sent=has_sent, is_told=self._is_told())
        self._look_at(now + wait_s, way)

    def _ask_some(self, way: Way, witnesses: list[Witness], most: int, now: float) -> None:
        """*most* of them, passing over those to whom no route leads."""
        enough = way.awaited + most
        for witness in witnesses:
            if not self._ask(way, witness, now) or way.awaited >= enough:
                return

    def believes(
        self,
        packet: Transmission,
        data: bytes,
        is_genuine: Callable[[Message], bool],
        now: float,
    ) -> bool:
        """Does this reply of a witness end the outage? If not, it may later."""
        way, question = packet.way, packet.slot[1]
        if way.zone is not None or not way.servers:
            return True
        if question == way.question:
            try:
                message = read_untrusted(data, packet.sent, question)
            except WireError:
                return False
            if is_genuine(message):
                return True
            way.forged_at = now
            return False
        if not _is_doubtful(way, now):
            own = [one for one in self._witnesses(way) if one.question == way.question]
            self._ask_some(way, own, OUTAGE_WITNESSES, now)
            settle = partial(self._settle, way, packet.state)
            self._timers.at(now + OUTAGE_VERDICT_SECONDS, settle)
        return False

    def _settle(self, way: Way, state: ServerState, now: float) -> None:
        """A neighbour answered, and nobody said since that the root's servers are not whom we
        reach."""
        if way.reach.is_out and not _is_doubtful(way, now) and way.reach.note_answer(state, now):
            self._end(way, now)


def _is_doubtful(way: Way, now: float) -> bool:
    """Somebody answers in the place of its servers, or did a moment ago."""
    return now - way.forged_at < OUTAGE_FORGED_SECONDS
