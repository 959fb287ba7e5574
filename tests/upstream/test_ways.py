"""Is a way out cut off? What is asked to find out, and how soon it is told."""

from __future__ import annotations

import pytest
import trio

from resolver import limits
from resolver.budget import QueryBudget, Share
from resolver.config import hints
from resolver.errors import LinkDown
from resolver.iterate.priming import hints_delegation
from resolver.lab.faults import Path
from resolver.protocol.names import ROOT
from resolver.upstream.ways import Ways
from tests.support import trio_test
from tests.upstream.virtual_servers import World

FIRST_S = 1.2  # until the first two strangers are overdue, and then the witnesses
SOURCES = {"IPv4": ("203.0.113.53",), "both": ("203.0.113.53", "2001:db8:53::53")}


@pytest.mark.reaches("OUTAGE_ASK_SECONDS")
@pytest.mark.parametrize("families", SOURCES)
@trio_test
async def test_a_start_into_silence_is_told_soon(families: str) -> None:
    """Nobody ever answered: the root's servers that can be reached are evidence enough.

    With no route for IPv6 half of the witnesses were of no use, and each question took 7 to 9 s.
    """
    world = World(sources=SOURCES[families])
    root = hints_delegation(hints.load())
    world.exchange.ways = Ways(world.exchange, [root])
    world.faults.default = Path(dead=True)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.exchange.run)
        for patience_s in (FIRST_S, limits.OUTAGE_ASK_SECONDS):
            began = trio.current_time()
            whole = QueryBudget(
                queries=100, ns_lookups=20, signature_checks=0, hashes=0, deadline=began + 10
            )
            request = world.request(zone=ROOT, delegation=root, budget=Share(whole))
            with pytest.raises(LinkDown):
                await world.exchange.ask(request)
            assert trio.current_time() - began <= patience_s + 0.01
            await trio.sleep(1)
        nursery.cancel_scope.cancel()
