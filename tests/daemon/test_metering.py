"""What takes an event to be counted is counted while somebody may look, and not heard else."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from resolver.config.schema import Metrics
from resolver.daemon.registry import registry_of
from resolver.daemon.reload import reload
from resolver.lab.faults import Path
from resolver.protocol.transport import Transport
from resolver.telemetry.events import Answered
from resolver.upstream.server_events import Tried
from tests.asking import SOURCE, octets, replied
from tests.daemon.reloading import free_port, served
from tests.making import question
from tests.recurse.household import House, house, slow_village, village
from tests.support import trio_test, trio_test_real


def grown(home: House) -> dict[str, float]:
    """The samples that are not 0, without resolver_."""
    values = registry_of(home.daemon).values()
    return {name.removeprefix("resolver_"): value for name, value in values.items() if value}


@trio_test
async def test_answers_are_timed_by_where_they_came_from() -> None:
    async with house(slow_village()) as home:
        home.daemon.metering.follow(is_wanted=True)
        asked = octets(question("www.example.net. A"))
        await replied(home, asked)  # 2 s away
        fast_path = home.pipeline.fast_path(Transport.UDP)
        assert fast_path.recall(asked, SOURCE) is not None
        fast_path.hits += 1  # as listeners do
        await replied(home, octets(question("localhost. A")))
        found = grown(home)
    assert 'query_seconds_bucket{from="network",le="1"}' not in found
    assert found['query_seconds_bucket{from="network",le="5"}'] == 1
    assert found['query_seconds_sum{from="network"}'] == pytest.approx(2.0)
    assert found['query_seconds_bucket{from="cache",le="5e-05"}'] == 1
    assert found['query_seconds_count{from="local"}'] == 1
    assert found['upstream_rtt_seconds_bucket{le="+Inf"}'] == 3  # the root's, net's, example.net's
    assert found["upstream_rtt_seconds_sum"] == pytest.approx(2.0)


@trio_test
async def test_extended_errors_are_counted_by_their_code() -> None:
    world = village()
    for host in ("192.0.2.20", "192.0.2.21"):
        world.faults.set(host, Path(dead=True))
    async with house(world) as home:
        home.daemon.metering.follow(is_wanted=True)
        for _ in range(2):
            await replied(home, octets(question("www.example.net. A")))
        assert grown(home)['extended_errors_total{code="22"}'] == 2


@trio_test
async def test_the_page_says_which_version_runs() -> None:
    async with house(village()) as home:
        (name,) = [name for name in grown(home) if name.startswith("build_info")]
    assert name.startswith('build_info{version="0.')
    assert ',python="3.' in name


@trio_test_real
async def test_nothing_is_heard_while_nobody_can_look() -> None:
    async with served() as home:
        bus = home.daemon.parts.bus
        assert not bus.heard
        metrics = Metrics(listen=f"127.0.0.1:{free_port()}")
        await reload(home.daemon, replace(home.config, metrics=metrics))
        assert set(bus.heard) == {Answered, Tried}
        home.daemon.metering.follow(is_wanted=True)
        assert len(bus.heard[Answered]) == 1
        await reload(home.daemon, home.config)
        assert not bus.heard
