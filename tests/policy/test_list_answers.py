"""What a client is told in the place of what is blocked."""

from __future__ import annotations

import msgspec
import pytest

from resolver.limits import BLOCK_TTL_SECONDS_RANGE
from resolver.model import Answer, Source, Status
from resolver.policy.list_answers import OPT_STRUCTURED, Manner, blocked
from resolver.policy.list_judge import ListUse, Rank, Ruling
from resolver.policy.list_rules import Rewrite
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Rcode, RRType
from resolver.protocol.edns import OPT_EDE
from resolver.protocol.transport import Transport
from tests.policy.list_making import asked

ADS = ListUse("1", "ads")
RULING = Ruling(Rank.BLOCKED, ADS, line=7)
A, AAAA = RRType.A, RRType.AAAA


def told(action: str | tuple[str, ...] = "null", qtype: int = A, ruling: Ruling = RULING) -> Answer:
    return blocked(asked("www.a.example.", qtype), ruling, Manner(action, 10))


def records(answer: Answer) -> list[tuple[int, tuple[bytes, ...]]]:
    return [(one.rtype, one.rdatas) for one in answer.answer]


@pytest.mark.parametrize(
    ("action", "qtype", "rcode", "expected"),
    [
        ("null", A, 0, [(A, (bytes(4),))]),
        ("null", AAAA, 0, [(AAAA, (bytes(16),))]),
        ("null", RRType.HTTPS, 0, []),
        ("null", RRType.MX, 0, []),
        ("null", RRType.ANY, 0, [(A, (bytes(4),)), (AAAA, (bytes(16),))]),
        ("nodata", A, 0, []),
        ("nxdomain", A, Rcode.NXDOMAIN, []),
        ("refused", A, Rcode.REFUSED, []),
        (("192.0.2.10", "192.0.2.11"), A, 0, [(A, (b"\xc0\0\2\n", b"\xc0\0\2\x0b"))]),
        (("192.0.2.10",), AAAA, 0, []),
    ],
)
def test_the_answers(
    action: str | tuple[str, ...], qtype: int, rcode: int, expected: list[object]
) -> None:
    answer = told(action, qtype)
    assert (answer.rcode, records(answer)) == (rcode, expected)
    assert [one.rtype for one in answer.authority] == ([] if expected else [RRType.SOA])
    assert {one.ttl for one in (*answer.answer, *answer.authority)} == {10}
    assert answer.status is Status.INSECURE
    assert not answer.is_authoritative
    assert answer.source is Source.BLOCKED


def test_the_list_is_named_and_made_up_addresses_are_owned_up_to() -> None:
    assert told().ede == ((EdeCode.BLOCKED, "list ads"), (EdeCode.FORGED_ANSWER, ""))
    assert told("nxdomain").ede == ((EdeCode.BLOCKED, "list ads"),)
    assert told("null", RRType.HTTPS).ede == ((EdeCode.BLOCKED, "list ads"),)


def test_a_list_for_a_tag_filters_and_one_that_the_law_wants_censors() -> None:
    kids = Ruling(Rank.OF_TAG, ListUse("2", "kids", tags=frozenset({"kids"})))
    assert told(ruling=kids).ede[0] == (EdeCode.FILTERED, "list kids")
    law = Ruling(Rank.BLOCKED, ListUse("3", "court", reason="censored"))
    assert told(ruling=law).ede[0] == (EdeCode.CENSORED, "list court")


def test_a_list_may_have_an_action_of_its_own() -> None:
    own = RULING._replace(use=ADS._replace(action="nxdomain"))
    assert told("null", ruling=own).rcode == Rcode.NXDOMAIN


@pytest.mark.parametrize(
    ("rewrites", "qtype", "rcode", "expected"),
    [
        ((Rewrite(0, A, bytes(4)), Rewrite(0, A, bytes(4))), A, 0, [(A, (bytes(4),))]),
        ((Rewrite(0, A, bytes(4)),), AAAA, 0, []),
        ((Rewrite(0, A, b"\1\1\1\1"), Rewrite(0, A, b"\2\2\2\2")), A, 0,
         [(A, (b"\1\1\1\1", b"\2\2\2\2"))]),
        ((Rewrite(0, RRType.TXT, b"\1x"),), RRType.TXT, 0, [(RRType.TXT, (b"\1x",))]),
        ((Rewrite(Rcode.SERVFAIL),), A, Rcode.SERVFAIL, []),
        ((Rewrite(),), A, 0, []),
        ((Rewrite(0, RRType.CNAME, b"\1b\0"),), A, 0, [(RRType.CNAME, (b"\1b\0",))]),
        ((Rewrite(0, A, bytes(4)),), RRType.ANY, 0, [(A, (bytes(4),))]),
    ],
)  # fmt: skip
def test_what_a_rule_says_is_told_instead(
    rewrites: tuple[Rewrite, ...], qtype: int, rcode: int, expected: list[object]
) -> None:
    answer = told("nxdomain", qtype, RULING._replace(rewrites=rewrites))
    assert (answer.rcode, records(answer)) == (rcode, expected)


@pytest.mark.parametrize("option", [(OPT_EDE, b"\0\0"), (OPT_STRUCTURED, b"")])
@pytest.mark.parametrize(
    ("transport", "source", "is_structured"),
    [
        (Transport.TLS, "192.0.2.9", True), (Transport.HTTPS, "192.0.2.9", True),
        (Transport.QUIC, "192.0.2.9", True), (Transport.UDP, "127.0.0.1", True),
        (Transport.TCP, "::1", True), (Transport.UDP, "192.0.2.9", False),
        (Transport.TCP, "2001:db8::1", False),
    ],
)  # fmt: skip
def test_who_asks_for_structure_where_nobody_else_can_write_gets_it(
    option: tuple[int, bytes],
    transport: Transport,
    source: str,
    is_structured: bool,  # noqa: FBT001
) -> None:
    query = asked("a.example.", transport=transport, source=source, options=(option,))
    told = blocked(query, RULING, Manner(contact=("mailto:noc@a.example",))).ede
    if not is_structured:
        assert told == ((EdeCode.BLOCKED, "list ads"), (EdeCode.FORGED_ANSWER, ""))
        return
    assert [one.code for one in told] == [EdeCode.BLOCKED]
    said = msgspec.json.decode(told[0].text)
    assert said == {"c": ["mailto:noc@a.example"], "j": "list ads"}


def test_who_does_not_ask_gets_text() -> None:
    query = asked("a.example.", transport=Transport.TLS, options=((OPT_EDE, b"\0\1"),))
    assert blocked(query, RULING, Manner()).ede[0].text == "list ads"


@pytest.mark.reaches("BLOCK_TTL_SECONDS")
def test_the_ttl_is_the_configurations() -> None:
    for ttl in BLOCK_TTL_SECONDS_RANGE:
        answer = blocked(asked("a.example."), RULING, Manner(ttl=ttl))
        assert answer.answer[0].ttl == ttl
    soa = told("nodata").authority[0]
    assert soa.owner == names.from_text("www.a.example.")
