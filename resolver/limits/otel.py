"""Limits: OpenTelemetry."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("OpenTelemetry")

OTEL_SLOW_SECONDS = limit(
    1.0, "seconds from which on a resolution is always told", why="half of what a client waits"
)
OTEL_TRACES_PER_SECOND = limit(
    20.0,
    "resolutions told in a second, over a while",
    why="half a millisecond of CPU each; failures come in floods",
)
OTEL_TRACES_BURST = limit(100.0, "resolutions told at once", why="the first of a flood tell most")
OTEL_STEPS = limit(
    64, "questions to servers that one trace tells of", why="what follows says no more"
)
OTEL_WAITING = limit(2048, "spans that wait to be sent", why="the SDK's own default")
OTEL_SEND_SECONDS = limit(
    5.0, "seconds for the collector to take spans", why="it is near; a thread of its own waits"
)
