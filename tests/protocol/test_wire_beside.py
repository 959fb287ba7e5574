"""What stands beside a plain answer: its OPT at once, the rest when somebody looks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.protocol import names, wire
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.message import Question, Record

QNAME = names.from_text("www.example.com")
ZONE = names.from_text("example.com")
NS = names.from_text("ns1.example.com")
ASKED = Question(QNAME, RRType.A)
SOLE = [Record(QNAME, RRType.A, 1, 60, bytes([192, 0, 2, last])) for last in (1, 2)]
BESIDE = [Record(ZONE, RRType.NS, 1, 60, NS), Record(ZONE, RRType.NS, 1, 60, b"\2ns\3net\0")]
GLUE = [Record(NS, RRType.A, 1, 60, bytes(4)), Record(NS, RRType.AAAA, 1, 60, bytes(16))]


def reply(flags: int = Flag.QR | Flag.AA, answer: list[Record] = SOLE) -> bytes:
    """As NSD fills it."""
    return wire.build(
        id=1, flags=flags, question=(QNAME, RRType.A, 1),
        answer=answer, authority=BESIDE, additional=GLUE, edns=Edns(do=True),
    )  # fmt: skip


WHOLE = reply()
ANSWERED_AT = len(wire.build(id=1, flags=0, question=(QNAME, RRType.A, 1), answer=SOLE))


def is_unread(message: wire.Message) -> bool:
    return message.unread is not None


def sections(message: wire.Message) -> tuple[object, ...]:
    return message.answer, message.authority, message.additional, message.edns


def test_it_is_looked_over_and_read_when_it_is_wanted() -> None:
    message = wire.parse_untrusted(WHOLE, ASKED)
    assert is_unread(message)
    assert message.edns == Edns(do=True)
    assert message.answer == SOLE
    assert is_unread(message)
    assert message.authority == BESIDE
    assert not is_unread(message)
    assert message.additional == GLUE


@pytest.mark.parametrize(
    "octets",
    [
        reply(Flag.QR),
        reply(Flag.QR | Flag.AA | Rcode.NXDOMAIN),
        reply(answer=[*SOLE, Record(QNAME, RRType.TXT, 1, 60, b"\1a")]),
        reply(answer=[*SOLE, Record(ZONE, RRType.A, 1, 60, bytes(4))]),
        reply(answer=[]),
    ],
    ids=["a referral, perhaps", "an error", "another type", "another name", "a denial"],
)
def test_beside_anything_else_it_is_read_at_once(octets: bytes) -> None:
    assert not is_unread(wire.parse_untrusted(octets, ASKED))


@given(st.integers(ANSWERED_AT, len(WHOLE) - 1), st.integers(0, 255))
def test_damaged_octets_are_read_later_as_at_once_or_not_at_all(at: int, octet: int) -> None:
    """Nobody is told another thing than the whole message says; what cannot be read is not there.

    Where the outline cannot be followed the message is none, answer or not.
    """
    damaged = WHOLE[:at] + bytes([octet]) + WHOLE[at + 1 :]
    try:
        later = wire.parse_untrusted(damaged, ASKED)
    except WireError:
        with pytest.raises(WireError):
            wire.parse_untrusted(damaged)
        return
    try:
        at_once = wire.parse_untrusted(damaged)
    except WireError:
        assert later.answer == SOLE
        assert (later.authority, later.additional) == ([], [])
        return
    assert sections(later) == sections(at_once)


@given(st.integers(ANSWERED_AT, len(WHOLE) - 1))
def test_what_ends_too_soon_is_no_message(size: int) -> None:
    with pytest.raises(WireError):
        wire.parse_untrusted(WHOLE[:size], ASKED)
