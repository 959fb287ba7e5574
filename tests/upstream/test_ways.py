"""Is a way out cut off? What is asked to find out, and how soon it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver import limits
from resolver.budget import QueryBudget, Share
from resolver.config import hints
from resolver.config.schema import Config, Forward
from resolver.daemon.zones import fixed_delegations
from resolver.errors import LinkDown, ResolverError
from resolver.iterate.priming import hints_delegation
from resolver.lab.faults import Path
from resolver.protocol.names import ROOT
from tests.support import trio_test
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from resolver.model import Delegation

FIRST_S = 1.2  # until the first two strangers are overdue, and then the witnesses
SOURCES = {"IPv4": ("203.0.113.53",), "both": ("203.0.113.53", "2001:db8:53::53")}


@pytest.mark.reaches("OUTAGE_ASK_SECONDS")
@pytest.mark.parametrize("families", SOURCES)
@trio_test
async def test_a_start_into_silence_is_told_soon(families: str) -> None:
    """Nobody ever answered: the root's servers that can be reached are evidence enough.

    With no route for IPv6 half of the witnesses were of no use, and each question took 7 to 9 s.
    """
    root = hints_delegation(hints.load())
    world = World(sources=SOURCES[families], named=(root,))
    world.faults.default = Path(dead=True)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.dispatcher.run)
        for patience_s in (FIRST_S, limits.OUTAGE_ASK_SECONDS):
            began = trio.current_time()
            whole = QueryBudget(
                queries=100, ns_lookups=20, signature_checks=0, hashes=0, deadline=began + 10
            )
            request = world.request(zone=ROOT, delegation=root, budget=Share(whole))
            with pytest.raises(LinkDown):
                await world.dispatcher.ask(request)
            assert trio.current_time() - began <= patience_s + 0.01
            await trio.sleep(1)
        nursery.cancel_scope.cancel()


def forwarding(*hosts: str) -> Delegation:
    """The zone corp., forwarded to *hosts*."""
    config = Config(forward=(Forward(zone="corp.", addresses=hosts),))
    ((_, delegation),) = fixed_delegations(config)
    return delegation


@trio_test
async def test_another_configuration_keeps_what_is_known_of_ways_that_stay() -> None:
    """An outage does not end by a reload, nor begin: only other servers are another way."""
    root = hints_delegation(hints.load())
    ways = World(named=(root, forwarding("192.0.2.1"))).dispatcher.ways
    public, corp = ways.public, ways.of(forwarding("192.0.2.1"))
    corp.reach.begin_outage()
    ways.name([root, forwarding("192.0.2.1")])
    assert ways.public is public
    assert ways.of(forwarding("192.0.2.1")) is corp
    assert ways.cut_off(trio.current_time()) == 1
    ways.name([root, forwarding("192.0.2.2")])
    assert ways.of(forwarding("192.0.2.2")) is not corp
    assert ways.cut_off(trio.current_time()) == 0
    ways.name([root])
    assert ways.of(forwarding("192.0.2.2")) is ways.public is public


@trio_test
async def test_who_waits_on_a_way_that_goes_tries_on() -> None:
    """Its servers are out; the operator has named others meanwhile."""
    root = hints_delegation(hints.load())
    corp = forwarding("192.0.2.1")
    world = World(named=(root, corp))
    ways = world.dispatcher.ways
    world.faults.default = Path(dead=True)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.dispatcher.run)
        ways.of(corp).reach.begin_outage()
        ways.of(corp).reach.take_trickle(trio.current_time())  # somebody tries already
        began = trio.current_time()
        whole = QueryBudget(
            queries=100, ns_lookups=20, signature_checks=0, hashes=0, deadline=began + 10
        )
        request = world.request(zone=corp.zone, delegation=corp, budget=Share(whole))

        async def ask() -> None:
            with pytest.raises(ResolverError):
                await world.dispatcher.ask(request)

        nursery.start_soon(ask)
        await trio.sleep(0.1)
        way = ways.of(corp)
        assert ways.held_on(way) == 1
        before = world.dispatcher.in_flight
        ways.name([root])
        assert not ways.held_on(way)
        assert world.dispatcher.in_flight > before
        nursery.cancel_scope.cancel()


@pytest.mark.reaches("OUTAGE_WITNESSES")
@pytest.mark.parametrize("count", [limits.OUTAGE_WITNESSES - 1, limits.OUTAGE_WITNESSES])
@trio_test
async def test_few_witnesses_are_asked_twice(count: int) -> None:
    """One packet may be lost; of several hardly all."""
    corp = forwarding(*(f"192.0.{number}.1" for number in range(2, 2 + count)))
    world = World(named=(hints_delegation(hints.load()), corp))
    world.faults.default = Path(dead=True)
    ways = world.dispatcher.ways
    async with trio.open_nursery() as nursery:
        await nursery.start(world.dispatcher.run)
        now = trio.current_time()
        assert ways.doubt(ways.of(corp), now, now)
        await trio.sleep(2 * limits.OUTAGE_VERDICT_SECONDS)
        times = 2 if count < limits.OUTAGE_WITNESSES else 1
        assert world.dispatcher.counters.witnesses == times * count
        nursery.cancel_scope.cancel()
