"""A tenth of what a day costs may be sent in vain, one at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import PREFETCH_SECONDS
from resolver.recurse.renewal_budget import RenewalBudget

HOUR = 3600.0


def earned(packets: int, now: float = 0.0) -> RenewalBudget:
    budget = RenewalBudget()
    budget.note_sent(packets, now)
    return budget


def test_who_asks_nothing_renews_nothing() -> None:
    assert not RenewalBudget().may_spend(0.0)


@pytest.mark.reaches("PREFETCH_SHARE")
def test_a_tenth_may_be_in_vain() -> None:
    budget = earned(100)
    spent = 0
    while budget.may_spend(0.0):
        budget.charge(1, 0.0)
        spent += 1
        assert budget.left == 10 - spent
    assert spent == 10


def test_what_was_of_use_is_given_back() -> None:
    budget = earned(10)
    for _ in range(50):
        assert budget.may_spend(0.0)
        budget.charge(1, 0.0)
        budget.note_used(1, 0.0)


def test_it_is_halved_while_more_than_half_is_wasted() -> None:
    budget = earned(100)
    budget.note_used(0, 0.0)
    budget.note_wasted(0.0)
    assert budget.allowed == pytest.approx(10)
    budget.note_wasted(0.0)
    assert budget.allowed == pytest.approx(5)


def test_a_day_later_it_is_forgotten() -> None:
    budget = earned(100)
    budget.charge(10, 0.0)
    assert not budget.may_spend(23 * HOUR)
    budget.note_sent(110, 25 * HOUR)
    assert budget.allowed == pytest.approx(1)
    assert budget.may_spend(25 * HOUR)


@pytest.mark.reaches("PREFETCH_SECONDS")
def test_one_at_a_time() -> None:
    budget = earned(1000)
    budget.note_begun(5.0)
    assert PREFETCH_SECONDS == 1
    assert not budget.may_spend(5.99)
    assert budget.may_spend(6.0)


def test_it_outlives_the_process() -> None:
    budget = earned(100, 10 * HOUR)
    budget.charge(4, 12 * HOUR)
    fresh = RenewalBudget()
    fresh.restore(budget.snapshot(12 * HOUR), 5.0, away_s=2 * HOUR)
    fresh.note_sent(10, 5.0)  # the new process' own count
    assert fresh.allowed == pytest.approx(11)
    late = RenewalBudget()
    late.restore(budget.snapshot(12 * HOUR), 5.0, away_s=30 * HOUR)
    assert not late.may_spend(5.0)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), st.floats(0, 7200))))
def test_what_is_charged_never_passes_the_share_by_more_than_one_renewal(
    steps: list[tuple[int, int, float]],
) -> None:
    budget, now, total = RenewalBudget(), 0.0, 0
    for sent, cost, gap in steps:
        now += gap
        total += sent
        budget.note_sent(total, now)
        if budget.may_spend(now):
            before = budget.allowed
            budget.charge(cost, now)
            assert budget._sum("charged") < before + max(cost, 1)
            budget.note_begun(now)
