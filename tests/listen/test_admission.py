"""Places, and the short reply."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import CLIENT_QUERIES
from resolver.listen import admission
from resolver.listen.admission import Admission, raw_address
from resolver.listen.rate_limit import RateLimit
from resolver.listen.short_reply import short_reply
from resolver.protocol.ip_addresses import network_of
from resolver.protocol.wire import parse_untrusted
from tests.listen.echo import question
from tests.support import set_limit


def test_network_is_what_one_subscriber_has() -> None:
    assert network_of(raw_address("192.0.2.77")) == bytes([192, 0, 2])
    assert len(network_of(raw_address("2001:db8::1%eth0"))) == 7


@pytest.mark.reaches("CLIENT_QUERIES")
def test_one_network_cannot_take_all_places() -> None:
    """It may hold as many as are still free."""
    assert Admission().total == CLIENT_QUERIES
    rooms = Admission(total=8)
    assert [rooms.enter(b"a") for _ in range(6)] == [True] * 4 + [False] * 2
    assert [rooms.enter(b"b") for _ in range(3)] == [True, True, False]
    assert rooms.enter(b"c")
    assert not rooms.enter(b"c")
    rooms.leave(b"a")
    assert rooms.enter(b"c")
    assert rooms.refused == 4


@given(data=st.binary(max_size=60))
def test_short_reply_untrusted(data: bytes) -> None:
    """Never larger than the query, never an answer to an answer, always a message."""
    for asked in (data, question()[:2] + data, question() + data):
        reply = short_reply(asked, rcode=2)
        if reply is not None:
            assert len(reply) <= max(len(asked), 12)
            assert not asked[2] & 0x80
            assert parse_untrusted(reply).is_response


@pytest.mark.reaches("WAITING_QUERIES")
def test_where_rates_are_limited_a_network_has_so_many_places(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_limit(monkeypatch, admission, "WAITING_QUERIES", 3)
    rooms = Admission(total=100)
    assert all(rooms.enter(b"abc") for _ in range(10))
    rooms = Admission(total=100, rate=RateLimit(1, lambda: 0.0))
    assert [rooms.enter(b"abc") for _ in range(5)] == [True] * 3 + [False] * 2
    assert rooms.enter(b"abd")
    for mine in (network_of(raw_address("127.0.0.1")), network_of(raw_address("::1"))):
        assert all(rooms.enter(mine) for _ in range(10))
