"""Limits: `resolver bench`: nobody is to be flooded."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("`resolver bench`: nobody is to be flooded")

BENCH_RATE_RANGE: Final = (1, 50)
BENCH_RATE = limit(
    10, "queries per second to one server of a comparison", why="courtesy", between=BENCH_RATE_RANGE
)
BENCH_NAMES_RANGE: Final = (1, 1000)
BENCH_NAMES = limit(
    100,
    "names asked of one server in each pass of a comparison",
    why="courtesy; a pass of 1000 at the default rate takes 100 s",
    between=BENCH_NAMES_RANGE,
)
BENCH_SECONDS_RANGE: Final = (0.5, 15.0)
BENCH_SECONDS = limit(
    5.0,
    "seconds a comparison waits for one answer",
    why="resolv.conf(5): a stub's default timeout",
    between=BENCH_SECONDS_RANGE,
)
BENCH_NEAR_SECONDS = limit(
    0.001,
    "seconds that a public resolver's reply takes at least",
    why="100 km of fibre and back; less comes out of the house, or out of the same data centre",
)
BENCH_TRIES = limit(2, "times that a contestant is asked whether it is there", why="courtesy")
BENCH_START_TRIES = limit(
    150, "the same of this resolver's own process", why="15 s: it needs a moment to start"
)
BENCH_PAUSE_SECONDS = limit(0.1, "seconds between two such tries", why="courtesy")
BENCH_IN_FLIGHT = limit(8, "unanswered queries to one server of a comparison", why="courtesy")
