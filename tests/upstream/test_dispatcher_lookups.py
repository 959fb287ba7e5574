"""Nameservers without an address: when they are looked up, and when not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from resolver.delegation import KnownAddresses
from resolver.model import Server
from tests.support import trio_test
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from resolver.model import Delegation
    from resolver.upstream.request import Request

    More = Callable[[], Awaitable[bool]]

A, B, C = "198.51.100.1", "203.0.113.1", "192.0.2.1"
NS = b"\2ns\0"
A6 = "2001:db8:a::1"


@trio_test
async def test_addresses_are_looked_up_when_there_are_none() -> None:
    world = World()
    world.serve(A)
    request = world.request(delegation=world.delegation(glueless=(NS,)))

    async def more() -> bool:
        await trio.sleep(0.05)
        request.delegation.book.lend({NS: KnownAddresses((Server(A, 53, NS),), 1e9)})
        return True

    async def story() -> None:
        reply = await world.dispatcher.ask(request._replace(more_addresses=more))
        assert reply.server.host == A

    await world.run(story)


@trio_test
async def test_lookups_are_never_waited_for_when_glue_answers() -> None:
    world = World()
    world.serve(A)

    async def more() -> bool:
        raise AssertionError("looked up although glue was there")

    async def story() -> None:
        await world.ask(A, more_addresses=more)

    await world.run(story)


@trio_test
async def test_lookups_begin_when_all_that_is_known_is_silent() -> None:
    world = World()
    world.serve(A, dead=True)
    world.serve(B)
    request = world.request(delegation=world.delegation(A, glueless=(NS,)))

    async def more() -> bool:
        request.delegation.book.lend({NS: KnownAddresses((Server(B, 53, NS),), 1e9)})
        return False

    async def story() -> None:
        started = trio.current_time()
        reply = await world.dispatcher.ask(request._replace(more_addresses=more))
        assert reply.server.host == B
        assert trio.current_time() - started < 1

    await world.run(story)


@trio_test
async def test_the_other_nameservers_of_a_popular_zone_are_looked_up_beside_a_question() -> None:
    """Two names are enough to answer; the nearest server may go by the third."""
    for speculation, wanted in ((True, 1), (False, 0)):
        world = World(speculation=speculation)
        world.serve(A, rtt_s=0.1)
        world.serve(B, rtt_s=0.01)
        request = world.request(delegation=world.delegation(A, glueless=(NS,)))
        lookups = 0

        async def more(delegation: Delegation = request.delegation) -> bool:
            nonlocal lookups
            lookups += 1
            delegation.book.lend({NS: KnownAddresses((Server(B, 53, NS),), 1e9)})
            return True

        async def story(
            world: World = world, request: Request = request, more: More = more
        ) -> None:
            for _ in range(8):
                await world.dispatcher.ask(request._replace(more_addresses=more))
                await trio.sleep(1)

        await world.run(story)
        assert lookups == wanted
        assert bool(world.servers[B].count) is speculation
