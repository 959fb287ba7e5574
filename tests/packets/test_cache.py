"""Packet cache: what comes from it is what the full path would have said."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import (
    PADDING_OCTETS,
)
from resolver.model import Answer, Ede, Question, RRset, Status
from resolver.packets.cache import PacketCache
from resolver.packets.fast_path import FastPath
from resolver.packets.options import ClientOptions
from resolver.packets.shards import weight
from resolver.policy.cookies import ServerCookies
from resolver.protocol.codes import RRType
from resolver.protocol.edns import Edns
from resolver.protocol.names import from_text
from resolver.protocol.render import add_options, build_query
from resolver.protocol.transport import Transport
from resolver.protocol.wire import parse_untrusted, qname_end
from resolver.reply import Shape, render

SOURCE = b"\xc0\x00\x02\x01"
NAME = from_text("www.example.com.")
SIGNATURE = bytes(18) + from_text("example.com.") + b"s" * 64


class Hands:
    """A clock that stands where it is put."""

    def __init__(self, now: float = 1000.0) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time + 1_700_000_000


class Path:
    """The full path's last steps, and the packet cache beside them."""

    def __init__(self, answer: Answer, *, max_udp: int = 1232) -> None:
        self.clock = Hands()
        self.answer = answer
        self.born = self.clock.time
        self.max_udp = max_udp
        self.packets = PacketCache(self.clock, udp_payload=max_udp)
        self.options = ClientOptions(
            ServerCookies(random.Random(1)), keepalive_s=10, padding=PADDING_OCTETS
        )
        self.fast_paths = {
            kind: FastPath(self.packets, kind, self.options)
            for kind in (Transport.UDP, Transport.TCP, Transport.TLS, Transport.HTTPS)
        }

    def full(self, data: bytes, transport: Transport, *, stores: bool = False) -> bytes:
        query = parse_untrusted(data)
        options = query.edns.options if query.edns else ()
        reserved = self.options.reserve(options, transport)
        shape = Shape(self.max_udp, transport is not Transport.UDP, reserved)
        reply = render(query, self._aged(), shape)
        if stores:
            self.packets.store(data, reply, transport=transport, lifetime_s=self.answer_lifetime())
        reply = add_options(reply, self.options.of(options, SOURCE, transport))
        if self.options.pads(options, transport):
            reply = add_options(reply, self.options.pad(len(reply), 65_535))
        return reply

    def recall(self, data: bytes, transport: Transport = Transport.UDP) -> bytes | None:
        fast = self.fast_paths[transport]
        fast.begin()
        return fast.recall(data, SOURCE)

    def answer_lifetime(self) -> float:
        return min(rrset.ttl for rrset in self.answer.answer) - (self.clock.time - self.born)

    def _aged(self) -> Answer:
        age = int(self.clock.time - self.born)
        rrsets = tuple(rrset._replace(ttl=rrset.ttl - age) for rrset in self.answer.answer)
        return Answer(
            self.answer.question,
            self.answer.rcode,
            rrsets,
            status=self.answer.status,
            ede=self.answer.ede,
        )


def two_addresses(*, name: bytes = NAME, ede: tuple[Ede, ...] = ()) -> Answer:
    rrset = RRset(name, RRType.A, 300, (b"\x01\x02\x03\x04", b"\x01\x02\x03\x05"), (SIGNATURE,))
    return Answer(Question(name, RRType.A), 0, (rrset,), status=Status.SECURE, ede=ede)


def query(
    *, name: bytes = NAME, qtype: int = RRType.A, edns: Edns | None = None, flags: int = 0x0100
) -> bytes:
    return build_query(id=77, qname=name, qtype=qtype, flags=flags, edns=edns)


def ttls(reply: bytes) -> list[int]:
    return [record.ttl for record in parse_untrusted(reply).answer]


def without_ttls(reply: bytes) -> tuple[object, ...]:
    message = parse_untrusted(reply)
    records = [record._replace(ttl=0) for record in message.answer]
    return (message.id, message.flags, message.qname_raw, records, message.edns, len(reply))


def respelled(data: bytes, seed: int) -> bytes:
    """*data* with the name's letters in other cases (0x20)."""
    end = qname_end(data)
    rng = random.Random(seed)
    name = bytes(
        octet ^ 0x20 if chr(octet).isalpha() and rng.random() < 0.5 else octet
        for octet in data[12:end]
    )
    return data[:12] + name + data[end:]


EDNS = st.none() | st.builds(
    Edns,
    version=st.just(0),
    extended_rcode=st.just(0),
    z=st.just(0),
    udp_payload=st.sampled_from([0, 512, 600, 1232, 4096]),
    do=st.booleans(),
    options=st.sampled_from(
        [
            (),
            ((10, b"clientck"),),
            ((10, b"clientck" + b"s" * 16),),
            ((11, b""),),
            ((12, bytes(20)),),
            ((12, b"noise"),),
            ((11, b""), (12, bytes(3))),
            ((3, b""),),
            ((10, b"clientck"), (12, b"\0" * 8)),
        ]
    ),
)
FLAGS = st.sampled_from([0x0100, 0x0120, 0x0110, 0x0130, 0x0000, 0x0140])
TRANSPORTS = st.sampled_from([Transport.UDP, Transport.TCP, Transport.TLS, Transport.HTTPS])


@given(
    first=st.tuples(EDNS, FLAGS, TRANSPORTS),
    second=st.tuples(EDNS, FLAGS, TRANSPORTS),
    seconds=st.sampled_from([0.0, 0.4, 1.0, 17.3, 299.0, 300.0]),
    count=st.sampled_from([1, 2, 30, 34, 80]),
    seed=st.integers(0, 99),
    has_ede=st.booleans(),
)
def test_reply_equals_the_full_path_but_for_ttls(
    first: tuple[Edns | None, int, Transport],
    second: tuple[Edns | None, int, Transport],
    seconds: float,
    count: int,
    seed: int,
    has_ede: bool,  # noqa: FBT001
) -> None:
    """Whatever was stored for whom: a hit says what `render` would say to this client now."""
    rrset = RRset(
        NAME, RRType.A, 300, tuple(struct.pack("!I", at) for at in range(count)), (SIGNATURE,)
    )
    ede = (Ede(3, "why"),) if has_ede else ()
    path = Path(Answer(Question(NAME, RRType.A), 0, (rrset,), status=Status.SECURE, ede=ede))
    path.full(query(edns=first[0], flags=first[1]), first[2], stores=True)
    path.clock.time += seconds
    asked = respelled(query(edns=second[0], flags=second[1]), seed)
    for _ in range(3):  # the first hit in a second, its second, and the one kept ready
        reply = path.recall(asked, second[2])
        if reply is None:
            continue
        assert seconds < 300
        assert without_ttls(reply) == without_ttls(path.full(asked, second[2]))
        assert all(300 - seconds - 1 <= ttl <= 300 - int(seconds) for ttl in ttls(reply))


def test_what_was_stored_is_found_again() -> None:
    """The property above is not empty. A cookie is added to the reply that others share."""
    path = Path(two_addresses())
    for edns in (None, Edns(), Edns(do=True), Edns(options=((10, b"clientck"),))):
        data = query(edns=edns)
        for transport in (Transport.UDP, Transport.TCP):
            is_shared = edns is not None and bool(edns.options)
            assert (path.recall(data, transport) is not None) is is_shared
            path.full(data, transport, stores=True)
            assert path.recall(respelled(data, 3), transport) is not None


@pytest.mark.rfc("RFC 1035 §3.2.1")
def test_ttls_count_down_and_end() -> None:
    """RFC 1035 §3.2.1: TTLs are lowered, and what has expired is not served."""
    path = Path(two_addresses())
    path.full(query(), Transport.UDP, stores=True)
    seen = []
    for _ in range(4):
        reply = path.recall(query())
        assert reply is not None
        seen.append(ttls(reply)[0])
        path.clock.time += 50
    assert seen == [300, 250, 200, 150]
    path.clock.time += 100
    assert path.recall(query()) is None


@pytest.mark.rfc("RFC 4343 §3")
def test_type_65_is_not_type_97() -> None:
    """Only the name is lower-cased: 0x41 and 0x61 are other types, not other spellings."""
    rrset = RRset(NAME, 65, 300, (b"\0\1\0",))
    path = Path(Answer(Question(NAME, 65), 0, (rrset,)))
    path.full(query(qtype=65), Transport.UDP, stores=True)
    assert path.recall(query(qtype=65)) is not None
    assert path.recall(query(qtype=97)) is None


def test_flush_forgets_at_once() -> None:
    """Also what was kept ready for the current second."""
    path = Path(two_addresses())
    path.full(query(), Transport.UDP, stores=True)
    assert path.recall(query())
    assert path.recall(query())
    path.packets.flush()
    assert path.recall(query()) is None
    path.full(query(), Transport.UDP, stores=True)
    assert path.recall(query()) is not None


@given(edns=EDNS, flags=st.sampled_from([0x0100, 0x0110, 0x0120]), seed=st.integers(0, 99))
def test_one_question_is_forgotten_by_whomever_it_was_asked(
    edns: Edns | None, flags: int, seed: int
) -> None:
    """Over each transport, in each spelling and shape; and no other name or type with it."""
    path = Path(two_addresses())
    other = Path(two_addresses(name=from_text("ww.example.com.")))
    other.packets, other.fast_paths = path.packets, path.fast_paths
    asked = query(edns=edns, flags=flags)
    beside = query(name=from_text("ww.example.com."), edns=edns, flags=flags)
    for transport in (Transport.UDP, Transport.TCP):
        path.full(asked, transport, stores=True)
        other.full(beside, transport, stores=True)
    octets = path.packets.shards.octets
    path.packets.forget(Question(NAME, RRType.AAAA))
    assert path.packets.shards.octets == octets
    kept = [path.recall(beside, one) is not None for one in (Transport.UDP, Transport.TCP)]
    for _ in range(3):  # kept ready for this second, too
        path.recall(asked)
    path.packets.forget(Question(NAME, RRType.A))
    for transport in (Transport.UDP, Transport.TCP):
        assert path.recall(respelled(asked, seed), transport) is None
        assert path.recall(asked, transport) is None
    assert kept == [path.recall(beside, one) is not None for one in (Transport.UDP, Transport.TCP)]
    assert path.packets.shards.octets == sum(
        weight(key, packet)
        for shard in path.packets.shards.table[0]
        for key, packet in shard.items()
    )


def test_better_data_replaces_what_is_kept_ready() -> None:
    """A hit right after a store shows the new reply, within the same second too."""
    path = Path(two_addresses())
    path.full(query(), Transport.UDP, stores=True)
    assert path.recall(query())
    rrset = RRset(NAME, RRType.A, 300, (b"\x09\x09\x09\x09",))
    path.answer = Answer(Question(NAME, RRType.A), 0, (rrset,))
    path.full(query(), Transport.UDP, stores=True)
    reply = path.recall(query())
    assert reply is not None
    assert [record.rdata for record in parse_untrusted(reply).answer] == [b"\x09\x09\x09\x09"]


def test_truncated_reply_is_not_served_to_who_takes_more() -> None:
    """TC is the fact of one payload limit."""
    rrset = RRset(NAME, RRType.A, 300, tuple(struct.pack("!I", at) for at in range(60)))
    path = Path(Answer(Question(NAME, RRType.A), 0, (rrset,)))
    path.full(query(), Transport.UDP, stores=True)
    assert path.recall(query(edns=Edns())) is None
    assert path.recall(query(), Transport.TCP) is None


def test_policy_tags_see_their_own_replies() -> None:
    """A reply made under one policy is not for clients under another; None gets nothing."""
    path = Path(two_addresses())
    tags = {b"aaaa": 0, b"bbbb": 1, b"cccc": None}
    fast = FastPath(path.packets, Transport.UDP, path.options, admit=tags.__getitem__)
    path.full(query(), Transport.UDP, stores=True)
    for _ in range(2):
        assert fast.recall(query(), b"aaaa") is not None
        assert fast.recall(query(), b"bbbb") is None
        assert fast.recall(query(), b"cccc") is None


def test_cookie_is_for_one_address() -> None:
    """RFC 7873 §5.2: a server cookie depends on the client's address, also when kept ready."""
    path = Path(two_addresses())
    asked = query(edns=Edns(options=((10, b"clientck"),)))
    path.full(asked, Transport.UDP, stores=True)
    fast = path.fast_paths[Transport.UDP]
    mine = {fast.recall(asked, SOURCE) for _ in range(4)}
    others = {fast.recall(asked, b"\xc0\0\2\2") for _ in range(4)}
    assert len(mine) == len(others) == 1
    assert mine != others
    assert fast.recall(asked + SOURCE, SOURCE) is None


def test_one_hit_is_sent_the_long_way_for_prefetch() -> None:
    """After `refresh_after_s` the full path sees the name once, and hits go on."""
    path = Path(two_addresses())
    data = query()
    reply = path.full(data, Transport.UDP)
    path.packets.store(data, reply, transport=Transport.UDP, lifetime_s=300, refresh_after_s=10)
    path.clock.time += 5
    assert path.recall(data) is not None
    path.clock.time += 6
    assert path.recall(data) is None
    assert path.recall(data) is not None


@pytest.mark.rfc("RFC 1035 §3.2.1")
def test_ttl_zero_and_strange_replies_are_not_kept() -> None:
    """RFC 1035 §3.2.1 (TTL 0); a reply to another question; records behind the OPT."""
    path = Path(two_addresses())
    data = query(edns=Edns())
    reply = path.full(data, Transport.UDP)
    kept = {"transport": Transport.UDP, "lifetime_s": 300.0}
    assert not path.packets.store(data, reply, transport=Transport.UDP, lifetime_s=0)
    assert not path.packets.store(query(name=from_text("x.y.")), reply, **kept)  # type: ignore[arg-type]
    assert not path.packets.store(data, reply[:-1], **kept)  # type: ignore[arg-type]
    assert not path.packets.store(data, reply + b"\0", **kept)  # type: ignore[arg-type]
    assert not path.packets.store(query(), reply, **kept)  # type: ignore[arg-type]
    assert path.packets.store(data, reply, **kept)  # type: ignore[arg-type]


@pytest.mark.rfc("RFC 2181 §11")
def test_name_with_a_zero_octet_is_never_found_by_another() -> None:
    """A label may hold any octet (RFC 2181 §11); such names go the long way."""
    path = Path(two_addresses())
    strange = b"\x05a\0\0\x01\0\x03com\0"
    data = query(name=strange)
    reply = data[:2] + b"\x81\x80\0\1\0\0\0\0\0\0" + data[12:]
    assert not path.packets.store(data, reply, transport=Transport.UDP, lifetime_s=60)


@given(data=st.binary(max_size=80))
def test_recall_untrusted(data: bytes) -> None:
    """Any octets: no exception, and no reply from an empty cache."""
    path = Path(two_addresses())
    assert path.recall(data) is None
    assert not path.packets.store(data, data, transport=Transport.UDP, lifetime_s=60)


@given(data=st.binary(max_size=60), reply=st.binary(max_size=60))
def test_store_untrusted(data: bytes, reply: bytes) -> None:
    """Any octets behind a good question: kept or not, but no exception."""
    path = Path(two_addresses())
    asked = query()
    path.packets.store(asked + data, reply, transport=Transport.UDP, lifetime_s=60)
    head = asked[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + asked[12:]
    path.packets.store(asked, head + reply, transport=Transport.UDP, lifetime_s=60)
    path.recall(asked)
