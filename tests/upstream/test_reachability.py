"""Group events: what is believed of a family, and for how long."""

from __future__ import annotations

import random
from itertools import cycle, islice
from typing import TYPE_CHECKING

import pytest

from resolver import limits
from resolver.model import Server
from resolver.upstream.infra import Infra
from resolver.upstream.reachability import Reachability

if TYPE_CHECKING:
    from resolver.upstream.server_state import ServerState


def servers(count: int, *, template: str = "198.51.{}.1") -> list[ServerState]:
    """As many as *count*, each known and in a prefix of its own."""
    infra = Infra(rng=random.Random(0))
    states = [infra.state(Server(template.format(at))) for at in range(count)]
    for state in states:
        state.note_answer(0.02, now=1.0)
    return states


@pytest.mark.reaches("NO_ROUTE_SECONDS")
def test_no_route_is_believed_for_a_moment() -> None:
    """Of both families: then nothing can be reached, and stale answers may be served at once."""
    reach = Reachability()
    reach.note_no_route(is_ipv6=True, now=10.0)
    assert not reach.has_no_route(10.0)
    reach.note_no_route(is_ipv6=False, now=10.0)
    assert reach.has_no_route(9.9 + limits.NO_ROUTE_SECONDS)
    assert not reach.has_no_route(10.0 + limits.NO_ROUTE_SECONDS)


@pytest.mark.reaches("OUTAGE_TRICKLE_SECONDS")
def test_packets_of_an_outage_are_apart() -> None:
    reach = Reachability()
    gap = limits.OUTAGE_TRICKLE_SECONDS
    assert [reach.take_trickle(at) for at in (10.0, 9.9 + gap, 10.0 + gap)] == [True, False, True]


@pytest.mark.reaches("FAMILY_PREFIXES", "FAMILY_PROBE_SECONDS")
def test_a_family_is_broken_once_some_prefixes_are_silent_and_is_tried_now_and_then() -> None:
    """While the other family answers."""
    reach = Reachability()
    silent = servers(limits.FAMILY_PREFIXES, template="2001:db8:{}::1")
    reach.note_answer(servers(1)[0], now=10.0)
    for state in silent:
        assert reach.broken_families == frozenset()
        reach.note_silence(state, sent_at=9.0, now=11.0)
    assert reach.broken_families == {True}
    assert not reach.may_probe_family(silent[0], 10.9 + limits.FAMILY_PROBE_SECONDS)
    assert reach.may_probe_family(silent[0], 11.0 + limits.FAMILY_PROBE_SECONDS)


@pytest.mark.reaches("OUTAGE_SENDS")
def test_few_overdue_packets_are_no_outage() -> None:
    reach, silent = Reachability(), servers(limits.OUTAGE_SENDS)
    told = [reach.note_overdue(state, sent_at=9.0, now=11.0) for state in silent]
    assert told == [False] * (limits.OUTAGE_SENDS - 1) + [True]


@pytest.mark.reaches("OUTAGE_PREFIXES")
def test_many_overdue_packets_to_few_prefixes_are_no_outage() -> None:
    reach, silent = Reachability(), servers(limits.OUTAGE_PREFIXES)
    for state in islice(cycle(silent[:-1]), 3 * limits.OUTAGE_SENDS):
        assert not reach.note_overdue(state, sent_at=9.0, now=11.0)
    assert reach.note_overdue(silent[-1], sent_at=9.0, now=11.0)
