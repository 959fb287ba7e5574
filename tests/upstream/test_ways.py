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
        way.reach.begin_outage()
        way.reach.take_trickle(trio.current_time())  # somebody tries already
        ways.begin(way, trio.current_time())
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


@pytest.mark.reaches("OUTAGE_STRANGERS")
@trio_test
async def test_all_strangers_are_witnesses() -> None:
    """Each prefix, up to a bound; of servers that answered before, six are enough."""
    corp = forwarding(*(f"192.0.{number}.1" for number in range(limits.OUTAGE_STRANGERS + 2)))
    world = World(named=(hints_delegation(hints.load()), corp))
    world.faults.default = Path(dead=True)
    ways = world.dispatcher.ways
    async with trio.open_nursery() as nursery:
        await nursery.start(world.dispatcher.run)
        now = trio.current_time()
        assert ways.doubt(ways.of(corp), now, now)
        assert world.dispatcher.counters.witnesses == limits.OUTAGE_STRANGERS
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("place", range(13))
@trio_test
async def test_one_root_server_at_home_is_no_outage_at_the_start(place: int) -> None:
    """In an isolated country a new process hears one of 13, whichever that is.

    Six of 26 addresses were asked; if none of them was that one, all names failed for seconds.
    """
    root = hints_delegation(hints.load())
    at_home = [one for one in root.servers() if not one.is_ipv6][place]
    world = World(named=(root,))
    for server in root.servers():
        world.faults.set(server.host, Path(dead=True))
    world.serve(at_home.host, rtt_s=0.005)
    ways = world.dispatcher.ways
    async with trio.open_nursery() as nursery:
        await nursery.start(world.dispatcher.run)
        now = trio.current_time()
        assert ways.doubt(ways.public, now, now)
        await trio.sleep(2 * limits.OUTAGE_VERDICT_SECONDS)
        assert not ways.public.reach.is_out
        nursery.cancel_scope.cancel()


@trio_test
async def test_what_answers_at_home_is_a_witness_though_the_root_is_silent() -> None:
    """All international links cut: names served at home went unanswered until a trickle's turn."""
    root = hints_delegation(hints.load())
    world = World(named=(root,))
    for server in root.servers():
        world.serve(server.host, rtt_s=0.1)
    world.serve("192.0.2.1", rtt_s=0.005)
    ways = world.dispatcher.ways

    async def story() -> None:
        await world.ask(root.servers()[0].host)
        await world.ask("192.0.2.1")
        for server in root.servers():
            world.faults.set(server.host, Path(dead=True))
        await trio.sleep(3600)
        now = trio.current_time()
        assert ways.doubt(ways.public, now, now)
        await trio.sleep(2 * limits.OUTAGE_VERDICT_SECONDS)
        assert not ways.public.reach.is_out
        world.faults.set("192.0.2.1", Path(dead=True))
        now = trio.current_time()
        assert ways.doubt(ways.public, now, now)
        await trio.sleep(2 * limits.OUTAGE_VERDICT_SECONDS)
        assert ways.public.reach.is_out

    await world.run(story)


@trio_test
async def test_many_overdue_packets_have_witnesses_asked_first() -> None:
    """Eight of them meant an outage, while the servers at home answered."""
    root = hints_delegation(hints.load())
    world = World(named=(root,))
    far = [f"198.51.{number}.1" for number in range(1, 2 * limits.OUTAGE_SENDS)]
    for host in far:
        world.serve(host, rtt_s=0.1)
    world.serve("192.0.2.1", rtt_s=0.005)

    async def lost(host: str) -> None:
        with pytest.raises(ResolverError):
            await world.ask(host)

    async def story() -> None:
        for host in (*far, "192.0.2.1"):
            await world.ask(host)
        for host in far:
            world.faults.set(host, Path(dead=True))
        async with trio.open_nursery() as nursery:
            for host in far:
                nursery.start_soon(lost, host)
        assert not world.dispatcher.counters.outages

    await world.run(story)


@trio_test
async def test_before_an_outage_is_declared_all_root_servers_are_asked() -> None:
    """The nearest six were asked: that the furthest still answers was found out by chance."""
    root = hints_delegation(hints.load())
    world = World(named=(root,))
    *lost, left = root.servers()
    ways, counters = world.dispatcher.ways, world.dispatcher.counters

    async def story() -> None:
        for number, server in enumerate(root.servers()):
            world.serve(server.host, rtt_s=0.02 + number / 1000)
            await world.ask(server.host)
        now = trio.current_time() + 1
        await trio.sleep_until(now)
        assert ways.doubt(ways.public, now, now)
        await trio.sleep(2 * limits.OUTAGE_VERDICT_SECONDS)
        assert counters.witnesses == limits.OUTAGE_PREFIXES  # in health no more than these
        for server in lost:
            world.faults.set(server.host, Path(dead=True))
        now = trio.current_time()
        assert ways.doubt(ways.public, now, now)
        await trio.sleep(2 * limits.OUTAGE_VERDICT_SECONDS)
        assert not ways.public.reach.is_out
        assert ways.public.reach.last_answer > now
        assert not world.infra.state(left).fails

    await world.run(story)


@trio_test
async def test_in_an_outage_any_root_server_may_end_it() -> None:
    """Not only the nearest six: they may stay away."""
    root = hints_delegation(hints.load())
    world = World(named=(root,))
    *lost, left = root.servers()
    way = world.dispatcher.ways.public

    async def story() -> None:
        for server in lost:
            world.serve(server.host, rtt_s=0.02)
            await world.ask(server.host)
            world.faults.set(server.host, Path(dead=True))
        world.serve(left.host, rtt_s=0.02)
        way.reach.begin_outage()
        for _ in range(20 * len(lost)):
            world.dispatcher.ways.send_trickle(way, trio.current_time())
            await trio.sleep(limits.OUTAGE_TRICKLE_SECONDS)
        assert not way.reach.is_out

    await world.run(story)
