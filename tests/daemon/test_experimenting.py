"""What the link is like is looked at now and then, and partial outages outlive the process."""

from __future__ import annotations

import math
import random

import msgspec
import pytest
import trio
from hypothesis import example, given
from hypothesis import strategies as st

from resolver import limits
from resolver.daemon import experimenting
from resolver.daemon.keepsakes import PartialOutages, partial_outages_untrusted
from resolver.errors import WireError
from resolver.geo.distance import GEO, PartialOutage
from resolver.lab.faults import Path
from resolver.lab.virtual_time import VirtualClock
from resolver.model import Server
from resolver.operate.status import STATUS
from resolver.upstream.experiments import Experiments
from resolver.upstream.infra import Infra
from resolver.upstream.server_state import Hint
from tests.making import question
from tests.operate.operated import desk
from tests.recurse.household import WALL, village
from tests.support import set_limit, trio_test

OUTAGE = PartialOutage(WALL - 700, WALL - 100, frozenset({"192.0.2.1"}), frozenset({"2001:db8::1"}))


@pytest.mark.reaches("EXPERIMENT_LOOK_SECONDS")
@trio_test
async def test_over_a_satellite_far_up_questions_are_patient_and_sent_once() -> None:
    world = village()
    for host in world.servers:
        world.faults.set(host, Path(0.3))
    async with desk(world) as it:
        shared, infra = it.home.parts.dispatcher.shared, it.home.parts.infra
        began = trio.current_time()
        assert shared.link.race_width == limits.RACE_WIDTH
        before = infra.state(Server("203.0.113.1")).expiry_s
        await it.home.ask(question("www.example.net. A"))
        await trio.sleep_until(began + 0.9 * limits.EXPERIMENT_LOOK_SECONDS)
        assert shared.link.race_width == limits.RACE_WIDTH
        await trio.sleep_until(began + 1.1 * limits.EXPERIMENT_LOOK_SECONDS)
        assert shared.link.race_width == 1
        assert shared.link.ask_s == limits.GEO_PATIENCE * limits.ASK_SECONDS
        stranger = infra.state(Server("203.0.113.2"))
        assert stranger.expiry_s == limits.GEO_PATIENCE * before
        assert (await it.do(STATUS))["geography"]["sentence"].startswith(
            "link looks like GEO satellite (6"
        )
        for host in world.servers:
            world.faults.set(host, Path(0.01))
        for number in range(4):
            await it.home.pipeline.answer(question(f"n{number}.example.net. A"))
        await trio.sleep(2 * limits.EXPERIMENT_LOOK_SECONDS)
        assert shared.link.race_width == limits.RACE_WIDTH
        assert infra.state(Server("203.0.113.3")).expiry_s == before


@trio_test
async def test_satellites_near_by_are_found_by_jitter_and_slots_are_kept_as_long_as_they_last() -> (
    None
):
    """The way is 10 ms longer, and shorter again, all the time."""
    world = village()
    async with desk(world) as it:
        link = it.home.parts.infra.link

        async def used(delays_s: tuple[float, ...]) -> None:
            for number in range(24):
                for host in world.servers:
                    world.faults.set(host, Path(delays_s[number % len(delays_s)]))
                await it.home.pipeline.answer(question(f"n{trio.current_time()}.example.net. A"))
            await trio.sleep(limits.EXPERIMENT_LOOK_SECONDS)

        await used((0.012, 0.03))
        assert link.slots is not None
        assert link.looks_like == "LEO satellites"
        assert (await it.do(STATUS))["geography"]["sentence"] == (
            "link looks like LEO satellites (24 ms to the nearest server)"
        )
        slots = link.slots
        await used((0.012, 0.03))
        assert link.slots is slots
        await used((0.012,))
        assert link.slots is None


@pytest.mark.parametrize(("remembered_s", "kind"), [(0.61, GEO), (0.02, "")])
@trio_test
async def test_a_start_goes_by_what_an_earlier_run_remembers_until_somebody_answers(
    remembered_s: float, kind: str
) -> None:
    world = village()
    for host in world.servers:
        world.faults.set(host, Path(0.01))
    async with desk(world) as it:
        dispatcher = it.home.parts.dispatcher
        for host in world.servers:
            dispatcher.infra.state(Server(host)).expect(Hint(math.log(remembered_s), 0.2))
        are_read = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                experimenting.keep_looking, dispatcher, it.home.parts.clock, are_read
            )
            await trio.sleep(1)
            dispatcher.infra.link.fit("", 0.0)  # the daemon's own has looked already
            await trio.sleep(1)
            assert dispatcher.infra.link.looks_like == ""
            are_read.set()
            await trio.sleep(1)
            assert dispatcher.infra.link.looks_like == kind
            await it.home.ask(question("www.example.net. A"))
            await trio.sleep(limits.EXPERIMENT_LOOK_SECONDS)
            assert dispatcher.infra.link.looks_like == ""
            nursery.cancel_scope.cancel()


@pytest.mark.reaches("EXPERIMENT_SLICE")
@trio_test
async def test_others_have_their_turn_while_very_many_servers_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_limit(monkeypatch, experimenting, "EXPERIMENT_SLICE", 2)
    infra, turns = Infra(rng=random.Random(1)), 0
    for number in range(5):
        infra.state(Server(f"192.0.2.{number}"))

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        sizes = [len(some) async for some in experimenting._slices(infra)]
        nursery.cancel_scope.cancel()
    assert sizes == [2, 2, 1]
    assert turns >= 2


@trio_test
async def test_partial_outages_outlive_the_process() -> None:
    clock = VirtualClock(wall=WALL)
    one, other = Experiments(), Experiments()
    one.kept = [OUTAGE]
    octets, newest = PartialOutages(one, clock, "x").octets()
    assert newest == OUTAGE.ended
    PartialOutages(other, clock, "x").take_back_untrusted(octets, None)
    assert other.kept == [OUTAGE]
    later = VirtualClock(wall=WALL + (limits.PARTIAL_OUTAGE_DAYS + 1) * 86_400)
    PartialOutages(other, later, "x").take_back_untrusted(octets, 5.0)
    assert other.kept == []


@given(st.binary(max_size=80))
@example(b"[]")
@example(b"[[1,2,[],[]]]")
def test_partial_outages_untrusted(octets: bytes) -> None:
    """Any octets are partial outages, or WireError."""
    try:
        kept = partial_outages_untrusted(octets)
    except WireError:
        return
    assert all(one.began <= one.ended for one in kept)


MANY = [f"10.{number >> 8}.{number & 255}.1" for number in range(2 * 512 + 1)]


@pytest.mark.parametrize(
    "wrong",
    [[2.0, 1.0, [], []], [0.0, 1.0, ["host"], []], [0.0, 1.0, [], MANY], ["0", 1.0, [], []]],
)
def test_what_is_no_partial_outage_is_refused(wrong: list[object]) -> None:
    with pytest.raises(WireError):
        partial_outages_untrusted(msgspec.json.encode([wrong]))
