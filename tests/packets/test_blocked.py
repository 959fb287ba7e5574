"""Replies that tell that a name is blocked: how long they are right, and that each is counted."""

from __future__ import annotations

import pytest

from resolver.limits import PACKET_TTL_SECONDS
from resolver.packets.packet import Lasts
from resolver.protocol.edns import OPT_COOKIE, Edns
from resolver.protocol.transport import Transport
from tests.packets.test_cache import Path, query, ttls, two_addresses


def kept(lasts: Lasts) -> Path:
    """A path whose packet cache has one reply, made at 1000 s, with TTLs of 300."""
    path = Path(two_addresses())
    asked = query()
    reply = path.full(asked, Transport.UDP)
    path.packets.store(asked, reply, transport=Transport.UDP, lifetime_s=1e9, lasts=lasts)
    return path


@pytest.mark.reaches("PACKET_TTL_SECONDS")
def test_what_policy_says_of_a_name_stands_still_until_policy_changes() -> None:
    path = kept(Lasts.AS_POLICY_BLOCKED)
    first = path.recall(query())
    assert first is not None
    assert ttls(first) == [300, 300]
    path.clock.time += PACKET_TTL_SECONDS - 1
    assert path.recall(query()) == first
    path.packets.flush()
    assert path.recall(query()) is None
    path = kept(Lasts.AS_POLICY_BLOCKED)
    path.clock.time += PACKET_TTL_SECONDS
    assert path.recall(query()) is None


def test_what_is_blocked_for_what_it_leads_to_lasts_as_long_as_that() -> None:
    path = kept(Lasts.AS_DATA_BLOCKED)
    path.clock.time += 100
    reply = path.recall(query())
    assert reply is not None
    assert ttls(reply) == [200, 200]
    path.clock.time += 200
    assert path.recall(query()) is None
    assert path.packets.blocked == 1


@pytest.mark.parametrize("lasts", list(Lasts))
def test_each_time_that_a_name_is_told_to_be_blocked_is_counted(lasts: Lasts) -> None:
    """Many times in one second too, when copies of others are ready; and spelled in any way."""
    path = kept(lasts)
    spelled = query(name=b"\x03wWw\x07exAmple\x03com\0")
    for _ in range(5):
        assert path.recall(query()) is not None
        assert path.recall(spelled) is not None
    assert path.packets.blocked == (0 if lasts is Lasts.AS_DATA else 10)


def test_a_cookie_comes_with_it() -> None:
    path = kept(Lasts.AS_POLICY_BLOCKED)
    asked = query(edns=Edns(options=((OPT_COOKIE, b"12345678"),)))
    reply = path.full(query(edns=Edns()), Transport.UDP)
    path.packets.store(
        asked, reply, transport=Transport.UDP, lifetime_s=1e9, lasts=Lasts.AS_POLICY_BLOCKED
    )
    path.clock.time += 1000
    for _ in range(3):
        told = path.recall(asked)
        assert told is not None
        assert b"\0\x0a\0\x1812345678" in told
    assert path.packets.blocked == 3
