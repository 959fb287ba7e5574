"""How far away servers are, as far as round-trip times tell. Pure.

A least round trip bounds the distance from above, never from below: what answers within 3 ms is
near, what takes 300 may be next door behind a satellite. So kilometres come from the raw round
trip, as a bound (CBG: Gueye et al., ToN 2006); the words *local*, *regional* and *far* are for
people, and take off first what the own access costs, which is the nearest server's round trip.

Where *far* begins: as configured; else as real partial outages showed, in which some servers
answered and some did not; else at the step in the distribution that the link abroad makes; else at
REGIONAL_MS. Times here are milliseconds of a round trip.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.limits import (
    EARTH_KM,
    GEO_ACCESS_MS,
    KM_PER_MS_FIBRE,
    KM_PER_MS_LASER,
    LEO_ANSWERS,
    LEO_DEVIATION,
    LEO_LEAST_MS,
    LEO_MOST_MS,
    LINK_FLOOR_MS,
    LINK_FLOOR_PART,
    LINK_SHARE,
    LINK_STEP,
    LOCAL_MS,
    REGIONAL_MS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LOCAL: Final = "local"
REGIONAL: Final = "regional"
FAR: Final = "far"
LEO: Final = "LEO satellites"
GEO: Final = "GEO satellite"
NEAREST: Final = 5  # servers whose jitter tells of the access
_FEW: Final = 3  # hosts on either side, without which an outage sets no bound


class Measured(NamedTuple):
    """One address: its raw least round trip, and how it varies. *uses*: answers that it gave."""

    host: str
    rtt_ms: float
    uses: float = 1.0
    deviation_ms: float = 0.0


class PartialOutage(NamedTuple):
    """Some answered while others were silent, who had answered before. Unix seconds, hosts.

    The only true tale of what lies on this side of a link that a resolver can have.
    """

    began: float
    ended: float
    answered: frozenset[str]
    silent: frozenset[str]


class Distances(NamedTuple):
    """What all servers together say of the own access and of the link abroad.

    *access_ms*: to the nearest server, 0 where none is measured. *link_ms*: from there on servers
    are far; *link_from*: "configured", "outage", "measured" or "assumed". *looks_like*: the kind of
    satellite link, "" for none.
    """

    access_ms: float
    link_ms: float
    link_from: str
    looks_like: str = ""
    near_hosts: frozenset[str] = frozenset()
    far_hosts: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        measured: Iterable[Measured],
        *,
        far_ms: float = 0.0,
        outages: Iterable[PartialOutage] = (),
    ) -> Distances:
        """*far_ms*: where far begins, as configured; 0: find it. O(n log n)."""
        nearest_first = sorted(
            (one for one in measured if one.rtt_ms > 0.0), key=lambda one: one.rtt_ms
        )
        access_ms = nearest_first[0].rtt_ms if nearest_first else 0.0
        near, far = _shown_by(outages)
        link_ms, link_from = far_ms, "configured"
        if not far_ms:
            link_ms, link_from = _bound_of_outages(nearest_first, near, far), "outage"
        if not link_ms:
            link_ms, link_from = _link_step(nearest_first, access_ms), "measured"
        if not link_ms:
            link_ms, link_from = access_ms + REGIONAL_MS, "assumed"
        kind = looks_like(nearest_first[:NEAREST])
        return cls(access_ms, link_ms, link_from, kind, near, far)

    def is_far(self, rtt_ms: float, host: str = "") -> bool:
        """Beyond the link abroad? What an outage showed of *host* counts for more than its RTT."""
        if host in self.near_hosts:
            return False
        return host in self.far_hosts or rtt_ms >= self.link_ms

    def word(self, rtt_ms: float, host: str = "") -> str:
        """*local*, *regional* or *far*."""
        if self.is_far(rtt_ms, host):
            return FAR
        return LOCAL if rtt_ms - self.access_ms <= LOCAL_MS else REGIONAL

    def bound_km(self, rtt_ms: float) -> int:
        """It is no further away than that: an upper bound, from the raw round trip."""
        may_be_laser = LEO_LEAST_MS <= self.access_ms <= LEO_MOST_MS  # steady or not: it is a bound
        km_per_ms = KM_PER_MS_LASER if may_be_laser else KM_PER_MS_FIBRE
        return math.ceil(min(km_per_ms * rtt_ms, EARTH_KM))

    @property
    def sentence(self) -> str:
        """What the link looks like, if it looks like anything special."""
        if not self.looks_like:
            return ""
        return f"link looks like {self.looks_like} ({self.access_ms:.0f} ms to the nearest server)"


def _shown_by(outages: Iterable[PartialOutage]) -> tuple[frozenset[str], frozenset[str]]:
    """Hosts that answered and hosts that were silent; of each what the last outage showed."""
    near: set[str] = set()
    far: set[str] = set()
    for outage in sorted(outages, key=lambda one: one.ended):
        near = (near | outage.answered) - outage.silent
        far = (far - outage.answered) | outage.silent
    return frozenset(near), frozenset(far - near)


def _bound_of_outages(
    nearest_first: Sequence[Measured], near: frozenset[str], far: frozenset[str]
) -> float:
    """The round trip that parts those who answered from the silent with the fewest exceptions.

    0 where fewer than _FEW of either are measured, or where it parts them badly: then it was not
    the distance that told.
    """
    told = [(one.rtt_ms, one.host in near) for one in nearest_first if one.host in near | far]
    nears = sum(is_near for _, is_near in told)
    fars = len(told) - nears
    if nears < _FEW or fars < _FEW:
        return 0.0
    best, wrong, link_ms = nears, nears, 0.0  # all are far: each of the near ones is an exception
    for (rtt_ms, is_near), (following_ms, _) in zip(
        told, [*told[1:], (math.inf, False)], strict=True
    ):
        wrong += -1 if is_near else 1
        if wrong < best and following_ms < math.inf:
            best, link_ms = wrong, math.sqrt(rtt_ms * following_ms)
    return link_ms if best <= min(nears, fars) / _FEW else 0.0


def _link_step(nearest_first: Sequence[Measured], access_ms: float) -> float:
    """Where the widest step among round trips ends, what the access costs taken off; 0 for none.

    At least LINK_SHARE of all use must lie on either side, and what lies beyond is not local.
    """
    whole = sum(one.uses for one in nearest_first)
    below, best, link_ms = 0.0, LINK_STEP, 0.0
    floor_ms = max(LINK_FLOOR_MS, LINK_FLOOR_PART * access_ms)
    for one, following in pairwise(nearest_first):
        below += one.uses
        if not LINK_SHARE * whole <= below <= (1 - LINK_SHARE) * whole:
            continue
        if following.rtt_ms - access_ms <= LOCAL_MS:
            continue
        here = one.rtt_ms - access_ms + floor_ms
        there = following.rtt_ms - access_ms + floor_ms
        if there / here >= best:
            best = there / here
            link_ms = access_ms - floor_ms + math.sqrt(here * there)
    return link_ms


def looks_like(nearest_first: Sequence[Measured]) -> str:
    """The kind of satellite link that the NEAREST servers, or fewer, are behind; "" for none."""
    access_ms = nearest_first[0].rtt_ms if nearest_first else 0.0
    if access_ms >= GEO_ACCESS_MS:
        return GEO
    if not LEO_LEAST_MS <= access_ms <= LEO_MOST_MS:
        return ""
    known = [one for one in nearest_first if one.uses >= LEO_ANSWERS]
    parts = sorted(one.deviation_ms / one.rtt_ms for one in known)
    return LEO if parts and parts[len(parts) // 2] >= LEO_DEVIATION else ""
