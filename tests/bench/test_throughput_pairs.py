"""The interval that decides whether a change made the query path dearer."""

from __future__ import annotations

import pytest

from bench.throughput.pairs import interval


def test_equal_ratios_leave_no_doubt() -> None:
    assert interval([1.5] * 15) == pytest.approx((1.5, 1.5, 1.5))


def test_the_mean_is_that_of_logarithms() -> None:
    """Twice as dear and half as dear are no change."""
    low, mean, high = interval([2.0, 0.5])
    assert mean == pytest.approx(1.0)
    assert low * high == pytest.approx(1.0)
    assert high > 2.0


def test_four_ratios_have_the_interval_of_students_t() -> None:
    """t(3) = 3.18: computed by hand for logarithms 0, 0.1, 0.2 and 0.3."""
    ratios = [1.0, 1.10517092, 1.22140276, 1.34985881]
    low, mean, high = interval(ratios)
    assert mean == pytest.approx(1.16183424)
    assert (low, high) == pytest.approx((0.946, 1.427), abs=2e-3)
