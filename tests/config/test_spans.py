"""Times of day: what a schedule means by the clock on the wall, over midnight, and as it is set."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from resolver.config.schema_views import Schedule
from resolver.config.spans import in_force, minute_of, span_of, tags_at

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENING = Schedule(tag="kids", from_="20:00", to="07:00", days=("mon", "sun"))
SCHOOL = Schedule(tag="kids", from_="8:00", to="13:30", days=("tue",))


@pytest.fixture
def berlin() -> Iterator[None]:
    """Summer time ends on 2026-10-25 at 03:00, begins on 2026-03-29 at 02:00."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def at(text: str) -> time.struct_time:
    return time.strptime(text, "%a %H:%M")


@pytest.mark.parametrize(
    ("when", "counts"),
    [
        ("Mon 19:59", False),
        ("Mon 20:00", True),
        ("Tue 06:59", True),
        ("Tue 07:00", False),
        ("Tue 08:00", True),
        ("Tue 13:29", True),
        ("Tue 13:30", False),
        ("Tue 20:00", False),
        ("Mon 06:59", True),  # since Sunday evening
        ("Sun 03:00", False),
        ("Wed 03:00", False),
    ],
)
def test_a_span_goes_on_past_midnight_and_several_add_up(when: str, *, counts: bool) -> None:
    assert in_force([EVENING, SCHOOL], at(when)) == (frozenset({"kids"} if counts else ()))


def test_a_whole_day_ends_at_midnight() -> None:
    whole = Schedule(tag="kids", from_="00:00", to="24:00", days=("sat",))
    assert in_force([whole], at("Sat 23:59"))
    assert in_force([whole], at("Sat 00:00"))
    assert not in_force([whole], at("Sun 00:00"))


@pytest.mark.parametrize("text", ["", "7", "07:60", "24:01", "25:00", "-1:00", "7:0", "7:00 pm"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a time of day"):
        minute_of(text)


def test_nothing_begins_when_the_day_is_over() -> None:
    with pytest.raises(ValueError, match="only ends"):
        span_of(Schedule(tag="kids", from_="24:00", to="07:00"))


@pytest.mark.usefixtures("berlin")
def test_it_goes_by_the_clock_on_the_wall_as_summer_comes_and_goes() -> None:
    """20:00 is 20:00 on either side; a time that is left out has passed when it is over."""
    sunday = Schedule(tag="kids", from_="02:30", to="03:30", days=("sun",))
    spring, autumn = 1774744200.0, 1792884600.0  # 01:30 local time on both Sundays
    assert time.localtime(spring)[3:5] == time.localtime(autumn)[3:5] == (1, 30)

    def minutes(begin: float) -> list[int]:
        """How many of each half hour from 01:30 on the tag counts."""
        hours = [time.localtime(begin + 1800 * half) for half in range(8)]
        return [int(bool(in_force([sunday], hour))) for hour in hours]

    assert minutes(spring) == [0, 1, 0, 0, 0, 0, 0, 0]  # 01:30 03:00 03:30 ...
    assert minutes(autumn) == [0, 0, 1, 0, 1, 1, 0, 0]  # 01:30 02:00 02:30 02:00 02:30 03:00 ...


def test_a_tag_without_a_schedule_counts_always() -> None:
    now = in_force([EVENING, SCHOOL], at("Wed 12:00"))
    assert tags_at(("kids", "ads"), [EVENING], now) == {"ads"}
    assert tags_at(("kids", "ads"), [EVENING], frozenset({"kids"})) == {"kids", "ads"}
