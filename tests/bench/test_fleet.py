"""The fleet's shortcuts say what question after question says."""

import random

import pytest

from bench.fleet import demand, homes, loss, model
from bench.fleet.model import Machine
from bench.week.household import A, Question
from tests import real_data

QUESTIONS = 60_000


def plain(
    rate: float, ttl: float, fleet: list[Machine], seed: int, *, has_shared: bool
) -> tuple[float, float]:
    """Every question played: fetches from authorities and from the shared level, a second."""
    rng = random.Random(seed)
    until = [0.0] * len(fleet)
    asked_at = [-1e9] * len(fleet)
    now = shared_until = 0.0
    fetched = shared = 0
    for _ in range(QUESTIONS):
        now += rng.expovariate(rate)
        at = rng.choices(range(len(fleet)), [one.share for one in fleet])[0]
        has_copy = until[at] > now and now - asked_at[at] < fleet[at].keeps_s
        asked_at[at] = now
        if has_copy:
            continue
        if has_shared and shared_until > now:
            shared += 1
            until[at] = shared_until
        else:
            fetched += 1
            until[at] = shared_until = now + ttl
    return fetched / now, shared / now


FLEETS = {
    "one": [Machine(1.0)],
    "three": [Machine(0.6), Machine(0.3), Machine(0.1)],
    "forgetful": [Machine(0.5, 8.0), Machine(0.5, 8.0)],
}


@pytest.mark.parametrize("fleet", FLEETS.values(), ids=FLEETS)
@pytest.mark.parametrize(("rate", "ttl"), [(0.5, 60), (0.02, 300), (3.0, 20)])
def test_rounds_are_worth_every_question(fleet: list[Machine], rate: float, ttl: float) -> None:
    """With the shared level and without, whatever memory forgets."""
    for has_shared in (False, True):
        fetched, shared = plain(rate, ttl, fleet, 1, has_shared=has_shared)
        runs = [
            model.steady(rate, ttl, fleet, random.Random(seed), has_shared=has_shared)
            for seed in range(8)
        ]
        assert sum(one.fetched for one in runs) / 8 == pytest.approx(fetched, rel=0.06)
        assert sum(one.shared for one in runs) / 8 == pytest.approx(shared, rel=0.06, abs=1e-4)


@pytest.mark.parametrize(("lost", "heir", "ttl"), [(0.5, 0.1, 30), (0.01, 0.02, 300), (2, 2, 20)])
def test_a_loss_costs_what_playing_it_costs(lost: float, heir: float, ttl: float) -> None:
    """Fetches of the heir in a minute, its copy as old as it happens to be."""
    rng, total, tries = random.Random(3), 0, 8000
    for _ in range(tries):
        now, until = 0.0, 0.0
        cut = 5 * (ttl + 1 / heir) * (1 + rng.random())
        while (now := now + rng.expovariate(heir)) < cut:
            until = now + ttl if now >= until else until
        now = cut
        while (now := now + rng.expovariate(lost + heir)) < cut + 60:
            if now >= until:
                total += 1
                until = now + ttl
    assert loss.of_heir(lost, heir, ttl, 60) == pytest.approx(total / tries, rel=0.05)


def test_memory_forgets_when_it_is_full() -> None:
    """A thousand questions and places for all, for a half, and for a tenth."""
    asked = [(1000.0, 0.1, 100.0)]
    all_held = 1000 * 10 / 11
    assert model.keeps_for(all_held + 1, asked) == float("inf")
    half, tenth = model.keeps_for(500, asked), model.keeps_for(100, asked)
    assert half == pytest.approx(10, rel=0.02)
    assert tenth == pytest.approx(10 / 9, rel=0.02)


def test_popularity_is_that_of_the_list() -> None:
    """Shares make one, and as many queries ask for as many names."""
    path = real_data.FOLDER / "queries" / "dnsperf_test_queries_100K.tsv"
    popularity = demand.Popularity.read(path)
    assert (popularity.asked, popularity.distinct) == (68_248, 32_959)
    assert sum(one.names * one.share for one in popularity.strata()) == pytest.approx(1)
    assert popularity.expected_distinct(68_248) == pytest.approx(32_959, rel=0.01)


def test_catchments_are_as_uneven_as_the_letters() -> None:
    """Shares of one machine, and of a hundred."""
    letters = demand.letters_shares(real_data.FOLDER / "queries" / "rssac002")
    assert sum(letters) == pytest.approx(1)
    assert len(letters) >= 11
    assert demand.catchments(1, letters, random.Random(1)) == [1.0]
    shares = demand.catchments(100, letters, random.Random(1))
    assert sum(shares) == pytest.approx(1)
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 3 * shares[-1]


def test_homes_share_what_one_of_them_fetched() -> None:
    """Two homes on two machines ask the same in the evening; the first machine is lost."""
    question = Question("www.example.", A, 300)
    evening, lost = homes.EVENING[0], homes.LOST_AT
    asked: list[tuple[float, int, Question]] = [
        (evening + at, home, question) for at, home in ((1, 0), (2, 1), (3, 0), (4, 1))
    ]
    asked += [(lost - 100.0, 0, question), (lost + 1.0, 0, question)]
    alone = homes.play(asked, 2, has_shared=False)
    shared = homes.play(asked, 2, has_shared=True)
    assert (alone.evening.fetched, alone.evening.shared, alone.after.fetched) == (3, 0, 1)
    assert (shared.evening.fetched, shared.evening.shared) == (2, 1)
    assert (shared.after.fetched, shared.after.shared, shared.entries) == (0, 1, 1)
