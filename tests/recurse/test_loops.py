"""Zones whose nameservers lie in one another, without glue: in circles, and with a way out.

The oracle is the graph: a zone resolves if one of its nameservers lies in a zone that does.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from resolver.errors import ResolutionFailed
from resolver.lab.world import ROOT_SERVERS, World
from tests.making import question
from tests.recurse.household import house
from tests.support import trio_test

if TYPE_CHECKING:
    from tests.recurse.household import House

Leans = dict[int, list[int]]  # on which zones each leans; on none: it has glue
PACKETS_A_ZONE = 2  # its referral, and with IPv6 one look-up more


def land(leans: Leans) -> World:
    """Zone i is z<i>.net.; its nameserver in zone j is ns<i>.z<j>.net., without glue."""
    world = World()
    root = world.zone(".")
    for nameserver, hosts in ROOT_SERVERS.items():
        world.serve(root, nameserver, *hosts)
    net = world.zone("net.")
    world.serve(net, "ns.net.", "192.0.2.10")
    zones = {at: world.zone(f"z{at}.net.") for at in leans}
    for at, zone in zones.items():
        zone.add_address("www", f"203.0.113.{at + 1}")
        for home in leans[at] or [at]:
            world.serve(zone, f"ns{at}.z{home}.net.", f"198.51.100.{at + 1}")
    for zone in (*zones.values(), net):
        world.delegate(zone)
    return world


def resolvable(leans: Leans) -> set[int]:
    found = {at for at, homes in leans.items() if not homes}
    while more := {at for at, homes in leans.items() if found & set(homes)} - found:
        found |= more
    return found


def tangle(rng: Random, size: int, exits: int) -> Leans:
    """Each leans on two others, but for some that have glue."""
    glued = set(rng.sample(range(size), exits))
    return {
        at: [] if at in glued else rng.sample([one for one in range(size) if one != at], 2)
        for at in range(size)
    }


async def is_answered(home: House, at: int) -> bool:
    try:
        return bool((await home.ask(question(f"www.z{at}.net. A"))).answer)
    except ResolutionFailed:
        return False


@pytest.mark.rfc("RFC 1034 §5.3.3 bounds")
@pytest.mark.parametrize("speculation", [False, True])
@pytest.mark.parametrize("size", [2, 3, 5, 7])
@trio_test
async def test_a_circle_of_zones_fails_for_few_packets(size: int, speculation: bool) -> None:  # noqa: FBT001
    leans = {at: [(at + 1) % size] for at in range(size)}
    async with house(land(leans), speculation=speculation) as home:
        assert not await is_answered(home, 0)
        assert home.sent <= PACKETS_A_ZONE * size + 6
        sent = home.sent
        assert not await is_answered(home, 1)
        assert home.sent - sent <= size


@pytest.mark.rfc("RFC 1034 §5.3.3")
@pytest.mark.parametrize("speculation", [False, True])
@pytest.mark.parametrize("seed", range(10))
@trio_test
async def test_a_tangle_resolves_where_it_has_a_way_out(seed: int, speculation: bool) -> None:  # noqa: FBT001
    """Whoever is asked first: what waits for itself does not spoil the way for others."""
    rng = Random(seed)
    leans = tangle(rng, size=rng.choice((4, 5, 6)), exits=rng.choice((0, 1, 2)))
    async with house(land(leans), speculation=speculation) as home:
        for at in rng.sample(sorted(leans), 3):
            assert await is_answered(home, at) == (at in resolvable(leans)), (at, leans)
