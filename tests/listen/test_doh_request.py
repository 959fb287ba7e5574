"""One HTTP request becomes a query, and its reply a response; whatever the request is."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import HTTPS_BODY_OCTETS, HTTPS_JSON_SLICE
from resolver.listen.doh_request import (
    Asked,
    Form,
    Request,
    Response,
    Written,
    busy,
    limited,
    read_untrusted,
    response,
)
from resolver.listen.site import Site
from resolver.protocol import names
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.edns import Edns, ede_option
from resolver.protocol.render import build
from resolver.protocol.wire import Record, parse_untrusted
from tests.listen.echo import answered, question

SITE = Site()
MESSAGE = b"application/dns-message"
QUERY = question(id=0)
WWW = names.from_text("www.example.com.")
SOA = names.from_text("a.") + names.from_text("b.") + b"\0\0\0\1" * 4


def encoded(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def get(query: bytes, path: bytes = b"/dns-query", **fields: bytes) -> Asked | Response:
    return read_untrusted(Request(b"GET", path + b"?" + query, _fields(fields)), SITE)


def post(body: bytes, kind: bytes = MESSAGE, **fields: bytes) -> Asked | Response:
    given = {b"content-type": kind, **_fields(fields)}
    return read_untrusted(Request(b"POST", b"/dns-query", given, body), SITE)


def _fields(named: dict[str, bytes]) -> dict[bytes, bytes]:
    return {name.replace("_", "-").encode(): value for name, value in named.items()}


def status(said: Asked | Response) -> int:
    return said.status if isinstance(said, Response) else 200


# --- RFC 8484 ------------------------------------------------------------------------------------


@pytest.mark.rfc("RFC 8484 §4.1")
@pytest.mark.parametrize("octets", [QUERY, QUERY + b"\0", QUERY + b"\xff\xfe"])
def test_a_message_is_got_or_posted(octets: bytes) -> None:
    """base64url of any length, without padding; with it too."""
    expected = Asked(octets, Form.MESSAGE)
    assert post(octets) == expected
    assert get(b"dns=" + encoded(octets)) == expected
    assert get(b"dns=" + base64.urlsafe_b64encode(octets)) == expected
    assert get(b"dns=" + base64.urlsafe_b64encode(octets).replace(b"=", b"%3D")) == expected
    assert get(b"x=1&dns=" + encoded(octets) + b"&dns=!!") == expected


@pytest.mark.rfc("RFC 9112 §3.2.2")
def test_a_target_may_be_a_whole_url() -> None:
    target = b"https://dns.example:8443/dns-query?dns=" + encoded(QUERY)
    assert read_untrusted(Request(b"GET", target), SITE) == Asked(QUERY, Form.MESSAGE)


def test_head_is_get_without_the_body() -> None:
    asked = read_untrusted(Request(b"HEAD", b"/dns-query?dns=" + encoded(QUERY)), SITE)
    assert asked == Asked(QUERY, Form.MESSAGE, is_head=True)
    assert isinstance(asked, Asked)
    reply = answered(QUERY)
    told, whole = response(asked, reply, SITE), response(Asked(QUERY, Form.MESSAGE), reply, SITE)
    assert told.fields == whole.fields
    assert (told.body, whole.body) == (b"", reply)
    refused = read_untrusted(Request(b"HEAD", b"/dns-query"), SITE)
    assert isinstance(refused, Response)
    assert refused.body == b""


GARBAGE = (
    b"", b"=", b"A", b"AAAAA", b"!!!!", b"AA AA", b"AAAA+AAA/AAA", b"AAAA=AAA", b"AAAA====",
    b"\xff", b"%zz", b"%", b"AAAA", encoded(bytes(11)), encoded(answered(QUERY)),
    encoded(QUERY) + b"\n",
)  # fmt: skip


@pytest.mark.parametrize("text", GARBAGE)
def test_base64_garbage_is_400(text: bytes) -> None:
    """Also what is too short for a header, and what is an answer, not a question."""
    said = get(b"dns=" + text)
    assert isinstance(said, Response)
    assert said.status == 400
    assert said.body.endswith(b"\n")


@pytest.mark.rfc("RFC 8484 §4.1")
@pytest.mark.reaches("HTTPS_BODY_OCTETS")
def test_each_status() -> None:
    wrong = Request(b"GET", b"/else?dns=" + encoded(QUERY))
    assert status(read_untrusted(wrong, SITE)) == 404
    assert status(get(b"")) == 400
    assert status(get(b"type=A")) == 400
    assert status(post(b"")) == 400
    assert status(post(QUERY, b"application/json")) == 415
    assert status(post(QUERY, b"")) == 415
    assert status(post(QUERY, MESSAGE + b"; charset=x")) == 200
    assert status(post(QUERY, content_encoding=b"gzip")) == 415
    assert status(post(QUERY, content_encoding=b"identity")) == 200
    assert status(post(QUERY + bytes(HTTPS_BODY_OCTETS - len(QUERY)))) == 200
    assert status(post(QUERY + bytes(HTTPS_BODY_OCTETS))) == 413
    assert busy(SITE).status == 503
    assert limited(SITE).status == 429
    assert (b"retry-after", b"1") in busy(SITE).fields


@pytest.mark.parametrize("method", [b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"CONNECT", b"TRACE"])
def test_other_methods_are_405_and_told_which_are_allowed(method: bytes) -> None:
    said = read_untrusted(Request(method, b"/dns-query"), SITE)
    assert isinstance(said, Response)
    assert said.status == 405
    assert (b"allow", b"GET, HEAD, POST") in said.fields
    said = read_untrusted(Request(b"POST", b"/resolve", {}, QUERY), SITE)
    assert isinstance(said, Response)
    assert (said.status, (b"allow", b"GET, HEAD") in said.fields) == (405, True)


def test_what_is_no_method_is_501() -> None:
    assert status(read_untrusted(Request(b"BREW", b"/dns-query"), SITE)) == 501
    assert status(read_untrusted(Request(b"get", b"/dns-query"), SITE)) == 501


def test_paths_are_the_sites() -> None:
    site = Site((b"/a", b"/b"))
    for path, expected in ((b"/a", 200), (b"/b", 200), (b"/dns-query", 404), (b"/a/", 404)):
        request = Request(b"GET", path + b"?dns=" + encoded(QUERY))
        assert status(read_untrusted(request, site)) == expected


def test_pages_of_other_origins_may_ask_only_if_told_so() -> None:
    anybody = (b"access-control-allow-origin", b"*")
    open_site, asked = Site(cors=True), Asked(QUERY, Form.MESSAGE)
    assert anybody in response(asked, answered(QUERY), open_site).fields
    assert anybody not in response(asked, answered(QUERY), SITE).fields
    assert anybody in busy(open_site).fields
    preflight = read_untrusted(Request(b"OPTIONS", b"/dns-query"), open_site)
    assert isinstance(preflight, Response)
    assert preflight.status == 204
    assert (b"access-control-allow-headers", b"accept, content-type") in preflight.fields


# --- freshness -----------------------------------------------------------------------------------


def reply(
    *, rcode: int = 0, answer: list[Record] | None = None, authority: list[Record] | None = None
) -> bytes:
    return build(
        id=0, flags=Flag.QR | rcode, question=(WWW, 1, 1), answer=answer or [],
        authority=authority or [], edns=Edns(),
    )  # fmt: skip


def a(ttl: int) -> Record:
    return Record(WWW, RRType.A, 1, ttl, b"\1\2\3\4")


def soa(ttl: int, minimum: int = 900) -> Record:
    return Record(WWW[4:], RRType.SOA, 1, ttl, SOA + minimum.to_bytes(4, "big"))


NSEC = Record(WWW, RRType.NSEC, 1, 7, b"\0\0\1\x40")


@pytest.mark.rfc("RFC 8484 §5.1")
@pytest.mark.parametrize(
    ("octets", "seconds"),
    [
        (reply(answer=[a(300), a(20)]), 20),
        (reply(answer=[a(0)]), 0),
        (reply(answer=[a(300)], authority=[NSEC]), 300),
        (reply(answer=[a(300)], authority=[soa(60)]), 60),
        (reply(authority=[soa(60)]), 60),
        (reply(authority=[NSEC, soa(60)], rcode=Rcode.NXDOMAIN), 60),
        (reply(authority=[soa(6000, 50)]), 50),
        (reply(), 0),
        (reply(rcode=Rcode.NXDOMAIN), 0),
        (reply(rcode=Rcode.SERVFAIL, answer=[a(300)]), 0),
        (reply(rcode=Rcode.REFUSED), 0),
        (reply(answer=[a(0x8000_0001)]), 0),
        (reply(answer=[a(300)])[:-20], 0),
    ],
)
def test_it_may_be_kept_as_long_as_its_records(octets: bytes, seconds: int) -> None:
    """The smallest TTL of the answer, or of the SOA record; failures not at all."""
    said = response(Asked(QUERY, Form.MESSAGE), octets, SITE)
    assert said.status == 200
    assert dict(said.fields) == {
        b"content-type": MESSAGE,
        b"content-length": b"%d" % len(octets),
        b"cache-control": b"max-age=%d" % seconds,
    }
    assert said.body == octets


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


# --- anything ------------------------------------------------------------------------------------

SITES = st.builds(Site, cors=st.booleans())
METHODS = st.sampled_from([b"GET", b"HEAD", b"POST", b"OPTIONS", b"X"]) | st.binary(max_size=8)
PIECES = st.sampled_from(
    [
        b"/dns-query",
        b"/resolve",
        b"?",
        b"&",
        b"=",
        b"%",
        b"dns=",
        b"name=",
        b"type=",
        b"cd=",
        b"ct=",
    ]
) | st.binary(max_size=40)
TARGETS = st.lists(PIECES, max_size=8).map(b"".join) | st.binary(max_size=60).map(
    lambda octets: b"/dns-query?dns=" + encoded(octets)
)
FIELDS = st.dictionaries(
    st.sampled_from([b"content-type", b"accept", b"content-encoding"]),
    st.just(MESSAGE) | st.binary(max_size=20),
)


@given(METHODS, TARGETS, FIELDS, st.binary(max_size=80), SITES)
def test_read_untrusted(
    method: bytes, target: bytes, fields: dict[bytes, bytes], body: bytes, site: Site
) -> None:
    """Any request is a query of at least a header, or a response that HTTP can carry."""
    said = read_untrusted(Request(method, target, fields, body), site)
    if isinstance(said, Asked):
        assert 12 <= len(said.query) <= HTTPS_BODY_OCTETS
    else:
        assert said.status in (204, 400, 404, 405, 413, 415, 501)
        assert all(b"\n" not in value for _, value in said.fields)


@given(st.binary(min_size=12, max_size=200))
def test_any_reply_becomes_a_response(octets: bytes) -> None:
    """Ours are well formed; even so nothing depends on it."""
    for form in Form:
        said = response(Asked(QUERY, form), octets, SITE)
        assert said.status == 200
