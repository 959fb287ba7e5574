"""Asking one zone cut: which reply counts, who is asked next, and what is remembered."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.errors import ExchangeFailed, LinkDown, WorkExceeded
from resolver.lab.faults import Path
from resolver.model import Server, Verdict
from resolver.protocol.codes import EdeCode, Flag, Rcode
from resolver.protocol.names import from_text
from resolver.protocol.transport import Transport
from tests.support import trio_test
from tests.upstream.virtual_servers import QUESTION, ZONE, Script, World, answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    More = Callable[[], Awaitable[bool]]

A, B, C = "198.51.100.1", "203.0.113.1", "192.0.2.1"
NS = b"\2ns\0"
A6 = "2001:db8:a::1"


@trio_test
async def test_an_answer_comes_back_with_its_server_and_rtt() -> None:
    world = World()
    world.serve(A, rtt_s=0.02)

    async def story() -> None:
        reply = await world.ask(A)
        assert reply.server.host == A
        assert reply.classified.verdict is Verdict.ANSWER
        assert reply.transport is Transport.UDP
        assert round(reply.rtt_s, 3) == 0.02

    await world.run(story)
    assert world.whole.sent == 1


@trio_test
async def test_a_known_set_is_asked_with_one_packet() -> None:
    """Races are for sets of which nothing is known."""
    world = World()
    for host in (A, B, C):
        world.serve(host)

    async def story() -> None:
        for _ in range(6):
            await world.ask(A, B, C)
            await trio.sleep(1)
        before = world.whole.sent
        await world.ask(A, B, C)
        assert world.whole.sent == before + 1

    await world.run(story)


@pytest.mark.parametrize("speculation", [True, False])
@trio_test
async def test_a_dead_first_server_does_not_stop_the_answer(*, speculation: bool) -> None:
    world = World(speculation=speculation)
    world.serve(A, dead=True)
    world.serve(B)

    async def story() -> None:
        for _ in range(4):
            started = trio.current_time()
            reply = await world.ask(A, B)
            assert reply.server.host == B
            assert trio.current_time() - started < 0.5
            await trio.sleep(3)

    await world.run(story)


@trio_test
async def test_without_speculation_every_packet_is_needed() -> None:
    """The harness of the replay scenarios counts what the answer does not need."""
    world = World(speculation=False)
    for host in (A, B, C):
        world.serve(host)

    async def story() -> None:
        for _ in range(10):
            await world.ask(A, B, C)

    await world.run(story)
    assert world.whole.sent == 10


@pytest.mark.rfc("RFC 1123 §6.1.3")
@trio_test
async def test_loss_is_made_good() -> None:
    world = World()
    for host in (A, B):
        world.serve(host, loss=0.1)

    async def story() -> None:
        for _ in range(50):
            world.whole.queries = 100
            await world.ask(A, B)

    await world.run(story)


@trio_test
async def test_icmp_unreachable_moves_on_at_once() -> None:
    world = World(speculation=False)
    world.serve(A, unreachable=True)
    world.serve(B)

    async def story() -> None:
        with pytest.raises(ExchangeFailed, match="EHOSTUNREACH"):
            await world.ask(A)
        for _ in range(5):
            started = trio.current_time()
            reply = await world.ask(A, B)
            assert reply.server.host == B
            assert trio.current_time() - started < 0.1

    await world.run(story)
    assert world.dispatcher.counters.unreachable == 1


@pytest.mark.rfc("RFC 4697 §2.2")
@trio_test
async def test_a_lame_server_is_passed_over_for_its_zone_only() -> None:
    world = World(speculation=False)
    world.serve(A, Script(lambda query, _: answer(query, answer=[])), rtt_s=0.001)
    world.serve(B, rtt_s=0.05)

    async def story() -> None:
        await world.ask(B)
        assert (await world.ask(A, B)).server.host == B
        with pytest.raises(ExchangeFailed):
            await world.ask(A)
        before = world.servers[A].count
        for _ in range(3):
            assert (await world.ask(A, B)).server.host == B
        assert world.servers[A].count == before
        world.servers[A].reply = lambda query, _: answer(query)
        other = world.request(A, B, zone=from_text("com"))
        assert (await world.dispatcher.ask(other)).server.host == A

    await world.run(story)


@pytest.mark.rfc("RFC 8914 §4")
@trio_test
async def test_when_everything_fails_the_error_names_servers_and_reasons() -> None:
    """RFC 8914 §4.23 and §4.24."""
    world = World()
    world.serve(A, dead=True)
    world.serve(B, Script(lambda query, _: answer(query, rcode=Rcode.REFUSED)))

    async def story() -> None:
        with pytest.raises(ExchangeFailed) as caught:
            await world.ask(A, B)
        codes = [ede.code for ede in caught.value.ede]
        assert codes == [EdeCode.NO_REACHABLE_AUTHORITY, EdeCode.NETWORK_ERROR]
        assert A in str(caught.value)
        assert "refused" in str(caught.value)

    await world.run(story)


@trio_test
async def test_the_budget_ends_it() -> None:
    world = World()
    world.serve(A, dead=True)

    async def story() -> None:
        world.whole.queries = 0
        with pytest.raises(WorkExceeded):
            await world.ask(A)

    await world.run(story)


@pytest.mark.reaches("SENDS_PER_ADDRESS")
@pytest.mark.rfc("RFC 9520 §3.1")
@trio_test
async def test_one_question_costs_one_server_no_more_than_three_packets() -> None:
    """RFC 9520 §3.1; never a second copy before the first is overdue, and in the end one by TCP."""
    world = World()
    script = world.serve(A, Script(lambda *_: None))

    async def story() -> None:
        with pytest.raises(ExchangeFailed):
            await world.ask(A)

    await world.run(story)
    assert [transport for _, transport, _ in script.seen] == ["udp", "udp", "udp", "tcp"]
    times = [at for at, _, _ in script.seen]
    assert all(later - sooner >= 0.25 for sooner, later in pairwise(times))


@trio_test
async def test_late_replies_still_teach() -> None:
    world = World()
    world.serve(A, rtt_s=0.3)
    world.serve(B, rtt_s=0.01)

    async def story() -> None:
        assert (await world.ask(A, B)).server.host == B
        await trio.sleep(1)
        assert round(world.infra.state(Server(A)).srtt, 2) == 0.3

    await world.run(story)


@pytest.mark.rfc("RFC 5452 §5")
@trio_test
async def test_a_question_on_its_way_to_a_server_is_joined_not_repeated() -> None:
    """RFC 5452 §5: no two identical outstanding queries."""
    world = World()
    script = world.serve(A)

    async def story() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(world.dispatcher.ask, world.request(A))

    await world.run(story)
    assert script.count == 1


@pytest.mark.rfc("RFC 5625 §4")
@trio_test
async def test_forwarders_are_asked_for_recursion() -> None:
    world = World()
    script = world.serve(A)

    async def story() -> None:
        request = world.request(A)
        delegation = dataclasses.replace(request.delegation, is_forward=True)
        await world.dispatcher.ask(request._replace(delegation=delegation))
        await world.ask(A)

    await world.run(story)
    assert [query.rd for _, _, query in script.seen] == [True, False]


@pytest.mark.rfc("RFC 6840 §5.9")
@trio_test
async def test_a_forwarder_hides_nothing_from_a_validator() -> None:
    """CD goes to forwarders where we validate; else they are to validate for us."""
    for validates in (True, False):
        world = World(validates=validates)
        script = world.serve(A)

        async def story(world: World = world) -> None:
            request = world.request(A)
            delegation = dataclasses.replace(request.delegation, is_forward=True)
            await world.dispatcher.ask(request._replace(delegation=delegation))

        await world.run(story)
        assert [bool(query.flags & Flag.CD) for _, _, query in script.seen] == [validates]


@trio_test
async def test_switched_off_families_and_loopback_are_never_asked() -> None:
    world = World(ipv6=False)
    world.serve(A)
    script = world.serve(A6)
    local = world.serve("127.0.0.1")

    async def story() -> None:
        await world.ask(A6, "127.0.0.1", A)
        with pytest.raises(ExchangeFailed):
            await world.ask(A6, "127.0.0.1")

    await world.run(story)
    assert script.count == local.count == 0


@trio_test
async def test_excluded_servers_are_not_asked() -> None:
    world = World()
    script = world.serve(A, rtt_s=0.001)
    world.serve(B)

    async def story() -> None:
        await world.ask(A, B, excluded=frozenset({A}))

    await world.run(story)
    assert script.count == 0


@trio_test
async def test_the_asker_may_leave() -> None:
    world = World()
    world.serve(A, rtt_s=0.5)

    async def story() -> None:
        with trio.move_on_after(0.1):
            await world.ask(A)
        await trio.sleep(1)
        assert world.infra.state(Server(A)).n == 1
        assert world.dispatcher.in_flight == 0

    await world.run(story)


@trio_test
async def test_names_asked_and_zone_are_in_the_events() -> None:
    world = World()
    world.serve(A)

    async def story() -> None:
        await world.ask(A)

    await world.run(story)
    assert [(t.question, t.zone, t.outcome) for t in world.tries] == [(QUESTION, ZONE, "answer")]


@trio_test
async def test_one_address_under_two_names_is_asked_once() -> None:
    world = World()
    script = world.serve(A, rtt_s=0.1)

    async def story() -> None:
        await world.ask(A, A)

    await world.run(story)
    assert script.count == 1


@trio_test
async def test_a_lame_server_gets_no_hedge_while_a_good_one_is_expected() -> None:
    world = World()
    world.serve(A, rtt_s=0.05)
    lame = world.serve(B, Script(lambda query, _: answer(query, answer=[])))

    async def story() -> None:
        for _ in range(8):
            await world.ask(A, B)
            await trio.sleep(1)
        before, witnesses = lame.count, world.dispatcher.counters.witnesses
        world.faults.set(A, Path(delay_s=0.2))
        await world.ask(A, B)
        assert world.dispatcher.counters.witnesses == witnesses + 2  # is it our link? both are near
        assert lame.count == before + 1

    await world.run(story)


@trio_test
async def test_without_any_route_it_fails_at_once_and_says_so() -> None:
    world = World(sources=())
    world.serve(A)
    world.serve(A6)

    async def story() -> None:
        started = trio.current_time()
        with pytest.raises(LinkDown, match=r"no route.*ENETUNREACH"):
            await world.ask(A, A6)
        assert trio.current_time() - started < 0.01
        assert world.dispatcher.is_offline

    await world.run(story)
