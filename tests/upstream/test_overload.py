"""More questions than there is room for: what stops first, and what never does."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest
import trio

from resolver import limits
from resolver.errors import WorkExceeded
from tests.support import trio_test
from tests.upstream.test_health import V4, about
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from resolver.model import Server
    from resolver.upstream.network import UdpPort


@pytest.mark.reaches("OVERLOAD_SHARE")
@trio_test
async def test_overload_begins_at_a_share_of_the_limit() -> None:
    world = World(in_flight_limit=10)

    async def story() -> None:
        async with trio.open_nursery() as nursery:
            for number, host in enumerate(V4[:9], 1):
                world.serve(host, rtt_s=0.2)
                nursery.start_soon(world.dispatcher.ask, about(world, [host], f"z{number}.test"))
                await trio.sleep(0.001)
                assert world.dispatcher.is_busy is (number > 10 * limits.OVERLOAD_SHARE)

    await world.run(story)


@trio_test
async def test_overload_stops_everything_speculative() -> None:
    world = World(in_flight_limit=4)
    for host in V4[:8]:
        world.serve(host, rtt_s=0.2)

    async def story() -> None:
        async with trio.open_nursery() as nursery:
            for i in range(3):
                nursery.start_soon(world.dispatcher.ask, about(world, [V4[i]], f"z{i}.test"))
            await trio.sleep(0.01)
            assert world.dispatcher.is_busy
            nursery.start_soon(world.dispatcher.ask, about(world, V4[4:8], "new.test"))
            await trio.sleep(0.15)
            assert world.dispatcher.counters.races == 0
            assert world.dispatcher.counters.sent_udp == 4

    await world.run(story)


@pytest.mark.reaches("IN_FLIGHT")
@trio_test
async def test_more_than_the_limit_never_hangs() -> None:
    world = World(in_flight_limit=4)
    for host in V4[:2]:
        world.serve(host)
    done = []

    async def one(i: int) -> None:
        await world.dispatcher.ask(about(world, V4[:2], "z.test", f"n{i}"))
        done.append(i)

    async def story() -> None:
        async with trio.open_nursery() as nursery:
            for i in range(40):
                nursery.start_soon(one, i)

    await world.run(story)
    assert len(done) == 40
    assert world.most_in_flight <= 4


@pytest.mark.reaches("WARNING_SECONDS")
@trio_test
async def test_without_descriptors_the_operator_is_told_and_no_zone_is_blamed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once a minute; the question waits, and goes out as soon as a socket is to be had."""
    world = World()
    world.serve(V4[0])
    opened, is_short = world.network.open_udp, [True]

    def open_udp(server: Server) -> UdpPort:
        if is_short[0]:
            raise OSError(errno.EMFILE, "Too many open files")
        return opened(server)

    world.network.open_udp = open_udp  # type: ignore[method-assign]

    async def story() -> None:
        began = trio.current_time()
        for _ in range(3):
            with pytest.raises(WorkExceeded, match="IN_FLIGHT"):
                await world.dispatcher.ask(about(world, V4[:1], "z.test"))
        assert world.whole.sent == 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.dispatcher.ask, about(world, V4[:1], "z.test"))
            await trio.sleep(3)
            is_short[0] = False
        assert world.whole.sent == 1
        is_short[0] = True
        await trio.sleep_until(began + limits.WARNING_SECONDS - 10)
        with pytest.raises(WorkExceeded, match="IN_FLIGHT"):
            await world.dispatcher.ask(about(world, V4[:1], "z.test"))
        assert len(caplog.records) == 1
        await trio.sleep_until(began + limits.WARNING_SECONDS + 1)
        with pytest.raises(WorkExceeded, match="IN_FLIGHT"):
            await world.dispatcher.ask(about(world, V4[:1], "z.test"))

    await world.run(story)
    assert world.dispatcher.counters.no_descriptors > 3
    assert [record.message.count("EMFILE") for record in caplog.records] == [1, 1]
