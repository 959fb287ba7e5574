"""Who has waited for a while is told what is over, and the walk goes on (RFC 8767 §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver.geo.distance import GEO
from resolver.lab.faults import Path
from resolver.limits import (
    STALE_AFTER_SECONDS,
    STALE_TTL_SECONDS,
)
from resolver.model import Source
from resolver.protocol.edns import Edns
from tests.asking import octets, read
from tests.making import question
from tests.recurse.household import house
from tests.recurse.silent_town import (
    ALIAS,
    DAY,
    EXAMPLE,
    FAR,
    NONE,
    OTHER,
    WWW,
    town,
)
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.model import Question


# --- while asking goes on ------------------------------------------------------------------------


@pytest.mark.reaches("STALE_AFTER_SECONDS")
@pytest.mark.rfc("RFC 8767 §5")
@pytest.mark.parametrize(("asked", "links"), [(WWW, 1), (ALIAS, 2), (NONE, 0)])
@trio_test
async def test_who_has_waited_is_told_what_is_over_and_the_walk_goes_on(
    asked: Question, links: int
) -> None:
    """1.8 s: the servers of example.net have become slow, and the client gets one answer."""
    world = town()
    async with house(world) as home:
        await home.ask(asked)
        for host in EXAMPLE:
            world.faults.set(host, Path(delay_s=1.5))
        await trio.sleep(DAY)
        began = trio.current_time()
        early = await read(home, octets(asked, edns=Edns(1232, 0, do=False)))
        assert trio.current_time() - began == pytest.approx(STALE_AFTER_SECONDS)
        assert [one.ttl for one in early.answer] == links * [STALE_TTL_SECONDS]
        assert early.edns is not None
        assert len(early.edns.options) == 1 or links > 1
        await trio.sleep(6)
        assert (await home.ask(asked)).source is Source.CACHE
        stale = home.resolver.stale
        assert stale is not None
        assert (stale.failure, stale.slow) == (0, max(1, links))


@pytest.mark.parametrize(
    ("kind", "access_s", "took_s", "source"),
    [
        ("", 0.6, STALE_AFTER_SECONDS, "stale"),
        (GEO, 0.6, 2.2, "network"),
        (GEO, 0.46, 4 * 0.46, "stale"),
        (GEO, 2.0, 2.2, "network"),
    ],
)
@trio_test
async def test_by_a_satellite_who_waits_is_not_told_what_is_over_while_the_link_is_well(
    kind: str, access_s: float, took_s: float, source: str
) -> None:
    world = town()
    async with house(world) as home:
        await home.ask(WWW)
        for host in EXAMPLE:
            world.faults.set(host, Path(delay_s=1.1))
        await trio.sleep(DAY)
        home.parts.infra.link.fit(kind, access_s)
        began = trio.current_time()
        reply = await read(home, octets(WWW))
        assert trio.current_time() - began == pytest.approx(took_s, abs=0.01)
        assert (reply.answer[0].ttl == STALE_TTL_SECONDS) is (source == "stale")


@trio_test
async def test_who_has_waited_is_told_part_of_a_chain_only_if_it_has_an_end() -> None:
    world = town()
    async with house(world) as home:
        await home.ask(question("far.example.net. CNAME"))
        for host in EXAMPLE:
            world.faults.set(host, Path(delay_s=1.5))
        await trio.sleep(DAY)
        began = trio.current_time()
        assert OTHER in [one.rdata for one in (await read(home, octets(FAR))).answer]
        assert trio.current_time() - began > STALE_AFTER_SECONDS
