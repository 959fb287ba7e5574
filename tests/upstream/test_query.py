"""What goes out, and what is taken for its reply."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.limits import OPT_RECORDS
from resolver.protocol.edns import OPT_COOKIE, Edns
from resolver.protocol.wire import Message, Record, build, parse_untrusted
from resolver.upstream.query import (
    Match,
    compose,
    match_cookie,
    match_untrusted,
    offer,
    read_untrusted,
)
from tests.making import question
from tests.properties.wire_strategies import SECTIONS, damaged
from tests.support import fields_of

ASKED = question("www.example.com. A")
OURS = b"12345678"


def _said(message: Message) -> tuple[object, ...]:
    return tuple(
        getattr(message, name) for name in fields_of(Message) if name not in ("qname_raw", "edns")
    )


def _plain(data: bytes) -> bytes:
    end = 12 + len(ASKED.qname)
    return data[:12] + data[12:end].lower() + data[end:]


@given(SECTIONS, SECTIONS, st.integers(0, 1000), st.booleans(), st.data())
def test_a_reply_is_read_untrusted_as_if_its_question_were_not_known(
    answer: list[Record],
    additional: list[Record],
    seed: int,
    mixes_case: bool,  # noqa: FBT001
    data: st.DataObject,
) -> None:
    sent = compose(ASKED, rng=Random(seed), flags=0, offer=None, mixes_case=mixes_case)
    spelt = sent.data[12 : 12 + len(ASKED.qname)]
    whole = build(
        id=int.from_bytes(sent.data[:2], "big"),
        flags=0x8400,
        question=(spelt, 1, 1),
        answer=answer,
        additional=additional,
    )
    octets = data.draw(st.just(whole) | damaged((whole,)))
    if match_untrusted(sent, octets) is not Match.YES:
        return
    try:
        expected = parse_untrusted(_plain(octets) if octets[5] else octets)
    except WireError:
        with pytest.raises(WireError):
            read_untrusted(octets, sent, ASKED)
        return
    assert _said(read_untrusted(octets, sent, ASKED)) == _said(expected)


@pytest.mark.rfc("RFC 7873 §5.3")
@pytest.mark.parametrize(
    ("sent", "back", "match"),
    [
        (b"", b"87654321", Match.YES),
        (OURS, None, Match.YES),
        (OURS, OURS + b"abcdefgh", Match.YES),
        (OURS, b"87654321abcdefgh", Match.NO),
        (OURS + b"abcdefgh", None, Match.DOUBTFUL),
        (OURS + b"abcdefgh", OURS + b"other---", Match.YES),
    ],
)
def test_cookies_tell_whose_reply_it_is(sent: bytes, back: bytes | None, match: Match) -> None:
    asked = compose(
        ASKED, rng=Random(1), flags=0, offer=offer(1232, sent[:8], sent[8:]), mixes_case=True
    )
    options = () if back is None else ((OPT_COOKIE, back),)
    reply = parse_untrusted(
        build(id=1, flags=0x8000, question=(*ASKED,), edns=Edns(options=options))
    )
    assert match_cookie(asked, reply) is match


@pytest.mark.rfc("RFC 5452 §9.2")
def test_ids_are_drawn_from_the_whole_range() -> None:
    """Every bit is set in half of them, and few of 65,536 are met twice."""
    rng = Random(2)
    copies = [compose(ASKED, rng=rng, flags=0, offer=None, mixes_case=True) for _ in range(2000)]
    ids = [int.from_bytes(copy.data[:2], "big") for copy in copies]
    assert len(set(ids)) > 1900
    for bit in range(16):
        assert 800 < sum(one >> bit & 1 for one in ids) < 1200


@pytest.mark.rfc("RFC 1035 §7.3")
def test_a_query_is_no_answer_to_a_query() -> None:
    """What comes without QR, with another id or for another question was not asked for."""
    sent = compose(ASKED, rng=Random(3), flags=0, offer=None, mixes_case=False)
    reply = sent.data[:2] + b"\x80" + sent.data[3:]
    assert match_untrusted(sent, reply) is Match.YES
    assert match_untrusted(sent, sent.data) is Match.NEAR
    assert match_untrusted(sent, bytes((reply[0] ^ 1,)) + reply[1:]) is Match.NO
    assert match_untrusted(sent, reply[:-3] + b"\x02\0\1") is Match.NEAR


def test_every_copy_has_an_id_and_a_spelling_of_its_own() -> None:
    rng = Random(1)
    copies = [compose(ASKED, rng=rng, flags=0, offer=None, mixes_case=True) for _ in range(50)]
    assert len({copy.data[:2] for copy in copies}) > 45
    assert len({copy.asked for copy in copies}) > 45
    assert {copy.asked.lower() for copy in copies} == {ASKED.qname + b"\0\1\0\1"}


@pytest.mark.reaches("OPT_RECORDS")
def test_what_is_offered_to_servers_does_not_fill_memory() -> None:
    for at in range(OPT_RECORDS + 10):
        offer(512 + at)
    assert offer.cache_info().currsize == OPT_RECORDS
