"""Changes of links and routes: heard in an outage only, and what is heard hastens the look."""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.config import hints
from resolver.iterate.priming import hints_delegation
from resolver.lab.faults import Path
from resolver.limits import OUTAGE_ROUTELESS_SECONDS, OUTAGE_WITNESS_SECONDS
from resolver.upstream.link_watch import LinkWatch
from tests.support import trio_test
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from resolver.upstream.network import LinkChanges
    from resolver.upstream.way import Way

RTT_S = 0.04
HOSTS = ("192.0.2.1", "198.51.100.1")
SOURCES = ("203.0.113.53", "2001:db8:53::53")


class Line:
    """A way out to the root's servers that is cut and mended."""

    def __init__(self) -> None:
        self.root = hints_delegation(hints.load())
        self.world = World(named=(self.root,))
        for server in self.root.servers():
            self.world.serve(server.host, rtt_s=RTT_S)
        self.ways = self.world.dispatcher.ways
        self.network = self.world.network

    @property
    def way(self) -> Way:
        return self.ways.public

    async def cut(self) -> None:
        """Found out, a while ago."""
        await self.world.ask(self.root.servers()[0].host)
        for server in self.root.servers():
            self.world.faults.set(server.host, Path(dead=True))
        self.way.reach.begin_outage()
        self.ways.begin(self.way, trio.current_time())
        await trio.sleep(10 * OUTAGE_WITNESS_SECONDS + 0.1)  # the next look is 0.9 s away

    def mend(self) -> None:
        for server in self.root.servers():
            self.world.faults.set(server.host, Path(delay_s=RTT_S / 2))

    async def whole_after(self) -> float:
        """Seconds until the outage is over."""
        began = trio.current_time()
        with trio.fail_after(10):
            while self.ways.is_any_cut:  # noqa: ASYNC110  # in virtual time
                await trio.sleep(0.001)
        return trio.current_time() - began


def told(story: Callable[[Line], Awaitable[None]]) -> Callable[[], None]:
    """A test of what *story* does with a line."""

    async def test() -> None:
        line = Line()
        await line.world.run(partial(story, line))

    test.__name__, test.__doc__ = story.__name__, story.__doc__
    return trio_test(test)


@told
async def test_a_change_of_links_is_looked_at_at_once(line: Line) -> None:
    """The next look was 0.9 s away."""
    await line.cut()
    line.mend()
    line.network.tell_change()
    assert await line.whole_after() <= RTT_S + 0.01


@told
async def test_a_look_that_is_lost_is_soon_taken_again(line: Line) -> None:
    await line.cut()
    line.network.tell_change()
    await trio.sleep(0.12)  # two looks are lost: the new link does not carry packets yet
    line.mend()
    assert await line.whole_after() <= 0.1 + RTT_S


@told
async def test_what_is_told_proves_nothing(line: Line) -> None:
    """Only an answer ends an outage; the even looks go on."""
    await line.cut()
    line.network.tell_change()
    await trio.sleep(5)
    assert line.way.reach.is_out
    line.mend()
    assert await line.whole_after() <= OUTAGE_WITNESS_SECONDS + RTT_S + 0.01


@told
async def test_nobody_listens_in_health(line: Line) -> None:
    """A router's table may change a thousand times a second."""
    network = line.network
    await line.world.ask(line.root.servers()[0].host)
    assert not network._listening
    sent = line.world.dispatcher.counters.sent_udp
    network.tell_change()
    await trio.sleep(1)
    assert line.world.dispatcher.counters.sent_udp == sent
    await line.cut()
    assert len(network._listening) == 1
    line.mend()
    await line.whole_after()
    await trio.sleep(2)
    assert not network._listening
    await line.cut()  # and the next one is followed as the first
    assert len(network._listening) == 1


@pytest.mark.parametrize("is_heard", [True, False])
@trio_test
async def test_a_route_that_comes_back_is_found(
    monkeypatch: pytest.MonkeyPatch,
    is_heard: bool,  # noqa: FBT001
) -> None:
    """At once where the kernel tells; else with the next look, which costs no packet."""
    line = Line()
    if not is_heard:
        monkeypatch.setattr(line.ways.links, "_hear", _deaf)

    async def story() -> None:
        await line.world.ask(line.root.servers()[0].host)
        line.network.leave_from(())
        line.way.reach.begin_outage()
        line.ways.begin(line.way, trio.current_time())
        await trio.sleep(10 * OUTAGE_WITNESS_SECONDS + 0.01)
        sent = line.world.dispatcher.counters.sent_udp
        await trio.sleep(3 * OUTAGE_WITNESS_SECONDS)
        assert line.world.dispatcher.counters.sent_udp == sent
        line.network.leave_from(SOURCES)
        most_s = 0.0 if is_heard else OUTAGE_ROUTELESS_SECONDS
        assert await line.whole_after() <= most_s + RTT_S + 0.01

    await line.world.run(story)


def _deaf() -> LinkChanges:
    raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")


@trio_test
async def test_an_outage_that_is_over_before_anybody_listens_is_none() -> None:
    looks: list[float] = []
    watch = LinkWatch(_deaf, looks.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.run)
        await trio.sleep(1)
        watch.begin()
        watch.end()
        await trio.sleep(1)
        assert repr(watch) == "<LinkWatch off>"
        watch.begin()
        await trio.sleep(1)
        assert (watch.is_heard, looks) == (False, [])
        watch.end()
        nursery.cancel_scope.cancel()


class Failing:
    """Tells one change, and then nothing any more."""

    def __init__(self) -> None:
        self.is_closed = False
        self._told = 0

    async def changed(self) -> None:
        await trio.lowlevel.checkpoint()
        self._told += 1
        if self._told > 1:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")

    def close(self) -> None:
        self.is_closed = True


@trio_test
async def test_what_can_be_heard_no_more_stops_nothing() -> None:
    """An error of the kernel ended the task, and with it the daemon."""
    looks: list[float] = []
    made: list[Failing] = []

    def hear() -> Failing:
        made.append(Failing())
        return made[-1]

    watch = LinkWatch(hear, looks.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.run)
        for outage in (1, 2):
            watch.begin()
            await trio.sleep(1)
            assert len(looks) == outage
            assert made[-1].is_closed
            assert not watch.is_heard
            watch.end()
            await trio.sleep(1)
        nursery.cancel_scope.cancel()
