"""Limits: replies kept as octets."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("replies kept as octets")

PACKET_CACHE_OCTETS = limit(64 << 20, "octets of rendered replies", why="our choice")
PACKET_TTL_SECONDS = limit(
    3600,
    "seconds a rendered reply is kept at most",
    why="our choice: what is popular is rendered again",
)
PER_SECOND_COPIES = limit(
    32_768,
    "replies kept ready octet for octet within one second",
    why="our measurement: emptying it takes 2 ms",
)
QUERY_SHAPES = limit(
    4096, "shapes of query remembered as fit for the packet cache", why="our choice"
)
FAST_PATH_SOURCES = limit(65_536, "client addresses whose access is remembered", why="our choice")
PACKET_SWEEP = limit(
    64, "packets looked at when room is needed", why="a dict finds its oldest slowly"
)
PACKET_PURGE = limit(
    128,
    "packets looked at, after a reload, before other tasks have their turn",
    why="our measurement: half a millisecond with lists",
)
PACKET_LAYOUTS = limit(
    4096, "layouts of replies kept as one object each", why="our choice: most replies share a few"
)
PACKET_NUMBERS = limit(8192, "small numbers kept as one object each", why="every packet has some")
