"""Partial outages as experiments: who answered while others were silent that had answered before.

Where a link abroad is cut, what is served at home goes on answering. That is the one true tale of
what lies on which side that a resolver can have, so it is kept (PARTIAL_OUTAGE_DAYS). Looked at now
and then, and only where packets were lost since the last look. Pure: *now* is trio's time, *wall*
Unix seconds, both passed in.

It takes silence of many networks at once, of servers of unrelated zones, while others answer: one
operator's fault is none, and an outage of everything teaches nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.geo.distance import PartialOutage
from resolver.limits import (
    EXPERIMENT_LOOK_SECONDS,
    EXPERIMENT_OWNERS,
    EXPERIMENT_PREFIXES,
    EXPERIMENT_SECONDS,
    PARTIAL_OUTAGE_DAYS,
    PARTIAL_OUTAGE_HOSTS,
    PARTIAL_OUTAGES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.model import Name
    from resolver.upstream.server_state import ServerState

_DAY_S: Final = 86_400.0


class Experiments:
    """*kept*: those that are over, the last one last."""

    def __init__(self) -> None:
        self.kept: list[PartialOutage] = []
        self._running: _Running | None = None
        self._losses = 0

    def __repr__(self) -> str:
        return f"<Experiments {len(self.kept)}{' and one more' if self._running else ''}>"

    @property
    def is_running(self) -> bool:
        """Is there a partial outage now?"""
        return self._running is not None

    def is_due(self, losses: int) -> bool:
        """Is there anything to look at? *losses*: packets lost since the start."""
        is_quiet, self._losses = losses == self._losses, losses
        return not is_quiet or self._running is not None

    def look(self, sides: Sides, *, is_out: bool, now: float, wall: float) -> None:
        """See how it is. *is_out*: everybody is silent."""
        answering, silent = sides.settled()
        is_partial = not is_out and bool(answering) and _is_many(silent)
        running = self._running
        if is_partial:
            if running is None:
                running = self._running = _Running(min(one.t_fail for one in silent), now, wall)
            running.add(answering, silent)
        elif running is not None and not is_out:
            self._running = None
            self._keep(running.over(wall), now - running.began)

    def _keep(self, outage: PartialOutage, lasted_s: float) -> None:
        if lasted_s < EXPERIMENT_SECONDS or not outage.answered or not outage.silent:
            return
        self.kept.append(outage)
        self.forget_old(outage.ended)

    def forget_old(self, wall: float) -> None:
        """PARTIAL_OUTAGE_DAYS are over."""
        since = wall - PARTIAL_OUTAGE_DAYS * _DAY_S
        self.kept = [one for one in self.kept if since <= one.ended <= wall + _DAY_S]
        del self.kept[:-PARTIAL_OUTAGES]


class _Running:
    """One that has begun, and goes on."""

    def __init__(self, began: float, now: float, wall: float) -> None:
        self.began = began
        self._wall = wall - (now - began)
        self._answered: dict[str, None] = {}
        self._silent: dict[str, None] = {}

    def add(self, answering: Iterable[ServerState], silent: Iterable[ServerState]) -> None:
        for side, states in ((self._answered, answering), (self._silent, silent)):
            for state in states:
                if len(side) < PARTIAL_OUTAGE_HOSTS:
                    side[state.key[0]] = None

    def over(self, wall: float) -> PartialOutage:
        """Who did both is on neither side."""
        answered, silent = frozenset(self._answered), frozenset(self._silent)
        return PartialOutage(self._wall, wall, answered - silent, silent - answered)


class Sides:
    """Who has answered a moment ago, and who answered once and now is silent: of servers that are
    shown some at a time, for there may be tens of thousands."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._lately = now - 2 * EXPERIMENT_LOOK_SECONDS
        self._answering: list[ServerState] = []
        self._silent: list[ServerState] = []

    def add(self, states: Iterable[ServerState]) -> None:
        """Some more of them."""
        lately = self._lately
        for state in states:
            if not state.fails:
                if state.t_ok >= lately and not state.is_encrypted:
                    self._answering.append(state)
            elif state.t_fail >= lately and state.n and _is_mute(state):
                self._silent.append(state)

    def settled(self) -> tuple[list[ServerState], list[ServerState]]:
        """Those that answered after the first silence, and the silent."""
        first = min((one.t_fail for one in self._silent), default=self._now)
        return [one for one in self._answering if one.t_ok > first], self._silent


def _is_mute(state: ServerState) -> bool:
    """More than one lost packet; over TLS it may be the session's fault."""
    is_mute = state.is_unreachable or state.fails > 1 or bool(state.silent_domains)
    return is_mute and not state.is_encrypted


def _is_many(silent: list[ServerState]) -> bool:
    owners: set[Name] = set()
    for state in silent:
        owners |= state.silent_domains
    prefixes = {state.prefix for state in silent}
    return len(prefixes) >= EXPERIMENT_PREFIXES and len(owners) >= EXPERIMENT_OWNERS
