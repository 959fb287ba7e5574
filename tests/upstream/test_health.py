"""Silence, of one server, a family, everybody: who suffers for it, and for how long."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
import trio

from resolver import limits
from resolver.errors import ExchangeFailed, LinkDown
from resolver.lab.faults import Path
from resolver.model import Question, Server
from resolver.protocol.codes import RRType
from resolver.protocol.names import from_text
from tests.support import trio_test
from tests.upstream.virtual_servers import Script, World

if TYPE_CHECKING:
    from resolver.upstream.request import Request


DEAD = Path(dead=True)
V4 = [f"198.51.{i}.1" for i in range(12)]
V6 = [f"2001:db8:{i + 1:x}::1" for i in range(12)]


def silent_for(zone: bytes) -> Script:
    """A shared server that answers everybody but *zone* (Disablance, CCS 2023)."""
    plain = Script()
    return Script(
        lambda query, transport: (
            None if query.qname.endswith(zone) else plain.reply(query, transport)
        )
    )


def about(world: World, hosts: list[str], zone: str, label: str = "www") -> Request:
    """A question about *label* in *zone*, which these hosts serve."""
    question = Question(from_text(f"{label}.{zone}"), RRType.A)
    return world.request(*hosts, zone=from_text(zone), question=question)


async def insist(world: World, request: Request, failed_after: list[float]) -> None:
    """Ask once a second, as a client does, until there is an answer; note how long each took."""
    while True:
        started = trio.current_time()
        try:
            await world.dispatcher.ask(request)
        except LinkDown:
            failed_after.append(trio.current_time() - started)
            await trio.sleep_until(started + 1)
        else:
            return


@trio_test
async def test_a_zone_cannot_poison_an_address_for_other_zones() -> None:
    """Disablance: silence towards the attacker's zone stays the attacker's own problem."""
    world = World()
    near = world.serve(V4[0], silent_for(from_text("evil.test")), rtt_s=0.01)
    world.serve(V4[1], rtt_s=0.1)

    async def story() -> None:
        for _ in range(3):
            await world.dispatcher.ask(about(world, V4[:2], "victim.test"))
            await trio.sleep(1)
        for i in range(20):
            with trio.move_on_after(1.5):
                await world.dispatcher.ask(about(world, V4[:2], "evil.test", f"x{i}"))
        before = near.count
        reply = await world.dispatcher.ask(about(world, V4[:2], "victim.test"))
        assert reply.server.host == V4[0]
        assert near.count == before + 1

    await world.run(story)


@trio_test
async def test_two_unrelated_zones_make_a_silence_the_address_s_own() -> None:
    world = World()
    world.serve(V4[0], rtt_s=0.01)
    world.serve(V4[1], rtt_s=0.1)
    hosts = V4[:2]

    async def story() -> None:
        for _ in range(3):
            await world.dispatcher.ask(about(world, hosts, "one.test"))
        world.faults.set(V4[0], DEAD)
        for zone in ("one.test", "two.test"):
            await world.dispatcher.ask(about(world, hosts, zone))
            await trio.sleep(1)
        before = world.servers[V4[0]].count, world.dispatcher.counters.sent_udp
        reply = await world.dispatcher.ask(about(world, hosts, "three.test"))
        assert reply.server.host == V4[1]
        assert reply.rtt_s < 0.2
        assert world.dispatcher.counters.sent_udp <= before[1] + 2

    await world.run(story)


@trio_test
async def test_zones_of_one_owner_are_one_witness() -> None:
    world = World()
    world.serve(V4[0], silent_for(from_text("evil.test")), rtt_s=0.01)
    world.serve(V4[1], rtt_s=0.1)

    async def story() -> None:
        for _ in range(3):
            await world.dispatcher.ask(about(world, V4[:2], "victim.test"))
        for i in range(10):
            await world.dispatcher.ask(about(world, V4[:2], f"z{i}.evil.test"))
        await trio.sleep(2)
        reply = await world.dispatcher.ask(about(world, V4[:2], "victim.test"))
        assert reply.server.host == V4[0]

    await world.run(story)


@trio_test
async def test_a_dead_server_is_not_asked_until_it_is_probed_beside_a_question() -> None:
    world = World()
    world.serve(V4[0], rtt_s=0.01)
    world.serve(V4[1], rtt_s=0.05)

    async def story() -> None:
        for _ in range(3):
            await world.ask(*V4[:2])
            await trio.sleep(1)
        world.faults.set(V4[0], DEAD)
        for _ in range(3):
            await world.ask(*V4[:2])
            await trio.sleep(1)
        world.faults.set(V4[0], Path(delay_s=0.005))
        await trio.sleep(35)
        first = await world.ask(*V4[:2])
        assert first.rtt_s <= 0.051  # whichever came first: the probe costs the question nothing
        await trio.sleep(1)
        assert (await world.ask(*V4[:2])).server.host == V4[0]

    await world.run(story)


@trio_test
async def test_a_late_reply_is_hedged_to_another_server() -> None:
    world = World()
    near = world.serve(V4[0], rtt_s=0.01)
    far = world.serve(V4[1], rtt_s=0.03)

    async def story() -> None:
        for _ in range(6):
            await world.ask(*V4[:2])
            await trio.sleep(1)
        seen = near.count, far.count
        world.faults.set(V4[0], DEAD)
        started = trio.current_time()
        assert (await world.ask(*V4[:2])).server.host == V4[1]
        assert trio.current_time() - started < 0.08
        assert (near.count, far.count) == (seen[0], seen[1] + 1)

    await world.run(story)
    assert world.dispatcher.counters.hedges >= 1


@trio_test
async def test_hedges_stop_when_their_tokens_are_spent() -> None:
    """Load is bounded: a tenth of the first packets, and what was saved up."""
    world = World()
    for host in V4[:2]:
        world.serve(host, rtt_s=0.05)

    async def story() -> None:
        for _ in range(3):
            await world.ask(*V4[:2])
        world.dispatcher.shared.hedges.tokens = 0.0
        for host in V4[:2]:
            world.faults.set(host, Path(delay_s=0.04))
        before = world.dispatcher.counters.hedges
        await world.ask(*V4[:2])
        assert world.dispatcher.counters.hedges == before

    await world.run(story)


@pytest.mark.reaches("OVERDUE_UNKNOWN_SECONDS")
@trio_test
async def test_no_address_gets_a_second_copy_before_the_first_is_overdue() -> None:
    world = World()
    for host in V4[:4]:
        world.serve(host, Script(lambda *_: None))

    async def story() -> None:
        with pytest.raises(ExchangeFailed):
            await world.ask(*V4[:4])

    await world.run(story)
    for script in world.servers.values():
        times = [at for at, transport, _ in script.seen if transport == "udp"]
        assert 1 <= len(times) <= 3
        gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
        assert all(gap >= limits.OVERDUE_UNKNOWN_SECONDS for gap in gaps)
    assert world.whole.sent <= limits.ASK_SENDS


@pytest.mark.reaches("FAMILY_PREFIXES", "FAMILY_PROBE_SECONDS")
@pytest.mark.rfc("RFC 8305 §3")
@trio_test
async def test_a_dead_family_is_found_out_and_found_again() -> None:
    world = World()
    for host in V4[:6]:
        world.serve(host)
    for host in V6[:6]:
        world.serve(host, rtt_s=0.005, dead=True)

    async def story() -> None:
        for i in range(6):
            await world.dispatcher.ask(about(world, [V4[i], V6[i]], f"z{i}.test"))
        await trio.sleep(2)
        assert world.dispatcher.reach.broken_families == {True}
        sent = world.dispatcher.counters.sent_udp
        await world.dispatcher.ask(about(world, [V4[0], V6[0]], "z0.test"))
        assert world.dispatcher.counters.sent_udp == sent + 1
        for host in V6[:6]:
            world.faults.set(host, Path(delay_s=0.0025))
        for _ in range(3):
            await trio.sleep(limits.FAMILY_PROBE_SECONDS + 1)
            await world.dispatcher.ask(about(world, [V4[0], V6[0]], "z0.test"))
        await trio.sleep(1)
        assert world.dispatcher.reach.broken_families == frozenset()

    await world.run(story)


@pytest.mark.rfc("RFC 8305 §3")
@trio_test
async def test_a_family_without_a_route_costs_no_time() -> None:
    """The kernel says ENETUNREACH at once on a machine without IPv6."""
    world = World(sources=("203.0.113.53",))
    world.serve(V4[0], rtt_s=0.02)
    world.serve(V6[0], rtt_s=0.001)

    async def story() -> None:
        for _ in range(5):
            started = trio.current_time()
            await world.ask(V6[0], V4[0])
            assert trio.current_time() - started < 0.03
        assert world.dispatcher.reach.broken_families == {True}

    await world.run(story)


@pytest.mark.reaches(
    "OUTAGE_SENDS", "OUTAGE_PREFIXES", "OUTAGE_TRICKLE_SECONDS", "OUTAGE_ASK_SECONDS"
)
@trio_test
async def test_an_outage_is_nobodys_fault_and_ends_at_once() -> None:
    """Silences of an outage are rolled back, fan-out stops, the first answer frees everybody."""
    world = World()
    for host in V4:
        world.serve(host)
    answered: list[float] = []
    failed_after: list[float] = []

    pairs = itertools.product(range(0, 12, 2), "abc")

    async def learn() -> None:
        for i, label in pairs:
            await world.dispatcher.ask(about(world, V4[i : i + 2], f"z{i}.test", label))
        await trio.sleep(1)

    async def one(i: int) -> None:
        await insist(world, about(world, V4[i : i + 2], f"z{i}.test", "d"), failed_after)
        answered.append(trio.current_time())

    async def story() -> None:
        await learn()
        for host in V4:
            world.faults.set(host, DEAD)
        async with trio.open_nursery() as nursery:
            for i in range(0, 12, 2):
                nursery.start_soon(one, i)
            await trio.sleep(2)
            assert world.dispatcher.is_offline
            quiet = world.dispatcher.counters.sent_udp
            await trio.sleep(2)
            turns = 2 / limits.OUTAGE_TRICKLE_SECONDS + 1  # each somebody's question, and a witness
            assert world.dispatcher.counters.sent_udp - quiet <= 2 * turns
            assert max(failed_after[6:]) <= limits.OUTAGE_ASK_SECONDS + 0.001
            for host in V4:
                world.faults.set(host, Path(delay_s=0.01))
            healed = trio.current_time()
        assert len(answered) == 6
        assert max(answered) - healed < 1
        assert not world.dispatcher.reach.is_out
        assert not any(world.infra.state(Server(host)).fails for host in V4)
        sent = world.dispatcher.counters.sent_udp
        await world.dispatcher.ask(about(world, V4[:2], "z0.test", "e"))
        assert world.dispatcher.counters.sent_udp == sent + 1

    await world.run(story)
    assert world.dispatcher.counters.outages == 1
