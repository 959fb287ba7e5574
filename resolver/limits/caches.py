"""Limits: what is remembered, how much of it and for how long."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("what is remembered, how much of it and for how long")

CACHE_SHARD_ENTRIES = limit(
    32_768,
    "entries per shard of a cache",
    why="a dict of a million entries stalls 75-164 ms when it grows",
)
CACHE_PURGE_ENTRIES = limit(
    1024,
    "entries of a cache looked at or forgotten before other tasks have their turn",
    why="our measurement: about a millisecond",
)
RRSET_CACHE_OCTETS_RANGE: Final = (1 << 20, 64 << 30)
RRSET_CACHE_OCTETS = limit(
    256 << 20, "octets of cached RRsets", why="our choice", between=RRSET_CACHE_OCTETS_RANGE
)
DELEGATION_CACHE_OCTETS = limit(32 << 20, "octets of zone cuts", why="our choice")
PACKET_CACHE_PART = limit(
    4, "part of cache.size_octets for rendered replies, beside it: a quarter", why="our choice"
)
DELEGATION_CACHE_PART = limit(
    8, "part of cache.size_octets for zone cuts, beside it: an eighth", why="our choice"
)
NEGATIVE_CACHE_PART = limit(
    8, "part of cache.size_octets for denials, beside it: an eighth", why="our choice"
)
FAILURE_CACHE_OCTETS = limit(4 << 20, "octets of failures", why="RFC 9520 §3.2")
MAX_TTL_SECONDS_RANGE: Final = (60, 604_800)
MAX_TTL_SECONDS = limit(
    86_400,
    "seconds an RRset is kept at most",
    why="RFC 8767 §4 (7 days at most); Unbound's, Knot's and PowerDNS' 1 day",
    between=MAX_TTL_SECONDS_RANGE,
)
MAX_NEGATIVE_TTL_SECONDS = limit(
    3600, "seconds a negative answer is kept at most", why="RFC 2308 §5 (1 to 3 hours)"
)
DENIAL_WITHOUT_SOA_SECONDS = limit(
    5,
    "seconds a denial without SOA is kept, or cache.min_ttl if that is more",
    why="Unbound's NORR_TTL; RFC 2308 §5 would keep none of it",
)
ZERO_TTL_DNAME_SECONDS = limit(
    1,
    "seconds in which a secure DNAME of TTL 0 still redirects, told with TTL 0",
    why="Unbound's grace (2026); Knot keeps all data for 5 s at least",
)
FLEETING_DNAMES = limit(64, "such DNAMEs kept", why="our choice")
FAILURE_TTL_SECONDS = limit(1.0, "seconds a first failure is remembered", why="RFC 9520 §3.2")
FAILURE_TTL_MAX_SECONDS = limit(
    300.0, "seconds a lasting failure is remembered", why="RFC 9520 §3.2 (at most 5 minutes)"
)
BOGUS_TTL_SECONDS = limit(
    60,
    "seconds bogus data is remembered as such",
    why="RFC 4035 §4.7; RFC 9520 §3.2; Unbound's 60",
)
