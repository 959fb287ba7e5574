"""Limits: response policy zones."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("response policy zones")

RPZ_ZONES = limit(
    64,
    "policy zones of one configuration",
    why="each costs every miss a look; BIND has 64 at most as well",
)
RPZ_ENTRIES_RANGE = (1, 20_000_000)
RPZ_ENTRIES = limit(
    5_000_000,
    "triggers of one zone; what is beyond is left out, and told",
    why="the largest zones on offer have 2 million",
    between=RPZ_ENTRIES_RANGE,
)
RPZ_OCTETS = limit(
    1 << 30,
    "octets of one zone's text, transfer or table",
    why="5 million triggers have 400 MB as text",
)
RPZ_LINE_OCTETS = limit(
    65_536, "octets of one record's text", why="a TXT record of 65,535 octets is none that blocks"
)
RPZ_TTL_SECONDS = limit(
    3600,
    "seconds of TTL that what policy says has at most",
    why="clients keep it so long after policy has changed its mind",
)
RPZ_BAD_SHARE = limit(
    0.2,
    "share of a zone's records that may be bad",
    why="more is a page of HTML, or another kind of file: the zone before stays",
)
RPZ_PROCESS_SECONDS = limit(
    900.0,
    "seconds after which a process that reads or transfers a zone is stopped",
    why="400 MB at 5 Mbit/s",
)
RPZ_TOGETHER_OCTETS = limit(
    1 << 20,
    "octets of a zone's file that is read together with others",
    why="its 25,000 triggers take as long as starting a process does",
)
RPZ_SILENCE_SECONDS = limit(
    30.0,
    "seconds without a record after which a primary is given up",
    why="a line that was cut does not say so; BIND waits for an hour, NSD for 10 seconds",
)
RPZ_LOOK_SECONDS = limit(
    5.0,
    "seconds between two looks whether a zone's file is another",
    why="a look costs one system call",
)
RPZ_FIRST_SECONDS = limit(
    2.0,
    "seconds before a zone of which nothing is in force is asked for again, each time twice as "
    "long, up to RPZ_REFRESH_LEAST_SECONDS",
    why="our choice: after a power cut the line comes back after the machine",
)
RPZ_REFRESH_LEAST_SECONDS = limit(
    60.0,
    "seconds between two questions for a zone's SOA, whatever it says itself",
    why="a refresh of 0 must be no busy loop; NOTIFY brings what is urgent",
)
RPZ_REFRESH_MOST_SECONDS = limit(
    86_400.0,
    "seconds between two questions for a zone's SOA at most",
    why="policy that is never renewed is none; NOTIFY may be lost",
)
RPZ_NOTIFY_SECONDS = limit(
    2.0,
    "seconds between two looks that NOTIFY provokes",
    why="its sender's address can be forged: a flood is one transfer",
)
RPZ_START_SECONDS = limit(
    10.0,
    "seconds that the start waits for zones from files that were never read before",
    why="a start that fails is worse than a minute without policy",
)
