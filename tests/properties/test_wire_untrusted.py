"""Whatever the network sends: a Message or WireError; and what was parsed can be built again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.protocol import rdata_fields, wire
from tests.properties.wire_corpus import needs_corpus, packets
from tests.properties.wire_strategies import PARTS, SECTIONS, Parts, damaged
from tests.support import examples

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.heavy
_SETTINGS = settings(max_examples=examples(100))
# a plausible header in front, or nearly every example ends in it
_HEADERS = st.builds(
    lambda head, counts: head + b"".join(count.to_bytes(2, "big") for count in counts),
    st.binary(min_size=4, max_size=4),
    st.lists(st.integers(0, 3), min_size=4, max_size=4),
)
ANY_OCTETS = st.binary(max_size=300) | st.builds(
    lambda header, body: header + body, _HEADERS, st.binary(max_size=300)
)
_READERS: dict[int, Callable[[bytes], object]] = {
    6: rdata_fields.soa,
    15: rdata_fields.mx,
    43: rdata_fields.ds,
    46: rdata_fields.rrsig,
    47: rdata_fields.nsec,
    48: rdata_fields.dnskey,
    50: rdata_fields.nsec3,
}


def _parsed_untrusted(data: bytes) -> wire.Message | None:
    try:
        return wire.parse_untrusted(data)
    except WireError:
        return None


def _read_everything(message: wire.Message) -> None:
    """What was accepted, every reader can read."""
    for record in message.answer + message.authority + message.additional:
        reader = _READERS.get(record.rtype)
        if reader is not None and record.rdata:
            reader(record.rdata)
    for section in (message.answer, message.authority, message.additional):
        wire.group(section)
    assert repr(message)


def _rebuilt(message: wire.Message, max_size: int = 65535) -> bytes:
    question = (message.qname_raw, message.qtype, message.qclass)
    return wire.build(
        id=message.id,
        flags=message.flags,
        question=question if message.question_count else None,
        answer=message.answer,
        authority=message.authority,
        additional=message.additional,
        edns=message.edns,
        max_size=max_size,
    )


def _folded(section: list[wire.Record]) -> list[wire.Record]:
    """Compression gives a name in rdata the case of what it points to."""
    return [record._replace(rdata=record.rdata.lower()) for record in section]


def _assert_same(first: wire.Message, second: wire.Message) -> None:
    assert (second.id, second.flags, second.edns) == (first.id, first.flags, first.edns)
    assert (second.qname_raw, second.qtype) == (first.qname_raw, first.qtype)
    assert _folded(second.answer) == _folded(first.answer)
    assert _folded(second.authority) == _folded(first.authority)
    assert _folded(second.additional) == _folded(first.additional)


@pytest.mark.rfc("RFC 1035 §4.1.4")
@_SETTINGS
@given(ANY_OCTETS)
def test_parse_untrusted_returns_or_raises_wire_error(data: bytes) -> None:
    message = _parsed_untrusted(data)
    if message is not None:
        _read_everything(message)


@_SETTINGS
@given(ANY_OCTETS)
def test_head_untrusted_returns_or_raises_wire_error(data: bytes) -> None:
    """And where the whole message can be read, its head says the same."""
    message = _parsed_untrusted(data)
    try:
        head = wire.head_untrusted(data)
    except WireError:
        assert message is None
        return
    if message is not None:
        assert (head.id, head.flags, head.question_count) == (
            message.id,
            message.flags,
            message.question_count,
        )
        assert (head.qname, head.qname_raw, head.qtype, head.qclass) == (
            message.qname,
            message.qname_raw,
            message.qtype,
            message.qclass,
        )


@needs_corpus
@_SETTINGS
@given(st.deferred(lambda: damaged(packets())), st.integers(0, 1500))
def test_damaged_packets_are_refused_or_can_be_built_again(packet: bytes, size: int) -> None:
    """parse → build → parse is the identity; a smaller limit cuts, and never breaks."""
    message = _parsed_untrusted(packet)
    if message is None:
        return
    _read_everything(message)
    again = _rebuilt(message)
    if not wire.parse_untrusted(again).tc or message.tc:
        _assert_same(message, wire.parse_untrusted(again))
    wire.parse_untrusted(_rebuilt(message, max_size=size))


@_SETTINGS
@given(PARTS)
def test_what_is_built_parses_to_the_same(parts: Parts) -> None:
    message = wire.parse_untrusted(parts.build())
    assert (message.id, message.flags) == (parts.id, parts.flags)
    assert (message.qname_raw, message.qtype, message.qclass) == parts.question
    assert message.edns == parts.edns
    assert _folded(message.answer) == _folded(parts.answer)
    assert _folded(message.authority) == _folded(parts.authority)
    assert _folded(message.additional) == _folded(parts.additional)


@pytest.mark.rfc("RFC 2181 §9")
@_SETTINGS
@given(PARTS, st.integers(300, 2000))
def test_a_limit_is_kept_and_says_so(parts: Parts, size: int) -> None:
    """OPT always stays; TC is set exactly if an answer or authority record went."""
    bare = len(parts._replace(answer=[], authority=[], additional=[]).build())
    packet = parts.build(max_size=size)
    assert len(packet) <= max(size, bare)
    message = wire.parse_untrusted(packet)
    is_whole = (len(message.answer), len(message.authority)) == (
        len(parts.answer),
        len(parts.authority),
    )
    assert message.tc == (parts.flags & 0x0200 != 0 or not is_whole)
    assert message.edns == parts.edns
    assert _folded(message.answer) == _folded(parts.answer)[: len(message.answer)]


@_SETTINGS
@given(SECTIONS)
def test_grouping_loses_no_record(section: list[wire.Record]) -> None:
    """Flattened again: the same records but for doubles and for TTLs, which are now the lowest."""
    flat = wire.flatten(wire.group(section), dnssec=True)
    assert {record[:2] + record[4:] for record in flat} == {
        record[:2] + record[4:] for record in section
    }
    lowest: dict[tuple[bytes, int], int] = {}
    for record in section:
        key = (record.owner, record.rtype)
        lowest[key] = min(record.ttl, lowest.get(key, record.ttl))
    assert all(record.ttl <= lowest[record.owner, record.rtype] for record in flat)
