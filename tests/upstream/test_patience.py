"""One question at one zone cut: how many are asked, how soon, and when it is given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver import limits
from resolver.errors import ExchangeFailed
from resolver.model import Question, Server
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.names import ROOT
from resolver.protocol.transport import Transport
from tests.support import trio_test
from tests.upstream.virtual_servers import Script, World, answer

if TYPE_CHECKING:
    from resolver.upstream.request import Request

V4 = [f"198.51.{i}.1" for i in range(14)]
V6 = [f"2001:db8:{i + 1:x}::1" for i in range(14)]


def silence(*_: object) -> None:
    """A server that never answers."""


@pytest.mark.reaches("RACE_WIDTH", "EARLY_COPIES", "EARLY_SECONDS")
@trio_test
async def test_copies_of_one_question_are_few_while_it_is_young() -> None:
    """RFC 5452 §5: each copy is one more chance for a forger."""
    world = World()
    for host in V4[:8]:
        world.serve(host, Script(silence))

    async def story() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.dispatcher.ask, world.request(*V4[:8]))
            await trio.sleep(0.001)
            assert world.whole.sent == limits.RACE_WIDTH
            await trio.sleep(limits.EARLY_SECONDS - 0.002)
            assert world.whole.sent == limits.EARLY_COPIES
            await trio.sleep(0.1)
            assert world.whole.sent > limits.EARLY_COPIES
            nursery.cancel_scope.cancel()

    await world.run(story)


@pytest.mark.rfc("CVE-2020-12667")
@pytest.mark.reaches("HEDGE_DEPTH")
@trio_test
async def test_deep_in_sub_queries_nothing_is_speculative() -> None:
    """What an attacker makes us look up must not be multiplied."""
    deepest = limits.HEDGE_DEPTH
    for depth, sent in ((deepest, limits.RACE_WIDTH), (deepest + 1, 1)):
        world = World()
        for host in V4[:4]:
            world.serve(host)
        request = world.request(*V4[:4])
        request.budget.depth = depth

        async def story(world: World = world, request: Request = request) -> None:
            await world.dispatcher.ask(request)

        await world.run(story)
        assert world.whole.sent - world.dispatcher.counters.probes == sent


@pytest.mark.reaches("ASK_SUSPECT_SECONDS")
@trio_test
async def test_servers_known_to_be_silent_are_given_up_sooner() -> None:
    """RFC 9520 §3.2: a client would not wait for longer anyway."""
    world = World()
    for host in V4[:3]:
        world.serve(host, Script(silence))
    took = []

    async def story() -> None:
        for _ in range(3):
            began = trio.current_time()
            with pytest.raises(ExchangeFailed):
                await world.ask(*V4[:3])
            took.append(trio.current_time() - began)
            await trio.sleep(1)

    await world.run(story)
    assert limits.ASK_SUSPECT_SECONDS < took[0] <= limits.ASK_SECONDS
    assert max(took[1:]) == pytest.approx(limits.ASK_SUSPECT_SECONDS)


@pytest.mark.reaches("ROOT_PROBES")
@trio_test
async def test_the_first_priming_query_measures_some_roots_of_each_family() -> None:
    world = World()
    for host in (*V4, *V6):
        world.serve(host, Script(lambda query, _: answer(query, rcode=Rcode.NXDOMAIN)))
    hosts = [host for pair in zip(V4, V6, strict=True) for host in pair]
    priming = world.request(*hosts, zone=ROOT, question=Question(ROOT, RRType.NS))

    async def story() -> None:
        await world.dispatcher.ask(priming)
        await trio.sleep(1)
        asked = [host for host, script in world.servers.items() if script.count]
        assert world.dispatcher.counters.probes == limits.ROOT_PROBES
        probed = len(asked) - limits.RACE_WIDTH
        assert probed == limits.ROOT_PROBES
        await world.dispatcher.ask(priming)
        assert world.dispatcher.counters.probes <= limits.ROOT_PROBES + 1

    await world.run(story)


@pytest.mark.reaches("LATE_REPLY_SECONDS")
@trio_test
async def test_a_port_stays_open_for_a_late_reply_but_not_for_ever() -> None:
    expiry = limits.EXPIRY_UNKNOWN_SECONDS
    last = expiry + limits.LATE_REPLY_SECONDS
    for rtt_s, is_learnt in ((last - 0.1, True), (last + 0.1, False)):
        world = World()
        world.serve(V4[0], rtt_s=rtt_s)
        world.serve(V4[1], rtt_s=0.01)

        async def story(world: World = world, *, is_learnt: bool = is_learnt) -> None:
            await world.ask(V4[0], V4[1])
            await trio.sleep(10)
            assert bool(world.infra.state(Server(V4[0])).n) is is_learnt
            assert world.dispatcher.in_flight == 0

        await world.run(story)


@pytest.mark.rfc("draft-vixie-dnsext-dns0x20")
@pytest.mark.reaches("CASE_BROKEN_SECONDS")
@trio_test
async def test_a_folder_of_case_is_put_to_the_test_again_after_a_while() -> None:
    world = World()
    script = world.serve(
        V4[0], Script(lambda query, _: answer(query, question=(query.qname, query.qtype, 1)))
    )

    async def story() -> None:
        for wait_s in (0.0, limits.CASE_BROKEN_SECONDS - 1, 2.0):
            await trio.sleep(wait_s)
            await world.ask(V4[0])

    await world.run(story)
    assert [transport for _, transport, _ in script.seen] == ["udp", "tcp", "udp", "udp", "tcp"]


@pytest.mark.reaches("TCP_SECONDS")
@trio_test
async def test_a_connection_that_says_nothing_is_given_up() -> None:
    world = World()
    world.serve(V4[0], Script(silence), rtt_s=0.0)
    took = []

    async def story() -> None:
        tries = world.tries
        began = trio.current_time()
        with pytest.raises(ExchangeFailed):
            await world.ask(V4[0], wants_tcp=True)
        took.append(trio.current_time() - began)
        assert {tried.transport for tried in tries} == {Transport.TCP}

    await world.run(story)
    assert took == [pytest.approx(limits.TCP_SECONDS)]


@pytest.mark.reaches("ASK_SECONDS")
@trio_test
async def test_a_forwarder_that_is_silent_is_waited_for_so_long_and_no_longer() -> None:
    """Who is asked in place of all others may take its time; the client gets its answer yet."""
    world = World()
    world.serve(V4[0], Script(silence))
    forwarder = world.delegation(V4[0], is_forward=True, is_last_word=True)

    async def story() -> None:
        began = trio.current_time()
        with pytest.raises(ExchangeFailed):
            await world.ask(V4[0], delegation=forwarder)
        assert trio.current_time() - began == pytest.approx(limits.ASK_SECONDS)

    await world.run(story)
