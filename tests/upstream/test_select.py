"""The choice of a server: pure functions, so every rule is a line."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver import limits
from resolver.model import Server, Verdict
from resolver.protocol.names import from_text
from resolver.upstream.infra import Infra
from resolver.upstream.select import (
    Candidate,
    Situation,
    companion,
    expected_gain,
    first_hedge_s,
    next_hedge_s,
    opening,
    serial_s,
    weigh,
)
from resolver.upstream.server_state import owner_domain_of

ZONE = from_text("example.com")
NS1, NS2, NS3 = (from_text(f"ns{i}.example.net") for i in (1, 2, 3))
DUAL = [
    Server("192.0.2.1", 53, NS1),
    Server("2001:db8:1::1", 53, NS1),
    Server("198.51.100.1", 53, NS2),
    Server("2001:db8:2::1", 53, NS2),
]


class Case:
    """An infra with some RTTs in it, and a way to weigh."""

    def __init__(self, rtts: dict[str, float] | None = None) -> None:
        self.infra = Infra(rng=random.Random(0))
        self.rng = random.Random(1)
        for host, rtt in (rtts or {}).items():
            self.infra.note_answer(self.infra.state(Server(host)), rtt, 100.0)

    def weigh(self, servers: list[Server], *, now: float = 101.0, broken: bool | None = None):  # type: ignore[no-untyped-def]
        families = frozenset() if broken is None else frozenset({broken})
        situation = Situation(ZONE, owner_domain_of(ZONE), now, families)
        return weigh(servers, situation, infra=self.infra, rng=self.rng)


def test_the_lowest_rtt_is_asked_alone() -> None:
    case = Case({"192.0.2.1": 0.05, "198.51.100.1": 0.02, "2001:db8:1::1": 0.07})
    chosen = opening(case.weigh(DUAL), width=2)
    assert [c.server.host for c in chosen] == ["198.51.100.1"]


def test_strangers_race_across_nameserver_and_family() -> None:
    for _ in range(50):
        first, second = opening(Case().weigh(DUAL), width=2)
        assert first.server.nameserver != second.server.nameserver
        assert first.state.is_ipv6 != second.state.is_ipv6


def test_without_speculation_one_stranger_is_asked() -> None:
    assert len(opening(Case().weigh(DUAL), width=1)) == 1


def test_a_known_server_is_preferred_to_a_stranger_that_might_be_nearer() -> None:
    """The stranger is measured by a probe beside the question, not on its critical path."""
    case = Case({"192.0.2.1": 0.2})
    candidates = case.weigh(DUAL)
    (chosen,) = opening(candidates, width=2)
    assert chosen.server.host == "192.0.2.1"
    probe = companion(candidates, chosen.state, now=101.0)
    assert probe
    assert probe.server.nameserver == NS2


def test_the_other_address_of_a_measured_machine_is_asked_alone() -> None:
    """It is as good as measured, and will be measured so at no cost."""
    case = Case({"2001:db8:1::1": 0.05})
    (chosen,) = opening(case.weigh(DUAL), width=2)
    assert chosen.server == DUAL[0]
    wait = first_hedge_s([chosen], case.weigh(DUAL), typical_s=0.03)
    assert wait == case.infra.state(DUAL[1]).hedge_s


def test_a_third_stranger_is_asked_sooner_than_a_sibling() -> None:
    case = Case()
    third = [*DUAL, Server("203.0.113.1", 53, NS3)]
    for servers, wait in ((DUAL, limits.HEDGE_UNKNOWN_SECONDS), (third, 0.028)):
        pair = [c for c in case.weigh(servers) if c.server in (DUAL[0], DUAL[3])]
        found = first_hedge_s(pair, case.weigh(servers), typical_s=0.04)
        assert round(found, 6) == wait


@pytest.mark.reaches("HEDGE_STRANGER_SECONDS")
def test_a_third_stranger_is_not_asked_at_once_where_all_are_near() -> None:
    case = Case()
    candidates = case.weigh([*DUAL, Server("203.0.113.1", 53, NS3)])
    pair = [c for c in candidates if c.server in (DUAL[0], DUAL[3])]
    found = first_hedge_s(pair, candidates, typical_s=0.001)
    assert found == limits.HEDGE_STRANGER_SECONDS


@pytest.mark.reaches("PROBE_GAIN_SHARE")
def test_what_is_worth_a_probe_grows_with_the_rtt() -> None:
    """Below a share of it nobody would notice, however far the server is."""
    share = limits.PROBE_GAIN_SHARE
    for rtt in (0.1, 1.0):
        stranger = Candidate(
            rtt, 0.0, DUAL[2], Case().infra.state(DUAL[2]), spread=0.01, is_worth_a_probe=True
        )
        case = Case({"192.0.2.1": rtt})
        primary = case.infra.state(DUAL[0])
        enough = share / (1 + primary.n / 8)  # what is used more is worth more
        for less, is_probed in ((0.8 * enough, False), (1.3 * enough, True)):
            found = companion([stranger._replace(cost=rtt * (1 - less))], primary, now=101.0)
            assert (found is not None) is is_probed


@pytest.mark.reaches("PROBE_GAIN_SECONDS")
def test_near_servers_are_not_probed_for_less_than_jitter() -> None:
    """The share of a short RTT would be less than anybody can measure."""
    rtt = 0.005
    case = Case({"192.0.2.1": rtt})
    primary = case.infra.state(DUAL[0])
    enough = limits.PROBE_GAIN_SECONDS / (1 + primary.n / 8)
    for gain, is_probed in ((0.8 * enough, False), (1.3 * enough, True)):
        stranger = Candidate(
            rtt - gain,
            0.0,
            DUAL[2],
            Case().infra.state(DUAL[2]),
            spread=0.01,
            is_worth_a_probe=True,
        )
        assert (companion([stranger], primary, now=101.0) is not None) is is_probed


def test_nothing_is_probed_when_nothing_can_be_gained() -> None:
    case = Case({"192.0.2.1": 0.002})
    candidates = case.weigh(DUAL)
    assert companion(candidates, candidates[0].state, now=101.0) is None


def test_a_suspect_comes_last_and_is_probed_when_its_time_has_come() -> None:
    case = Case({"192.0.2.1": 0.01, "198.51.100.1": 0.05})
    servers = [DUAL[0], DUAL[2]]
    near = case.infra.state(DUAL[0])
    for at in (101.0, 102.0):
        near.note_silence(owner_domain_of(ZONE), at, at + 0.3)
    candidates = case.weigh(servers, now=103.0)
    assert opening(candidates, width=2)[0].server == DUAL[2]
    assert companion(candidates, candidates[0].state, now=103.0) is None
    probe = companion(case.weigh(servers, now=140.0), candidates[0].state, now=140.0)
    assert probe
    assert probe.server == DUAL[0]


@pytest.mark.reaches("RESTAMP_SECONDS")
def test_a_runner_up_is_measured_anew_after_a_while() -> None:
    """Anycast routes move."""
    case = Case({"192.0.2.1": 0.01, "198.51.100.1": 0.02})
    servers = [DUAL[0], DUAL[2]]
    soon = 100.0 + limits.RESTAMP_SECONDS
    candidates = case.weigh(servers, now=soon)
    assert companion(candidates, candidates[0].state, now=soon) is None
    later = soon + 1.0
    candidates = case.weigh(servers, now=later)
    probe = companion(candidates, candidates[0].state, now=later)
    assert probe
    assert probe.server == DUAL[2]


def test_a_broken_family_comes_after_all_others() -> None:
    case = Case({"192.0.2.1": 0.2, "2001:db8:1::1": 0.01})
    candidates = case.weigh(DUAL, broken=True)
    assert [c.state.is_ipv6 for c in candidates] == [False, False, True, True]


def test_a_lame_server_is_the_last_resort_but_one() -> None:
    case = Case({"192.0.2.1": 0.01, "198.51.100.1": 0.2})
    case.infra.mark(case.infra.state(DUAL[0]), ZONE, Verdict.LAME, 100.0)
    candidates = case.weigh([DUAL[0], DUAL[2]])
    assert [c.server for c in candidates] == [DUAL[2], DUAL[0]]
    assert [c.server for c in opening(case.weigh([DUAL[0]]), width=2)] == [DUAL[0]]


def test_ties_are_broken_at_random() -> None:
    case = Case()
    firsts = {case.weigh([DUAL[0], DUAL[2]])[0].server for _ in range(40)}
    assert len(firsts) == 2


@pytest.mark.reaches("HEDGE_FLOOR_SECONDS", "HEDGE_UNKNOWN_SECONDS")
def test_hedges_wait_for_what_the_server_usually_takes() -> None:
    case = Case({"192.0.2.1": 0.1, "198.51.100.1": 0.0001})
    assert 0.1 < case.infra.state(DUAL[0]).hedge_s < 0.2
    assert case.infra.state(DUAL[2]).hedge_s == limits.HEDGE_FLOOR_SECONDS
    assert case.infra.state(DUAL[1]).hedge_s == limits.HEDGE_UNKNOWN_SECONDS


@pytest.mark.reaches("HEDGE_CEILING_SECONDS", "HEDGE_GROWTH")
def test_hedges_back_off_up_to_a_ceiling() -> None:
    """RFC 9520 §3.1."""
    state = Case().infra.state(DUAL[0])
    gap = state.hedge_s
    for _ in range(20):
        longer = next_hedge_s(state, gap, is_second_round=False)
        assert gap <= longer <= limits.HEDGE_CEILING_SECONDS
        gap = longer
    assert gap == limits.HEDGE_CEILING_SECONDS
    assert next_hedge_s(state, 0.2, is_second_round=False) == 0.2 * limits.HEDGE_GROWTH


@pytest.mark.reaches("SERIAL_UNKNOWN_SECONDS")
def test_a_serial_asker_with_five_seconds_sees_many_servers() -> None:
    waits_s = serial_s(Case().infra.state(DUAL[0]))
    assert waits_s == limits.SERIAL_UNKNOWN_SECONDS
    assert 5.0 / waits_s > 10


@given(st.floats(0.001, 2.0), st.floats(-7.0, 1.0), st.floats(0.05, 2.0))
def test_the_expected_gain_is_never_more_than_what_there_is_to_gain(
    best: float, mean_log: float, spread: float
) -> None:
    assert -1e-9 <= expected_gain(best, mean_log, spread) <= best


@given(
    st.dictionaries(st.integers(1, 8), st.floats(0.001, 0.5), max_size=8),
    st.sets(st.integers(1, 8), max_size=8),
    st.integers(1, 3),
)
def test_an_opening_asks_each_address_once(
    rtts: dict[int, float], silent: set[int], width: int
) -> None:
    case = Case({f"192.0.{i}.1": rtt for i, rtt in rtts.items()})
    for i in silent:
        case.infra.state(Server(f"192.0.{i}.1")).note_unreachable(owner_domain_of(ZONE), 100.5)
    servers = [Server(f"192.0.{i}.1", 53, from_text(f"ns{i}.test")) for i in range(1, 9)]
    chosen = opening(case.weigh(servers), width=width)
    assert 1 <= len(chosen) <= width
    assert len({c.server for c in chosen}) == len(chosen)
    known = {f"192.0.{i}.1" for i in rtts if i not in silent}
    if known:
        assert chosen[0].server.host in known


@pytest.mark.rfc("RFC 1123 §6.1.3")
def test_who_is_silent_is_asked_again_after_ever_longer_waits() -> None:
    state = Infra(rng=random.Random(0)).state(DUAL[0])
    waits = [0.4]
    for turn in range(8):
        waits.append(next_hedge_s(state, waits[-1], is_second_round=turn > 3))
    assert all(later > sooner for sooner, later in pairwise(waits[:4]))
    assert all(later >= sooner for sooner, later in pairwise(waits))
    assert waits[-1] == waits[-2] < 10
