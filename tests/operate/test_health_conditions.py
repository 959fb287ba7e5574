"""Whether a machine should attract traffic: what is a reason, and from when on it counts."""

from __future__ import annotations

import pytest

from resolver.limits import HEALTH_FALL, HEALTH_LATENCY_SECONDS, HEALTH_RISE
from resolver.operate.health_conditions import Facts, Hysteresis, Look, conditions, unmet

WELL = Facts(has_started=True, is_leaving=False)
PLACE = "127.0.0.1:53 (UDP)"


def reasons(look: Look, *, stays: bool = False) -> list[str]:
    return [*unmet(conditions(look, stays=stays))]


def alone(facts: Facts = WELL, took_s: float | None = 0.001, late_s: float = 0.0) -> Look:
    return Look({0: facts}, {}, {PLACE: took_s}, late_s)


def test_a_machine_that_is_well_should() -> None:
    assert reasons(alone()) == []


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (alone(Facts(has_started=False, is_leaving=False)), "started: still starting"),
        (alone(Facts(has_started=True, is_leaving=True)), "in service: drained, or ending"),
        (alone(took_s=None), f"listeners: {PLACE} does not answer"),
        (
            alone(Facts(has_started=True, is_leaving=False, missing=("[::1]:53 (TCP)",))),
            "listeners: [::1]:53 (TCP) is not bound",
        ),
        (
            alone(Facts(has_started=True, is_leaving=False, outage="no route: the public tree")),
            "link: no route: the public tree",
        ),
    ],
)
def test_each_condition_is_told_where_it_is_not_met(look: Look, reason: str) -> None:
    assert reasons(look) == [reason]


@pytest.mark.reaches("HEALTH_LATENCY_SECONDS")
def test_it_should_be_in_time() -> None:
    """Both what a listener takes, and what the loop is late by."""
    late_s = HEALTH_LATENCY_SECONDS + 0.001
    assert reasons(alone(took_s=HEALTH_LATENCY_SECONDS, late_s=HEALTH_LATENCY_SECONDS)) == []
    assert reasons(alone(took_s=late_s)) == ["latency: 501.0 ms, of 500 at most"]
    assert reasons(alone(late_s=late_s)) == ["latency: 501.0 ms, of 500 at most"]


def test_an_outage_does_not_count_for_who_stays() -> None:
    look = alone(Facts(has_started=True, is_leaving=False, outage="nobody answers"))
    assert reasons(look, stays=True) == []
    link = conditions(look, stays=True)["link"]
    assert (link.is_met, link.counts, link.says) == (False, False, "nobody answers")


def test_what_one_of_several_workers_says_counts_and_so_does_one_that_says_nothing() -> None:
    out = Facts(has_started=True, is_leaving=False, outage="nobody answers")
    look = Look({0: WELL, 1: out}, {2: 4.2}, {PLACE: 0.001})
    assert reasons(look) == [
        "link: worker 1: nobody answers",
        "workers: 2 of 3; worker 2 silent for 4 s",
    ]


def is_down(verdict: Hysteresis) -> bool:
    return not verdict.is_up


@pytest.mark.reaches("HEALTH_FALL", "HEALTH_RISE")
def test_bad_looks_count_when_there_were_enough_in_a_row() -> None:
    verdict = Hysteresis(is_up=True)
    for _ in range(2):
        assert [verdict.note(is_good=False) for _ in range(HEALTH_FALL - 1)].count(True) == 0
        assert not verdict.note(is_good=True)
    assert verdict.is_up
    assert [verdict.note(is_good=False) for _ in range(HEALTH_FALL)][-1]
    assert is_down(verdict)
    for _ in range(2):
        assert [verdict.note(is_good=True) for _ in range(HEALTH_RISE - 1)].count(True) == 0
        assert not verdict.note(is_good=False)
    assert [verdict.note(is_good=True) for _ in range(HEALTH_RISE)][-1]
    assert verdict.is_up


def test_a_drain_counts_at_once_and_its_end_does_not() -> None:
    verdict = Hysteresis(is_up=True)
    assert verdict.note(is_good=False, at_once=True)
    assert not verdict.note(is_good=False, at_once=True)
    assert not verdict.note(is_good=True)
    assert is_down(verdict)
