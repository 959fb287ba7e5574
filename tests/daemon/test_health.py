"""A daemon looks at itself: listeners, link, workers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio
from msgspec.structs import replace

from resolver.config import schema
from resolver.daemon import health as module
from resolver.daemon import health_probes
from resolver.daemon.bind import Wish
from resolver.daemon.operated import Operated
from resolver.daemon.pages import health_of
from resolver.daemon.reload import reload
from resolver.daemon.self_probe import Verdict
from resolver.lab.faults import Path
from resolver.limits import (
    HEALTH_FALL,
    HEALTH_KEEP_SECONDS,
    HEALTH_LINK_SECONDS,
    HEALTH_LOOK_SECONDS,
    HEALTH_RISE,
    HEALTH_STREAM_SECONDS,
)
from resolver.operate.colleagues import Answering, Colleagues
from resolver.operate.health import HEALTH
from resolver.operate.perform import performed
from resolver.operate.verbs import BY_NAME
from resolver.protocol.transport import Transport
from resolver.runtime.worker_lines import WorkerLines
from tests.daemon.reloading import HOST, served
from tests.operate.operated import desk
from tests.recurse.household import village
from tests.support import set_limit, trio_test, trio_test_real

if TYPE_CHECKING:
    from resolver.daemon.run import Daemon
    from tests.operate.operated import Desk

from tests.daemon.telling import patient, quick

OUTAGE_SHOWS_S = 8.0  # of witnesses that are silent


# --- listeners ----------------------------------------------------------------------------------


async def looks(daemon: Daemon, times: int, late_s: float = 0.0) -> dict[str, Any]:
    health = health_of(daemon)
    for _ in range(times):
        await health._look(late_s)
    return health.verdict()


@pytest.mark.reaches("HEALTH_PROBE_SECONDS")
@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
def test_a_listener_that_is_dead_counts(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, health_probes, "HEALTH_PROBE_SECONDS", 0.2)
    set_limit(monkeypatch, health_probes, "HEALTH_STREAM_SECONDS", 0.0)
    patient(monkeypatch)

    @trio_test_real
    async def body() -> None:
        async with served() as house:
            told = await looks(house.daemon, HEALTH_RISE)
            assert told["is_healthy"]
            wish = next(one for one in house.daemon.sockets.open if one.transport is transport)
            service: Any = house.daemon.listeners.services[wish]
            (service._running if wish.is_udp else service._accepting).cancel()
            await trio.testing.wait_all_tasks_blocked()
            told = await looks(house.daemon, HEALTH_FALL - 1)
            assert told["is_healthy"]
            told = await looks(house.daemon, 1)
            assert not told["is_healthy"]
            assert told["reasons"] == [f"listeners: {wish} does not answer"]

    body()


@trio_test_real
async def test_one_that_is_flooded_and_serves_others_is_well() -> None:
    """To send its flood elsewhere would be worse."""
    async with served() as house:
        health = health_of(house.daemon)
        wish = next(one for one in house.daemon.sockets.open if one.is_udp)
        service: Any = house.daemon.listeners.services[wish]

        async def serves_others(*_: object) -> Any:
            service.queries += 2
            await trio.lowlevel.checkpoint()
            return Verdict.FAILED

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(health_probes, "probe", serves_others)
            answers = await health._probes.look()
        assert answers[str(wish)] == 0.0


@trio_test_real
async def test_one_that_is_told_to_say_nothing_is_well() -> None:
    """A view of this machine's own addresses may be one that is not answered."""
    async with served() as house:
        view = schema.View(name="nobody", clients=("0.0.0.0/0",), answer="drop")
        await reload(house.daemon, replace(house.config, view=(view,)))
        with pytest.MonkeyPatch.context() as patch:
            set_limit(patch, health_probes, "HEALTH_PROBE_SECONDS", 0.2)
            answers = await health_of(house.daemon)._probes.look()
        assert answers
        assert None not in answers.values()


@pytest.mark.reaches("HEALTH_STREAM_SECONDS")
def test_streams_are_asked_more_seldom_while_they_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Transport | None] = []
    verdict = Verdict.PASSED

    async def note(wish: Any, _: float) -> Any:
        asked.append(wish.transport)
        await trio.lowlevel.checkpoint()
        return verdict

    monkeypatch.setattr(health_probes, "probe", note)

    @trio_test
    async def body() -> None:
        nonlocal verdict
        async with desk(village()) as it:
            probes: Any = health_of(it.home.daemon)._probes
            sockets: Any = it.home.daemon.sockets
            for transport in (Transport.UDP, Transport.TLS):
                sockets.open[Wish("server.listen", transport, (HOST, 53))] = None
            for _ in range(int(HEALTH_STREAM_SECONDS)):
                await probes.look()
                await trio.sleep(1)
            assert asked.count(Transport.UDP) == HEALTH_STREAM_SECONDS
            assert asked.count(Transport.TLS) == 1
            verdict = Verdict.FAILED
            for _ in range(3):
                await probes.look()
                await trio.sleep(1)
            assert asked.count(Transport.TLS) == 4
            verdict = Verdict.NOT_HERE
            assert await probes.look() == {}
            sockets.open.clear()

    body()


# --- looks, the link ------------------------------------------------------------------------------


async def settled(it: Desk) -> dict[str, Any]:
    """Healthy by now."""
    for _ in range(HEALTH_RISE + 2):
        told = await it.do(HEALTH)
        await trio.sleep(HEALTH_LOOK_SECONDS)
    return told


@pytest.mark.reaches("HEALTH_LOOK_SECONDS")
@trio_test
async def test_who_is_asked_for_the_first_time_after_a_while_says_what_is_so() -> None:
    async with desk(village()) as it:
        assert not (await it.do(HEALTH))["is_healthy"]
        assert (await settled(it))["is_healthy"]
    async with desk(village()) as it:
        await trio.sleep(HEALTH_RISE * HEALTH_LOOK_SECONDS)
        assert (await it.do(HEALTH))["is_healthy"]


@pytest.mark.reaches("HEALTH_KEEP_SECONDS")
@trio_test
async def test_looks_go_on_while_somebody_asks_and_end_after_that() -> None:
    async with desk(village()) as it:
        assert (
            it.home.daemon.registry.values().keys() & {'resolver_health{condition="all"}'} == set()
        )
        await settled(it)
        health = health_of(it.home.daemon)
        assert 'condition="all"' in health.gauges()
        await trio.sleep(HEALTH_KEEP_SECONDS - 3)
        assert health.gauges()
        await trio.sleep(6)
        assert health.gauges() == {}
        assert (await it.do(HEALTH))["is_healthy"]


@pytest.mark.reaches("HEALTH_LINK_SECONDS")
@trio_test
async def test_who_has_no_clients_asks_whether_its_link_is_up() -> None:
    """Else it would attract traffic, only to find out; a look costs a packet in half a minute."""
    world = village()
    async with desk(world) as it:
        told = await settled(it)
        before = it.home.sent
        for _ in range(int(HEALTH_LINK_SECONDS) - 8):
            told = await it.do(HEALTH)
            await trio.sleep(1)
        assert told["is_healthy"]
        assert it.home.sent == before
        world.faults.default = Path(loss=1.0)
        for _ in range(int(HEALTH_LINK_SECONDS + OUTAGE_SHOWS_S)):
            told = await it.do(HEALTH)
            await trio.sleep(1)
        assert not told["is_healthy"]
        assert told["is_last_resort"]
        assert told["reasons"][0].startswith("link: nobody answers for ")
        world.faults.default = Path()
        for _ in range(120):
            told = await it.do(HEALTH)
            await trio.sleep(1)
        assert told["is_healthy"]


@trio_test
async def test_one_that_stays_tells_of_the_outage_and_goes_on() -> None:
    staying = schema.Config(health=schema.Health(on_outage="stay"))
    world = village()
    async with desk(world, staying) as it:
        await settled(it)
        world.faults.default = Path(loss=1.0)
        for _ in range(int(HEALTH_LINK_SECONDS + OUTAGE_SHOWS_S)):
            told = await it.do(HEALTH)
            await trio.sleep(1)
        assert told["is_healthy"]
        assert not told["conditions"]["link"]["is_met"]


@trio_test
async def test_a_loop_that_is_late_counts() -> None:
    async with desk(village()) as it:
        await settled(it)
        await trio.sleep(HEALTH_LOOK_SECONDS / 2)  # between two looks of its own
        told = await looks(it.home.daemon, HEALTH_FALL, late_s=1.0)
        assert told["reasons"] == ["latency: 1000.0 ms, of 500 at most"]


@trio_test
async def test_looks_that_were_not_made_are_bad_ones() -> None:
    """The loop stood still: who asks after that is told no until it has been well for a while."""
    async with desk(village()) as it:
        await settled(it)
        await trio.sleep(HEALTH_LOOK_SECONDS / 2)
        assert not (await looks(it.home.daemon, 1, late_s=HEALTH_FALL * HEALTH_LOOK_SECONDS))[
            "is_healthy"
        ]
        assert (await settled(it))["is_healthy"]


@trio_test
async def test_a_verdict_that_is_old_is_none() -> None:
    """After the process stood still: nobody may hear what was so before."""
    async with desk(village()) as it:
        await settled(it)
        health = health_of(it.home.daemon)
        health._looked_at -= 60
        told = health.verdict()
        assert (told["is_healthy"], told["is_last_resort"]) == (False, False)
        assert told["reasons"][0].startswith("latency: the last look is 6")


# --- several workers -----------------------------------------------------------------------------


@pytest.mark.reaches("HEALTH_WORKER_SECONDS")
def test_a_worker_that_says_nothing_is_told_and_counts_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick(monkeypatch)
    set_limit(monkeypatch, module, "HEALTH_WORKER_SECONDS", 0.5)

    @trio_test_real
    async def body() -> None:
        lines = WorkerLines(3)
        async with served() as house, trio.open_nursery() as nursery:
            others = house.daemon.control.colleagues = Colleagues(lines.to_others())
            nursery.start_soon(others.run)
            well, scope = Operated(house.daemon), trio.CancelScope()

            async def answer(number: int) -> None:
                with scope if number == 2 else trio.CancelScope():
                    await Answering(lines.of(number), BY_NAME, partial(performed, well)).run()

            for number in (1, 2):
                nursery.start_soon(answer, number)
            assert await says(house.daemon, is_healthy=True) == "3 of 3"
            scope.cancel()
            told = await says(house.daemon, is_healthy=False)
            assert told.startswith("2 of 3; worker 2 silent for ")
            nursery.cancel_scope.cancel()
        lines.close()

    body()


async def says(daemon: Daemon, *, is_healthy: bool) -> str:
    """What is said of the workers once that is the verdict."""
    health = health_of(daemon)
    with trio.fail_after(20):
        while (told := await health.told())["is_healthy"] is not is_healthy:  # noqa: ASYNC110
            await trio.sleep(0.05)
    said: str = told["conditions"]["workers"]["says"]
    return said
