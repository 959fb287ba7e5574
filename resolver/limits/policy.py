"""Limits: access lists, cookies and views."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("access lists, cookies, views")

COOKIE_CLIENTS = limit(16_384, "server cookies remembered by client", why="our choice")
COOKIE_SECONDS = limit(
    600,
    "seconds a server cookie is handed out before its time stamp is renewed",
    why="RFC 9018 §4.3 (renew after half an hour at the latest)",
)
ACL_MEMORY = limit(
    4096,
    "clients whose admission is remembered",
    why="our choice; spoofed sources must not fill memory",
)
COOKIE_PAST_SECONDS = limit(3600, "seconds a server cookie is good for", why="RFC 9018 §4.3")
COOKIE_FUTURE_SECONDS = limit(
    300, "seconds a server cookie may be from the future", why="RFC 9018 §4.3"
)
VIEW_COMBINATIONS = limit(
    64,
    "ways to treat clients that all views come to",
    why="each has packets of its own: a client's query is looked up among those only",
)
SCHEDULE_LOOK_SECONDS = limit(
    10, "seconds after which a clock that was set is noticed by schedules", why="our choice"
)
