"""What the kind of link has to do with asking: how long, how often, and on which connections.

The kind is found by measurement, now and then (`daemon.experimenting`), of round trips alone. By
a satellite far up nobody is near, so everybody is waited for longer, each octet costs, and what is
once open stays open. By satellites near by the way changes every LEO_SLOT_SECONDS, for all servers
at once: when a reply is late is told by those that came since (Mohan et al., A Multifaceted Look at
Starlink Performance, WWW 2024), and some packets in a row are lost where a satellite sets.
Pure: *now* is trio's time, passed in. One of these in each process.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from resolver.geo.distance import GEO, LEO
from resolver.limits import (
    ASK_SECONDS,
    GEO_IDLE_SECONDS,
    GEO_PATIENCE,
    GEO_STALE_RTTS,
    GEO_STALE_SECONDS,
    HEDGE_FLOOR_SECONDS,
    HEDGE_JITTER_SECONDS,
    HEDGE_UNKNOWN_SECONDS,
    LEO_HEDGE_PART,
    LEO_SILENCES,
    LEO_SLOT_ANSWERS,
    LEO_SLOT_KEPT,
    LEO_SLOT_SECONDS,
    OVERDUE_UNKNOWN_SECONDS,
    RACE_WIDTH,
    SESSION_CONNECT_SECONDS,
    SESSION_IDLE_SECONDS,
    SESSION_MUTE_SECONDS,
    TCP_SECONDS,
    UPSTREAM_TCP_IDLE_SECONDS,
)

if TYPE_CHECKING:
    from resolver.upstream.server_state import ServerState

_SOME: Final = 4  # answers between two looks at what is late


class LinkProfile:
    """*looks_like*: as `geo.distance.Distances`, "" for a link like any other.

    *patience*: times as long as usual that strangers have; *access_s*: seconds before which none of
    them can answer. *ask_s*, *tcp_s*, *connect_s*: seconds for a question at one zone cut, for one
    query over TCP, for a session. *grace_s*: for how much longer than usual a session may be mute.
    *race_width*: servers of a set that nobody knows asked at once. *tcp_idle_s*, *session_idle_s*:
    how long connections are kept. *losses*: silences in a row that say nothing of a server that
    used to answer. *slots*: where the way changes every few seconds.
    """

    __slots__ = (
        "access_s", "ask_s", "connect_s", "grace_s", "looks_like", "losses", "patience",
        "race_width", "session_idle_s", "slots", "tcp_idle_s", "tcp_s",
    )  # fmt: skip

    def __init__(self) -> None:
        self.slots: Slots | None = None
        self.fit("", 0.0)

    def __repr__(self) -> str:
        return f"<LinkProfile {self.looks_like or 'like any other'}>"

    def fit(self, looks_like: str, access_s: float) -> None:
        """Go by a link that looks like this, from the next packet on. *access_s*: to the nearest
        server."""
        is_geo, is_leo = looks_like == GEO, looks_like == LEO
        self.access_s = access_s if is_geo else 0.0
        self.looks_like = looks_like
        self.patience = patience = GEO_PATIENCE if is_geo else 1.0
        self.ask_s = patience * ASK_SECONDS
        self.tcp_s = patience * TCP_SECONDS
        self.connect_s = patience * SESSION_CONNECT_SECONDS
        self.grace_s = (patience - 1) * SESSION_MUTE_SECONDS
        self.race_width = 1 if is_geo else RACE_WIDTH
        self.tcp_idle_s = GEO_IDLE_SECONDS if is_geo else UPSTREAM_TCP_IDLE_SECONDS
        self.session_idle_s = GEO_IDLE_SECONDS if is_geo else SESSION_IDLE_SECONDS
        self.losses = LEO_SILENCES if is_leo else 1
        if is_leo != (self.slots is not None):
            self.slots = Slots() if is_leo else None

    def stale_after_s(self, wanted_s: float) -> float:
        """After how long a client is told what is over, where that is to be after *wanted_s*: not
        before a healthy look-up by satellite can have ended."""
        return max(wanted_s, min(GEO_STALE_RTTS * self.access_s, GEO_STALE_SECONDS))

    def settle(self, state: ServerState, now: float) -> None:
        """A packet goes there now: say after how long its reply is late."""
        if self.slots is not None:
            self.slots.settle(state, now)
        elif self.access_s and not state.n:  # nobody is nearer than the nearest
            state.hedge_s = max(state.hedge_s, self.access_s + HEDGE_UNKNOWN_SECONDS)
            state.overdue_s = max(state.overdue_s, self.access_s + OVERDUE_UNKNOWN_SECONDS)


class Slots:
    """How much later than at its best each server answered: of all, since the slot began.

    While that are fewer than LEO_SLOT_ANSWERS the slot before has the word, and if that had no more
    each server's own habit.
    """

    __slots__ = ("_before_s", "_ends_at", "_late", "_now_s")

    def __init__(self) -> None:
        self._late: list[float] = []
        self._ends_at = -math.inf
        self._now_s = self._before_s = math.inf

    def __repr__(self) -> str:
        return f"<Slots {len(self._late)} answers, {1000 * self.late_s:.1f} ms late>"

    @property
    def late_s(self) -> float:
        """By that much at most nearly all of them were later; infinite where it is not known."""
        return self._now_s if self._now_s < math.inf else self._before_s

    def note(self, state: ServerState, rtt_s: float, now: float) -> None:
        """It answered within *rtt_s*."""
        self._turn(now)
        late = self._late
        if len(late) < LEO_SLOT_KEPT:
            late.append(max(rtt_s - state.watch.least_s, 0.0))
            if len(late) >= LEO_SLOT_ANSWERS and not len(late) % _SOME:
                self._now_s = sorted(late)[math.ceil(LEO_HEDGE_PART * len(late)) - 1]

    def settle(self, state: ServerState, now: float) -> None:
        """A packet goes there now: say after how long its reply is late."""
        self._turn(now)
        late_s, least_s = self.late_s, state.watch.least_s
        if late_s < math.inf and state.n and least_s < math.inf:
            after_s = least_s + max(late_s, HEDGE_JITTER_SECONDS)
            state.hedge_s = max(HEDGE_FLOOR_SECONDS, after_s)

    def _turn(self, now: float) -> None:
        """The next slot, if it is time."""
        if now < self._ends_at:
            return
        is_next = now < self._ends_at + LEO_SLOT_SECONDS
        self._before_s = self._now_s if is_next else math.inf
        self._now_s = math.inf
        self._ends_at = (now // LEO_SLOT_SECONDS + 1) * LEO_SLOT_SECONDS
        self._late.clear()
