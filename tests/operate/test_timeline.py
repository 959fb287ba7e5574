"""A day of minutes in memory of a fixed size, that others may have written."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import WEB_HISTORY_MINUTES
from resolver.operate.numbers import KINDS
from resolver.operate.timeline import OCTETS, Timeline

NOW = 1_800_000_000.0
NONE = dict.fromkeys(KINDS, 0)


def _noted(**kinds: int) -> dict[str, int]:
    return NONE | kinds


def test_what_happens_within_a_minute_adds_up() -> None:
    timeline = Timeline(bytearray(OCTETS))
    timeline.note(NOW, _noted(cache=3), 0, 10)
    timeline.note(NOW + 9, _noted(cache=1, failed=2), 7, 9)
    last = timeline.minutes(NOW + 9)[-1]
    assert last is not None
    assert (last.kinds, last.outage_s, last.watched_s) == (_noted(cache=4, failed=2), 7, 19)


@pytest.mark.reaches("WEB_HISTORY_MINUTES")
def test_a_day_is_remembered_and_no_more() -> None:
    timeline = Timeline(bytearray(OCTETS))
    timeline.note(NOW, _noted(cache=1), 0, 60)
    a_day = 60 * (WEB_HISTORY_MINUTES - 1)
    assert timeline.minutes(NOW + a_day)[0] is not None
    assert timeline.minutes(NOW + a_day + 60) == [None] * WEB_HISTORY_MINUTES


def test_a_day_takes_little() -> None:
    assert OCTETS < 100_000


def test_numbers_that_have_no_room_are_cut() -> None:
    timeline = Timeline(bytearray(OCTETS))
    timeline.note(NOW, _noted(cache=1 << 40), -3, 60)
    last = timeline.minutes(NOW)[-1]
    assert last is not None
    assert (last.kinds["cache"], last.outage_s) == ((1 << 32) - 1, 0)


@given(st.integers(0, 1 << 64), st.binary(max_size=400), st.integers(0, OCTETS - 400))
def test_whatever_was_written_can_be_read_untrusted(seed: int, some: bytes, at: int) -> None:
    octets = bytearray(Random(seed).randbytes(OCTETS))
    octets[at : at + len(some)] = some
    minutes = Timeline(octets).minutes(NOW)
    assert len(minutes) == WEB_HISTORY_MINUTES
    assert all(one is None or one.outage_s <= 60 for one in minutes)
