"""A tag that counts at some times: views change at their minute, and packets are forgotten."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.config.schema import Config, Schedule, View
from resolver.daemon import schedules
from resolver.daemon.reload import reload
from resolver.lab.virtual_time import VirtualClock
from resolver.limits import SCHEDULE_LOOK_SECONDS
from resolver.protocol.codes import Rcode
from resolver.protocol.transport import Client, Transport
from tests.asking import octets, read
from tests.making import question
from tests.recurse.household import WALL, house, village
from tests.support import set_limit, trio_test

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.recurse.household import House

WWW = question("www.example.net. A")
KID = Client("127.0.0.7", 1, Transport.UDP)
NIGHT = Config(
    view=(View(name="kids", clients=("127.0.0.7",), tags=("kids", "bed")),),
    schedule=(Schedule(tag="bed", from_="17:30", to="17:40"),),
)  # WALL is 17:20 on a Saturday


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    assert time.gmtime(WALL)[3:5] == (17, 20)
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


def tags(home: House) -> frozenset[str]:
    return home.daemon.parts.tags


def is_kept(home: House) -> bool:
    """Has the packet cache an answer for the kid?"""
    recall = home.pipeline.fast_path(Transport.UDP).begin()
    return recall(octets(WWW), b"\x7f\0\0\7") is not None


@trio_test
async def test_views_change_at_the_minute_and_forget_packets() -> None:
    async with house(village(), NIGHT) as home:
        before, packets = home.parts.views, home.parts.packets
        await trio.sleep(599)
        await read(home, octets(WWW), KID)
        assert (tags(home), is_kept(home)) == (frozenset(), True)
        assert home.daemon.parts.views is before
        asked, generation = home.sent, packets.generation
        await trio.sleep(1.5)
        assert tags(home) == {"bed"}
        assert not is_kept(home)
        assert packets.generation == generation + 1
        assert (await read(home, octets(WWW), KID)).rcode == Rcode.NOERROR
        assert home.sent == asked  # records stay
        await trio.sleep(600)
        assert tags(home) == frozenset()
        assert packets.generation == generation + 2


@pytest.mark.reaches("SCHEDULE_LOOK_SECONDS")
@trio_test
async def test_a_clock_that_is_set_is_noticed_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward or back, as a laptop does that has slept."""
    set_limit(monkeypatch, schedules, "SCHEDULE_LOOK_SECONDS", SCHEDULE_LOOK_SECONDS)
    async with house(village(), NIGHT) as home:
        clock = home.parts.clock
        assert isinstance(clock, VirtualClock)
        await trio.sleep(1)
        clock._wall += 15 * 60
        await trio.sleep(SCHEDULE_LOOK_SECONDS)
        assert tags(home) == {"bed"}
        clock._wall -= 24 * 3600 + 15 * 60
        await trio.sleep(SCHEDULE_LOOK_SECONDS)
        assert tags(home) == frozenset()


@trio_test
async def test_a_reload_brings_and_takes_schedules() -> None:
    async with house(village(), Config()) as home:
        daemon = home.daemon
        with_times = daemon.config.__class__(
            **{
                name: getattr(daemon.config, name)
                for name in daemon.config.__struct_fields__
                if name not in ("view", "schedule")
            },
            view=NIGHT.view,
            schedule=NIGHT.schedule,
        )
        without = daemon.config
        assert "schedule" in str(await reload(daemon, with_times))
        await trio.sleep(605)
        assert tags(home) == {"bed"}
        await reload(daemon, without)
        assert tags(home) == frozenset()
        await trio.sleep(1200)
        assert tags(home) == frozenset()


@trio_test
async def test_a_daemon_that_starts_within_a_span_begins_with_it() -> None:
    now = Config(view=NIGHT.view, schedule=(Schedule(tag="bed", from_="17:00", to="18:00"),))
    async with house(village(), now) as home:
        assert tags(home) == {"bed"}
