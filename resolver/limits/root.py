"""Limits: the copy of the root zone."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("the copy of the root zone")

ROOT_COPY_OCTETS = limit(
    8 << 20,
    "octets of one transfer, and of the file that is made of it",
    why="today's have 1.4 MB; a source that sends without end is no root server",
)
ROOT_COPY_STALE_SECONDS = limit(
    30,
    "seconds that what an old copy says is kept, and the silent servers are not asked again",
    why="RFC 8767 §4 and §5: 30 seconds are recommended for either",
)
ROOT_FETCH_SECONDS = limit(
    300.0,
    "seconds for a transfer and its verification, all sources together",
    why="our measurement: 3 s of CPU, at the lowest priority, and 1.4 MB over a slow line",
)
ROOT_SOURCE_SECONDS = limit(
    60.0, "of them, seconds for the transfer from one source", why="1.4 MB at 200 kbit/s"
)
ROOT_PROCESS_SECONDS = limit(
    330.0,
    "seconds after which the process that does it is stopped",
    why="it ends by itself before; if it hangs, no copy would be renewed any more",
)
ROOT_LOOK_SECONDS = limit(
    60.0,
    "seconds between two looks whether the copy is due, or another worker has a newer one",
    why="a look costs one system call",
)
ROOT_RETRY_SECONDS = limit(
    900.0,
    "seconds before a transfer or look that failed is tried again, if the SOA says no more",
    why="the root's SOA: retry 900",
)
ROOT_REFRESH_SECONDS = limit(
    1800.0,
    "seconds between two looks at the root's SOA, if it says no more",
    why="the root's SOA: refresh 1800",
)
ROOT_JITTER_SHARE = limit(
    0.1, "share by which these times are longer or shorter, at random", why="not all at once"
)
ROOT_PAYS_SECONDS = limit(
    600.0,
    'seconds that a resolver has run before "auto" fetches a copy',
    why="1.4 MB are not for a process that lives for minutes",
)
ROOT_PAYS_QUESTIONS = limit(
    50, "questions that its root servers were asked by then", why="few of which would be saved"
)
ROOT_MEMORY_OCTETS = limit(
    1 << 30,
    'octets of memory below which "auto" fetches none',
    why="our measurement: a transfer takes 90 MiB for some seconds",
)
