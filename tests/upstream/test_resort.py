"""One try over TCP before a question fails, and patience where nobody else can be asked."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.errors import ExchangeFailed
from resolver.lab.virtual_parts import Delayed
from resolver.limits import TCP_LAST_TRIES
from resolver.protocol.codes import Rcode
from resolver.protocol.transport import Transport
from tests.support import trio_test
from tests.upstream.virtual_servers import Script, World, answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.protocol.wire import Message
    from resolver.upstream.request import Request

HOST = "198.51.100.1"


def over_tcp_only(udp: Callable[[Message], bytes | None]) -> Script:
    return Script(lambda query, how: answer(query) if how == "tcp" else udp(query))


@pytest.mark.parametrize(
    "udp",
    [
        lambda _: None,
        lambda query: answer(query, rcode=Rcode.REFUSED),
        lambda query: answer(query)[:-3],
    ],
    ids=["mute", "refuses", "garbled"],
)
@trio_test
async def test_what_is_of_no_use_over_udp_is_asked_over_tcp(
    udp: Callable[[Message], bytes | None],
) -> None:
    world = World()
    world.serve(HOST, over_tcp_only(udp))

    async def story() -> None:
        assert (await world.ask(HOST)).transport is Transport.TCP

    await world.run(story)


@trio_test
async def test_a_server_that_says_the_same_over_tcp_is_not_connected_to_again() -> None:
    world = World()
    script = world.serve(HOST, Script(lambda query, _: answer(query, rcode=Rcode.REFUSED)))

    async def story() -> None:
        for _ in range(3):
            with pytest.raises(ExchangeFailed):
                await world.ask(HOST)

    await world.run(story)
    assert [transport for _, transport, _ in script.seen].count("tcp") == 1


@pytest.mark.reaches("TCP_LAST_TRIES")
@trio_test
async def test_a_flood_to_a_dead_server_makes_few_streams() -> None:
    world = World()
    world.serve(HOST, dead=True)

    async def ask(at: int) -> None:
        question = world.request().question
        qname = b"\3" + b"%03d" % at + question.qname
        with pytest.raises(ExchangeFailed):
            await world.ask(HOST, question=question._replace(qname=qname))

    async def story() -> None:
        async with trio.open_nursery() as nursery:
            for at in range(50):
                nursery.start_soon(ask, at)

    world.whole.queries = 1000
    await world.run(story)
    assert world.dispatcher.counters.sent_tcp == TCP_LAST_TRIES


def forwarded(world: World, *, is_last_word: bool = True) -> Request:
    delegation = dataclasses.replace(
        world.delegation(HOST), is_forward=True, is_last_word=is_last_word
    )
    return world.request()._replace(delegation=delegation)


@trio_test
async def test_a_sole_forwarder_is_waited_for_as_long_as_the_client_waits() -> None:
    """It may take seconds to find out what it is asked for the first time."""
    world = World()
    script = world.serve(HOST, Script(lambda query, _: [Delayed(answer(query), 4.5)]), rtt_s=0.02)

    async def story() -> None:
        assert (await world.dispatcher.ask(forwarded(world))).message.answer

    await world.run(story)
    assert script.count <= 4


@trio_test
async def test_a_forwarder_that_was_quick_may_be_slow_for_once() -> None:
    """How soon it answers what it knows says nothing about what it has to ask for."""
    world = World()
    delay_s = 0.0
    world.serve(HOST, Script(lambda query, _: [Delayed(answer(query), delay_s)]), rtt_s=0.01)

    async def story() -> None:
        nonlocal delay_s
        for turn in range(12):
            delay_s = 3.5 if turn in {9, 11} else 0.0
            assert (await world.dispatcher.ask(forwarded(world))).message.answer

    await world.run(story)


@trio_test
async def test_where_the_walk_goes_on_without_the_forwarder_it_is_not_waited_for() -> None:
    world = World()
    world.serve(HOST, Script(lambda query, _: [Delayed(answer(query), 5.5)]), tcp=False)

    async def story() -> None:
        with trio.fail_after(3), pytest.raises(ExchangeFailed):
            await world.dispatcher.ask(forwarded(world, is_last_word=False))

    await world.run(story)


@trio_test
async def test_a_forwarder_that_says_no_is_not_waited_for() -> None:
    world = World()
    world.serve(HOST, Script(lambda query, _: answer(query, rcode=Rcode.SERVFAIL)))

    async def story() -> None:
        with trio.fail_after(1), pytest.raises(ExchangeFailed):
            await world.dispatcher.ask(forwarded(world))

    await world.run(story)
