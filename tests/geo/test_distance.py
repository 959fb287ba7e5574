"""The bound is one, the words are right, and what an outage showed counts for more than RTTs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.distance import Matrix, Tally, world
from resolver import limits
from resolver.geo.distance import FAR, LOCAL, REGIONAL, Distances, Measured, PartialOutage
from tests import real_data

RTTS = real_data.FOLDER / "rtt"


def measured(*rtts_ms: float, uses: float = 1.0, deviation: float = 0.0) -> list[Measured]:
    return [Measured(f"192.0.2.{at}", ms, uses, deviation * ms) for at, ms in enumerate(rtts_ms, 1)]


def outage(near: str, far: str, at: float = 0.0) -> PartialOutage:
    """Hosts by their last octets."""
    hosts = [frozenset(f"192.0.2.{one}" for one in text.split()) for text in (near, far)]
    return PartialOutage(at, at + 600, *hosts)


def test_nothing_measured_is_no_distance() -> None:
    distances = Distances.of([])
    assert (distances.access_ms, distances.link_from) == (0.0, "assumed")
    assert distances.word(70.0) == FAR
    assert distances.sentence == ""


def test_the_step_between_home_and_abroad_is_the_link() -> None:
    """Nairobi: a few servers at home, the rest beyond 150 ms."""
    distances = Distances.of(measured(3, 4, 4.5, 6, 155, 160, 170, 210, 290))
    assert distances.link_from == "measured"
    assert 10 < distances.link_ms < 155
    assert [distances.word(ms) for ms in (3, 6, 155)] == [LOCAL, LOCAL, FAR]


def test_a_step_among_local_servers_is_no_link() -> None:
    """The router next door in 0.3 ms, all others from 5 to 8: nobody of them is far."""
    distances = Distances.of(measured(0.3, 0.3, 5, 5.5, 6, 7, 8))
    assert distances.link_from == "assumed"
    assert not distances.is_far(8.0)


def test_one_odd_server_makes_no_link() -> None:
    near = measured(*[2 + at / 10 for at in range(30)])
    distances = Distances.of([*near, Measured("203.0.113.9", 180.0)])
    assert distances.link_from == "assumed"
    assert distances.is_far(180.0)


def test_the_access_share_is_taken_off_for_words_only() -> None:
    """Over DSL with 30 ms everything local takes 31 to 35: local still, but no bound is smaller."""
    distances = Distances.of(measured(30, 31, 32, 35, 180, 190, 200, 240))
    assert distances.word(35.0) == LOCAL
    assert distances.word(180.0) == FAR
    assert distances.bound_km(31.0) >= 3100


def test_what_is_configured_decides() -> None:
    distances = Distances.of(measured(3, 4, 5, 150, 160, 170), far_ms=4.5)
    assert (distances.link_ms, distances.link_from) == (4.5, "configured")
    assert distances.word(5.0) == FAR


def test_an_outage_corrects_what_round_trips_suggest() -> None:
    """Jakarta: Singapore is 13 ms away, and gone with the link; a home server behind DSL is not."""
    servers = measured(1, 2, 3, 2.5, 25, 13, 14, 15, 16)
    before = Distances.of(servers)
    assert before.is_far(25.0, "192.0.2.5")
    after = Distances.of(servers, outages=[outage("1 2 3 4 5", "6 7 8 9")])
    assert after.link_from == "outage"
    assert 3 < after.link_ms < 13
    assert not after.is_far(25.0, "192.0.2.5")
    assert after.is_far(13.0, "192.0.2.6")
    assert after.is_far(13.0, "203.0.113.1")  # a stranger goes by the bound


def test_of_two_outages_the_later_counts() -> None:
    distances = Distances.of([], outages=[outage("", "1", at=9e3), outage("1 2", "3")])
    assert distances.near_hosts == {"192.0.2.2"}
    assert distances.far_hosts == {"192.0.2.1", "192.0.2.3"}


def test_an_outage_that_was_none_of_distance_sets_no_bound() -> None:
    """One operator was gone, near and far alike."""
    servers = measured(1, 2, 3, 4, 100, 110, 120, 130)
    distances = Distances.of(servers, outages=[outage("1 3 5 7", "2 4 6 8")])
    assert distances.link_from != "outage"


def test_a_satellite_far_up_is_recognised_by_its_round_trip() -> None:
    distances = Distances.of(measured(612, 640, 790))
    assert distances.sentence == "link looks like GEO satellite (612 ms to the nearest server)"
    assert distances.word(640.0) == REGIONAL
    assert distances.word(612.0) == LOCAL


def test_satellites_near_by_are_recognised_by_their_jitter() -> None:
    assert Distances.of(measured(38, 41, 45, uses=4, deviation=0.3)).looks_like == "LEO satellites"
    assert Distances.of(measured(38, 41, 45, uses=4, deviation=0.05)).looks_like == ""  # DSL
    assert Distances.of(measured(2, 41, 45, uses=4, deviation=0.3)).looks_like == ""  # Wi-Fi
    assert Distances.of(measured(38, 41, uses=3, deviation=0.3)).looks_like == ""  # too early


def test_by_laser_light_goes_farther() -> None:
    assert Distances.of(measured(30, 70)).bound_km(70.0) == 10_500
    assert Distances.of(measured(3, 70)).bound_km(70.0) == 7000
    assert Distances.of(measured(3)).bound_km(900.0) == limits.EARTH_KM


@given(
    st.lists(st.tuples(st.floats(0.01, 2000), st.floats(0.1, 1000)), max_size=40),
    st.floats(0.01, 2000),
    st.floats(0.01, 2000),
)
def test_words_and_bounds_rise_with_the_round_trip(
    pairs: list[tuple[float, float]], one: float, other: float
) -> None:
    distances = Distances.of(Measured(f"h{at}", *pair) for at, pair in enumerate(pairs))
    near, far = sorted((one, other))
    order = (LOCAL, REGIONAL, FAR)
    assert order.index(distances.word(near)) <= order.index(distances.word(far))
    assert distances.bound_km(near) <= distances.bound_km(far)
    assert distances.link_ms > 0


@pytest.mark.skipif(not RTTS.is_dir(), reason=f"no round trips in {RTTS}")
def test_in_random_worlds_no_bound_is_below_the_truth_and_words_are_right() -> None:
    """As `python -m bench.distance`, which has more of them."""
    matrix = Matrix(RTTS)
    for is_island, heres in ((False, [*matrix.cities]), (True, matrix.islands())):
        rng, tally = random.Random(7), Tally()
        for _ in range(60):
            one = world(matrix, rng.choice(heres), rng, has_cable=is_island)
            tally.add(matrix, one, is_island=is_island)
        assert tally.below == 0
        assert sum(tally.right.values()) >= 0.95 * sum(tally.all.values())
