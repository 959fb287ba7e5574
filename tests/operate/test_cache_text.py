"""What is kept, as text and back: nothing is lost that counts, and whatever comes is WireError."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.cache.negative import ANY_TYPE, Denied, Negative
from resolver.cache.rrset import Entry
from resolver.errors import Ede, WireError
from resolver.model import Delegation, Rank, RRset, Server, Status, Verdict
from resolver.operate import cache_text
from resolver.operate.cache_text import read_untrusted
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from resolver.telemetry.presentation import type_text
from tests.making import name, question, rrset

NOW = 1000.0
SIGNATURE = rrset("x. 9 RRSIG A 13 2 300 20380101000000 20200101000000 1 example. AAAA").rdatas
SOA = rrset("example. 300 SOA ns.example. admin.example. 1 2 3 4 300")
RECORDS = (
    "www.example. 300 A 192.0.2.1",
    "www.example. 300 AAAA 2001:db8::1",
    "www.example. 300 CNAME other.example.",
    "www.example. 300 MX 10 mail.example.",
    'www.example. 300 TXT "one; two" "three \\"four\\""',
    "www.example. 300 HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1",
    "www.example. 300 TYPE65280 \\# 3 010203",
    "www.example. 300 NSEC z.example. A RRSIG NSEC",
    "\\032\\;\\@\\.a.example. 300 A 192.0.2.1",
)


def entry(text: str, *, ttl: int = 300) -> Entry:
    owner, rtype, _, rdatas, _ = rrset(text)
    return Entry(
        owner, rtype, rdatas, SIGNATURE if rtype == RRType.A else (), Rank.AUTH_ANSWER,
        Status.SECURE, NOW + ttl, name("example."), ttl=300,
    )  # fmt: skip


@pytest.mark.parametrize("text", RECORDS)
def test_a_set_is_read_as_it_was_written(text: str) -> None:
    kept = entry(text)
    lines = list(cache_text.of_entry(kept, NOW))
    assert lines[0] == ";= rrset rank=auth_answer status=secure zone=example. left=300 kept=300"
    read = read_untrusted(lines)
    assert read is not None
    assert (read.rank, read.left_s, read.link.zone) == (Rank.AUTH_ANSWER, 300, kept.zone)
    assert read.link.answer == (kept.current(NOW),)
    assert read.link.question == (kept.owner, kept.rtype, 1)


def test_the_proof_of_a_wildcard_comes_along() -> None:
    proof = rrset("a.example. 300 NSEC z.example. A")._replace(signatures=SIGNATURE)
    signed = bytes((0, RRType.NSEC)) + SIGNATURE[0][2:]
    proof = proof._replace(signatures=(signed,))
    kept = entry(RECORDS[0])
    kept.proof = (proof,)
    read = read_untrusted(list(cache_text.of_entry(kept, NOW)))
    assert read is not None
    assert read.link.authority == (proof,)


@pytest.mark.parametrize(
    ("rtype", "rcode", "verdict"),
    [
        (RRType.AAAA, Rcode.NOERROR, Verdict.NODATA),
        (ANY_TYPE, Rcode.NXDOMAIN, Verdict.NXDOMAIN),
        (RRType.AAAA, Rcode.NXDOMAIN, Verdict.NXDOMAIN),
    ],
)
def test_a_denial_is_read_as_it_was_written(rtype: int, rcode: int, verdict: Verdict) -> None:
    negative = Negative(
        rcode, (SOA,), zone=name("example."), status=Status.SECURE, ttl=300, expires_at=NOW + 300
    )
    lines = list(cache_text.of_denial(Denied(name("gone.example."), rtype, negative), NOW))
    read = read_untrusted(lines)
    assert read is not None
    assert (read.link.verdict, read.link.rcode, read.link.authority) == (verdict, rcode, (SOA,))
    assert read.link.question.qname == name("gone.example.")


def test_what_only_people_read_is_passed_over() -> None:
    server = Server("192.0.2.1", 53, name("ns.example."))
    cut = Delegation(
        name("example."), (name("ns.example."),), {name("ns.example."): (server,)},
        expires_at=NOW + 9, ttl=9.0, is_signed=True,
    )  # fmt: skip
    lines = list(cache_text.of_delegation(cut, NOW))
    assert lines == [
        ";= delegation zone=example. signed=yes left=9 kept=9",
        "example. 9 IN NS ns.example.",
        "ns.example. 9 IN A 192.0.2.1",
    ]
    assert read_untrusted(lines) is None
    failed = cache_text.of_failure("failure", question("www.example. A"), 5.5, "no\nanswer")
    assert failed == ";= failure name=www.example. type=A left=5 ; 'no\\nanswer'"
    assert read_untrusted([failed]) is None


HEAD = ";= rrset rank=auth_answer status=secure zone=example. left=300 kept=300"
DENIAL = ";= denial name=gone.example. type=* rcode=NXDOMAIN status=secure zone=example. left=9"
SOA_TEXT = "example. 300 IN SOA ns.example. admin.example. 1 2 3 4 300"


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["www.example. 300 IN A 192.0.2.1"], 'an entry begins with ";= KIND"'),
        ([";= thing"], "an entry lacks left="),
        ([HEAD.replace("rrset", "thing"), "www.example. 1 IN A 192.0.2.1"], "no kind 'thing'"),
        ([HEAD], "an RRset has no record"),
        ([HEAD.replace(" left=300", "")], "lacks left="),
        ([HEAD.replace("300", "soon"), "www.example. 1 IN A 192.0.2.1"], "left= is no number"),
        ([HEAD.replace("auth_answer", "divine"), "www.example. 1 IN A 192.0.2.1"], "no rank"),
        ([HEAD, "www.example. 300 IN A"], "OWNER TTL IN TYPE DATA"),
        ([HEAD, "www.example. 300 CH A 192.0.2.1"], "OWNER TTL IN TYPE DATA"),
        ([HEAD, "www.example. x IN A 192.0.2.1"], "TTL is no number"),
        ([HEAD, "www.example. 300 IN A 192.0.2.1.1"], "is no address"),
        ([HEAD, "www.example. 300 IN NOTYPE 1"], "no type 'NOTYPE'"),
        ([HEAD, "www.example. 300 IN OPT 1"], "no records of type OPT"),
        ([HEAD, "www.example. 300 IN ANY 1"], "no records of type ANY"),
        ([HEAD, 'www.example. 300 IN TXT "open'], "no TXT"),
        ([HEAD, "www.other. 300 IN A 192.0.2.1"], "www.other. is not in example."),
        ([HEAD, "a..b. 300 IN A 192.0.2.1"], "a label has 1 to 63 octets"),
        ([DENIAL, SOA_TEXT.replace("example. 300", "other. 300", 1)], "other. is not in example."),
        ([DENIAL], "without a SOA"),
        ([DENIAL.replace("NXDOMAIN", "SERVFAIL"), SOA_TEXT], "NXDOMAIN or NOERROR"),
        ([DENIAL.replace("NXDOMAIN", "NOERROR"), SOA_TEXT], "only NXDOMAIN is of all types"),
        ([DENIAL.replace("gone.example.", "gone.other."), SOA_TEXT], "gone.other. is not in"),
    ],
)
def test_what_is_wrong_is_told(lines: list[str], why: str) -> None:
    with pytest.raises(WireError, match=why.replace("(", r"\(")):
        read_untrusted(lines)


DATA = ["192.0.2.1", "\\# 4 01020304", "\\# 9 00", "1 2 3"]
TYPES = [type_text(number) for number in (*range(1, 110), 256, 257, 258, 260, 65_280)]
LINES = st.one_of(
    st.text(max_size=80),
    st.sampled_from([HEAD, DENIAL, SOA_TEXT, ";= rrset", ";= bogus x"]),
    st.builds(
        lambda owner, ttl, kind, data: f"{owner} {ttl} IN {kind} {data}",
        st.sampled_from(["www.example.", "example.", ".", "\\300.example.", "x"]),
        st.one_of(st.integers(-1, 1 << 33), st.text(max_size=4)),
        st.one_of(st.sampled_from(TYPES), st.text(max_size=8)),
        st.one_of(st.text(max_size=60), st.sampled_from(DATA)),
    ),
)  # fmt: skip


@given(st.lists(LINES, min_size=1, max_size=6))
def test_read_untrusted(lines: list[str]) -> None:
    try:
        read = read_untrusted(lines)
    except WireError:
        return
    if read is not None:
        assert all(len(rdata) <= 65_535 for one in read.link.answer for rdata in one.rdatas)


@given(
    st.lists(st.binary(min_size=1, max_size=63), max_size=3),
    st.integers(256, 60_000),
    st.binary(max_size=80),
)
def test_any_name_and_any_data_come_back(labels: list[bytes], rtype: int, rdata: bytes) -> None:
    owner = names.from_labels(tuple(labels))
    kept = Entry(
        owner, rtype, (rdata,), (), Rank.ANSWER, Status.INSECURE, NOW + 60, names.ROOT, ttl=60
    )
    read = read_untrusted(list(cache_text.of_entry(kept, NOW)))
    assert read is not None
    assert read.link.answer == (RRset(owner, rtype, 60, (rdata,)),)


def test_extended_errors_are_no_line_breaks() -> None:
    ede = Ede(22, "no\r\n;= rrset")
    line = cache_text.of_failure("bogus", question("www.example. A"), 5, ede.text)
    assert "\n" not in line
    assert "\r" not in line
