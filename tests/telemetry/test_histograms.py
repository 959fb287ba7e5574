"""Durations fall into buckets of 1, 2 and 5, each with all that took no longer."""

from __future__ import annotations

from resolver.telemetry.histograms import BOUNDS_S, Histogram


def test_bounds_go_from_50_us_to_10_s_by_1_2_5() -> None:
    assert (BOUNDS_S[0], BOUNDS_S[-1], len(BOUNDS_S)) == (0.00005, 10.0, 17)
    digits = [f"{bound:e}"[0] for bound in BOUNDS_S]
    assert digits == [*"512512512512512512"[:17]]


def test_a_bucket_has_all_that_took_no_longer() -> None:
    histogram = Histogram()
    for seconds in (0.0, 0.00005, 0.00006, 1.0, 60.0):
        histogram.observe(seconds)
    samples = {f"{suffix}{{{label}}}": value for suffix, label, value in histogram.samples()}
    assert samples['_bucket{le="5e-05"}'] == 2
    assert samples['_bucket{le="0.0001"}'] == 3
    assert samples['_bucket{le="0.5"}'] == 3
    assert samples['_bucket{le="1"}'] == 4
    assert samples['_bucket{le="10"}'] == 4
    assert samples['_bucket{le="+Inf"}'] == samples["_count{}"] == 5
    assert samples["_sum{}"] == 61.00011


def test_what_took_no_time_is_added_where_it_is_shown() -> None:
    histogram = Histogram()
    histogram.observe(1.5)
    values = [value for _, _, value in histogram.samples(at_once=7)]
    assert values[:14] == [7] * 14
    assert values[14:] == [8, 8, 8, 8, 1.5, 8]
