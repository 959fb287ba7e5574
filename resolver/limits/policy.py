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
COOKIE_KEY_SECONDS = limit(
    86_400, "seconds for which server cookies are made with one key", why="RFC 7873 §7.1 (a day)"
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
LOCAL_TTL_SECONDS = limit(
    60, "seconds for which local names are told", why="our choice; as dnsmasq and AdGuard, near it"
)
LOCAL_SLICE_LINES = limit(
    50, "lines of a hosts file that are read at a time", why="half a millisecond of the loop"
)
BAD_LINES_SHOWN = limit(
    5, "lines of a file that do not parse which are shown", why="enough to see what it is"
)
LOCAL_LOOK_SECONDS = limit(
    5, "seconds after which a change of a hosts or lease file is noticed", why="our choice"
)
LOCAL_FILE_OCTETS = limit(
    64 << 20, "octets of a hosts or lease file that is read", why="a mistake must not fill memory"
)
