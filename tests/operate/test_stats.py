"""stats: every number once, and several workers' as one."""

from __future__ import annotations

from resolver.operate.sources import sources_of
from resolver.operate.stats import STATS
from resolver.operate.stats import stats as told
from resolver.operate.verb import Nothing, Reply
from tests.recurse.household import house, village
from tests.support import trio_test


def _reply(n: int, up: int, longest: float) -> Reply:
    return {
        "at": 1.0, "up_s": 5.0, "cpu_s": 0.5, "counters": {"udp_queries_total": n},
        "gauges": {
            "tasks": n, "link_up": up, "garbage_longest_pass_seconds": longest,
            'build_info{version="1"}': 1,
        },
    }  # fmt: skip


def test_numbers_of_workers_are_added_but_for_those_that_tell_one_thing() -> None:
    assert STATS.merge is not None
    assert STATS.merge([_reply(2, 1, 0.25), _reply(3, 0, 0.5)]) == {
        "at": 1.0, "up_s": 5.0, "cpu_s": 1.0, "counters": {"udp_queries_total": 5},
        "gauges": {
            "tasks": 5, "link_up": 0, "garbage_longest_pass_seconds": 0.5,
            'build_info{version="1"}': 1,
        },
    }  # fmt: skip


@trio_test
async def test_every_number_of_the_registry_is_there() -> None:
    async with house(village()) as home:
        reply = await told(home.daemon.control._operated, Nothing())
        every = {f"resolver_{name}" for kind in ("counters", "gauges") for name in reply[kind]}
        assert every == home.daemon.registry.values().keys()
        families = {name.partition("{")[0].rpartition("_")[2] for name in reply["counters"]}
        assert families == {"total", "bucket", "sum", "count"}  # the latter are of histograms
        assert not any(name.endswith("_total") for name in reply["gauges"])
        assert sources_of(reply["counters"])["servers"] == 0
