"""Do the places that servers claim agree with their round trips? Pure.

Nobody told us where we are. But each claim says that we are within its bound of its place, so two
of them that are further apart than both bounds together cannot both be true. The fewest that have
to be false for the rest to be true are taken for false (CBG's intersection: Gueye et al., 2006).
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from resolver.limits import CLAIM_SLACK_KM, CLAIMS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.geo.codes import Place

_EARTH_RADIUS_KM = 6371.0


class Claim(NamedTuple):
    """Somebody within *bound_km* of us says that he is at *place*."""

    bound_km: float
    place: Place


def apart_km(one: Place, other: Place) -> float:
    """As the crow flies."""
    north, south = math.radians(one.latitude), math.radians(other.latitude)
    east = math.radians(other.longitude - one.longitude)
    half = math.sin((south - north) / 2) ** 2
    half += math.cos(north) * math.cos(south) * math.sin(east / 2) ** 2
    return 2 * _EARTH_RADIUS_KM * math.asin(min(math.sqrt(half), 1.0))


def contradicts(one: Claim, other: Claim) -> bool:
    """They cannot both be true."""
    return apart_km(one.place, other.place) > one.bound_km + other.bound_km + CLAIM_SLACK_KM


class Agreement:
    """The claims that stand: of each place the tightest, CLAIMS at most."""

    def __init__(self, claims: Iterable[Claim]) -> None:
        tightest: dict[str, Claim] = {}
        for claim in sorted(claims, key=lambda one: one.bound_km):
            tightest.setdefault(claim.place.code, claim)
        self.standing = _consistent([*tightest.values()][:CLAIMS])
        self._agreed = [one for one in self.standing if self.allows(one)]

    def allows(self, claim: Claim) -> bool:
        """Is there nothing that contradicts it?"""
        return not any(contradicts(claim, other) for other in self.standing)

    def denies(self, claim: Claim) -> bool:
        """Does one contradict it that nobody contradicts? Else it is word against word."""
        return any(contradicts(claim, other) for other in self._agreed)


def _consistent(claims: list[Claim]) -> list[Claim]:
    """Without those that contradict most others, one after the other. O(n²).

    Of two that contradict each other alone nobody can tell which is true: both are left, and
    neither is allowed.
    """
    against: dict[Claim, set[Claim]] = {claim: set() for claim in claims}
    for one, other in combinations(claims, 2):
        if contradicts(one, other):
            against[one].add(other)
            against[other].add(one)
    while against:
        worst = max(against, key=lambda claim: len(against[claim]))
        if len(against[worst]) <= 1:
            break
        for other in against.pop(worst):
            against[other].discard(worst)
    return [*against]
