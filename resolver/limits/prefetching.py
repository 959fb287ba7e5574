"""Limits: renewing what is used before it expires."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("what is renewed ahead of need")

PREFETCH_SHARE = limit(
    0.1,
    "of the last day's packets to servers, spent on renewals that nobody has used",
    why="what is used would have been fetched anyway; a wrong guess must stay cheap",
)
PREFETCH_SECONDS = limit(
    1.0, "seconds from one renewal to the next, at least", why="servers must not notice"
)
PREFETCH_LEAST_TTL = limit(
    6, "seconds of TTL below which nothing is renewed", why="BIND's 9; its owner wants it asked"
)
CUT_LEAST_TTL = limit(
    3600,
    "seconds of TTL below which zone cuts, and their keys, are not renewed ahead of need",
    why="no client's use pays them back; at a day's TTL they cost next to nothing",
)
PREFETCH_LAG_SECONDS = limit(
    0.02,
    "seconds that the event loop may be late, beyond which nothing is renewed",
    why="clients come first; no step of the loop takes longer",
)
PREFETCH_RETRY_SECONDS = limit(
    30.0,
    "seconds until a hit renews again what could not be renewed",
    why="RFC 8767 §5: no more often than every 30 s",
)
WARM_QUESTIONS = limit(
    4096, "questions whose use is remembered", why="a household asks some 2000 a day"
)
WARM_STRANGERS = limit(
    8192,
    "questions asked once, remembered so that a second time counts",
    why="names asked once only must not displace those in use",
)
WARM_DAYS_SECONDS = limit(
    604_800, "seconds after its last use until a name is forgotten", why="no diary"
)
WARM_RETRY_SECONDS = limit(
    60.0,
    "seconds until what is kept warm by hand, and could not be renewed, is tried again",
    why="RFC 9520 §3.2 caps failures at 5 minutes; a minute is soon enough",
)
