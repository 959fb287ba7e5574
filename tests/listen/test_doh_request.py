"""One HTTP request becomes a query, and its reply a response; whatever the request is."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import HTTPS_BODY_OCTETS
from resolver.listen.doh_request import (
    Asked,
    Form,
    Request,
    Response,
    busy,
    limited,
    read_untrusted,
    response,
)
from resolver.listen.site import Site
from resolver.protocol import names
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.render import build
from resolver.protocol.wire import Record
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
