"""Limits: estimates of time and gain. They choose and bound nothing: benches show what they do."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("estimates of time and gain: they choose, and bound nothing")

MISS_IN_HITS = limit(15, "hits that a miss costs more than one", why="our measurement")
IDLE_SHORTEST_SECONDS = limit(
    0.001,
    "seconds below which the event loop is left to sleep by itself",
    why="a shorter sleep is not worth the detour",
)
IDLE_ALONE_SECONDS = limit(
    0.0001, "seconds between queries below which they are taken in batches", why="our measurement"
)
