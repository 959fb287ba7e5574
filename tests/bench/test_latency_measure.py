"""The figures of the latency lab: scenarios, the optimum, and what is read from the emulator."""

import pathlib
import random

import pytest

from bench.latency import measure, oracle, scenarios
from bench.latency.latency_world import Kind, Lookup, World, standard_world
from bench.latency.scenarios import Change, Path, State

PHASES = {"cold": 20.0, "warm": 60.0}


@pytest.fixture(scope="module", name="world")
def _world() -> World:
    return standard_world(5)


def test_loss_is_of_an_exchange_and_split_over_its_directions() -> None:
    """Two directions at 1 - sqrt(1 - p) each lose an exchange with chance p."""
    each_way = float(Path(20.0, loss=0.19).line("192.0.2.1").split()[3])
    assert each_way == pytest.approx(0.1)


@pytest.mark.parametrize("name", list(scenarios.SCENARIOS))
def test_every_scenario_leaves_a_path_to_every_set(name: str, world: World) -> None:
    """Then a failure is the resolver's own."""
    faults = scenarios.SCENARIOS[name].apply(world, random.Random(1), PHASES)
    moments = [faults.start]
    moments += [
        oracle.paths_at(faults.start, faults.changes, change.phase, change.at_s)
        for change in faults.changes
    ]
    for paths in moments:
        assert all(oracle.best_path(servers, paths) for servers in world.sets)


def test_one_dead_kills_both_families_of_one_name_in_each_set(world: World) -> None:
    """Of every NS set, root and registries too."""
    faults = scenarios.one_dead(world, random.Random(1), PHASES)
    for servers in world.sets:
        dead = [
            nameserver.name
            for nameserver in servers.nameservers
            for address, _ in nameserver.addresses()
            if faults.start[address].state is State.DEAD
        ]
        assert len(dead) == 2
        assert len(set(dead)) == 1


def test_optimum_follows_the_changes(world: World) -> None:
    """After the best server has gone, the next best is the measure."""
    leaf = world.leaves[0]
    start = scenarios.undisturbed(world)
    best = min(world.set_of(leaf).addresses(), key=lambda item: item[1])[0]
    change = Change("warm", 10.0, {best: Path(1.0, state=State.DEAD)})
    asked = [(Lookup("h1." + leaf, "192.0.2.1", leaf), at_s) for at_s in (5.0, 15.0)]
    before_ms, after_ms = oracle.optima(world, asked, start, (change,), "warm")
    assert before_ms < start[best].rtt_ms * 2
    assert after_ms >= sorted(rtt for _, rtt in world.set_of(leaf).addresses())[1]


def test_share_near_best_counts_leaf_servers_only(world: World) -> None:
    """Queries to roots and registries say nothing about the choice among a leaf's servers."""
    paths = scenarios.undisturbed(world)
    root = next(world.set_of("").addresses())[0]
    servers = next(s for s in world.sets if s.kind is Kind.SELF)
    ordered = sorted(servers.addresses(), key=lambda item: item[1])
    sent = {root: 50, ordered[0][0]: 3, ordered[-1][0]: 1}
    assert measure.share_near_best(world, paths, sent) == pytest.approx(0.75)


def test_counters_are_read_and_subtracted(tmp_path: pathlib.Path) -> None:
    """Datagrams and connection attempts count as queries, links do not."""
    file = tmp_path / "stats"
    file.write_text(
        "lateness packets 10 5 60 80 900.5\nlateness ticks 10 5 1200 1300 1400\n"
        "stray 0 3\nhost 0 192.0.2.1 4 1 9 0 5 0 0\n"
    )
    counters = measure.read_counters(file)
    assert counters.stray == {0: 3}
    assert measure.sent_between(measure.Counters({}, {}, {}), counters, 0) == {"192.0.2.1": 5}
    assert measure.sent_between(counters, counters, 0) == {"192.0.2.1": 0}
    assert not counters.is_on_time()


def test_quantiles_are_nearest_rank() -> None:
    """Of 1..100 the 99th percentile is 99."""
    figures = measure.summarise([float(n) for n in range(100, 0, -1)], 2, 150, None)
    assert (figures.p50_ms, figures.p95_ms, figures.p99_ms) == (50.0, 95.0, 99.0)
    assert figures.failed_percent == 2.0
    assert figures.packets_per_query == 1.5
