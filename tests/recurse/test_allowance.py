"""Hedges, races and probes come out of the one allowance: the worst case keeps the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver.errors import ResolutionFailed
from resolver.lab.faults import Path
from resolver.lab.world import ROOT_SERVERS, World
from resolver.limits import HEDGE_UNKNOWN_SECONDS, LOOKUP_WIDTH, UPSTREAM_QUERIES
from resolver.protocol.wire import parse_untrusted
from tests.making import question
from tests.recurse.household import house
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.lab.virtual_parts import Packet

DEAD = Path(dead=True)
ABOVE = "192.0.2.11"


def wasteland(*, width: int, homes: str = "net.") -> World:
    """A zone with *width* nameservers, each in a zone of its own below *homes*, all dead."""
    world = World()
    root = world.zone(".")
    for nameserver, hosts in ROOT_SERVERS.items():
        world.serve(root, nameserver, *hosts)
    net = world.zone("net.")
    world.serve(net, "ns.net.", "192.0.2.10")
    if homes != "net.":
        above = world.zone(homes)
        world.serve(above, f"ns.{homes}", ABOVE)
        world.delegate(above)
    victim = world.zone("victim.net.")
    for number in range(width):
        home = world.zone(f"home{number}.{homes}")
        world.serve(home, f"ns.home{number}.{homes}", f"198.51.100.{number + 1}", path=DEAD)
        world.serve(victim, f"ns.home{number}.{homes}", f"198.51.100.{number + 1}", path=DEAD)
        world.delegate(home, glue=homes != "net." or number % 2 == 0)
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


@pytest.mark.reaches("LOOKUP_WIDTH")
@trio_test
async def test_few_nameserver_names_are_looked_up_at_a_time() -> None:
    """The others wait until it is known what came of these."""
    asked: set[bytes] = set()

    def note(packet: Packet) -> None:
        if packet.destination[0] == ABOVE:
            asked.add(parse_untrusted(packet.data).qname)

    async with house(wasteland(width=8, homes="org."), speculation=True) as home:
        home.network.observers.append(note)
        with trio.move_on_after(HEDGE_UNKNOWN_SECONDS / 2):
            await home.ask(question("www.victim.net. A"))
        assert len(asked) == LOOKUP_WIDTH
