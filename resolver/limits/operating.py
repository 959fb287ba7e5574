"""Limits: what an operator may ask of a running daemon, and what is told."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("what an operator may ask of a running daemon")

NEGATIVE_ANCHORS = limit(
    256, "negative trust anchors set at run time", why="RFC 7646 §2: a few, and not for long"
)
NEGATIVE_ANCHOR_SECONDS = limit(
    3600.0, "seconds that one counts, if nothing else is said", why="BIND's nta-lifetime"
)
NEGATIVE_ANCHOR_SECONDS_RANGE: Final = (1.0, 604_800.0)  # BIND's: a week
WARM_BY_HAND = limit(
    256, "questions that are kept warm at an operator's word", why="each is asked every TTL"
)
OVERRIDES_LOOK_SECONDS = limit(
    60.0,
    "seconds until it is looked again whether a negative anchor has ended",
    why="the wall clock may be set meanwhile",
)
SHOWN_ROWS = limit(
    1000, "servers, questions or names shown at once", why="a screen has fifty; a page may scroll"
)
DUMP_ITEM_OCTETS = limit(
    32_768,
    "octets of text in one piece of a dump, about",
    why="our measurement: a few milliseconds of work, with rests between",
)
LOAD_ERRORS = limit(
    100, "bad lines of a file that are told", why="the first ones say what is wrong"
)
TRACE_STEPS = limit(
    1000,
    "steps of one resolution that are told",
    why="UPSTREAM_QUERIES packets, and their verdicts",
)
STATUS_SECONDS = limit(
    10.0,
    "seconds between two looks whether the line for `systemctl status` is another",
    why="whoever looks looks once; each is a datagram to the service manager",
)
LINK_ZONES = limit(
    64, "zones that links bring with them", why="a VPN of a company has a dozen; each is a forward"
)
LINK_ZONE_SERVERS = limit(
    4, "name servers of each", why="glibc reads three, and tries one after the other"
)
LINK_ZONES_LOOK_SECONDS = limit(
    30.0,
    "seconds between two looks at them, and LINK_LOOK_SECONDS after a link has changed",
    why="a VPN's program tells them some time after its link is up",
)
LINK_BUS_SECONDS = limit(
    2.0,
    "seconds for an answer over D-Bus",
    why="who is alive answers in a thousandth of that",
)
POPS_ASKED = limit(
    30,
    "servers that one `pops --active` asks which instances they are",
    why="our choice: two queries each, a minute in all",
)
POPS_SECONDS = limit(
    1.0, "seconds between two of its queries", why="our choice: less than anybody limits"
)
DISTANCES_READ = limit(
    2048,
    "servers whose round trips a report on distances looks at",
    why="our measurement: 5 ms; of more every n-th",
)
CLAIMS_READ = limit(
    256, "servers whose places it holds against each other", why="our measurement: 2 ms"
)
