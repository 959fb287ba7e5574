"""Limits: DNS64 and NAT64."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("translators between IPv6 and IPv4")

DNS64_TTL_SECONDS = limit(
    600,
    "seconds of TTL of a record that is made, where no denial says less",
    why="RFC 6147 §5.1.7",
)
NAT64_PREFIXES = limit(
    4, "prefixes that are believed of one network", why="our choice: RFC 7050 §3 expects one"
)
NAT64_FIRST_SECONDS = limit(
    1.0,
    "seconds of a start that a prefix is waited for",
    why="our choice: without one there may be no way to any server",
)
NAT64_LOOK_SECONDS = limit(
    60.0, "seconds to the next look for a prefix where nobody said anything", why="our choice"
)
NAT64_LEAST_SECONDS = limit(
    60.0, "seconds that a prefix that was found counts, at least", why="our choice"
)
NAT64_MOST_SECONDS = limit(
    86_400.0, "the same at most; then it is looked for again", why="RFC 7050 §3: its TTL, or less"
)
NAT64_MOVED_SECONDS = limit(
    15.0,
    "seconds before a change of a link since which a router's word is one of the new network",
    why="an advertisement may come before the address that it makes is ready",
)
