"""Limits: the query log."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("the query log")

QUERY_LOG_OCTETS = limit(
    64 << 20,
    "octets of query log on disk (`log.size_octets`)",
    why="400,000 queries: a week of a household",
    between=(1 << 20, 1 << 40),
)
QUERY_LOG_OCTETS_RANGE = (1 << 20, 1 << 40)
QUERY_LOG_DAYS = limit(
    7,
    "days for which a line of the query log is kept (`log.keep`), and what is left of that day",
    why="what happened last week can be looked into; nobody's habits can",
    between=(1, 3650),
)
QUERY_LOG_DAYS_RANGE = (1, 3650)
QUERY_LOG_FILES = limit(
    16, "files that the query log is divided into", why="the oldest goes when room is needed"
)
QUERY_LOG_WAITING = limit(
    65_536,
    "lines of the query log that wait for the disk, and as many that are being written",
    why="three seconds at 20,000 queries a second, 12 MB; more are lost, and counted",
)
QUERY_LOG_AT_ONCE = limit(
    64,
    "hits that are made into lines of the query log at once",
    why="by then the code is in the processor's caches; a tenth of a millisecond",
)
QUERY_LOG_SECONDS = limit(
    0.25, "seconds that lines are gathered before they are written", why="`--follow` looks live"
)
QUERY_LOG_LOOK_SECONDS = limit(
    600.0,
    "seconds between two looks at what has grown too old, or whether a day has begun",
    why="files go by the day",
)
QUERY_LOG_LEAVING_SECONDS = limit(
    1.0, "seconds for the last lines at the end", why="a disk that hangs must not keep a daemon"
)
QUERY_LOG_NAMES = limit(
    16_384, "queries whose part of a line is at hand", why="5 MB; most hits are for few names"
)
QUERY_LOG_CLIENTS = limit(
    4096, "clients whose form in the query log is at hand", why="an address takes 2 µs to write"
)
LOG_FOLLOW_SECONDS = limit(
    0.25, "seconds between two looks of `resolver log --follow`", why="as often as it is written"
)
LOG_FOLLOW_LINES = limit(
    10, "lines from before that `resolver log --follow` begins with", why="as `tail` does"
)
LOG_CHUNK_OCTETS = limit(
    1 << 20, "octets of a query log in memory, and of a line in it", why="a line has some 200"
)
