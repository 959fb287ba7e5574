"""Rates, slots, and the short reply."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import CLIENT_QUERIES, RATE_PROVEN_FACTOR, RATE_SLIP
from resolver.listen import admission
from resolver.listen.admission import (
    Admission,
    RateLimit,
    raw_address,
    short_reply,
)
from resolver.protocol.ip_addresses import network_of
from resolver.protocol.wire import parse_untrusted
from tests.listen.echo import question
from tests.support import set_limit


def test_network_is_what_one_subscriber_has() -> None:
    assert network_of(raw_address("192.0.2.77")) == bytes([192, 0, 2])
    assert len(network_of(raw_address("2001:db8::1%eth0"))) == 7


def test_rate_has_a_burst_and_refills() -> None:
    now = [0.0]
    rate = RateLimit(2, lambda: now[0])
    mine, other = raw_address("192.0.2.1"), raw_address("198.51.100.1")
    assert [rate.allows(b"", mine) for _ in range(3)] == [True, True, False]
    assert rate.allows(b"", other)
    now[0] = 0.5
    assert [rate.allows(b"", mine) for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [rate.allows(b"", mine) for _ in range(3)] == [True, True, False]


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


@pytest.mark.reaches("RATE_NETWORKS")
def test_spoofed_networks_do_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, admission, "RATE_NETWORKS", 10)
    rate = RateLimit(2, lambda: 0.0)
    for at in range(35):
        rate.allows(b"", bytes([192, 0, at, 1]))
    assert 0 < len(rate._anybody) <= 10


def test_a_full_table_forgets_who_was_not_met_for_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who floods from one network does not have a burst for every thousand others it makes up."""
    set_limit(monkeypatch, admission, "RATE_NETWORKS", 10)
    rate = RateLimit(2, lambda: 0.0)
    mine = raw_address("192.0.2.1")
    allowed = 0
    for at in range(100):
        allowed += rate.allows(b"", mine)
        rate.allows(b"", bytes([10, 0, at, 1]))
    assert allowed == 2


@pytest.mark.reaches("RATE_PROVEN_FACTOR")
@pytest.mark.rfc("RFC 7873 §1")
def test_forged_queries_do_not_silence_who_has_proven_its_address() -> None:
    """A /24 whose addresses are forged still has TCP and its cookies, each query ten times."""
    rate = RateLimit(2, lambda: 0.0, is_proven=lambda data, _: data == b"cookie")
    forged, mine = raw_address("192.0.2.66"), raw_address("192.0.2.1")
    for _ in range(50):
        rate.allows(b"", forged)
    assert not rate.allows(b"plain", mine)
    most = 2 * RATE_PROVEN_FACTOR
    assert [rate.allows(b"cookie", mine) for _ in range(most // 2)] == [True] * (most // 2)
    assert [rate.allows_stream(mine) for _ in range(most)].count(True) == most // 2
    assert not rate.allows(b"cookie", mine)


def test_a_client_that_is_within_the_rate_is_not_asked_for_its_cookie() -> None:
    """Looking for it costs more than a hit."""
    asked: list[bytes] = []

    def is_proven(data: bytes, _: bytes) -> bool:
        asked.append(data)
        return True

    rate = RateLimit(2, lambda: 0.0, is_proven=is_proven)
    assert all(rate.allows(b"%d" % at, raw_address("192.0.2.1")) for at in range(4))
    assert asked == [b"2", b"3"]


@pytest.mark.reaches("RATE_SLIP")
def test_now_and_then_a_limited_query_has_a_truncated_reply() -> None:
    """A client whose address others forge comes back over TCP."""
    rate, mine = RateLimit(1, lambda: 0.0), raw_address("192.0.2.1")
    rate.allows(b"", mine)
    slipped = []
    for _ in range(4 * RATE_SLIP):
        assert not rate.allows(b"", mine)
        slipped.append(rate.slip(question()) is not None)
    assert slipped == [*[False] * (RATE_SLIP - 1), True] * 4
