"""By satellite questions wait longer, connections stay open, and what is late is told anew."""

from __future__ import annotations

import math
import random

import pytest
import trio

from resolver import limits
from resolver.geo.distance import GEO, LEO
from resolver.lab.faults import Path
from resolver.model import Server
from resolver.upstream.infra import Infra
from resolver.upstream.link_profile import LinkProfile, Slots
from resolver.upstream.server_state import Hint, ServerState, owner_domain_of
from tests.support import trio_test
from tests.upstream.encrypted_worlds import ask, forward, running
from tests.upstream.test_encrypted import good
from tests.upstream.tls_servers import encrypted, strict
from tests.upstream.virtual_servers import ZONE, Script, World

HOST, OTHER = "198.51.100.1", "198.51.101.1"


def test_a_link_like_any_other_is_as_it_always_was() -> None:
    link = LinkProfile()
    assert (link.ask_s, link.tcp_s, link.connect_s, link.grace_s) == (
        limits.ASK_SECONDS, limits.TCP_SECONDS, limits.SESSION_CONNECT_SECONDS, 0.0,
    )  # fmt: skip
    assert (link.race_width, link.losses, link.slots) == (limits.RACE_WIDTH, 1, None)
    idle = link.tcp_idle_s, link.session_idle_s
    assert idle == (limits.UPSTREAM_TCP_IDLE_SECONDS, limits.SESSION_IDLE_SECONDS)
    for other in (GEO, LEO, ""):
        link.fit(other, 0.6)
    assert (link.ask_s, link.race_width, link.slots) == (
        limits.ASK_SECONDS, limits.RACE_WIDTH, None,
    )  # fmt: skip


def test_nobody_waits_for_what_is_over_longer_than_a_client_asks_once() -> None:
    link = LinkProfile()
    assert link.stale_after_s(1.8) == 1.8
    link.fit(GEO, 0.6)
    assert [link.stale_after_s(wanted_s) for wanted_s in (1.8, 3.0)] == [2.4, 3.0]
    link.fit(GEO, 3.0)
    assert link.stale_after_s(1.8) == limits.GEO_STALE_SECONDS


# --- a satellite far up ----------------------------------------------------------------------


@trio_test
async def test_over_a_satellite_far_up_one_stranger_is_asked_and_waited_for_longer() -> None:
    world = World()
    for host in (HOST, OTHER):
        world.serve(host, rtt_s=0.61)
    world.infra.link.fit(GEO, 0.6)

    async def story() -> None:
        began = trio.current_time()
        await world.ask(HOST, OTHER)
        assert trio.current_time() - began < 1.0

    await world.run(story)
    counters = world.dispatcher.counters
    assert (counters.races, counters.hedges, counters.retries, counters.sent_udp) == (0, 0, 0, 1)


@trio_test
async def test_who_is_remembered_from_another_run_is_waited_for_as_well() -> None:
    world = World()
    world.serve(HOST, rtt_s=0.61)
    world.serve(OTHER, rtt_s=0.61)
    for host in (HOST, OTHER):
        world.infra.state(Server(host)).expect(Hint(math.log(0.61), 0.1))
    world.infra.link.fit(GEO, 0.6)

    async def story() -> None:
        await world.ask(HOST, OTHER)

    await world.run(story)
    assert world.dispatcher.counters.hedges == 0


@pytest.mark.reaches("GEO_PATIENCE")
@pytest.mark.parametrize(("kind", "times"), [("", 1.0), (GEO, 3.0)])
@trio_test
async def test_a_question_has_three_times_as_long_there(kind: str, times: float) -> None:
    world = World()
    world.serve(HOST, Script(lambda *_: None))
    world.infra.link.fit(kind, 0.6)

    async def story() -> None:
        latest = trio.current_time() + times * limits.ASK_SECONDS
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.dispatcher.ask, world.request(HOST))
            await trio.testing.wait_all_tasks_blocked()
            (packet,) = world.dispatcher.outstanding.slots.values()
            assert packet.waiters[0].query.give_up == latest
            assert packet.expires_at == trio.current_time() + times * limits.EXPIRY_UNKNOWN_SECONDS
            nursery.cancel_scope.cancel()

    await world.run(story)


@pytest.mark.reaches("GEO_IDLE_SECONDS")
@trio_test
async def test_connections_are_kept_for_ten_minutes_there() -> None:
    world, server, one = World(), good(), encrypted()
    world.infra.link.fit(GEO, 0.6)
    async with running(world, strict(one)._replace(keeps_warm=False), _192_0_2_1=server):
        await ask(world, forward(one))
        await trio.sleep(limits.GEO_IDLE_SECONDS - 1)
        assert server.open == 1
        await trio.sleep(2)
        assert server.open == 0


@pytest.mark.reaches("GEO_IDLE_SECONDS")
@pytest.mark.parametrize("kind", ["", GEO])
@trio_test
async def test_one_over_tcp_as_well(kind: str) -> None:
    world = World()
    world.serve(HOST, rtt_s=0.61)
    world.infra.link.fit(kind, 0.6)

    async def story() -> None:
        for pause_s in (limits.UPSTREAM_TCP_IDLE_SECONDS + 1, limits.GEO_IDLE_SECONDS - 1, 0):
            await world.ask(HOST, wants_tcp=True)
            await trio.sleep(pause_s)

    await world.run(story)
    assert world.dispatcher.tcp_connects == (1 if kind == GEO else 3)


# --- satellites near by ----------------------------------------------------------------------


def heard(slots: Slots, rtts: list[float], now: float = 0.0) -> ServerState:
    """One server that answered within *rtts*."""
    infra = Infra(rng=random.Random(1))
    state = infra.state(Server(HOST))
    for rtt_s in rtts:
        infra.note_answer(state, rtt_s, now)
        slots.note(state, rtt_s, now)
    return state


@pytest.mark.reaches("LEO_SLOT_ANSWERS")
def test_what_is_late_is_told_by_nearly_all_answers_of_the_slot() -> None:
    slots, usual = Slots(), [0.03] * 5 + [0.04] * 14
    few = heard(Slots(), usual[: limits.LEO_SLOT_ANSWERS - 1])
    assert slots.late_s == math.inf
    before_s = few.hedge_s
    slots.settle(few, 0.0)
    assert few.hedge_s == before_s, "its own habit"
    state = heard(slots, [*usual, 0.4])
    slots.settle(state, 0.0)
    assert state.hedge_s == pytest.approx(0.04), "one in twenty is later"


@pytest.mark.reaches("LEO_SLOT_SECONDS")
def test_a_slot_has_a_word_until_the_next_one_is_over() -> None:
    slots = Slots()
    state = heard(slots, [0.03] * 8 + [0.05] * 8, 1.0)
    later, over = 1.9 * limits.LEO_SLOT_SECONDS, 2.1 * limits.LEO_SLOT_SECONDS
    slots.settle(state, later)
    assert slots.late_s == pytest.approx(0.02)
    slots.settle(state, over)
    assert slots.late_s == math.inf


def test_the_slot_itself_is_heard_before_the_one_before_it() -> None:
    """The satellite is another one now: all are 40 ms later, the servers nobody asked yet too."""
    slots = Slots()
    known = heard(Slots(), [0.02] * 8)
    heard(slots, [0.02] * 8, 1.0)
    slots.settle(known, 1.0)
    assert known.hedge_s == pytest.approx(0.02 + limits.HEDGE_JITTER_SECONDS)
    state = heard(slots, [0.02], limits.LEO_SLOT_SECONDS)
    for _ in range(limits.LEO_SLOT_ANSWERS):
        slots.note(state, 0.06, limits.LEO_SLOT_SECONDS + 1)
    slots.settle(known, limits.LEO_SLOT_SECONDS + 1)
    assert known.hedge_s == pytest.approx(0.06)


@pytest.mark.reaches("LEO_SLOT_KEPT")
def test_so_many_answers_of_a_slot_are_remembered() -> None:
    slots = Slots()
    heard(slots, [0.03] * limits.LEO_SLOT_KEPT)
    heard(slots, [0.02, *[0.4] * limits.LEO_SLOT_KEPT])
    assert slots.late_s == 0.0
    assert repr(slots) == f"<Slots {limits.LEO_SLOT_KEPT} answers, 0.0 ms late>"


@pytest.mark.reaches("LEO_SILENCES")
def test_a_burst_of_losses_says_nothing_of_a_server_there() -> None:
    state, domain = heard(Slots(), [0.03]), owner_domain_of(ZONE)
    for number in range(1, limits.LEO_SILENCES + 2):
        state.note_silence(domain, float(number), float(number))
        assert state.is_silent(domain) is (number > 1)
        is_silent = state.is_silent(domain, losses=limits.LEO_SILENCES)
        assert is_silent is (number > limits.LEO_SILENCES)


@pytest.mark.parametrize(("kind", "asked"), [("", OTHER), (LEO, HOST)])
@trio_test
async def test_after_a_burst_of_losses_the_nearest_is_asked_on(kind: str, asked: str) -> None:
    """Two packets to it were lost in a row; the other is five times as far."""
    world = World()
    world.serve(HOST, rtt_s=0.03)
    world.serve(OTHER, rtt_s=0.15)
    world.infra.link.fit(kind, 0.6)

    async def story() -> None:
        for _ in range(30):
            await world.ask(HOST, OTHER)
        state, now = world.infra.state(Server(HOST)), trio.current_time()
        for _ in range(2):
            state.note_silence(owner_domain_of(ZONE), now, now)
        assert (await world.ask(HOST, OTHER)).server.host == asked

    await world.run(story)


@trio_test
async def test_what_is_lost_there_is_asked_for_again_as_soon_as_the_slot_says() -> None:
    """Round trips jumped to and fro in the slot before: its own habit would wait for longer."""
    waited = []
    for kind in ("", LEO):
        world = World()
        world.serve(HOST)
        world.serve(OTHER, rtt_s=0.3)
        world.infra.link.fit(kind, 0.6)

        async def story(world: World = world) -> None:
            for number in range(20):
                world.faults.set(HOST, Path(delay_s=0.06 if number % 2 else 0.01))
                await world.ask(HOST)
            world.faults.set(HOST, Path(delay_s=0.01))
            await trio.sleep(limits.LEO_SLOT_SECONDS)
            for _ in range(limits.LEO_SLOT_ANSWERS):
                await world.ask(HOST)
            world.faults.set(HOST, Path(dead=True))
            began = trio.current_time()
            assert (await world.ask(HOST, OTHER)).server.host == OTHER
            waited.append(trio.current_time() - began - 0.3)

        await world.run(story)
    assert waited[1] < waited[0] / 2
