"""When to look whether an outage is over: evenly, sooner after changes, never for long."""

from __future__ import annotations

import pytest

from resolver.limits import (
    LINK_LOOK_SECONDS,
    OUTAGE_ROUTELESS_SECONDS,
    OUTAGE_SPARE,
    OUTAGE_SPARE_SECONDS,
    OUTAGE_WITNESS_SECONDS,
)
from resolver.upstream.pace import Pace


def gaps(pace: Pace, now: float, count: int) -> list[float]:
    """Seconds between *count* looks from *now* on, each of which sends a packet."""
    found = []
    for _ in range(count):
        found.append(pace.looked(now, has_sent=True, is_told=True))
        now += found[-1]
    return found


def test_looks_are_even_where_nothing_changes() -> None:
    assert gaps(Pace(0.0), 0.0, 5) == [OUTAGE_WITNESS_SECONDS] * 5


@pytest.mark.reaches("LINK_LOOK_SECONDS")
def test_a_change_is_looked_at_soon_and_soon_again() -> None:
    """The first packet over a new link may be lost: its neighbour is not known yet."""
    pace = Pace(0.0)
    gaps(pace, 0.0, 1)
    assert pace.hastened(0.5) == 0.5
    first = LINK_LOOK_SECONDS
    assert gaps(pace, 0.5, 7)[:5] == [first, 2 * first, 4 * first, 8 * first, 16 * first]


def test_the_next_change_of_a_flock_is_looked_at_a_little_later() -> None:
    """Link, address and route come within a few milliseconds; the last one counts."""
    pace = Pace(0.0)
    pace.hastened(10.0)
    pace.looked(10.0, has_sent=True, is_told=True)
    assert pace.hastened(10.002) == 10.0 + LINK_LOOK_SECONDS
    pace.looked(10.05, has_sent=False, is_told=True)  # no route yet: that was no look at all
    assert pace.hastened(10.06) == 10.06


@pytest.mark.reaches("OUTAGE_SPARE", "OUTAGE_SPARE_SECONDS")
def test_a_link_that_flaps_for_hours_costs_less_than_a_packet_a_second() -> None:
    pace, now, packets, hours = Pace(0.0), 0.0, 0, 2
    look_at = OUTAGE_WITNESS_SECONDS
    while now < hours * 3600:
        now = round(now + 0.1, 1)  # it changes ten times a second
        while look_at <= now:
            packets += 1
            look_at += pace.looked(look_at, has_sent=True, is_told=True)
        look_at = min(look_at, pace.hastened(now) or look_at)
    even = hours * 3600 / OUTAGE_WITNESS_SECONDS
    assert packets > even
    assert packets <= even + OUTAGE_SPARE + hours * 3600 / OUTAGE_SPARE_SECONDS + 1
    assert packets <= hours * 3600


@pytest.mark.reaches("OUTAGE_ROUTELESS_SECONDS")
def test_without_a_route_and_a_teller_the_look_is_taken_more_often() -> None:
    """It costs no packet."""
    pace = Pace(0.0)
    assert pace.looked(0.0, has_sent=False, is_told=False) == OUTAGE_ROUTELESS_SECONDS
    assert pace.looked(0.0, has_sent=False, is_told=True) == OUTAGE_WITNESS_SECONDS
    assert pace.looked(0.0, has_sent=True, is_told=False) == OUTAGE_WITNESS_SECONDS
