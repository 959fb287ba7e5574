"""A country whose link abroad is cut for two minutes: afterwards it is known who is at home."""

from __future__ import annotations

import random

import trio

from resolver import limits
from resolver.lab.faults import Path
from resolver.lab.world import World, with_root
from resolver.operate.geography import distances
from tests.making import question
from tests.recurse.household import House, house
from tests.support import trio_test

SITES = 8


def country() -> tuple[World, frozenset[str], frozenset[str]]:
    """Zones at home and abroad; the hosts of both."""
    world = World()
    with_root(world, [Path(0.09), Path(0.1), Path(0.08)])
    com, ke = world.zone("com."), world.zone("ke.")
    world.serve(com, "a.gtld-servers.net.", "192.5.6.30", path=Path(0.085))
    world.serve(ke, "ns1.ke.", "196.1.4.130", path=Path(0.003))
    at_home = {"196.1.4.130"}
    for zone in (com, ke):
        world.delegate(zone)
    for number in range(SITES):
        for apex, host, delay_s in (
            (f"far{number}.com.", f"203.0.{number}.1", 0.08),
            (f"home{number}.ke.", f"196.2.{number}.1", 0.002),
        ):
            zone = world.zone(apex)
            world.serve(zone, "ns1", host, path=Path(delay_s + number / 1000))
            zone.add_address("*", "192.0.2.1")
            world.delegate(zone)
            if apex.startswith("home"):
                at_home.add(host)
    return world, frozenset(at_home), frozenset(world.servers) - at_home


class People:
    """They ask for new names in all zones."""

    def __init__(self, home: House) -> None:
        self._home = home
        self._asked = 0
        self._rng = random.Random(5)
        self._zones = [f"{kind}.{tld}" for kind, tld in (("far{}", "com"), ("home{}", "ke"))]

    async def ask(self, *, for_s: float) -> None:
        until = trio.current_time() + for_s
        while trio.current_time() < until:
            for zone in self._rng.choices(self._zones, k=8):
                self._asked += 1
                apex = zone.format(self._rng.randrange(SITES))
                await self._home.pipeline.answer(question(f"n{self._asked}.{apex}. A"))
            await trio.sleep(2)


@trio_test
async def test_after_a_cut_of_the_link_abroad_it_is_known_who_is_at_home() -> None:
    world, at_home, abroad = country()
    async with house(world, speculation=True) as home:
        people = People(home)
        await people.ask(for_s=100)
        before = distances(home.parts)
        assert before.link_from == "measured"
        assert all(before.is_far(170.0, host) for host in abroad)
        paths = {host: world.faults.path(host, 0.0) for host in abroad}
        for host in abroad:
            world.faults.set(host, Path(dead=True))
        await people.ask(for_s=150)
        experiments = home.parts.dispatcher.shared.experiments
        assert experiments.kept == []
        for host, path in paths.items():
            world.faults.set(host, path)
        await people.ask(for_s=150)
        (outage,) = experiments.kept
        assert outage.answered
        assert outage.answered <= at_home
        assert len(outage.silent) >= limits.EXPERIMENT_PREFIXES
        assert outage.silent <= abroad
        assert 100 < outage.ended - outage.began < 250
        after = distances(home.parts)
        assert after.link_from == "outage"
        assert 20 < after.link_ms < 160
