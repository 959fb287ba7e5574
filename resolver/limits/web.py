"""Limits: the page, a process of its own, and those who look at it."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("the page")

WEB_RESTART_SECONDS = limit(
    1.0, "seconds until the page's process is started again", why="nobody waits, and it may fail"
)
WEB_PAUSE_SECONDS = limit(
    30.0, "seconds at most, where it ends again and again", why="its log lines are to be read"
)
WEB_BEAT_SECONDS = limit(
    1.0, "seconds between two signs of life of it", why="it asks once a second while one looks"
)
WEB_SILENCE_SECONDS = limit(
    10.0, "seconds without one until it is replaced", why="a page that stands still is noticed"
)
WEB_CHANNELS = limit(
    24, "conversations of it with the daemon at a time", why="eight questions, and live logs"
)
WEB_ASKING = limit(
    8, "questions that it asks the daemon at a time", why="each takes a millisecond or two"
)
WEB_PATIENCE_SECONDS = limit(
    15.0, "seconds for which it waits for the daemon", why="a person waits no longer"
)
WEB_DRILL_SECONDS = limit(
    60.0, "seconds for which it waits for a drill", why="500 names take ten at the most"
)
WEB_FILES = limit(
    128, "descriptors that it may have, and so connections", why="a browser opens six"
)
WEB_VIEWERS = limit(16, "pages that are open and live at a time", why="a household has a few")
WEB_LOGS = limit(4, "live logs that are read at a time", why="each is a subscriber in the daemon")
WEB_IDLE_SECONDS = limit(
    5.0, "seconds for a request to come, or a connection to idle", why="common servers' 5 s"
)
WEB_SEND_SECONDS = limit(
    20.0, "seconds for a browser to take what is sent", why="a phone that is out of reach"
)
WEB_HEAD_OCTETS = limit(8192, "octets of a request's head", why="common servers' 8 KiB")
WEB_BODY_OCTETS = limit(4096, "octets of a request's body", why="a name and a token")
WEB_MEMORY_OCTETS = limit(
    268_435_456, "octets of memory that it may take", why="it takes about 40 MiB"
)
WEB_HISTORY_MINUTES = limit(
    1440, "minutes that the timeline goes back", why="a day; 36 octets each"
)
WEB_HISTORY_SECONDS = limit(
    600.0, "seconds between two times that it is kept on disk", why="some kilobytes; a kill is rare"
)
WEB_TOKEN_OCTETS = limit(256, "octets of a token", why="ours has 43")
WEB_TOKEN_SECONDS = limit(
    30.0, "seconds for which a token that was right is not asked about again", why="it may change"
)
WEB_PROOF_SECONDS = limit(
    0.05, "seconds between two questions whether a token is right", why="nobody types so fast"
)
WEB_FRESH_SECONDS = limit(
    1.0, "seconds for which one reply does for all who ask without a token", why="the page's rhythm"
)
WEB_CELL_CHARACTERS = limit(
    300, "characters of what others wrote that the page shows", why="an EDE text is a sentence"
)
WEB_ROWS = limit(12, "rows of one table of the page", why="it is to be read at a glance")
ZONES_TALLIED = limit(
    512, "zones whose times and failures are kept", why="a household asks some hundred in an hour"
)
ZONES_TALLIED_SECONDS = limit(
    1800.0, "seconds until the older half of them is forgotten", why="the last hour matters"
)
FOLLOWED_HITS = limit(
    20, "hits a second that a live log shows", why="more cannot be read, and each costs 20 µs"
)
FOLLOWED_LINES = limit(
    50, "lines a second of a live log", why="more cannot be read; the rest is counted"
)
