"""Answers as octets: flags, sections, EDNS, truncation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver import reply
from resolver.config.schema import Config
from resolver.limits import CLASSIC_UDP_OCTETS, STREAM_OCTETS, UDP_PAYLOAD
from resolver.model import Answer, Ede, Question, RRset, Source, Status
from resolver.packets.form import layout_alone, read_layout
from resolver.protocol.codes import EdeCode, Flag, Rcode, RRType
from resolver.protocol.edns import OPT_EDE, Edns
from resolver.protocol.message import Message
from resolver.protocol.names import ROOT
from resolver.protocol.wire import build_query, parse_untrusted, qname_end
from resolver.reply import Shape, malformed, may_keep, render, render_alone
from tests.making import name, question, rrset

ASKED = question("www.example. A")
SIGNATURE = bytes([0, 1, 13, 2]) + bytes(14) + name("example.") + bytes(64)
SIGNED = rrset("www.example. 60 A 192.0.2.1")._replace(signatures=(SIGNATURE,))
NSEC = RRset(name("a.example."), RRType.NSEC, 60, (name("z.example.") + b"\0\1\x40",))
SHAPE = Shape(1232)


def query(*, flags: int = Flag.RD, edns: Edns | None = None) -> Message:
    return parse_untrusted(
        build_query(id=7, qname=b"\3wWw\7exAmple\0", qtype=1, flags=flags, edns=edns)
    )


def replied(asked: Message, answer: Answer, shape: Shape = SHAPE) -> Message:
    return parse_untrusted(render(asked, answer, shape))


def answered(**more: object) -> Answer:
    return Answer(ASKED, Rcode.NOERROR, (SIGNED,), (NSEC,), **more)  # type: ignore[arg-type]


@pytest.mark.rfc("RFC 1035 §4.1.1", "RFC 4343 §4")
def test_id_question_and_rd_come_back() -> None:
    reply = replied(query(), answered())
    assert (reply.id, reply.qname_raw, reply.rd, reply.ra, reply.aa) == (
        7,
        b"\3wWw\7exAmple\0",
        True,
        True,
        False,
    )


@pytest.mark.rfc("RFC 4035 §3.2.1")
def test_dnssec_records_go_to_those_who_ask() -> None:
    plain = replied(query(), answered())
    assert [record.rtype for record in plain.answer + plain.authority] == [RRType.A]
    signed = replied(query(edns=Edns(do=True)), answered())
    assert [record.rtype for record in signed.answer] == [RRType.A, RRType.RRSIG]
    assert [record.rtype for record in signed.authority] == [RRType.NSEC]


@pytest.mark.rfc("RFC 6840 §5.7")
def test_ad_goes_to_those_who_set_ad_or_do() -> None:
    answer = answered(status=Status.SECURE)
    assert not replied(query(), answer).ad
    assert replied(query(flags=Flag.RD | Flag.AD), answer).ad
    assert replied(query(edns=Edns(do=True)), answer).ad
    assert not replied(query(flags=Flag.RD | Flag.AD), answered(status=Status.INSECURE)).ad


@pytest.mark.rfc("RFC 6891 §6.1.1")
def test_opt_only_in_reply_to_opt() -> None:
    assert replied(query(), answered()).edns is None
    edns = replied(query(edns=Edns()), answered()).edns
    assert edns is not None
    assert edns.udp_payload == 1232


@pytest.mark.rfc("RFC 8914 §2")
def test_extended_errors_go_to_those_who_speak_edns() -> None:
    failed = Answer(ASKED, Rcode.SERVFAIL, ede=(Ede(EdeCode.DNSSEC_BOGUS, "why"),))
    edns = replied(query(edns=Edns()), failed).edns
    assert edns is not None
    assert edns.option(OPT_EDE) == b"\0\6why"
    assert replied(query(), failed).rcode == Rcode.SERVFAIL


@pytest.mark.reaches("CLASSIC_UDP_OCTETS", "UDP_PAYLOAD")
@pytest.mark.rfc("RFC 1035 §4.2.1")
@pytest.mark.parametrize(
    ("edns", "limit"),
    [
        (None, CLASSIC_UDP_OCTETS),
        (Edns(udp_payload=100), CLASSIC_UDP_OCTETS),
        (Edns(udp_payload=900), 900),
        (Edns(udp_payload=4096), UDP_PAYLOAD),
    ],
)
def test_udp_replies_fit_what_the_client_takes(edns: Edns | None, limit: int) -> None:
    many = RRset(
        ASKED.qname, RRType.A, 60, tuple(bytes([10, 0, i, j]) for i in range(5) for j in range(50))
    )
    shape = Shape(Config().server.udp_payload_size)
    data = render(query(edns=edns), Answer(ASKED, 0, (many,)), shape)
    assert len(data) <= limit
    assert parse_untrusted(data).tc
    fewer = [Answer(ASKED, 0, (many._replace(rdatas=many.rdatas[:n]),)) for n in range(1, 90)]
    replies = [render(query(edns=edns), answer, shape) for answer in fewer]
    longest = max(len(data) for data in replies if not parse_untrusted(data).tc)
    assert limit - 16 < longest <= limit  # an address has 16 octets
    whole = render(query(edns=edns), Answer(ASKED, 0, (many,)), Shape(1232, is_stream=True))
    assert not parse_untrusted(whole).tc
    assert len(parse_untrusted(whole).answer) == 250


@pytest.mark.rfc("RFC 6891 §6.1.3")
def test_badvers_has_its_upper_bits_in_opt() -> None:
    told = Answer(ASKED, Rcode.BADVERS)
    reply = parse_untrusted(render(query(edns=Edns(version=1)), told, SHAPE))
    assert reply.rcode == Rcode.BADVERS


@pytest.mark.rfc("RFC 1035 §4.1.1")
def test_octets_that_are_no_message_get_formerr_or_silence() -> None:
    reply = malformed(b"\x12\x34\x01\x00" + bytes(8))
    assert reply is not None
    assert parse_untrusted(reply).rcode == Rcode.FORMERR
    assert malformed(b"\x12\x34\x81\x00" + bytes(8)) is None
    assert malformed(b"short") is None


@pytest.mark.rfc("RFC 1035 §4.1.1")
@pytest.mark.parametrize(
    "rest",
    [
        b"\0\0\x29\x04\xd0",  # an OPT record that ends too soon
        b"\1a\0\x29\x04\xd0\0\0\0\0\0\0",  # one that is not the root's
        b"",  # one that was only counted
    ],
)
def test_a_format_error_keeps_the_question_that_could_be_read(rest: bytes) -> None:
    asked = b"\3wWw\7exAmple\0\0\1\0\1"
    counted_one_more = b"\x12\x34\x01\x00\0\1\0\0\0\0\0\1"
    octets = malformed(counted_one_more + asked + rest)
    assert octets is not None
    reply = parse_untrusted(octets)
    assert (reply.id, reply.rcode, reply.rd, reply.question_count) == (0x1234, 1, True, 1)
    assert (reply.qname_raw, reply.qtype, reply.qclass) == (asked[:13], 1, 1)


@pytest.mark.parametrize("question", [b"\3www", b"\3www\0\0\1", b"\x40a\0\0\1\0\1", b"\xc0\x0c"])
def test_a_question_that_cannot_be_read_is_not_repeated(question: bytes) -> None:
    octets = malformed(b"\x12\x34\x01\x00\0\1" + bytes(6) + question)
    assert octets == b"\x12\x34\x81\x81" + bytes(8)


@pytest.mark.rfc("RFC 2181 §9")
def test_a_client_without_edns_gets_the_part_of_the_answer_that_fits() -> None:
    """musl before 1.2.4 takes what is there, and does not ask over TCP."""
    many = tuple(bytes((192, 0, 2, last)) for last in range(60))
    answer = Answer(ASKED, Rcode.NOERROR, (RRset(ASKED.qname, RRType.A, 60, many),), ())
    octets = render(query(), answer, SHAPE)
    reply = parse_untrusted(octets)
    assert reply.tc
    assert [record.rdata for record in reply.answer] == list(many[: (512 - 29) // 16])
    assert len(octets) <= 512
    whole_sets_only = replied(query(edns=Edns(512)), answer)
    assert (whole_sets_only.tc, whole_sets_only.answer) == (True, [])


TYPES = [RRType.A, RRType.AAAA, RRType.TXT, RRType.CNAME, RRType.MX, RRType.NSEC, RRType.RRSIG]


@st.composite
def rrsets(draw: st.DrawFn) -> RRset:
    """Mostly addresses of the name that is asked for."""
    owner = draw(st.sampled_from([ASKED.qname] * 4 + [name("b.example."), ROOT]))
    rtype = draw(st.sampled_from([RRType.A] * 6 + TYPES))
    size = {RRType.A: 4, RRType.AAAA: 16}.get(rtype)
    count = draw(st.integers(1, 4) if size else st.integers(1, 40))
    if rtype in (RRType.CNAME, RRType.NSEC, RRType.MX):
        rdatas = [b"\0\1" * (rtype == RRType.MX) + name(f"n{at}.example.") for at in range(count)]
    else:
        rdatas = [bytes([at]) * (size or at + 20) for at in range(count)]
    signatures = draw(st.sampled_from([(), (), (SIGNATURE,)]))
    return RRset(owner, rtype, draw(st.integers(0, 1 << 31)), tuple(rdatas), signatures)


@given(
    st.lists(rrsets(), min_size=1, max_size=2),
    st.sampled_from([(), (), (NSEC,)]),
    st.sampled_from([None, Edns(), Edns(do=True), Edns(udp_payload=4096)]),
    st.sampled_from([(), (), (Ede(EdeCode.STALE_ANSWER, "old"),)]),
    st.sampled_from([SHAPE, Shape(1232, is_stream=True), Shape(512, reserved=28)]),
)
def test_the_short_way_to_a_reply_is_no_other(
    answer: list[RRset],
    authority: tuple[RRset, ...],
    edns: Edns | None,
    ede: tuple[Ede, ...],
    shape: Shape,
) -> None:
    """What `render_alone` makes is what `render` makes, and its TTLs are where it says."""
    asked = build_query(id=7, qname=b"\3wWw\7exAmple\0", qtype=1, flags=Flag.RD, edns=edns)
    query = parse_untrusted(asked)
    told = Answer(ASKED, Rcode.NOERROR, tuple(answer), authority, status=Status.SECURE, ede=ede)
    alone = render_alone(query, told, shape)
    if alone is not None:
        assert alone == render(query, told, shape)
        end = qname_end(asked)
        layout = layout_alone(answer[0].rdatas, answer[0].ttl, len(alone) - end - 5)
        assert layout == read_layout(asked, alone, end)
    elif len(answer) == 1 and not authority and answer[0].rtype == RRType.A:
        is_signed = bool(answer[0].signatures) and query.do
        assert answer[0].owner != query.qname or is_signed


@pytest.mark.rfc("RFC 1035 §4.2.2")
@pytest.mark.reaches("STREAM_OCTETS")
def test_a_reply_over_tcp_fits_its_length_field() -> None:
    assert vars(reply)["STREAM_OCTETS"] == STREAM_OCTETS  # its two octets would hide another
    texts = tuple(b"\xff" + at.to_bytes(2, "big") + bytes(253) for at in range(300))
    many = RRset(ASKED.qname, RRType.TXT, 60, texts)
    data = render(query(), Answer(ASKED, 0, (many,)), Shape(1232, is_stream=True))
    assert len(data) <= STREAM_OCTETS
    assert parse_untrusted(data).tc
    one = 12 + 256  # octets of a record
    most = STREAM_OCTETS // one
    fewer = [
        Answer(ASKED, 0, (many._replace(rdatas=texts[:n]),)) for n in range(most - 5, most + 5)
    ]
    replies = [render(query(), answer, Shape(1232, is_stream=True)) for answer in fewer]
    longest = max(len(data) for data in replies if not parse_untrusted(data).tc)
    assert STREAM_OCTETS - one < longest <= STREAM_OCTETS


ADDRESS = RRset(ASKED.qname, RRType.A, 60, (b"\1\2\3\4",))
SOA = RRset(ASKED.qname, RRType.SOA, 60, (b"\0\0" + bytes(20),))


@pytest.mark.parametrize(
    ("flags", "asked", "answer", "is_kept"),
    [
        (Flag.RD, ASKED, Answer(ASKED, Rcode.NOERROR, (ADDRESS,)), True),
        (Flag.RD, ASKED, Answer(ASKED, Rcode.NXDOMAIN, authority=(SOA,)), True),
        (0, ASKED, Answer(ASKED, Rcode.NOERROR, (ADDRESS,)), False),
        (Flag.RD, ASKED, Answer(ASKED, Rcode.SERVFAIL, (ADDRESS,)), False),
        (Flag.RD, ASKED, Answer(ASKED, Rcode.NOERROR), False),
        (
            Flag.RD,
            ASKED._replace(qtype=RRType.ANY),
            Answer(ASKED, Rcode.NOERROR, (ADDRESS,)),
            False,
        ),
        (Flag.RD, ASKED._replace(qclass=3), Answer(ASKED, Rcode.NOERROR, (ADDRESS,)), False),
        (
            Flag.RD,
            ASKED,
            Answer(ASKED, Rcode.NOERROR, (ADDRESS,), sources=(Source.CACHE, Source.STALE)),
            False,
        ),
    ],
    ids=["answer", "denial", "no RD", "failure", "nothing", "ANY", "CHAOS", "stale"],
)
def test_only_what_lasts_and_is_whole_becomes_a_packet(
    flags: int,
    asked: Question,
    answer: Answer,
    is_kept: bool,  # noqa: FBT001
) -> None:
    assert may_keep(Message.asking(asked, flags), answer) is is_kept


@pytest.mark.rfc("RFC 4892 §3")
@pytest.mark.parametrize("edns", [None, Edns()])
def test_an_answer_of_another_class_says_so_in_its_records(edns: Edns | None) -> None:
    """The text of id.server is of class CH; a record of class IN beside it is no answer."""
    octets = build_query(id=7, qname=name("id.server."), qtype=RRType.TXT, qclass=3, edns=edns)
    asked = parse_untrusted(octets)
    text = RRset(asked.qname, RRType.TXT, 0, (b"\4here",))
    answer = Answer(Question(asked.qname, RRType.TXT, 3), Rcode.NOERROR, answer=(text,))
    assert render_alone(asked, answer, SHAPE) is None
    assert [one.rclass for one in replied(asked, answer).answer] == [3]
