"""Packet cache: what fills memory, and what does not, whoever asks."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from resolver.limits import (
    PACKET_CACHE_OCTETS,
    PACKET_NUMBERS,
    PACKET_TTL_SECONDS,
)
from resolver.packets import cache, fast_path, packet
from resolver.packets.cache import PacketCache
from resolver.packets.form import Layout
from resolver.packets.options import ClientOptions
from resolver.policy.cookies import ServerCookies
from resolver.protocol.edns import Edns
from resolver.protocol.names import from_text
from resolver.protocol.transport import Transport
from tests.packets.test_cache import SOURCE, Hands, Path, query, two_addresses
from tests.support import set_limit

if TYPE_CHECKING:
    from resolver.packets.packet import Packet


@pytest.mark.reaches("PACKET_CACHE_OCTETS")
def test_memory_is_bounded() -> None:
    """The least recently asked go first."""
    path = Path(two_addresses())
    shards = path.packets.shards
    assert shards._limit * len(shards._shards) == PACKET_CACHE_OCTETS
    packets = PacketCache(path.clock, max_octets=1 << 20)
    for at in range(5000):
        name = from_text(f"n{at}.example.com.")
        data = query(name=name)
        path.answer = two_addresses(name=name)
        packets.store(data, path.full(data, Transport.UDP), transport=Transport.UDP, lifetime_s=300)
    assert 3000 < len(packets) < 4000
    assert packets.shards.octets <= 1 << 20


@pytest.mark.reaches("PACKET_TTL_SECONDS")
def test_what_is_popular_is_rendered_again_after_a_while() -> None:
    answer = two_addresses()
    path = Path(replace(answer, answer=(answer.answer[0]._replace(ttl=86_400),)))
    path.full(query(), Transport.UDP, stores=True)
    path.clock.time += PACKET_TTL_SECONDS - 1
    assert path.recall(query()) is not None
    path.clock.time += 1
    assert path.recall(query()) is None


@pytest.mark.reaches("PER_SECOND_COPIES")
def test_what_is_ready_for_one_second_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Emptying it, once a second, must not be felt; over the bound replies are made as before."""
    set_limit(monkeypatch, packet, "PER_SECOND_COPIES", 2)
    path = Path(two_addresses())
    asked = []
    for at in range(4):
        path.answer = two_addresses(name=from_text(f"n{at}.example.com."))
        asked.append(query(name=path.answer.question.qname))
        path.full(asked[-1], Transport.UDP, stores=True)
    for _ in range(3):
        assert all(path.recall(data) for data in asked)
    assert sum(len(client.copies) for client in path.fast_paths[Transport.UDP]._clients) == 2


@pytest.mark.reaches("PER_SECOND_COPIES")
def test_a_cookie_over_the_bound_is_not_kept_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 7873 §5.2: what is ready for everybody never holds one client's cookie."""
    set_limit(monkeypatch, packet, "PER_SECOND_COPIES", 1)
    path = Path(two_addresses())
    way_in = path.fast_paths[Transport.UDP]
    asked = query(edns=Edns(options=((10, b"clientck"),)))
    path.full(asked, Transport.UDP, stores=True)
    sources = (b"\xc0\0\2\1", b"\xc0\0\2\2", b"\xc0\0\2\3")
    replies = [{way_in.recall(asked, source) for _ in range(3)} for source in sources]
    assert [len(one) for one in replies] == [1, 1, 1]
    assert len(set.union(*replies)) == len(sources)


@pytest.mark.reaches("QUERY_SHAPES")
def test_shapes_of_queries_do_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen bits of type are the asker's to choose."""
    set_limit(monkeypatch, cache, "QUERY_SHAPES", 10)
    path = Path(two_addresses())
    for qtype in range(1000, 1035):
        path.recall(query(qtype=qtype))
    assert 0 < len(path.packets.client_key(0, Transport.UDP).forms) <= 10


@pytest.mark.reaches("FAST_PATH_SOURCES")
def test_spoofed_clients_do_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, fast_path, "FAST_PATH_SOURCES", 10)
    path = Path(two_addresses())
    way_in = path.fast_paths[Transport.UDP]
    way_in.begin()
    for source in range(35):
        way_in.recall(query(), source.to_bytes(4, "big"))
    assert 0 < len(way_in._by_source) <= 10


@pytest.mark.rfc("RFC 7873 §5.2.2")
def test_a_cookie_that_is_too_short_is_not_given_back() -> None:
    """FORMERR it is; a COOKIE option made of it could not be read."""
    options = ClientOptions(ServerCookies(random.Random(1)))
    for size in range(8):
        assert options.of(((10, bytes(size)),), SOURCE, Transport.UDP) == b""
    assert options.of(((10, bytes(8)),), SOURCE, Transport.UDP)


@pytest.mark.reaches("PACKET_NUMBERS")
def test_equal_numbers_are_one_object_and_do_not_fill_memory() -> None:
    hands = Hands()
    packets = PacketCache(hands)

    def packet() -> Packet:
        return packets._packet(bytes(12), Layout(0, 60, -1), 0, 60.0, 1000.0)

    first, second = packet(), packet()
    assert first.born == 1000
    assert first.born is second.born
    assert first.due is first.expires is second.expires
    held = set()
    for _ in range(PACKET_NUMBERS):
        hands.time += 1
        packet()
        held.add(len(packets._numbers))
    assert max(held) in (PACKET_NUMBERS, PACKET_NUMBERS + 1)  # two of a packet
    assert min(held) == 2
