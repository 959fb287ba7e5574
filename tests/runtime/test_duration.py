"""Seconds in words."""

from __future__ import annotations

import pytest

from resolver.operate.asked import seconds_of
from resolver.runtime.duration import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (1, "1 s"),
        (59.4, "59 s"),
        (59.9, "1 min"),
        (90, "1 min 30 s"),
        (599.9, "10 min"),
        (754, "13 min"),
        (3590, "1 h"),
        (5400, "1 h 30 min"),
        (7199.9, "2 h"),
        (47 * 3600, "1 d 23 h"),
        (604_799, "7 d"),
    ],
)
def test_a_duration_is_told_to_the_nearest_that_two_units_say(seconds: float, text: str) -> None:
    """What was asked for as 90m is not told as one hour, nor two hours less a moment."""
    assert duration(seconds) == text


@pytest.mark.parametrize("seconds", [1, 59, 60, 61, 599, 600, 3600, 5400, 86_400, 90_000, 604_800])
def test_what_is_told_can_be_given_back(seconds: int) -> None:
    assert seconds_of(duration(seconds), (1, 604_800)) == seconds
