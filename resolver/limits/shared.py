"""Limits: what machines share by Valkey or Redis, and how little it may cost where it fails."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("what machines share")

SHARED_TIMEOUT_MS_RANGE: Final = (1, 1000)
SHARED_TIMEOUT_MS = limit(
    5,
    "milliseconds after which a look-up there is given up",
    why="a walk takes tens; on a network of one's own it takes 0.3",
    between=SHARED_TIMEOUT_MS_RANGE,
)
SHARED_HEAD_START_SECONDS = limit(
    0.0007,
    "seconds that all look-ups in vain of one client query together keep it from asking servers",
    why="twice what one takes; with the CPU of the next ones a query may lose a millisecond by it",
)
SHARED_LOOKUPS = limit(256, "questions looked up there at a time", why="our choice")
SHARED_LOOKUPS_AT_ONCE = limit(
    16, "questions in one request", why="our measurement: 127 µs of CPU for one, 200 for fifteen"
)
SHARED_CUTS = limit(
    3, "zones above a name whose delegations are looked up with it", why="few names have more"
)
SHARED_VALUE_OCTETS = limit(
    16_384, "octets of a value there", why="the largest sets of keys with proofs have 6,000"
)
SHARED_REPLY_OCTETS = limit(
    2 << 20, "octets of one reply from there", why="128 values of the largest kind"
)
SHARED_REPLY_ITEMS = limit(
    8192, "values in one reply from there", why="each costs 2 µs; SCAN brings 500 and some"
)
SHARED_READ_OCTETS = limit(
    16_384, "octets of it read at a time", why="the loop is late by 10 ms with the smallest values"
)
SHARED_LINE_OCTETS = limit(4096, "octets of a line of its protocol", why="our choice")
SHARED_REPLY_DEPTH = limit(
    8, "levels of lists in a reply", why="CLUSTER SLOTS has 4; a hundred thousand end a process"
)
SHARED_QUEUE = limit(
    8192, "what was learnt and waits to go there; what comes later is left out", why="2 MB"
)
SHARED_BATCH = limit(
    32, "records sent there at a time", why="our measurement: the loop is late by 1 ms then"
)
SHARED_COMMIT_SECONDS = limit(
    0.05, "seconds from learning to sending", why="one request for what a page load learnt"
)
SHARED_WRITE_SECONDS = limit(
    1.0, "seconds that sending may take, and connecting", why="off the path: nobody waits"
)
SHARED_FAILURES = limit(
    5, "look-ups failed running after which nobody looks there", why="25 ms, then nothing"
)
SHARED_RETRY_SECONDS = limit(0.25, "seconds before it is tried again", why="a restart takes less")
SHARED_RETRY_MAX_SECONDS = limit(30.0, "seconds at most: twice as long each time", why="our choice")
SHARED_CLOCK_SECONDS = limit(60.0, "seconds between two looks at its clock", why="our choice")
SHARED_AHEAD_SECONDS = limit(
    1.0,
    "seconds by which a record may be of the future by its clock",
    why="the way there and back; beyond it no age can be told",
)
SHARED_SECRET_OCTETS = limit(
    16, "octets of the secret at least", why="RFC 8945 §8 (128 bits and more)"
)
SHARED_SCAN = limit(500, "keys looked at at a time when names are forgotten", why="1 ms there")
SHARED_FORGET_SECONDS = limit(
    30.0, "seconds that forgetting may take there", why="ten million keys; a person waits"
)
