"""Limits: one budget of memory, and who has which part of it."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("one budget of memory, and who has which part of it")

MEMORY_LEAST_OCTETS = limit(
    64 << 20,
    "octets of the budget at least, for each worker",
    why="the program takes 46 MiB itself; with less there is no cache",
)
MEMORY_OCTETS_RANGE: Final = (MEMORY_LEAST_OCTETS, 1 << 40)
MEMORY_PART = limit(
    4, 'part of what the machine or cgroup has for `memory = "auto"`: a quarter', why="our choice"
)
MEMORY_MOST_PART = limit(
    0.75,
    "of what the machine or cgroup has, for the budget at most",
    why="the kernel's buffers, the page, and processes that read lists have the rest",
)
MEMORY_UNKNOWN_OCTETS = limit(
    512 << 20, "octets of the budget where nobody says what there is", why="our choice"
)
MEMORY_PROGRAM_OCTETS = limit(
    46 << 20,
    "octets of the budget for the program itself, in each worker",
    why="our measurement: 45 MB at rest",
)
MEMORY_ENCRYPTED_OCTETS = limit(
    24 << 20,
    "octets more where clients come over TLS, HTTPS or QUIC; of the least, too",
    why="our measurement: 60 to 74 MB at rest, with everything on",
)
MEMORY_SUPERVISOR_OCTETS = limit(
    24 << 20,
    "octets of the budget for the process above several workers",
    why="our measurement: what it does not share with them",
)
MEMORY_ROOM_OCTETS = limit(
    12 << 20,
    "octets beside the program that a worker divides at least",
    why="what follows, at its least",
)
# Parts of the room that the program leaves; what is left of it is the caches'.
QUERIES_PART = limit(5, "part of the room for queries of clients that wait: a fifth", why="DNSBomb")
QUERIES_LEAST_OCTETS = limit(2 << 20, "octets of it at least", why="two hundred of them")
QUERY_IN_FLIGHT_OCTETS = limit(
    10 << 10,
    "octets that a query is counted with while it waits",
    why="our measurement: 9 kB with its tasks and sockets",
)
CONNECTIONS_PART = limit(
    10, "part of the room for connections of clients over TCP, TLS and HTTPS", why="our choice"
)
CONNECTIONS_LEAST_OCTETS = limit(
    2 << 20, "octets of it at least", why="64 connections, and a megabyte that is unread"
)
CONNECTION_OCTETS = limit(
    16 << 10,
    "octets that a connection is counted with, beside what it has not read",
    why="our measurement: 13 kB over TCP",
)
QUIC_PART = limit(10, "part of the room for QUIC connections of clients", why="our choice")
QUIC_LEAST_OCTETS = limit(1 << 20, "octets of it at least", why="seventeen quiet connections")
SERVERS_PART = limit(20, "part of the room for what is known of servers", why="our choice")
SERVERS_LEAST_OCTETS = limit(1 << 20, "octets of it at least", why="a household meets 600")
SERVER_OCTETS = limit(
    1440, "octets that a server is counted with", why="our measurement, with its prefix"
)
ZONE_KEYS_PART = limit(40, "part of the room for zones' keys and insecurity", why="our choice")
ZONE_KEYS_LEAST_OCTETS = limit(1 << 19, "octets of it at least", why="350 zones")
ZONE_KEYS_OCTETS = limit(
    1500, "octets that a zone is counted with", why="our measurement: two keys of RSA, parsed"
)
STORE_FILTER_PART = limit(
    16,
    "part of the budget for the filter of names on disk",
    why="fewer slots let more look-ups through, and nothing else",
)
CACHES_LEAST_OCTETS = limit(
    4 << 20, "octets of all caches together at least, whatever lists take", why="a page's names"
)

# How it is kept.
MEMORY_LOOK_SECONDS = limit(
    2.0, "seconds between two looks at what the process takes", why="our measurement: 60 µs each"
)
MEMORY_IDLE_SECONDS = limit(
    6.0,
    "seconds of the same while all is well and nothing is missed; less where new objects are many",
    why="our choice: a laptop's processor sleeps on",
)
MEMORY_TIGHT_LOOK_SECONDS = limit(
    0.25, "the same while memory is short", why="an attacker fills 20 MB a second"
)
MEMORY_OVER_PART = limit(
    1.125,
    "of the budget from which on caches shrink while the process grows",
    why="half of the quarter that it may be off by",
)
MEMORY_STALL_PART = limit(
    0.05,
    "of the time that somebody waited for memory (PSI, some) from which on caches shrink",
    why="our choice: a machine without pressure has none",
)
MEMORY_TIGHT_PART = limit(
    0.10, "of a cgroup's limit, or the machine's memory, left: caches shrink", why="our choice"
)
MEMORY_MACHINE_FACTOR = limit(
    2.0, "times as little as of a limit has to be left of a machine's memory", why="it has swap"
)
MEMORY_LAST_PART = limit(
    0.04, "of it left: they are emptied", why="what is over the limit is killed the moment after"
)
MEMORY_SHRINK_PART = limit(
    8, "part of the caches' size given up in one step: an eighth", why="our choice"
)
MEMORY_SHRUNK_LEAST = limit(
    0.125, "of it that they keep", why="an empty cache makes misses, which take memory, too"
)
MEMORY_SHORT_QUERIES = limit(
    64,
    "queries of clients that may wait however short memory is",
    why="each may take a megabyte: fifteen hundred nameservers (CacheFlush), 60 kB of text",
)
MEMORY_CALM_SECONDS = limit(
    30.0, "seconds without shortage after which they grow by an eighth", why="it may come back"
)
