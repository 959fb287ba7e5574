"""Records become RRsets, and RRsets records."""

from __future__ import annotations

import pytest

from resolver.protocol import names
from resolver.protocol.message import Message, Record, RRset, flatten, group

A = names.from_text("a.example")
B = names.from_text("b.example")


def signature(owner: bytes, covered: int, ttl: int = 60, mark: int = 0) -> Record:
    rdata = covered.to_bytes(2, "big") + bytes((mark,)) + bytes(16)
    return Record(owner, 46, 1, ttl, rdata)


def test_sets_come_in_order_of_their_first_record() -> None:
    records = [
        Record(B, 1, 1, 60, b"1111"),
        Record(A, 1, 1, 60, b"2222"),
        Record(B, 1, 1, 60, b"3333"),
        Record(B, 28, 1, 60, bytes(16)),
    ]
    assert group(records) == [
        RRset(B, 1, 60, (b"1111", b"3333")),
        RRset(A, 1, 60, (b"2222",)),
        RRset(B, 28, 60, (bytes(16),)),
    ]


@pytest.mark.rfc("RFC 2181 §5.2")
def test_the_lowest_ttl_is_the_sets() -> None:
    """RFC 2181 §5.2."""
    records = [Record(A, 1, 1, ttl, bytes((ttl,) * 4)) for ttl in (60, 30, 90)]
    assert group(records)[0].ttl == 30


@pytest.mark.rfc("RFC 2181 §5")
def test_equal_records_count_once() -> None:
    """RFC 2181 §5."""
    assert group([Record(A, 1, 1, 60, b"1111")] * 3) == [RRset(A, 1, 60, (b"1111",))]


def test_signatures_go_with_what_they_cover() -> None:
    """Whichever comes first; their TTL counts too."""
    first, second = signature(A, 1, mark=1), signature(A, 1, ttl=50, mark=2)
    records = [first, Record(A, 1, 1, 60, b"1111"), second]
    assert group(records) == [RRset(A, 1, 50, (b"1111",), (first.rdata, second.rdata))]


def test_signatures_without_their_set_are_a_set_of_their_own() -> None:
    """As in an answer to a question for RRSIG."""
    first, second = signature(A, 28), signature(A, 15, ttl=20)
    assert group([first, second, Record(B, 1, 1, 60, b"1111")]) == [
        RRset(B, 1, 60, (b"1111",)),
        RRset(A, 46, 20, (first.rdata, second.rdata)),
    ]


def test_an_empty_signature_covers_nothing() -> None:
    """UPDATE deletes RRsets with records that have no rdata (RFC 2136 §2.5.2)."""
    assert group([Record(A, 46, 255, 0, b"")]) == [RRset(A, 46, 0, (b"",))]


def test_flatten_leaves_signatures_out_unless_asked() -> None:
    rrset = RRset(A, 1, 60, (b"1111", b"2222"), (signature(A, 1).rdata,))
    plain = [Record(A, 1, 1, 60, b"1111"), Record(A, 1, 1, 60, b"2222")]
    assert flatten([rrset]) == plain
    assert flatten([rrset], dnssec=True) == [*plain, signature(A, 1)]


def test_a_message_tells_what_it_is() -> None:
    assert "rcode=2" in repr(Message(1, 0x8002, 1))
