"""Ours and dnspython read every message alike, or a named class of differences says why not."""

from __future__ import annotations

import collections

import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolver.protocol import wire
from tests.properties.wire_corpus import needs_corpus, packets
from tests.properties.wire_oracle import UNEXPLAINED, difference, their_rdata
from tests.properties.wire_strategies import PARTS, Parts, damaged
from tests.support import examples

pytestmark = pytest.mark.heavy
_SETTINGS = settings(max_examples=examples(75))


@needs_corpus
def test_corpora_are_read_as_dnspython_reads_them() -> None:
    """Captures, recordings and fuzzing seeds; the few differences stay few."""
    found = collections.Counter(difference(packet) for packet in packets())
    unexplained = [reason for reason in found if reason and reason.startswith(UNEXPLAINED)]
    assert unexplained == []
    assert found[None] > 0.97 * sum(found.values()), found


@needs_corpus
@_SETTINGS
@given(st.deferred(lambda: damaged(packets())))
def test_damaged_packets_are_read_as_dnspython_reads_them(packet: bytes) -> None:
    reason = difference(packet)
    assert reason is None or not reason.startswith(UNEXPLAINED), reason


@_SETTINGS
@given(PARTS)
def test_what_we_build_dnspython_reads_alike(parts: Parts) -> None:
    reason = difference(parts.build())
    assert reason is None or not reason.startswith(UNEXPLAINED), reason


@_SETTINGS
@given(PARTS)
def test_what_dnspython_builds_we_read(parts: Parts) -> None:
    """Its compression, not ours: owners, types, TTLs and rdata come back as they went in."""
    message = dns.message.Message(id=parts.id)
    message.flags = dns.flags.Flag(parts.flags & 0x87FF)
    for section, records in (
        (message.answer, parts.answer),
        (message.authority, parts.authority),
        (message.additional, parts.additional),
    ):
        for owner, rtype, _, ttl, rdata in records:
            name = dns.name.from_wire(owner, 0)[0]
            value = their_rdata(1, rtype, rdata)
            section.append(dns.rrset.from_rdata(name, ttl, value))
    read = wire.parse_untrusted(message.to_wire(max_size=65535))
    for ours, records in (
        (read.answer, parts.answer),
        (read.authority, parts.authority),
        (read.additional, parts.additional),
    ):
        assert [_folded(record) for record in ours] == [_folded(record) for record in records]


def _folded(record: wire.Record) -> wire.Record:
    """A compressed name takes the case of what it points to: only octets without case compare."""
    return record._replace(rdata=record.rdata.lower())
