"""Limits: block and allow lists."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("block and allow lists")

LISTS = limit(64, "lists", why="six bits of a listed name say whose it is")
LIST_LEADING = limit(
    4096,
    "names that were blocked for what they lead to, and are known to be; beyond that all ready "
    "replies go when lists change",
    why="half a megabyte; a household meets some dozens",
)
LIST_OCTETS = limit(
    64 << 20, "octets of one list", why="the largest that people use have 40 MB; AdGuard's bound"
)
LIST_LINES = limit(
    (1 << 24) - 1, "lines of one list", why="three octets of a listed name say on which line it is"
)
LIST_LINE_OCTETS = limit(4096, "octets of a line of a list", why="what is longer is no rule")
LIST_PROBE_LINES = limit(
    1000, "lines that are looked at to see what a list is", why="headings have a few hundred"
)
LIST_BAD_SHARE = limit(
    0.2,
    "share of the lines of a list that may say nothing",
    why="more, and it is something else than a list: the version before stays",
)
LIST_BAD_SHOWN = limit(5, "bad lines of a list that are told", why="enough to see what is wrong")
LISTED_NAMES = limit(
    4_000_000,
    "names of all lists together; what is beyond counts for nothing, and is told",
    why="our measurement: four million take 400 MB while they are compiled",
)
LIST_CHAIN = limit(
    64,
    "names in one bucket of the compiled lists; a further one counts as bad",
    why="chance makes two dozen; more are made to collide, and would cost every query",
)
LIST_PATTERNS = limit(
    1000,
    "regular expressions of all lists together, wildcard patterns included",
    why="each is held against every name that no packet answers",
)
LIST_PATTERN_OCTETS = limit(512, "characters of a regular expression", why="twice a name")
LIST_PATTERN_REPEATS = limit(
    3,
    "repetitions in a row in a regular expression",
    why="each multiplies the time by the length of a name",
)
LIST_PATTERN_SECONDS = limit(
    0.005,
    "CPU seconds that a regular expression may take for a name made to be hard",
    why="usual ones take 5 microseconds",
)
LIST_SPECIAL_OCTETS = limit(
    128 << 20,
    "octets of rules with conditions, of all lists together",
    why="a million rules of 100 octets; more is an attack",
)
LIST_CLIENT_SETS = limit(
    256, "sets of clients in rules that are kept ready", why="lists of others have none"
)
LIST_ENDINGS = limit(
    2048,
    "endings of names, behind their first label, of which it is remembered whether lists have them",
    why="our choice: half a megabyte; to look costs a miss a microsecond",
)
LIST_FILE_OCTETS = limit(
    1 << 30, "octets of the compiled lists", why="four million names and their conditions"
)
LIST_MEMORY_OCTETS = limit(
    2 << 30,
    "octets of address space for the process that compiles",
    why="our measurement: 0.1 KB a name, and Python",
)
LIST_COMPILE_SECONDS = limit(
    600.0, "seconds after which the process that compiles is stopped", why="it has hung"
)
LIST_START_SECONDS = limit(
    10.0,
    "seconds that a start waits for lists that were never compiled before",
    why="our measurement: a million names; a resolver that blocks nothing for a moment is better "
    "than none for long",
)
LIST_LOOK_SECONDS = limit(
    60.0,
    "seconds between two looks whether a list's file is another, or a download is due",
    why="a look costs a system call",
)
LIST_INTERVAL_SECONDS = limit(
    86_400.0, "seconds between two downloads of a list", why="what all lists ask for"
)
LIST_FIRST_SECONDS = limit(
    30.0,
    "seconds before a list of which there is no version is tried again, each time twice as long",
    why="our choice: after a power cut the line comes back minutes after the machine",
)
LIST_RETRY_SECONDS = limit(
    3600.0, "seconds before a download that failed is tried again", why="our choice"
)
LIST_JITTER_SHARE = limit(
    0.1, "share by which these are longer or shorter, at random", why="not all at once"
)
LIST_DOWNLOADS = limit(
    4, "downloads of lists at once", why="our measurement: a process of 40 MB for each"
)
LIST_TRIES = limit(3, "tries of one download", why="our choice")
LIST_DOWNLOAD_SECONDS = limit(60.0, "seconds that a try may take", why="64 MiB at 9 Mbit/s")
LIST_REDIRECTS = limit(5, "redirects that a download follows", why="what browsers' lists need is 2")
LIST_ALLOWED = limit(
    1000, "names that operators allow or block for a while", why="more belong into a list"
)
LIST_OVERRIDE_SECONDS_RANGE: Final = (1.0, 604_800.0)
LIST_OVERRIDE_SECONDS = limit(
    3600.0,
    "seconds for which `control allow` and `block` count",
    why="our choice",
    between=LIST_OVERRIDE_SECONDS_RANGE,
)
LIST_PAUSE_SECONDS_RANGE: Final = (1.0, 86_400.0)
LIST_PAUSE_SECONDS = limit(
    600.0,
    "seconds for which `control pause on` stops blocking",
    why="our choice; who forgets it is protected again",
    between=LIST_PAUSE_SECONDS_RANGE,
)
BLOCK_TTL_SECONDS_RANGE: Final = (0, 86_400)
BLOCK_TTL_SECONDS = limit(
    10,
    "seconds of TTL of what is blocked",
    why="whoever is allowed again does not wait; AdGuard's",
    between=BLOCK_TTL_SECONDS_RANGE,
)
