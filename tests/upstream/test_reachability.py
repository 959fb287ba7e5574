"""Group events: what is believed of a family, and for how long."""

from __future__ import annotations

import pytest

from resolver import limits
from resolver.upstream.reachability import Reachability


@pytest.mark.reaches("NO_ROUTE_SECONDS")
def test_no_route_is_believed_for_a_moment() -> None:
    """Of both families: then nothing can be reached, and stale answers may be served at once."""
    reach = Reachability()
    reach.note_no_route(is_ipv6=True, now=10.0)
    assert not reach.has_no_route(10.0)
    reach.note_no_route(is_ipv6=False, now=10.0)
    assert reach.has_no_route(9.9 + limits.NO_ROUTE_SECONDS)
    assert not reach.has_no_route(10.0 + limits.NO_ROUTE_SECONDS)


@pytest.mark.reaches("OUTAGE_CANARY_SECONDS")
def test_packets_of_an_outage_are_apart() -> None:
    reach = Reachability()
    gap = limits.OUTAGE_CANARY_SECONDS
    assert [reach.take_canary(at) for at in (10.0, 9.9 + gap, 10.0 + gap)] == [True, False, True]
