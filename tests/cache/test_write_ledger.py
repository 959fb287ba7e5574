"""Octets written in a day, by hours, over restarts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolver.cache.write_ledger import WriteLedger

HOUR = 3600.0


def test_what_is_older_than_a_day_does_not_count() -> None:
    ledger = WriteLedger()
    for hour in range(30):
        ledger.note(10, hour * HOUR)
    assert ledger.last_day(29 * HOUR) == 240
    assert ledger.last_day(53 * HOUR) == 0
    assert ledger.last_day(52 * HOUR) == 10


def test_it_goes_on_where_an_earlier_process_ended() -> None:
    """The clock counts from another start, and an hour has passed between."""
    before, after = WriteLedger(), WriteLedger()
    before.note(100, 50 * HOUR)
    before.note(7, 73 * HOUR)
    after.note(1, 5.0)
    after.restore(before.snapshot(73 * HOUR), 5.0, away_s=HOUR)
    assert after.last_day(5.0) == 8
    after.restore([(0, 1)], 5.0, away_s=30 * HOUR)
    assert after.last_day(5.0) == 8


def test_nothing_written_is_no_hour() -> None:
    ledger = WriteLedger()
    ledger.note(0, 5.0)
    assert ledger.snapshot(5.0) == []


@given(
    hours=st.lists(st.tuples(st.integers(), st.integers())),
    away_s=st.floats(-1e9, 1e9),
    steps=st.lists(st.tuples(st.integers(0, 1 << 30), st.floats(0, 7200)), max_size=60),
)
def test_any_snapshot_leaves_a_day_at_most(
    hours: list[tuple[int, int]], away_s: float, steps: list[tuple[int, float]]
) -> None:
    ledger, now = WriteLedger(), 1e6
    ledger.restore(hours, now, away_s=away_s)
    assert ledger.last_day(now) >= 0
    for octets, passed_s in steps:
        now += passed_s
        ledger.note(octets, now)
        assert len(ledger.snapshot(now)) <= 24
        assert all(0 <= ago < 24 for ago, _ in ledger.snapshot(now))
