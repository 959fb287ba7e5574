"""A partial outage tells who is on this side of a link; nothing else is taken for one."""

from __future__ import annotations

import random

import pytest

from resolver import limits
from resolver.geo.distance import PartialOutage
from resolver.limits import EXPERIMENT_LOOK_SECONDS as LOOK
from resolver.model import Server
from resolver.protocol.names import from_text
from resolver.upstream import experiments as module
from resolver.upstream.experiments import Experiments, Sides
from resolver.upstream.infra import Infra
from tests.support import set_limit

WALL = 1_000_000_000.0
HOME = [f"192.0.{number}.1" for number in range(4)]
ABROAD = [f"203.0.{number}.1" for number in range(8)]
DAY_S = 86_400.0


class Land:
    """Servers at home and abroad, all of which have answered, and a link abroad."""

    def __init__(self) -> None:
        self.infra = Infra(rng=random.Random(1))
        self.experiments = Experiments()
        self.now = 1000.0
        self.losses = 0
        for host in (*HOME, *ABROAD):
            self.answer(host)

    def answer(self, host: str) -> None:
        self.infra.note_answer(self.infra.state(Server(host)), 0.02, self.now)

    def lose(self, host: str, owner: str) -> None:
        state = self.infra.state(Server(host))
        for _ in range(2):
            state.note_silence(from_text(owner), self.now - 1, self.now)
        self.losses += 2

    def cut(self, *hosts: str, owners: int = 4) -> None:
        for number, host in enumerate(hosts):
            self.lose(host, f"zone{number % owners}.test")

    def look(self, *, is_out: bool = False) -> None:
        if not self.experiments.is_due(self.losses):
            return
        sides = Sides(self.now)
        sides.add(self.infra.states.values())
        self.experiments.look(sides, is_out=is_out, now=self.now, wall=WALL + self.now)

    def goes_on(self) -> bool:
        """A call, which no type checker takes for constant."""
        return self.experiments.is_running

    def pass_time(self, times: int, *, answering: list[str], silent: list[str]) -> None:
        for _ in range(times):
            self.now += LOOK / 2
            self.cut(*silent)
            self.now += LOOK / 2
            for host in answering:
                self.answer(host)
            self.look()


@pytest.mark.reaches("EXPERIMENT_SECONDS", "EXPERIMENT_LOOK_SECONDS")
def test_who_answered_and_who_did_not_is_kept_when_it_is_over() -> None:
    land = Land()
    land.pass_time(3, answering=HOME, silent=ABROAD)
    assert land.goes_on()
    assert land.experiments.kept == []
    land.pass_time(3, answering=HOME + ABROAD, silent=[])
    assert not land.goes_on()
    (outage,) = land.experiments.kept
    assert outage.answered == frozenset(HOME)
    assert outage.silent == frozenset(ABROAD)
    assert outage.ended - outage.began >= limits.EXPERIMENT_SECONDS
    assert outage.began == pytest.approx(WALL + 1000.0 + LOOK / 2)


def test_a_short_one_is_loss() -> None:
    land = Land()
    land.pass_time(1, answering=HOME, silent=ABROAD)
    assert land.experiments.is_running
    for host in ABROAD:
        land.answer(host)
    land.pass_time(1, answering=HOME + ABROAD, silent=[])
    assert land.experiments.kept == []


@pytest.mark.reaches("EXPERIMENT_PREFIXES", "EXPERIMENT_OWNERS")
def test_few_networks_or_one_operator_are_none() -> None:
    for hosts, owners in ((ABROAD[: limits.EXPERIMENT_PREFIXES - 1], 4), (ABROAD, 2)):
        land = Land()
        land.now += LOOK
        land.cut(*hosts, owners=owners)
        land.now += 1
        for host in HOME:
            land.answer(host)
        land.look()
        assert not land.experiments.is_running


@pytest.mark.reaches("EXPERIMENT_PREFIXES", "EXPERIMENT_OWNERS")
def test_as_many_as_it_takes_are_one() -> None:
    land = Land()
    land.now += LOOK
    land.cut(*ABROAD[: limits.EXPERIMENT_PREFIXES], owners=limits.EXPERIMENT_OWNERS)
    land.now += 1
    land.answer(HOME[0])
    land.look()
    assert land.goes_on()


@pytest.mark.reaches("EXPERIMENT_SECONDS")
@pytest.mark.parametrize(("share", "kept"), [(0.9, 0), (1.1, 1)])
def test_it_has_to_last(share: float, kept: int) -> None:
    land = Land()
    land.now += 10
    began = land.now
    land.cut(*ABROAD)
    land.now += 1
    for host in HOME:
        land.answer(host)
    land.look()
    assert land.goes_on()
    land.now = began + share * limits.EXPERIMENT_SECONDS
    for host in HOME + ABROAD:
        land.answer(host)
    land.look()
    assert len(land.experiments.kept) == kept


def test_an_outage_of_everything_teaches_nothing_and_interrupts_nothing() -> None:
    land = Land()
    land.now += LOOK
    land.cut(*HOME, *ABROAD)
    land.look(is_out=True)
    assert not land.experiments.is_running
    land = Land()
    land.pass_time(3, answering=HOME, silent=ABROAD)
    land.look(is_out=True)
    assert land.experiments.is_running


def test_who_was_on_both_sides_is_on_none() -> None:
    land = Land()
    land.pass_time(2, answering=[*HOME, ABROAD[0]], silent=ABROAD[1:])
    land.pass_time(2, answering=HOME, silent=ABROAD)
    land.pass_time(3, answering=HOME + ABROAD, silent=[])
    (outage,) = land.experiments.kept
    assert ABROAD[0] not in outage.answered | outage.silent


def test_where_nothing_was_lost_nothing_is_looked_at() -> None:
    experiments = Experiments()
    assert [experiments.is_due(losses) for losses in (0, 3, 3, 4, 4)] == [
        False, True, False, True, False,
    ]  # fmt: skip
    land = Land()
    land.pass_time(2, answering=HOME, silent=ABROAD)
    assert land.experiments.is_due(land.losses)  # to see the end


@pytest.mark.reaches("PARTIAL_OUTAGE_DAYS", "PARTIAL_OUTAGES")
def test_old_ones_are_forgotten_and_few_are_kept() -> None:
    experiments = Experiments()
    hosts = frozenset({"192.0.2.1"})
    experiments.kept = [
        PartialOutage(WALL + day * DAY_S, WALL + day * DAY_S + 60, hosts, hosts)
        for day in range(-5, 100)
    ]
    experiments.forget_old(WALL + limits.PARTIAL_OUTAGE_DAYS * DAY_S)
    assert len(experiments.kept) == limits.PARTIAL_OUTAGES
    last = experiments.kept[-1].ended
    experiments.forget_old(last + (limits.PARTIAL_OUTAGE_DAYS - 1) * DAY_S)
    assert [one.ended for one in experiments.kept][-1:] == [last]
    experiments.forget_old(last + (limits.PARTIAL_OUTAGE_DAYS + 1) * DAY_S)
    assert experiments.kept == []


@pytest.mark.reaches("PARTIAL_OUTAGE_HOSTS")
def test_of_very_many_hosts_some_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, module, "PARTIAL_OUTAGE_HOSTS", 3)
    land = Land()
    land.pass_time(4, answering=HOME, silent=ABROAD)
    land.pass_time(3, answering=HOME + ABROAD, silent=[])
    (outage,) = land.experiments.kept
    assert len(outage.answered) == len(outage.silent) == 3
