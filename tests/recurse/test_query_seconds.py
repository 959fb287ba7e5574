"""A client hears in time, however far the walk still has to go."""

from __future__ import annotations

import pytest
import trio

from resolver.lab.faults import Path
from resolver.lab.world import World, with_root
from resolver.limits import QUERY_SECONDS
from resolver.protocol.codes import Rcode
from tests.making import question
from tests.recurse.household import house
from tests.support import trio_test

CUTS = 16
RTT_S = 0.8  # each server answers, and soon enough to be waited for


def far_away() -> World:
    """A zone below sixteen cuts, each with one server at the other end of the world."""
    world = World()
    with_root(world)
    apex, zones = "net.", []
    for at in range(CUTS):
        apex = f"z{at}.{apex}"
        zones.append(world.zone(apex))
        world.serve(zones[-1], f"ns.{apex}", f"192.0.2.{at + 1}", path=Path(RTT_S / 2))
    zones[-1].add_address("www", "192.0.2.80")
    for zone in reversed(zones):
        world.delegate(zone)
    return world


@pytest.mark.reaches("QUERY_SECONDS")
@pytest.mark.rfc("RFC 1034 §5.3.3")
@trio_test
async def test_a_walk_that_takes_too_long_is_given_up() -> None:
    """Of twice as many seconds it would need thirteen."""
    name = "www." + "".join(f"z{at}." for at in reversed(range(CUTS))) + "net."
    async with house(far_away()) as home:
        began = trio.current_time()
        answer = await home.pipeline.answer(question(f"{name} A"))
        assert answer.rcode == Rcode.SERVFAIL
        assert trio.current_time() - began == pytest.approx(QUERY_SECONDS)
        again = await home.pipeline.answer(question(f"{name} A"))  # what was found is kept
        assert again.rcode == Rcode.NOERROR
