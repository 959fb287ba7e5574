"""What use teaches: terms, chances, scores; who is admitted, who has to go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import (
    WARM_CHANCE,
    WARM_DAYS_SECONDS,
    WARM_HABIT_TTL,
    WARM_HALF_LIFE_SECONDS,
    WARM_QUESTIONS,
    WARM_STRANGERS,
)
from resolver.model import Question
from resolver.protocol import names
from resolver.recurse.warm import WarmList, Warmth, window_s

A = 1
DAY = 86_400.0


def asked(number: int) -> Question:
    return Question(names.from_text(f"n{number}.example."), A)


def use(known: Warmth, now: float, wall: float | None = None) -> None:
    """Somebody asked; after its term servers were."""
    known.note_use(now, now if wall is None else wall, is_over=now >= known.ends_at)


def used_every(seconds: float, *, ttl: float, times: int) -> Warmth:
    """One name, asked at even intervals, its data fetched anew where it had expired."""
    known = Warmth(ttl, ttl, 0.0)
    for at in range(1, times):
        now = at * seconds
        use(known, now)
        if now > known.ends_at:
            known.ends_at = now + ttl
    return known


def test_the_window_opens_earlier_for_long_ttls_and_far_servers() -> None:
    assert window_s(10) == 2
    assert window_s(300) == 30
    assert window_s(10, rtt_s=1.5) == 3


def test_what_is_asked_in_each_ttl_is_worth_a_renewal() -> None:
    known = used_every(100, ttl=60, times=8)
    assert known.is_wanted(known.used_at + 99, 0.0)


def test_what_is_asked_in_every_fifth_ttl_is_not() -> None:
    known = used_every(300, ttl=60, times=8)
    assert not known.is_wanted(known.used_at, 0.0)


def test_it_rests_after_ttls_in_which_nobody_asked() -> None:
    known = used_every(50, ttl=60, times=20)
    now = known.ends_at
    renewals = 0
    while known.is_wanted(now, 0.0):
        known.note_renewal(now, now + 60, 1)
        now += 60
        renewals += 1
    assert renewals == 1  # for the term that follows its last use


def test_a_renewal_counts_from_the_end_of_what_it_renews() -> None:
    """Who asks before would have been answered without it."""
    known = Warmth(60, 60.0, 0.0)
    known.note_renewal(54, 114, 1)
    use(known, 56)
    assert not known.is_used
    use(known, 61)
    assert known.is_used


def test_the_score_halves_and_a_burst_counts_once() -> None:
    known = Warmth(60, 60.0, 0.0)
    for second in range(100):
        use(known, float(second))
    assert known.score_at(99) < 1.1
    assert known.score_at(99 + WARM_HALF_LIFE_SECONDS) == pytest.approx(known.score_at(99) / 2)


def test_four_bits_say_in_which_six_hours_it_was_used_last() -> None:
    known = Warmth(60, 60.0, 0.0)
    use(known, 1.0, 7 * 3600.0)
    use(known, 1.0 + 12 * 3600, 19 * 3600.0)
    assert known.quarters == 0b1010
    use(known, 1.0 + 48 * 3600, 55 * 3600.0)  # in the morning again, and no evening between
    assert known.quarters == 0b0010


def test_long_lived_names_are_there_at_their_time_of_day() -> None:
    """Eight in the morning for a week: wanted before eight, and not at noon."""
    known = Warmth(WARM_HABIT_TTL, 0.0, 0.0)
    for day in range(8):
        for minute in (0, 40, 80, 120):
            now = day * DAY + 8 * 3600 + minute * 60
            use(known, now)
            known.ends_at = now + WARM_HABIT_TTL
    known.idle, known.chances = 2, [0.0, 0.0]
    assert known.is_wanted(8 * DAY + 7.5 * 3600, 8 * DAY + 7.5 * 3600)
    assert not known.is_wanted(8 * DAY + 13 * 3600, 8 * DAY + 13 * 3600)
    assert not known.is_wanted(9 * DAY + 9 * 3600, 9 * DAY + 9 * 3600)  # a day without it


def test_a_question_is_admitted_at_its_second_use() -> None:
    warm = WarmList()
    assert warm.admit(asked(1), 60, 60.0, 0.0) is None
    known = warm.admit(asked(1), 5, 57.0, 52.0)
    assert known is not None
    assert (known.ttl, known.ends_at) == (60, 60.0)  # as it was at the first


@pytest.mark.reaches("WARM_STRANGERS")
def test_strangers_are_forgotten_when_there_are_too_many() -> None:
    warm = WarmList()
    for number in range(8192):
        assert warm.admit(asked(number), 60, 60.0, 0.0) is None
    assert WARM_STRANGERS == 8192
    assert warm.admit(asked(0), 60, 60.0, 1.0) is not None
    warm.admit(asked(0), 60, 60.0, 1.0)
    warm.admit(asked(8192), 60, 60.0, 1.0)  # one too many: all others are new again
    assert warm.admit(asked(1), 60, 60.0, 1.0) is None


@pytest.mark.reaches("WARM_QUESTIONS")
def test_the_least_used_go_first() -> None:
    warm = WarmList()
    warm.add(asked(0), 60, 60.0, 0.0).by_hand = True
    for number in range(1, 4096):
        warm.add(asked(number), 60, 60.0, 1.0).score = number
    assert len(warm) == WARM_QUESTIONS == 4096
    warm.add(asked(5000), 60, 60.0, 2.0)
    assert asked(0) in warm.entries
    assert asked(1) not in warm.entries
    assert asked(4095) in warm.entries
    assert len(warm) < WARM_QUESTIONS


@pytest.mark.reaches("WARM_DAYS_SECONDS")
def test_a_snapshot_has_no_more_than_a_week() -> None:
    warm = WarmList()
    for number, days in enumerate((0.0, 6.99, 7.01)):
        known = warm.add(asked(number), 60, 60.0, -days * DAY)
        known.score, known.quarters = 10.0 - number, 1
    kept = warm.snapshot(0.0)
    assert [one.qname for one in kept] == [asked(0).qname, asked(1).qname]
    later = WarmList()
    assert later.restore(kept, 50.0, away_s=DAY) == [asked(0)]
    assert later.entries[asked(0)].used_at == 50.0 - DAY
    assert later.entries[asked(0)].score_at(50.0) == warm.entries[asked(0)].score_at(DAY)
    assert WARM_DAYS_SECONDS == 7 * DAY


def test_the_order_is_that_of_use_as_it_has_decayed() -> None:
    """Last week's favourite comes behind what is used today."""
    warm = WarmList()
    for number, (score, days) in enumerate(((8.0, 6.5), (2.0, 0.0), (4.0, 0.0))):
        known = warm.add(asked(number), 60, 60.0, -days * DAY)
        known.score, known.quarters = score, 1
    order = [asked(2), asked(1), asked(0)]
    kept = warm.snapshot(0.0)
    assert [one.qname for one in kept] == [one.qname for one in order]
    assert WarmList().restore(reversed(kept), 50.0, away_s=60.0) == order


@given(
    gaps=st.lists(st.floats(0, 10 * DAY), max_size=40),
    ttl=st.integers(1, 86_400),
    renews=st.booleans(),
)
def test_what_is_learnt_stays_within_its_bounds(
    gaps: list[float], ttl: int, *, renews: bool
) -> None:
    known, now = Warmth(ttl, float(ttl), 0.0), 0.0
    for gap in gaps:
        now += gap
        use(known, now)
        if renews:
            known.note_renewal(now, now + ttl, 1)
        else:
            known.ends_at = max(known.ends_at, now + ttl)
        assert all(0 <= chance <= 1 for chance in known.chances)
        assert 0 < known.score <= 1 + now / 3600
        assert 0 <= known.quarters <= 15
        assert known.begins_at <= known.ends_at
    assert WARM_CHANCE <= 1
