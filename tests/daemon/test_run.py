"""The running resolver: whom it asks of its own accord, and how it ends."""

from __future__ import annotations

import contextlib
import tempfile
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import pytest
import trio
from msgspec.structs import replace

from resolver.config.schema import Cache, Config, Forward, Server, Stub
from resolver.daemon import draining, places, run
from resolver.daemon.clock_floor import FILE_NAME, RELEASED
from resolver.errors import ResolutionFailed
from resolver.lab import demo
from resolver.lab.virtual_time import VirtualClock, seeded
from resolver.limits import DRAIN_SECONDS, LEAVING_LOOK_SECONDS, TICK_SECONDS
from resolver.listen.admission import Admission
from resolver.policy.cookies import ServerCookies
from resolver.runtime.clock import SystemClock
from resolver.telemetry.shared_counters import SharedCounters, Slot
from tests.making import question
from tests.recurse.household import WALL, budget, village
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path

FORWARDER = "192.0.2.53"


@pytest.mark.reaches("DRAIN_SECONDS")
@trio_test
async def test_queries_in_flight_are_waited_for_but_not_for_long() -> None:
    """A restart must not be felt, and must not hang."""
    for answered_after, waited in ((0.3, 0.3), (60.0, DRAIN_SECONDS)):
        admission = Admission()
        admission.enter(b"client")

        async def answer(after: float = answered_after, admission: Admission = admission) -> None:
            await trio.sleep(after)
            admission.leave(b"client")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            began = trio.current_time()
            await draining.drained(admission)
            assert trio.current_time() - began == pytest.approx(waited, abs=0.05)
            nursery.cancel_scope.cancel()


@pytest.mark.reaches("LEAVING_LOOK_SECONDS")
@trio_test
async def test_the_last_query_is_looked_for_now_and_then() -> None:
    admission = Admission()
    admission.enter(b"client")
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(draining.drained, admission)
        await trio.sleep(LEAVING_LOOK_SECONDS / 4)
        admission.leave(b"client")
    assert trio.current_time() - began == pytest.approx(LEAVING_LOOK_SECONDS)


@pytest.mark.reaches("TICK_SECONDS")
@trio_test
async def test_what_is_due_now_and_then_is_done_each_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticks: list[float] = []
    monkeypatch.setattr(ServerCookies, "tick", lambda *_: ticks.append(trio.current_time()))
    network = demo.demo_world(wall=1.785e9).network()
    async with run.running(
        Config(), network=network, clock=VirtualClock(), rng=Random(1), listens=False
    ):
        await trio.sleep(3.5 * TICK_SECONDS)
    gaps = [later - before for before, later in pairwise(ticks)]
    assert gaps == 3 * [pytest.approx(TICK_SECONDS)]


@pytest.mark.parametrize("kind", ["forward", "stub"])
@trio_test
async def test_where_all_is_forwarded_only_the_forwarder_is_asked(kind: str) -> None:
    """Not at the start (priming), not every minute, not to follow trust anchors, nor for names.

    A network that lets only the forwarder through must not see packets that it will never answer.
    """
    world = village(is_signed=True)
    with tempfile.TemporaryDirectory() as directory:
        config = replace(
            Config(working_directory=directory), dnssec=replace(Config().dnssec, rfc5011=True)
        )
        zone = Forward if kind == "forward" else Stub
        entry = zone(zone=".", addresses=(FORWARDER,))
        config = replace(world.configure(config, directory), **{kind: (entry,)})
        network = world.network(seed=kind)
        asked: set[str] = set()
        network.observers.append(lambda packet: asked.add(packet.destination[0]))
        async with run.running(
            config, network=network, clock=VirtualClock(wall=WALL), rng=seeded(kind), listens=False
        ) as daemon:
            for text in ("www.example.net. A", ". NS", ". DNSKEY", "net. DS"):
                with contextlib.suppress(ResolutionFailed):
                    await daemon.resolver.resolve(question(text), budget())
                await trio.sleep(100)
    assert asked == {FORWARDER}


@trio_test
async def test_a_clock_moved_on_purpose_is_not_remembered(tmp_path: Path) -> None:
    """`cache.clock = "realtime"` is for tests, whose time is nobody's floor."""
    world = village(is_signed=True)
    for source, is_kept in ((Cache(), True), (Cache(clock="realtime"), False)):
        config = Config(working_directory=str(tmp_path), cache=source)
        clock = SystemClock(ttl_source=source.clock)
        clock.confirmed = RELEASED + 86_400.0
        async with run.running(
            world.configure(config, tmp_path), network=world.network(seed="time"), clock=clock,
            rng=seeded("time"), listens=False,
        ) as daemon:  # fmt: skip
            daemon.remember_time()
        assert (tmp_path / FILE_NAME).exists() is is_kept
        (tmp_path / FILE_NAME).unlink(missing_ok=True)


@trio_test
async def test_few_descriptors_mean_few_tcp_clients_and_it_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With 64 open files, 90 idle clients must not take those that questions need."""
    monkeypatch.setattr(places, "descriptor_limit", lambda: 64)
    config = Config(server=Server(listen=("127.0.0.1:53",), user=""))
    for place in (None, Slot(SharedCounters(2), 1)):  # the second worker has nothing new to say
        network = demo.demo_world(wall=1.785e9).network()
        async with run.running(
            config, network=network, listen_network=network, clock=VirtualClock(), rng=Random(1),
            slot=place,
        ) as daemon:  # fmt: skip
            assert daemon.slots.total == 24
    told = [record for record in caplog.records if "LimitNOFILE" in record.getMessage()]
    assert len(told) == 1
