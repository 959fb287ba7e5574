"""Limits: the way down from the root."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("the way down from the root")

MINIMISE_STEPS = limit(
    10, "names asked per question while minimising", why="RFC 9156 §2.3 MAX_MINIMISE_COUNT"
)
MINIMISE_ONE_LABEL = limit(
    4, "first steps that add a single label", why="RFC 9156 §2.3 MINIMISE_ONE_LAB"
)
BOGUS_RETRIES = limit(
    4,
    "further servers asked before an answer is called bogus",
    why="RFC 4035 §5; Unbound's val-max-restart 5",
)
LOOKUP_WIDTH = limit(
    2,
    "nameserver names looked up at a time for one question; without speculation, one",
    why="our choice: one that leads nowhere costs no time then",
)
SEARCH_JOIN_SECONDS = limit(
    2.0,
    "seconds to wait for a nameserver's address that others look up",
    why="two cuts whose names depend on each other must not wait for each other for long",
)
ADDRESS_RECHECK_SECONDS = limit(
    30,
    "seconds before a nameserver name without an address is looked up again",
    why="RFC 9520 §3.2",
)
PRIMING_RETRY_SECONDS = limit(
    60, "seconds before a failed priming is tried again", why="RFC 9609 §3.3"
)
PRIMING_REFRESH_SHARE = limit(
    0.9,
    "share of the root set's TTL after which it is renewed",
    why="RFC 9609 §3: before it expires",
)
