"""Messages as octets: compression, and what is left out when there is no room."""

from __future__ import annotations

import pytest

from resolver.protocol import names, wire
from resolver.protocol.edns import Edns
from resolver.protocol.wire import Record

WWW = names.from_text("www.example.com")
WEB = names.from_text("web.example.com")
ZONE = names.from_text("example.com")
A = [Record(WWW, 1, 1, 60, bytes((192, 0, 2, last))) for last in range(1, 11)]
SIGNATURE = Record(WWW, 46, 1, 60, b"\0\1" + bytes(16) + ZONE + bytes(64))
QUESTION = (b"\3wWw\7eXample\3com\0", 1, 1)


def build(**parts: object) -> bytes:
    return wire.build(**({"id": 7, "flags": 0x8180, "question": QUESTION} | parts))  # type: ignore[arg-type]


def test_owners_point_to_the_question() -> None:
    """Two octets each; the client gets the case back that it sent."""
    octets = build(answer=A[:2])
    assert len(octets) == 12 + 21 + 2 * 16
    assert octets[33:35] == b"\xc0\x0c"
    assert wire.parse_untrusted(octets).answer == A[:2]


@pytest.mark.rfc("RFC 3597 §4")
def test_rdata_of_old_types_is_compressed() -> None:
    """RFC 1035 types only (RFC 3597 §4)."""
    cname = Record(WWW, 5, 1, 60, WEB)
    dname = Record(WWW, 39, 1, 60, WEB)
    srv = Record(WWW, 33, 1, 60, bytes(6) + WEB)
    assert build(answer=[cname]).endswith(b"\0\6\3web\xc0\x10")
    assert build(answer=[dname]).endswith(b"\0\x11" + WEB)
    assert build(answer=[srv]).endswith(bytes(6) + WEB)
    soa = Record(ZONE, 6, 1, 60, b"\2ns" + ZONE + b"\4Host" + ZONE + bytes(range(20)))
    octets = build(authority=[soa])
    assert octets.endswith(b"\2ns\xc0\x10\4Host\xc0\x10" + bytes(range(20)))
    assert wire.parse_untrusted(octets).authority[0].rdata.lower() == soa.rdata.lower()


@pytest.mark.rfc("RFC 1035 §4.1.4")
def test_offsets_above_14_bits_are_not_pointed_to() -> None:
    """RFC 1035 §4.1.4."""
    filler = Record(names.ROOT, 65280, 1, 60, bytes(17000))
    late = [Record(names.from_text("late.test"), 1, 1, 60, bytes(4))] * 2
    octets = build(answer=[filler, *late])
    assert wire.parse_untrusted(octets).answer == [filler, *late]
    assert octets.count(b"\4late\4test\0") == 2


@pytest.mark.rfc("RFC 2181 §9")
def test_the_additional_section_goes_first_and_silently() -> None:
    """RFC 2181 §9: TC is for what had to be there."""
    glue = [Record(WEB, 1, 1, 60, bytes(4))]
    whole = build(answer=A[:2], additional=glue, edns=Edns())
    octets = build(answer=A[:2], additional=glue, edns=Edns(), max_size=len(whole) - 1)
    parsed = wire.parse_untrusted(octets)
    assert parsed.answer == A[:2]
    assert parsed.additional == []
    assert not parsed.tc
    assert parsed.edns == Edns()


@pytest.mark.rfc("RFC 2181 §5")
def test_rrsets_go_whole_and_with_their_signatures() -> None:
    """A part of an RRset is not an RRset (RFC 2181 §5.1)."""
    cname = Record(names.from_text("alias.example.com"), 5, 1, 60, names.from_text("test"))
    whole = build(answer=[cname, *A, SIGNATURE], edns=Edns())
    assert not wire.parse_untrusted(whole).tc
    for size in range(100, len(whole)):
        parsed = wire.parse_untrusted(
            build(answer=[cname, *A, SIGNATURE], edns=Edns(), max_size=size)
        )
        assert parsed.tc
        assert parsed.answer == [cname]
        assert parsed.edns is not None


@pytest.mark.rfc("RFC 2181 §9")
def test_an_rrset_of_the_answer_may_be_split_where_the_caller_says_so() -> None:
    """As many records as fit, after whole sets, and nothing behind them."""
    cname = Record(names.from_text("alias.example.com"), 5, 1, 60, WWW)
    more = [Record(names.from_text(f"n{n}.test"), 2, 1, 60, WWW) for n in range(3)]
    whole = wire.parse_untrusted(build(answer=[cname, *more, *A], authority=more))
    seen = set()
    for size in range(30, 400):
        octets = build(answer=[cname, *more, *A], authority=more, max_size=size, may_split=True)
        assert len(octets) <= max(size, 12 + 21)
        parsed = wire.parse_untrusted(octets)
        assert parsed.answer == whole.answer[: len(parsed.answer)]
        assert parsed.tc == (len(parsed.answer) + len(parsed.authority) < len(A) + 7)
        seen.add(len(parsed.answer))
    assert seen == set(range(len(A) + 5))


def test_header_question_and_opt_stay_whatever_the_limit() -> None:
    octets = build(answer=A, edns=Edns(), max_size=0)
    parsed = wire.parse_untrusted(octets)
    assert parsed.tc
    assert parsed.qname_raw == QUESTION[0]
    assert parsed.edns == Edns()
    assert len(octets) == 12 + 21 + 11


def test_nothing_grows_beyond_64_kib() -> None:
    many = [Record(WWW, 1, 1, 60, index.to_bytes(4, "big")) for index in range(5000)]
    octets = build(answer=many)
    assert len(octets) <= 65535
    assert wire.parse_untrusted(octets).tc


def test_rdata_above_64_kib_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="65536"):
        build(answer=[Record(WWW, 65280, 1, 60, bytes(65536))])


def test_no_question_is_possible() -> None:
    """What cannot be read is answered FORMERR with a header alone."""
    assert build(question=None, flags=0x8001) == bytes.fromhex("0007 8001 0000 0000 0000 0000")


def test_queries_keep_their_spelling() -> None:
    octets = wire.build_query(id=1, qname=QUESTION[0], qtype=28, flags=0x0100, edns=Edns(do=True))
    parsed = wire.parse_untrusted(octets)
    assert parsed.qname_raw == QUESTION[0]
    assert (parsed.qtype, parsed.qclass, parsed.rd, parsed.do) == (28, 1, True, True)
    bare = wire.parse_untrusted(wire.build_query(id=1, qname=WWW, qtype=1))
    assert bare.edns is None
