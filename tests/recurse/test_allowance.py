"""Hedges, races and probes come out of the one allowance: the worst case keeps the table."""

from __future__ import annotations

import pytest
import trio

from resolver.errors import ResolutionFailed
from resolver.lab.faults import Path
from resolver.lab.world import ROOT_SERVERS, World
from resolver.limits import UPSTREAM_QUERIES
from tests.making import question
from tests.recurse.household import house
from tests.support import trio_test

DEAD = Path(dead=True)


def wasteland(*, width: int) -> World:
    """A zone with *width* nameservers, each in a zone of its own, all addresses dead."""
    world = World()
    root = world.zone(".")
    for nameserver, hosts in ROOT_SERVERS.items():
        world.serve(root, nameserver, *hosts)
    net = world.zone("net.")
    world.serve(net, "ns.net.", "192.0.2.10")
    victim = world.zone("victim.net.")
    for number in range(width):
        home = world.zone(f"home{number}.net.")
        world.serve(home, f"ns.home{number}.net.", f"198.51.100.{number + 1}", path=DEAD)
        world.serve(victim, f"ns.home{number}.net.", f"198.51.100.{number + 1}", path=DEAD)
        world.delegate(home, glue=number % 2 == 0)
    world.delegate(victim, glue=False)
    world.delegate(net)
    return world


@pytest.mark.rfc("RFC 1034 §5.3.3")
@pytest.mark.parametrize("width", [2, 12])
def test_hedging_keeps_the_packets_of_one_query_within_the_table(width: int) -> None:
    @trio_test
    async def one() -> None:
        async with house(wasteland(width=width), speculation=True) as home:
            with pytest.raises(ResolutionFailed):
                await home.ask(question("www.victim.net. A"))
            await trio.sleep(30)
            assert 0 < home.sent <= UPSTREAM_QUERIES

    one()
