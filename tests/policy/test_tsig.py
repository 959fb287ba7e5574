"""Signed queries are refused as RFC 8945 says, for no key is known here."""

from __future__ import annotations

import dns.message
import dns.tsig
import dns.tsigkeyring
import pytest

from resolver.errors import WireError
from resolver.policy import query_rules, tsig
from resolver.protocol.codes import Rcode
from resolver.protocol.message import Record
from resolver.protocol.render import add_last
from resolver.protocol.wire import parse_untrusted

KEYS = dns.tsigkeyring.from_text({"key.example.": "aGVsbG8gd29ybGQ="})


def signed(*, edns: int = -1) -> bytes:
    query = dns.message.make_query("www.example.", "A", use_edns=edns)
    query.use_tsig(KEYS, "key.example.")
    return query.to_wire()


@pytest.mark.rfc("RFC 8945 §5.2.1")
@pytest.mark.parametrize("edns", [-1, 0])
def test_an_unknown_key_is_told_so(edns: int) -> None:
    """NOTAUTH, and a TSIG record with BADKEY and no MAC (§5.3.2)."""
    query = parse_untrusted(signed(edns=edns))
    refusal = query_rules.check(query)
    assert refusal is not None
    assert refusal.rcode == Rcode.NOTAUTH
    bare = query.id.to_bytes(2, "big") + b"\x81\x09" + bytes(8)
    reply = parse_untrusted(add_last(bare, refusal.last))
    record = reply.additional[-1]
    assert (record.owner, record.rtype, record.rclass, record.ttl) == (
        b"\3key\7example\0", 250, 255, 0,
    )  # fmt: skip
    asked = query.additional[-1].rdata
    name_and_times = asked.index(b"\0") + 1 + 8
    assert record.rdata[:name_and_times] == asked[:name_and_times]
    no_mac, original_id, error, other = (
        int.from_bytes(record.rdata[at : at + 2], "big")
        for at in range(name_and_times, name_and_times + 8, 2)
    )
    assert (no_mac, original_id, error, other) == (0, query.id, 17, 0)
    assert len(record.rdata) == name_and_times + 8


@pytest.mark.rfc("RFC 8945 §5.2.1")
def test_dnspython_reads_the_refusal() -> None:
    query = parse_untrusted(signed())
    refusal = query_rules.check(query)
    assert refusal is not None
    bare = query.id.to_bytes(2, "big") + b"\x81\x09" + bytes(8)
    with pytest.raises(dns.tsig.PeerBadKey):
        dns.message.from_wire(add_last(bare, refusal.last), keyring=KEYS, request_mac=b"")


@pytest.mark.rfc("RFC 8945 §5.1")
def test_a_signature_that_is_not_the_last_or_not_the_only_one_is_a_format_error() -> None:
    query = parse_untrusted(signed())
    signature = query.additional[-1]
    for additional in ([signature, signature], [signature, Record(b"\0", 1, 1, 0, bytes(4))]):
        query.additional[:] = additional
        assert query_rules.check(query) == query_rules.Refusal(Rcode.FORMERR)


def test_any_octets_are_read_or_refused() -> None:
    whole = parse_untrusted(signed()).additional[-1]
    for size in range(len(whole.rdata)):
        with pytest.raises(WireError):
            tsig.bad_key(whole._replace(rdata=whole.rdata[:size]))
    with pytest.raises(WireError):
        tsig.bad_key(whole._replace(rdata=b"\x40" + bytes(100)))


@pytest.mark.rfc("RFC 8945 §4.2, §5.1")
def test_a_record_behind_a_signature_and_a_signature_of_a_class_are_format_errors() -> None:
    query = parse_untrusted(signed())
    query.additional[:] = [query.additional[-1]._replace(rclass=1)]
    assert query_rules.check(query) == query_rules.Refusal(Rcode.FORMERR)
    behind = add_last(signed(), bytes.fromhex("0000291000000000000000"))
    with pytest.raises(WireError):
        parse_untrusted(behind)
