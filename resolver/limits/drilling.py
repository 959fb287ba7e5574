"""Limits: working out what would still resolve, and who is far."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("drills and surveys")

DRILL_NAMES = limit(
    500, "names of one drill, the most used first", why="nine tenths of a house's questions"
)
DRILL_SCANNED = limit(
    20_000,
    "answers in memory looked at for names in use, where few were used twice",
    why="a tenth of a second, some at a time",
)
DRILL_FACTS = limit(
    20_000,
    "answers, zone cuts and keys that one drill goes by",
    why="our measurement: 500 names take 3,000",
)
DRILL_MOMENTS = limit(
    16, "times after the cut for which one drill is worked out", why="a table that is to be read"
)
DRILL_AFTER_SECONDS_RANGE: Final = (0.0, 2_592_000.0)  # a month: no delegation is held as long
DRILL_ROWS = limit(
    32,
    "names in one piece of a drill's or a survey's reply",
    why="CONTROL_REPLY_OCTETS, with names of which every octet is escaped",
)
DRILL_SECONDS = limit(
    50.0,
    "seconds for the process that works a drill out",
    why="CONTROL_WORK_SECONDS are waited for; at the lowest priority it may be kept from working",
)
DRILL_PREFIXES = limit(64, "prefixes that one drill keeps", why="a country's own are not many more")
SURVEY_SECONDS = limit(
    0.2, "seconds from one question of a survey to the next", why="servers must not notice"
)
SURVEY_REPLY_SECONDS = limit(
    5.0, "seconds for a server's answer to a survey", why="two satellites, and once more"
)
ZONES_DAYS = limit(
    7, "days within which a zone was used to be shown", why="a week has all its habits"
)
ZONES_DAYS_RANGE: Final = (1, 30)
