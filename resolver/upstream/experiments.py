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

    def look(
        self, states: Iterable[ServerState], *, losses: int, is_out: bool, now: float, wall: float
    ) -> None:
        """See how it is. *losses*: packets lost since the start. O(states), if any were lost since.

        *is_out*: everybody is silent.
        """
        is_quiet, self._losses = losses == self._losses, losses
        if is_quiet and self._running is None:
            return
        answering, silent = _sides(states, now)
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


def _sides(
    states: Iterable[ServerState], now: float
) -> tuple[list[ServerState], list[ServerState]]:
    """Those that have answered a moment ago; those that answered once, and now are silent."""
    lately = now - 2 * EXPERIMENT_LOOK_SECONDS
    answering, silent = [], []
    for state in states:
        if state.is_encrypted or not state.n:
            continue
        if state.fails:
            is_mute = state.is_unreachable or state.fails > 1 or bool(state.silent_domains)
            if is_mute and state.t_fail >= lately:
                silent.append(state)
        elif state.t_ok >= lately:
            answering.append(state)
    first = min((one.t_fail for one in silent), default=now)
    return [one for one in answering if one.t_ok > first], silent


def _is_many(silent: list[ServerState]) -> bool:
    owners: set[Name] = set()
    for state in silent:
        owners |= state.silent_domains
    prefixes = {state.prefix for state in silent}
    return len(prefixes) >= EXPERIMENT_PREFIXES and len(owners) >= EXPERIMENT_OWNERS
