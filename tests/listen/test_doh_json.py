"""Questions and answers over HTTPS in JSON, beside the form of RFC 8484."""

from __future__ import annotations

import msgspec
import pytest

from resolver.limits import HTTPS_JSON_SLICE
from resolver.listen.doh_request import (
    Asked,
    Form,
    Response,
    Written,
    response,
)
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.edns import Edns, ede_option
from resolver.protocol.render import build
from resolver.protocol.wire import Record, parse_untrusted
from tests.listen.test_doh_request import MESSAGE, QUERY, SITE, WWW, a, encoded, get, reply

# --- JSON ----------------------------------------------------------------------------------------


def asked_in_json(query: bytes, path: bytes = b"/resolve", **fields: bytes) -> Asked:
    asked = get(query, path, **fields)
    assert isinstance(asked, Asked), asked
    return asked


def test_json_asks_for_name_and_type() -> None:
    asked = asked_in_json(b"name=WWW.example.com&type=aaaa&cd=1&do=true")
    message = parse_untrusted(asked.query)
    assert asked.form is Form.JSON
    assert (message.id, message.qname, message.qtype) == (0, WWW, RRType.AAAA)
    assert (message.cd, message.do, message.ad) == (True, True, True)
    plain = parse_untrusted(asked_in_json(b"name=www.example.com.").query)
    assert (plain.qtype, plain.cd, plain.do) == (RRType.A, False, False)


@pytest.mark.parametrize(
    ("query", "number"),
    [
        (b"type=28", 28),
        (b"type=TYPE65280", 65280),
        (b"type=https", 65),
        (b"type=AVC", 258),
        (b"type=any", 255),
        (b"type=1&type=28", 1),
    ],
)
def test_types_are_numbers_or_mnemonics(query: bytes, number: int) -> None:
    asked = asked_in_json(b"name=example.com&" + query)
    assert parse_untrusted(asked.query).qtype == number


@pytest.mark.parametrize(
    "query",
    [
        b"name=", b"name=..", b"name=a..b", b"name=.a", b"name=%c3%a9.example", b"name=\xc3\xa9",
        b"name=" + b"a" * 64, b"name=" + b"a." * 128, b"name=\\", b"name=\\999", b"name=%",
        b"name=a&type=", b"name=a&type=0", b"name=a&type=65536", b"name=a&type=-1",
        b"name=a&type=NONSENSE", b"name=a&type=\xff", b"name=a&type=TYPE70000", b"name=a&type=1.5",
        b"name=a&type=" + b"1" * 5000, b"name=a&type=%d9%a1",
        b"name=a&cd=2", b"name=a&cd=yes", b"name=a&do=-1", b"name=a&do=\xff",
        b"name=a&ct=text/html",
    ],
)  # fmt: skip
def test_parameters_of_the_wrong_kind_are_400(query: bytes) -> None:
    for path in (b"/resolve", b"/dns-query"):
        said = get(query, path)
        assert isinstance(said, Response)
        assert said.status == 400
        assert len(said.body) > 20


def test_what_is_not_known_is_passed_over() -> None:
    asked = asked_in_json(b"name=a&edns_client_subnet=0.0.0.0/0&random_padding=XXXX&=&&x")
    assert parse_untrusted(asked.query).qname == b"\1a\0"
    assert parse_untrusted(asked_in_json(b"name=%61&name=b").query).qname == b"\1a\0"


@pytest.mark.parametrize(
    ("query", "accept", "form"),
    [
        (b"name=a", b"application/dns-json", Form.JSON),
        (b"name=a", b"*/*", Form.JSON),
        (b"name=a", b"", Form.JSON),
        (b"name=a", MESSAGE, Form.MESSAGE),
        (b"name=a", MESSAGE + b", application/dns-json", Form.JSON),
        (b"name=a&ct=application/dns-message", b"application/dns-json", Form.MESSAGE),
        (b"name=a&ct=application/x-javascript", b"", Form.JSON),
        (b"name=a&dns=" + encoded(QUERY), b"application/dns-json", Form.MESSAGE),
    ],
)
def test_the_form_is_negotiated(query: bytes, accept: bytes, form: Form) -> None:
    assert asked_in_json(query, b"/dns-query", accept=accept).form is form


@pytest.mark.rfc("RFC 9110 §12.5.5")
@pytest.mark.parametrize(
    ("query", "accept", "varies"),
    [
        (b"name=a", b"application/dns-json", True),
        (b"name=a", MESSAGE, True),
        (b"dns=" + encoded(QUERY), b"application/dns-json", False),
        (b"dns=" + encoded(QUERY) + b"&ct=x", MESSAGE, False),
    ],
)
def test_caches_are_told_where_the_form_was_negotiated(
    query: bytes,
    accept: bytes,
    varies: bool,  # noqa: FBT001
) -> None:
    """Else one that keeps JSON would hand it to who accepts messages only."""
    asked = asked_in_json(query, b"/dns-query", accept=accept)
    said = response(asked, build(id=0, flags=Flag.QR, question=(WWW, 1, 1)), SITE)
    assert ((b"vary", b"accept") in said.fields) is varies


def told(octets: bytes) -> dict[str, object]:
    said = response(Asked(QUERY, Form.JSON), octets, SITE)
    assert dict(said.fields)[b"content-type"] == b"application/dns-json"
    assert dict(said.fields)[b"content-length"] == b"%d" % len(said.body)
    found: dict[str, object] = msgspec.json.decode(said.body)
    return found


def test_an_answer_in_json() -> None:
    records = [
        a(300),
        Record(WWW, RRType.TXT, 1, 5, b'\3a b\2\xff"'),
        Record(WWW, RRType.MX, 1, 5, b"\0\x0a" + WWW),
        Record(WWW, RRType.AAAA, 1, 5, bytes(15) + b"\1"),
        Record(WWW, RRType.NS, 1, 5, WWW),
        Record(WWW, 65280, 1, 5, b"\1\2"),
        Record(WWW, RRType.A, 1, 5, b"\1\2"),
    ]
    octets = build(
        id=0, flags=Flag.QR | Flag.RD | Flag.RA | Flag.AD, question=(WWW, 1, 1),
        answer=records[:-1], edns=Edns(),
    )  # fmt: skip
    found = told(octets)
    assert {key: found[key] for key in ("Status", "TC", "RD", "RA", "AD", "CD")} == {
        "Status": 0, "TC": False, "RD": True, "RA": True, "AD": True, "CD": False,
    }  # fmt: skip
    assert found["Question"] == [{"name": "www.example.com.", "type": 1}]
    assert isinstance(found["Answer"], list)
    assert found["Answer"][0] == {
        "name": "www.example.com.", "type": 1, "TTL": 300, "data": "1.2.3.4",
    }  # fmt: skip
    assert [one["data"] for one in found["Answer"]] == [
        "1.2.3.4", '"a b" "\\255\\""', "10 www.example.com.", "::1", "www.example.com.",
        "\\# 2 0102",
    ]  # fmt: skip
    assert "Authority" not in found


def test_failures_say_why_in_json() -> None:
    octets = build(
        id=0, flags=Flag.QR | Rcode.SERVFAIL, question=(WWW, 1, 1),
        edns=Edns(options=(ede_option(22, "nobody answers"), ede_option(3))),
    )  # fmt: skip
    found = told(octets)
    assert found["Status"] == 2
    assert found["Comment"] == "EDE 22: nobody answers; EDE 3"
    assert found["extended_dns_errors"] == [
        {"info_code": 22, "extra_text": "nobody answers"},
        {"info_code": 3, "extra_text": ""},
    ]


@pytest.mark.reaches("HTTPS_JSON_SLICE")
def test_a_long_answer_is_written_in_slices() -> None:
    octets = reply(answer=[a(300)] * (3 * HTTPS_JSON_SLICE + 1))
    written = Written(Asked(QUERY, Form.JSON), octets, SITE)
    assert sum(1 for _ in written) == 3
    assert written.response == response(Asked(QUERY, Form.JSON), octets, SITE)
