"""What two replies of `stats` come to."""

from __future__ import annotations

import math
from typing import Any

import pytest

from resolver.operate.numbers import Took, numbers, within


def _stats(at: float, **counters: float) -> dict[str, Any]:
    return {"at": at, "up_s": at, "counters": counters, "gauges": {}}


def _buckets(source: str, *counts: float) -> dict[str, float]:
    bounds = ("0.001", "0.1", "+Inf")
    return {
        f'query_seconds_bucket{{from="{source}",le="{bound}"}}': count
        for bound, count in zip(bounds, counts, strict=True)
    }


BEFORE = _stats(10.0, packet_cache_hits_total=100, clients_resolved_total=10)
AFTER = _stats(
    12.0, packet_cache_hits_total=190, clients_resolved_total=15, clients_failed_total=5,
    stale_answers_outage_total=30, upstream_sent_udp_total=7,
)  # fmt: skip


def test_rates_and_shares_are_of_what_came_between() -> None:
    found = numbers(AFTER, BEFORE)
    assert (found.queries, found.queries_s, found.sent) == (100, 50.0, 7)
    assert found.kinds == {
        "cache": 60, "stale": 30, "network": 5, "local": 0, "blocked": 0, "failed": 5,
    }  # fmt: skip
    assert found.hit_share == pytest.approx(0.9)
    assert found.share("failed") == pytest.approx(0.05)


def test_without_an_earlier_one_it_is_since_the_start() -> None:
    assert numbers(BEFORE).queries == 110
    assert numbers(BEFORE).seconds == 10.0


def test_nothing_has_no_shares() -> None:
    assert numbers(BEFORE, BEFORE).hit_share is None


def test_a_restart_shows_nothing_below_zero() -> None:
    found = numbers(BEFORE, AFTER)
    assert min(found.kinds.values()) == 0
    assert found.seconds > 0


def test_times_are_the_bounds_that_were_kept_by_source_and_of_all() -> None:
    stats = _stats(1.0, **_buckets("cache", 90, 90, 90), **_buckets("network", 0, 8, 10))
    assert numbers(stats).took == {
        "cache": Took(90, 0.001, 0.001),
        "network": Took(10, 0.1, math.inf),
        "all": Took(100, 0.001, 0.1),
    }


def test_where_nobody_measures_there_are_no_times() -> None:
    assert numbers(BEFORE).took == {}


def test_the_least_bound_that_reaches() -> None:
    assert within([(1.0, 5), (2.0, 10)], 0.5) == 1.0
    assert within([(1.0, 5), (2.0, 10)], 0.51) == 2.0
