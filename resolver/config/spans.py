"""The times of `[[schedule]]`: text → spans of a day in minutes, and which tags count when.

By local time, as the clock on the wall shows it: "20:00" is 20:00 in summer and in winter. Where
clocks go forward, a time that is left out has passed; where they go back, what happens twice counts
twice. Pure: who asks hands in the local time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.config.schema_views import DAYS

if TYPE_CHECKING:
    import time
    from collections.abc import Iterable

    from resolver.config.schema_views import Schedule

DAY_MINUTES: Final = 24 * 60
_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)|24:00", re.ASCII)
_EXPECTED: Final = 'a time of day such as "20:00"'


class Span(NamedTuple):
    """*tag* counts from minute *begin* of each of *days* (0 is Monday) until *end*, which lies on
    the next day if it is before *begin*."""

    tag: str
    days: frozenset[int]
    begin: int
    end: int

    def holds(self, weekday: int, minute: int) -> bool:
        """Does the tag count at *minute* of *weekday*?"""
        if self.begin < self.end:
            return weekday in self.days and self.begin <= minute < self.end
        is_begun = weekday in self.days and minute >= self.begin
        return is_begun or ((weekday - 1) % len(DAYS) in self.days and minute < self.end)


def minute_of(text: str) -> int:
    """Minutes since midnight; "24:00" is the day's end. Raises ValueError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(_EXPECTED)
    return DAY_MINUTES if found[1] is None else 60 * int(found[1]) + int(found[2])


def span_of(entry: Schedule) -> Span:
    """Raises ValueError."""
    days = frozenset(DAYS.index(day) for day in entry.days)
    begin, end = minute_of(entry.from_), minute_of(entry.to)
    if begin == DAY_MINUTES:
        raise ValueError(f'{_EXPECTED}; "24:00" only ends a span')
    return Span(entry.tag, days, begin, end)


def in_force(schedules: Iterable[Schedule], local: time.struct_time) -> frozenset[str]:
    """The tags that count at *local*, of those that have a schedule. *schedules* are right."""
    minute = 60 * local.tm_hour + local.tm_min
    spans = map(span_of, schedules)
    return frozenset(span.tag for span in spans if span.holds(local.tm_wday, minute))


def tags_at(
    tags: Iterable[str], schedules: Iterable[Schedule], now: frozenset[str]
) -> frozenset[str]:
    """Those of *tags* that count where *now* are the ones whose time it is."""
    timed = {entry.tag for entry in schedules}
    return frozenset(tag for tag in tags if tag not in timed or tag in now)
