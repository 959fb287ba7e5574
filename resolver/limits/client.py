"""Limits: `resolver query`: a client that asks another resolver."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("`resolver query`: a client that asks another resolver")

ASK_REPLY_SECONDS_RANGE: Final = (0.1, 60.0)
ASK_REPLY_SECONDS = limit(
    5.0,
    "seconds it waits for a reply, in each try",
    why="resolv.conf(5): a stub's default timeout",
    between=ASK_REPLY_SECONDS_RANGE,
)
ASK_TRIES = limit(2, "times it asks over UDP", why="resolv.conf(5): a stub's default attempts")
DAEMON_PROBE_SECONDS = limit(
    0.4,
    "seconds it looks for the daemon of this machine",
    why="people notice more; loopback takes under a millisecond",
)
