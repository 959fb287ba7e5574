"""Places are read as operators are known to name their instances, and only if they may be true."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver import limits
from resolver.geo import codes
from resolver.geo.agree import Agreement, Claim, apart_km
from resolver.geo.codes import Airports, airport_of, city_of
from resolver.geo.place import place_of
from tests.support import set_limit

if TYPE_CHECKING:
    from resolver.geo.codes import Place


@pytest.mark.parametrize(
    ("instance", "nameserver", "city"),
    [
        ("nnn1-fra5", "a.gtld-servers.net.", "Frankfurt"),
        ("rootns-elpek3", "j.root-servers.net.", "Beijing"),
        ("nnn1-jptyo-1b", "", "Tokyo"),
        ("a.r.lon8.gblon-0", "a.root-servers.net.", "London"),
        ("b1-lax", "B.ROOT-SERVERS.NET.", "Los Angeles"),
        ("fra1a.c.root-servers.org", "", "Frankfurt"),
        ("BRU.cf.f.root-servers.org", "", "Brussels"),
        ("c01.MCI.eroot", "", "Kansas City"),
        ("001.hkg.h.root-servers.org", "", "Hong Kong"),
        ("s1.bei", "i.root-servers.net.", "Beijing"),
        ("ns1.nl-ams.k.ripe.net", "", "Amsterdam"),
        ("kr-icn-aa", "l.root-servers.net.", "Seoul"),
        ("aa01-in-bom.l.dns.icann.org", "", "Mumbai"),
        ("mia01.l.root-servers.org", "", "Miami"),
        ("M-NRT-JPNAP-1", "m.root-servers.net.", "Tokyo"),
        ("gpdns-ams", "", "Amsterdam"),
        ("res100.ams.rrdns.pch.net", "", "Amsterdam"),
    ],
)
def test_a_place_is_read_by_the_operators_habit(instance: str, nameserver: str, city: str) -> None:
    place = place_of(instance, nameserver)
    assert place is not None
    assert place.city == city


@pytest.mark.parametrize(
    ("instance", "nameserver"),
    [
        ("fra5", ""), ("web-fra-1", ""), ("s1.ams", "ns1.example."), ("b1-lax", "ns.example."),
        ("waw03", ""), ("kr-icn-aa", "ns.example."), ("nnn1-zzz5", ""), ("", ""),
        ("ns1.de-ams.k.ripe.net", ""),  # no such code in that country
        ("nnn1-fra5\n", ""), ("<b>nnn1-fra5", ""), ("b1-lax", "evilb.root-servers.net.example."),
    ],
)  # fmt: skip
def test_what_nobody_is_known_to_say_is_no_place(instance: str, nameserver: str) -> None:
    assert place_of(instance, nameserver) is None


def test_some_speak_so_at_their_own_addresses_only() -> None:
    place = place_of("waw03", host="1.1.1.1")
    assert place is not None
    assert place.country == "PL"
    assert place_of("waw03", host="192.0.2.1") is None


@given(st.text(max_size=128), st.text(max_size=64))
def test_no_text_is_too_odd_to_be_read(instance: str, nameserver: str) -> None:
    place = place_of(instance, nameserver)
    assert place is None or place.city.isascii()


def test_our_own_table_agrees_with_itself() -> None:
    places = codes._places()
    assert len(places) > 300
    for code, place in places.items():
        assert len(code) == 3
        assert code == place.code
        assert len(place.country) == 2
        assert -60 < place.latitude < 75
        assert -180 <= place.longitude <= 180


@pytest.fixture
def airports(monkeypatch: pytest.MonkeyPatch) -> Airports:
    """As in a process that has not read them."""
    fresh = Airports()
    monkeypatch.setattr(codes, "AIRPORTS", fresh)
    return fresh


def test_without_the_package_our_own_table_is_all(
    airports: Airports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "airportsdata", None)  # as where the extra is not installed
    airports.read()
    assert airport_of("FRA") is not None
    assert airport_of("BRN") is None
    assert not airports.are_missed


def test_with_the_package_all_airports_are_known_once_they_were_missed_and_read(
    airports: Airports,
) -> None:
    missed = []
    for code in ("FRA", "BRN"):
        assert (airport_of(code) is None) is (code == "BRN")
        missed.append(airports.are_missed)
    assert missed == [False, True]
    airports.read()
    place = airport_of("BRN")
    assert place is not None
    assert (place.country, airports.are_missed) == ("CH", False)


# --- may it be true? ------------------------------------------------------------------------------


def at(code: str) -> Place:
    place = city_of(code)
    assert place is not None
    return place


def test_a_place_that_others_make_impossible_is_not_believed() -> None:
    """We are in Amsterdam; somebody 3 ms away says that he is in Singapore."""
    claims = [
        Claim(200, at("AMS")), Claim(400, at("LHR")), Claim(700, at("FRA")),
        Claim(9000, at("JFK")), Claim(300, at("SIN")), Claim(17_000, at("NRT")),
    ]  # fmt: skip
    agreement = Agreement(claims)
    assert [agreement.allows(claim) for claim in claims] == [True] * 4 + [False, True]


def test_one_word_against_another_is_believed_of_neither() -> None:
    claims = [Claim(200, at("AMS")), Claim(300, at("SIN"))]
    assert [Agreement(claims).allows(claim) for claim in claims] == [False, False]
    assert [Agreement(claims).denies(claim) for claim in claims] == [False, False]
    third = Claim(9000, at("JFK"))
    assert Agreement([*claims, third]).allows(claims[0])
    assert not Agreement([*claims, third]).allows(claims[1])
    assert Agreement([*claims, third]).denies(claims[1])


def test_a_claim_alone_stands() -> None:
    claim = Claim(300, at("FRA"))
    assert Agreement([claim]).allows(claim)


@pytest.mark.reaches("CLAIM_SLACK_KM")
def test_an_airport_is_not_its_city() -> None:
    assert 6 < apart_km(at("NRT"), at("TYO")) < 100
    claims = [Claim(1, at("NRT")), Claim(1, at("TYO"))]
    assert all(Agreement(claims).allows(claim) for claim in claims)
    apart = apart_km(at("AMS"), at("JFK"))
    for beyond, is_allowed in ((0.9, True), (1.1, False)):
        bound = (apart - beyond * limits.CLAIM_SLACK_KM) / 2
        claims = [Claim(bound, at("AMS")), Claim(bound, at("JFK"))]
        assert Agreement(claims).allows(claims[0]) is is_allowed


@pytest.mark.reaches("CLAIMS")
def test_the_tightest_are_held_against_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    from resolver.geo import agree  # noqa: PLC0415

    set_limit(monkeypatch, agree, "CLAIMS", 2)
    claims = [Claim(200, at("AMS")), Claim(300, at("BRU")), Claim(400, at("SIN"))]
    agreement = Agreement(claims)
    assert len(agreement.standing) == 2
    assert not agreement.allows(claims[2])


def test_distance_is_as_the_crow_flies() -> None:
    assert apart_km(at("LHR"), at("JFK")) == pytest.approx(5540, rel=0.01)
    assert pytest.approx(20_015, rel=0.01) == limits.EARTH_KM
