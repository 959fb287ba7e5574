"""Seconds in words."""

from __future__ import annotations

import pytest

from resolver.runtime.duration import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "1 s"), (59.9, "59 s"), (60, "1 min"), (7199, "1 h"), (200_000, "2 d")],
)
def test_a_duration_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text
