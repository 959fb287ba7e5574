"""A zone or our link? The verdict waits for whoever may still answer, also after a restart."""

from __future__ import annotations

import contextlib
import math

import pytest
import trio

from resolver import limits
from resolver.config import hints
from resolver.errors import ExchangeFailed, LinkDown, ResolverError
from resolver.iterate.priming import hints_delegation
from resolver.lab.faults import Path
from resolver.model import Server
from resolver.protocol.names import from_text
from resolver.upstream.infra import Infra, Kept
from resolver.upstream.neighbours import KeptWitness
from tests.support import trio_test
from tests.upstream.virtual_servers import World

HOME = "192.0.2.1"
DEAD = Path(dead=True)


def kept(host: str = HOME, qname: str = "www.example.com.") -> KeptWitness:
    return KeptWitness(host, 53, "udp", "", "ns0.example.net.", qname, 1, "example.com.")


def world_of_root(rtt_s: float, step_s: float = 0.001) -> World:
    root = hints_delegation(hints.load())
    world = World(named=(root,))
    for number, server in enumerate(root.servers()):
        world.serve(server.host, rtt_s=rtt_s + number * step_s)
    return world


def hosts_of_root() -> list[str]:
    return [server.host for server in hints_delegation(hints.load()).servers()]


async def met(world: World, host: str) -> None:
    """It has answered; the first of all, where all are far, on a second try."""
    while not world.infra.state(Server(host)).n:
        with contextlib.suppress(ResolverError):
            await world.ask(host)
        await trio.sleep(3)


@pytest.mark.reaches("OUTAGE_VERDICT_RTTS")
@pytest.mark.parametrize("rtt_s", [0.3, 0.5, 0.6, 1.0, 2.0])
@trio_test
async def test_a_dead_zone_is_no_outage_however_far_everybody_else_is(rtt_s: float) -> None:
    """By satellite the witnesses had half a second, and their answers take longer than that."""
    world = world_of_root(rtt_s)
    world.serve(HOME, rtt_s=rtt_s)

    async def story() -> None:
        for host in (*hosts_of_root(), HOME):
            await met(world, host)
        world.faults.set(HOME, DEAD)
        await trio.sleep(60)
        before = world.dispatcher.counters.outages
        for _ in range(3):
            with pytest.raises(ExchangeFailed):
                await world.ask(HOME)
        assert world.dispatcher.counters.witnesses
        assert world.dispatcher.counters.outages == before

    await world.run(story)


@trio_test
async def test_those_who_are_asked_second_have_their_chance_too() -> None:
    """One root server was left, and nobody had measured it: the verdict came before its answer."""
    world = world_of_root(0.02)
    *lost, left = hosts_of_root()
    ways = world.dispatcher.ways

    async def story() -> None:
        for host in lost:
            await world.ask(host)
            world.faults.set(host, DEAD)
        world.faults.set(left, Path(delay_s=0.08))
        await trio.sleep(1)
        now = trio.current_time()
        assert ways.doubt(ways.public, now, now)
        await trio.sleep(2 * limits.OUTAGE_VERDICT_SECONDS)
        assert ways.public.reach.last_answer > now
        assert not world.dispatcher.counters.outages

    await world.run(story)


@pytest.mark.reaches("OUTAGE_MISSED")
@trio_test
async def test_in_an_outage_whom_somebody_wants_to_ask_is_asked_too() -> None:
    """All witnesses are abroad, and a server at home answers: its names waited for the world."""
    world = world_of_root(0.02)
    world.serve(HOME, rtt_s=0.005)
    ways = world.dispatcher.ways

    async def story() -> None:
        for host in hosts_of_root():
            await world.ask(host)
            world.faults.set(host, DEAD)
        ways.public.reach.begin_outage()
        ways.begin(ways.public, trio.current_time())
        began, sent = trio.current_time(), world.dispatcher.counters.sent_udp
        while ways.public.reach.is_out:
            assert trio.current_time() < began + 15
            with pytest.raises(LinkDown):
                await world.ask(HOME)
            await trio.sleep(0.2)
        elapsed_s = trio.current_time() - began
        assert world.dispatcher.counters.sent_udp - sent <= elapsed_s + 2 * limits.OUTAGE_STRANGERS
        await world.ask(HOME)

    await world.run(story)


# --- after a restart -------------------------------------------------------------------------


@trio_test
async def test_who_was_near_before_a_restart_is_a_witness_of_a_start_into_a_cut() -> None:
    """Only the root's servers were, and all of them are abroad: names at home failed."""
    world = world_of_root(0.02)
    home = world.serve(HOME, rtt_s=0.005)
    for host in hosts_of_root():
        world.faults.set(host, DEAD)

    async def story() -> None:
        world.dispatcher.ways.remember([kept()])
        with pytest.raises(ResolverError):
            await world.ask(hosts_of_root()[0])
        assert home.seen[0][2].qname == from_text("www.example.com.")
        assert not world.dispatcher.counters.outages

    await world.run(story)


@trio_test
async def test_a_start_into_an_outage_is_known_by_who_answered_before() -> None:
    """Each question was tried for 750 ms, known names too."""
    world = world_of_root(0.02)
    for host in (HOME, "198.51.100.1", *hosts_of_root()):
        world.faults.set(host, DEAD)

    async def story() -> None:
        world.dispatcher.ways.remember([kept()])
        with pytest.raises(LinkDown):
            await world.ask("198.51.100.1")
        began = trio.current_time()
        with pytest.raises(LinkDown):
            await world.ask("198.51.100.1")
        assert trio.current_time() == began
        for host in (HOME, *hosts_of_root(), "198.51.100.1"):
            world.serve(host, rtt_s=0.005)
        await trio.sleep(2 * limits.OUTAGE_WITNESS_SECONDS + limits.OUTAGE_VERDICT_SECONDS + 0.1)
        await world.ask("198.51.100.1")

    await world.run(story)


@pytest.mark.parametrize(
    "wrong", [kept(qname="a..b"), kept()._replace(transport="pigeon"), kept(qname="x" * 300)]
)
@trio_test
async def test_what_is_no_witness_is_an_error_that_the_reader_expects(wrong: KeptWitness) -> None:
    ways = World().dispatcher.ways
    with pytest.raises(ValueError, match=r"."):
        ways.remember([wrong])


def test_a_guess_of_before_a_restart_sets_how_long_is_long() -> None:
    """A server 15 ms away was given 120 ms, one by satellite a quarter of a second."""
    infra = Infra(rng=World().rng)
    near, far = Server("192.0.2.1"), Server("192.0.2.2")
    infra.restore(
        [
            Kept(one.host, 53, "udp", "", srtt_s=s, age_s=0.0)
            for one, s in ((near, 0.015), (far, 0.6))
        ],
        away_s=0.0,
        now=0.0,
    )
    assert 0.015 < infra.state(near).hedge_s < 0.03
    assert infra.state(far).hedge_s == limits.HEDGE_UNKNOWN_SECONDS
    assert infra.state(far).overdue_s == pytest.approx(1.8)
    assert infra.state(far).expiry_s == pytest.approx(2.4)
    assert math.isclose(infra.state(far).expected_rtt_s, 0.6, rel_tol=1e-6)
