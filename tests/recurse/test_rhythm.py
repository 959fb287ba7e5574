"""Names that machines ask for at even intervals: renewed just before they are asked for again."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import PREFETCH_LEAST_TTL, RHYTHM_GAPS
from resolver.recurse.rhythm import Rhythm
from tests.making import question
from tests.recurse.household import house
from tests.recurse.test_prefetch import BUSY_DAY, LAMP, ask, street
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import Iterable

WHENEVER = question("n1.example.net. A")


def heard(gaps: Iterable[float]) -> Rhythm:
    rhythm = Rhythm()
    for gap_s in gaps:
        rhythm.note(gap_s)
    return rhythm


def test_after_some_even_gaps_the_next_use_is_expected() -> None:
    assert heard([300] * RHYTHM_GAPS).expected(0, 60) is None
    expected = heard([300] * 20).expected(1000, 60)
    assert expected is not None
    assert expected.begins_at <= 1300 <= expected.ends_at
    assert expected.ends_at - expected.begins_at < 10


def test_jitter_widens_the_time_in_which_it_is_expected() -> None:
    rng = Random(0)
    gaps = [300 * rng.uniform(0.95, 1.05) for _ in range(50)]
    expected = heard(gaps).expected(0, 60)
    assert expected is not None
    assert all(expected.begins_at <= gap_s <= expected.ends_at for gap_s in gaps[10:])


def test_what_is_asked_by_chance_is_not_expected() -> None:
    rng = Random(0)
    rhythm, told = Rhythm(), 0
    for _ in range(1000):
        rhythm.note(rng.expovariate(1 / 300))
        told += rhythm.expected(0, 60) is not None
    assert told < 50


def test_within_a_ttl_there_is_nothing_to_expect() -> None:
    """Then each term is used, and renewed at its end."""
    assert heard([300] * 20).expected(0, 300) is None


def test_one_use_that_is_missed_does_not_end_it_and_a_new_interval_is_learnt() -> None:
    rhythm = heard([300] * 20)
    rhythm.note(600)
    assert rhythm.expected(0, 60) is not None
    for _ in range(20):
        rhythm.note(900)
    expected = rhythm.expected(0, 60)
    assert expected is not None
    assert expected.begins_at <= 900 <= expected.ends_at


def test_a_burst_is_one_use() -> None:
    rhythm = heard([300] * 20)
    for _ in range(10):
        rhythm.note(PREFETCH_LEAST_TTL / 2)
    assert rhythm.expected(0, 60) is not None


@given(st.lists(st.floats(0, 1e6)), st.floats(1, 1e5))
def test_what_is_expected_is_later_than_a_ttl(gaps: list[float], ttl: float) -> None:
    expected = heard(gaps).expected(0.0, ttl)
    assert expected is None or ttl < expected.begins_at <= expected.ends_at


@pytest.mark.parametrize("jitter", [0.0, 0.05])
def test_a_machine_that_reports_each_quarter_of_an_hour_does_not_wait(jitter: float) -> None:
    """Its name lasts five minutes: three terms of four are not used, and none of them is paid."""

    @trio_test
    async def story() -> None:
        rng = Random(0)
        async with house(street()) as home:
            home.parts.base.prefetch.budget.restore(BUSY_DAY, home.parts.clock.now(), away_s=0)
            waited, sent = [], 0
            for at in range(60):
                if at == 10:
                    sent = home.sent
                waited.append(await ask(home, LAMP))
                await trio.sleep(900 * rng.uniform(1 - jitter, 1 + jitter))
            assert sum(waited[10:]) <= 5  # of 50
            assert home.sent - sent <= 50 * 1.1

    story()


@trio_test
async def test_a_machine_that_has_gone_costs_a_renewal_or_two() -> None:
    async with house(street()) as home:
        home.parts.base.prefetch.budget.restore(BUSY_DAY, home.parts.clock.now(), away_s=0)
        for _ in range(20):
            await ask(home, LAMP)
            await trio.sleep(900)
        sent = home.sent
        await trio.sleep(86_400)
        assert home.sent - sent <= 2


@trio_test
async def test_a_hit_in_the_last_part_of_a_ttl_does_not_end_the_rhythm() -> None:
    """Asked when the renewed answer is all but over, it is expected again in its time."""
    async with house(street(ttl=60)) as home:
        home.parts.base.prefetch.budget.restore(BUSY_DAY, home.parts.clock.now(), away_s=0)
        gaps = [300] * 10 + [340, 300, 300]
        waited = []
        for gap_s in gaps:
            waited.append(await ask(home, LAMP))
            await trio.sleep(gap_s)
        assert not any(waited[6:10])
        assert not any(waited[12:])
