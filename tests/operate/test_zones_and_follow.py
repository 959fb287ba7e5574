"""zones, and log follow: what fails and why, and what is asked, while somebody looks."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest
import trio

from resolver.limits import FOLLOWED_HITS, FOLLOWED_LINES
from resolver.operate.follow import FOLLOW, Follower
from resolver.operate.verb import Nothing
from resolver.operate.zones import TALLY
from resolver.protocol.transport import Transport
from resolver.telemetry.events import Answered, Bus, Recalled
from tests.asking import octets
from tests.making import question
from tests.operate.operated import desk
from tests.recurse.household import slow_village, village
from tests.support import trio_test

WWW = question("www.example.net. A")


@trio_test
async def test_a_zone_that_was_asked_shows_with_its_time() -> None:
    async with desk(slow_village()) as it:
        assert (await it.do(TALLY))["known"] == 0  # from here on somebody listens
        await it.home.ask(WWW)
        reply = await it.do(TALLY)
        assert reply["failing"] == []
        slowest = reply["slow"][0]
        assert (slowest["zone"], slowest["asked"] >= 1) == ("example.net.", True)
        assert slowest["longest_ms"] >= slowest["mean_ms"] > 100


def _hit() -> Recalled:
    query = octets(WWW)
    reply = query[:2] + b"\x81\x80" + query[4:]
    return Recalled(query, reply, b"\x7f\0\0\1", Transport.UDP, "127.0.0.1", "default")


@pytest.mark.reaches("FOLLOWED_HITS")
def test_of_hits_a_sample_is_shown_and_then_nobody_listens_to_them() -> None:
    bus = Bus()
    with Follower(bus) as follower:
        for _ in range(FOLLOWED_HITS):
            assert Recalled in bus.heard
            bus.emit(_hit())
        assert Recalled not in bus.heard
        told = follower.take()
        assert len(told["queries"]) == FOLLOWED_HITS
        assert Recalled in bus.heard
    assert not bus


@pytest.mark.reaches("FOLLOWED_LINES")
def test_what_has_no_room_is_counted() -> None:
    bus = Bus()
    with Follower(bus) as follower:
        for _ in range(FOLLOWED_LINES + 3):
            follower.hear(_answered())
        told = follower.take()
        assert (len(told["queries"]), told["more"]) == (FOLLOWED_LINES, 3)
        assert follower.take() == {"queries": [], "more": 0}


def _answered() -> Answered:
    from resolver.telemetry.answered import of_hit  # noqa: PLC0415

    return of_hit(_hit())


async def _emit_soon(bus: Bus) -> None:
    await trio.sleep(0.5)
    bus.emit(_answered())


@trio_test
async def test_what_is_asked_while_somebody_reads_is_told_without_who_asked() -> None:
    async with desk(village()) as it, trio.open_nursery() as nursery:
        run: Any = FOLLOW.run(it.running, Nothing())
        async with aclosing(run) as items:
            nursery.start_soon(_emit_soon, it.home.daemon.parts.bus)
            told = await anext(items)
        (line,) = told["queries"]
        assert (line["name"], line["type"], line["rcode"]) == ("www.example.net.", "A", "NOERROR")
        assert "client" not in line
        assert Answered not in it.home.daemon.parts.bus.heard
