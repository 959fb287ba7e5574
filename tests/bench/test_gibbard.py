"""Gibbard's places: what the reckoning allows, and the resolver lived through small situations."""

from __future__ import annotations

import dataclasses
from ipaddress import ip_address

import pytest

from bench.gibbard import report
from bench.gibbard.country import Asked, Country
from bench.gibbard.reckoning import HELD_S, STALE_MAX_S, Reckoning
from bench.gibbard.situations import NO_WORLD, SITUATIONS, Situation, Tld, at, away, home, roots
from bench.gibbard.story import Heard, Phase, live, live_often
from resolver.config.schema import Config
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType

PLACE = Situation(roots=roots(home(5), 150), home=home(), abroad=away(200))
HOME_TLD = at(PLACE, "T1", "a TLD at home", Tld("aa", (*away(150), *home())), cut="the link")
FAR_TLD = at(PLACE, "T2", "a TLD abroad", Tld("aa", away(150)), cut="the link")
NO_ROOT = dataclasses.replace(HOME_TLD, roots=roots((), 150))
KNOWN = Asked("www.known.aa.", "known.aa.", "aa", is_home=True, batch=0, expected="203.0.113.1")
BESIDE = KNOWN._replace(qname="new.known.aa.", batch=1)
NEW = KNOWN._replace(qname="www.new.aa.", zone="new.aa.", batch=1)


def reckoned(situation: Situation, *, stale: bool = False, keeps: bool = False) -> Reckoning:
    """With KNOWN asked at 0, and cut since."""
    made = Reckoning(situation, serves_stale=stale, keeps=keeps)
    assert made.ask(KNOWN, 0)
    made.is_cut = True
    return made


def test_home_all_the_way_needs_nothing_else() -> None:
    """Root, TLD and zone at home: new names resolve, after a restart too."""
    made = reckoned(HOME_TLD)
    assert made.ask(NEW, 10)
    made.restart()
    assert made.ask(BESIDE, 20)


def test_a_cached_delegation_spares_a_tld_that_is_away() -> None:
    """Of the zone that was asked; a new zone's only the TLD knows."""
    made = reckoned(FAR_TLD)
    assert made.ask(BESIDE, 1000)
    assert not made.ask(NEW, 1000)
    assert made.ask(KNOWN, 1000)  # expired, and asked again at home
    made.restart()
    assert not made.ask(KNOWN, 1000)


def test_what_is_held_ends_with_its_ttl() -> None:
    assert reckoned(FAR_TLD).ask(BESIDE, HELD_S - 1)
    assert not reckoned(FAR_TLD).ask(BESIDE, HELD_S)


def test_without_a_root_a_tld_at_home_is_of_no_use_after_a_restart() -> None:
    """Colombo 2004; a cache that is kept finds it without."""
    made = reckoned(NO_ROOT)
    assert made.ask(NEW, 10)
    made.restart()
    assert not made.ask(KNOWN, 20)
    kept = reckoned(NO_ROOT, keeps=True)
    kept.restart()
    assert kept.ask(NEW._replace(zone="newer.aa."), 20)


def test_stale_answers_are_of_known_names_and_end() -> None:
    """RFC 8767: what was answered once, for as long as it may be told."""
    known = KNOWN._replace(is_home=False)
    for is_on in (False, True):
        made = Reckoning(HOME_TLD, serves_stale=is_on, keeps=False)
        assert made.ask(known, 0)
        made.is_cut = True
        assert made.ask(known, 299)
        assert made.ask(known, 300) is is_on
        assert not made.ask(NEW._replace(is_home=False), 300)
        assert not made.ask(known, 300 + STALE_MAX_S)


def test_the_reckoning_holds_delegations_as_long_as_the_program_does() -> None:
    assert Config().cache.max_ttl == HELD_S


def test_all_scenarios_are_worlds_or_say_why_not() -> None:
    keys = {situation.key[:3] for situation in SITUATIONS}
    assert keys | set(NO_WORLD) == {f"G{number:02}" for number in range(1, 33)}
    assert not keys & set(NO_WORLD)
    assert len({situation.key for situation in SITUATIONS}) == len(SITUATIONS)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.key)
def test_a_world_has_what_its_table_says(situation: Situation) -> None:
    """13 root addresses of each family; every name has its address; a cut spares whom it should."""
    country = Country(situation, 1)
    world = country.world
    assert country.hints.count(" A ") == country.hints.count(" AAAA ") == 13
    for asked in country.names:
        truth = world.truth(names.from_text(asked.qname), RRType.A)
        assert truth is not None
        assert truth.answer[0].rdatas == (ip_address(asked.expected).packed,)
    country.cut()
    sites = [*situation.roots, *situation.home, *situation.abroad]
    sites += [site for tld in situation.tlds for site in tld.sites]
    dead = sum(world.faults.path(host, 0).dead for host in world.servers)
    assert dead == 2 * sum(site.fails for site in sites)


def test_home_names_outlive_a_cut_end_to_end() -> None:
    """Everything at home resolves as before; what is not fails as SERVFAIL; all is well after."""
    phases = live(HOME_TLD)
    assert [phase.title for phase in phases] == ["before", "cut", "+1 h", "restart", "return"]
    for phase in phases:
        assert all(one.is_right for one in phase.heard if one.asked.is_home), phase.title
    unknown = [one for phase in phases[1:4] for one in phase.heard if one.group == "abroad new"]
    assert {one.rcode for one in unknown} == {Rcode.SERVFAIL}
    assert report.faults(phases) == []
    assert all(one.is_right for phase in (phases[0], phases[-1]) for one in phase.heard)


def test_nothing_fails_where_nothing_is_cut() -> None:
    phases = live_often(at(HOME_TLD, "T3", "no cut"), (1, 2))
    assert [len(phase.heard) for phase in phases] == [24, 40, 40, 40, 40]
    assert all(one.is_right and one.is_possible for phase in phases for one in phase.heard)


def test_a_cell_tells_what_differs_and_what_is_slow() -> None:
    right = Heard(KNOWN, in_cut=True, is_possible=True, is_right=True, rcode=0, took_ms=1500)
    failed = dataclasses.replace(right, is_right=False, rcode=2, took_ms=750)
    denied = dataclasses.replace(failed, is_possible=False, rcode=3)
    told = dataclasses.replace(denied, rcode=2)
    assert report.cell([]) == "-"
    assert (
        report.cell([dataclasses.replace(right, in_cut=False), told])
        == "1/2 1500/1500 fails 750/750"
    )
    assert report.cell([right]) == "1/1 1500/1500 slow"
    assert report.cell([failed]) == "≠ 0/1 (1) fails 750/750"
    assert report.cell([denied]) == "≠ 0/1 (0) fails 750/750"
    assert len(report.faults([Phase("cut", (right, failed, denied, told))])) == 3
