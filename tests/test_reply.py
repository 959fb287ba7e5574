"""Answers as octets: flags, sections, EDNS, truncation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolver.model import Answer, Ede, RRset, Status
from resolver.protocol.codes import EdeCode, Flag, Rcode, RRType
from resolver.protocol.edns import OPT_EDE, Edns
from resolver.protocol.wire import build_query, parse_untrusted
from resolver.reply import Shape, malformed, refuse, render
from tests.making import name, question, rrset

if TYPE_CHECKING:
    from resolver.protocol.message import Message

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


@pytest.mark.rfc("RFC 1035 §4.1.1")
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


@pytest.mark.rfc("RFC 1035 §4.2.1")
@pytest.mark.parametrize(
    ("edns", "limit"),
    [
        (None, 512),
        (Edns(udp_payload=100), 512),
        (Edns(udp_payload=900), 900),
        (Edns(udp_payload=4096), 1232),
    ],
)
def test_udp_replies_fit_what_the_client_takes(edns: Edns | None, limit: int) -> None:
    many = RRset(
        ASKED.qname, RRType.A, 60, tuple(bytes([10, 0, i, j]) for i in range(5) for j in range(50))
    )
    data = render(query(edns=edns), Answer(ASKED, 0, (many,)), SHAPE)
    assert len(data) <= limit
    assert parse_untrusted(data).tc
    whole = render(query(edns=edns), Answer(ASKED, 0, (many,)), Shape(1232, is_stream=True))
    assert not parse_untrusted(whole).tc
    assert len(parse_untrusted(whole).answer) == 250


@pytest.mark.rfc("RFC 6891 §6.1.3")
def test_badvers_has_its_upper_bits_in_opt() -> None:
    reply = parse_untrusted(refuse(query(edns=Edns(version=1)), Rcode.BADVERS, SHAPE))
    assert reply.rcode == Rcode.BADVERS


@pytest.mark.rfc("RFC 1035 §4.1.1")
def test_octets_that_are_no_message_get_formerr_or_silence() -> None:
    reply = malformed(b"\x12\x34\x01\x00" + bytes(8))
    assert reply is not None
    assert parse_untrusted(reply).rcode == Rcode.FORMERR
    assert malformed(b"\x12\x34\x81\x00" + bytes(8)) is None
    assert malformed(b"short") is None
