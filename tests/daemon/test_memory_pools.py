"""What each pool of memory holds is read from counters, and shown."""

from __future__ import annotations

import pytest

from resolver.config.load import loads
from resolver.config.shares import shares_of
from resolver.daemon.memory_pools import memory_of_process, pools_of
from resolver.limits import CONNECTION_OCTETS, QUERY_IN_FLIGHT_OCTETS
from resolver.operate.status import STATUS
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.message import Question
from tests.operate.operated import desk
from tests.recurse.household import house, village
from tests.support import trio_test

MEBI = 1 << 20
_CONFIG = f"memory = {128 * MEBI}"


def asked(text: str) -> Question:
    return Question(names.from_text(text), RRType.A)


@trio_test
async def test_each_pool_says_what_it_holds_and_may_hold() -> None:
    async with house(village(), loads(_CONFIG)) as home:
        empty = pools_of(home.daemon)
        await home.ask(asked("www.example.net."))
        await home.ask(asked("nosuch.example.net."))
        home.daemon.admission.in_flight = 3
        home.daemon.slots._taken = 2
        home.daemon.slots.backlog.octets = 100
        home.daemon.quic.octets = 70_000
        pools = pools_of(home.daemon)
        assert set(pools) == set(empty)
        for name in ("records", "denials", "zone_cuts", "servers"):
            assert pools[name].octets > empty[name].octets, name
        assert pools["queries"].octets == 3 * QUERY_IN_FLIGHT_OCTETS
        assert pools["connections"].octets == 2 * CONNECTION_OCTETS + 100
        assert pools["quic"].octets == 70_000
        home.daemon.admission.in_flight = 0
        shares = shares_of(home.daemon.parts.config)
        assert pools["records"].most <= shares.records
        assert pools["quic"].most == shares.quic
        held = sum(pool.most for pool in pools.values())
        assert 0.9 * 128 * MEBI < held <= 128 * MEBI


@trio_test
async def test_the_programs_is_the_rest_of_what_the_process_takes() -> None:
    async with house(village(), loads(_CONFIG)) as home:
        told = memory_of_process(home.daemon)
        assert told["budget_octets"] == 128 * MEBI
        assert sum(pool["octets"] for pool in told["pools"].values()) == pytest.approx(
            told["resident_octets"], abs=4 * MEBI
        )


@trio_test
async def test_status_and_metrics_have_them() -> None:
    async with desk(village(), loads(_CONFIG)) as it:
        memory = (await it.do(STATUS))["memory"]
        assert memory["caches_part"] == 1.0
        assert memory["pools"]["records"].keys() == {"octets", "most_octets"}
        values = it.home.daemon.registry.values()
        for name, pool in memory["pools"].items():
            assert values[f'resolver_memory_share_bytes{{pool="{name}"}}'] == pool["most_octets"]
        assert values["resolver_memory_budget_bytes"] == 128 * MEBI


@pytest.mark.reaches("MEMORY_SHORT_QUERIES")
@trio_test
async def test_while_memory_is_short_fewer_queries_may_wait() -> None:
    """CacheFlush: each of a hundred may have fifteen hundred nameservers at hand."""
    async with house(village(), loads(_CONFIG)) as home:
        keeper, admission = home.daemon.memory_keeper, home.daemon.admission
        usual = admission.total
        assert usual == shares_of(home.daemon.config).queries_in_flight > 600
        keeper._on_part(0.5)
        assert admission.total == usual // 2
        keeper._on_part(0.01)
        assert admission.total == 64
        keeper._on_part(1.0)
        assert admission.total == usual


@trio_test
async def test_workers_are_added_up() -> None:
    async with desk(village(), loads(_CONFIG)) as it:
        one, other = await it.do(STATUS), await it.do(STATUS)
        other["memory"]["caches_part"] = 0.5
        assert STATUS.merge is not None
        memory = STATUS.merge([one, other])["memory"]
        assert memory["budget_octets"] == 256 * MEBI
        assert memory["caches_part"] == 0.5
        twice = 2 * one["memory"]["pools"]["records"]["most_octets"]
        assert memory["pools"]["records"]["most_octets"] == twice
