"""HTTP/1.1 as an engine: one request after the other, and no more of what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import HTTPS_BODY_OCTETS, HTTPS_HEADER_OCTETS
from resolver.listen.doh_request import Request, Response
from resolver.listen.http1 import Http1
from tests.listen.echo import question
from tests.support import only_collected

QUERY = question()
OK = Response(200, ((b"content-type", b"text/plain"), (b"content-length", b"5")), b"reply")
POST = (
    b"POST /dns-query HTTP/1.1\r\nHost: a\r\nContent-Type: application/dns-message\r\n"
    b"Content-Length: %d\r\n\r\n" % len(QUERY)
) + QUERY
GET = b"GET /dns-query?dns=AAAA HTTP/1.1\r\nHost: a\r\nAccept: x\r\n\r\n"
CHUNKED = b"POST /dns-query HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def served(*pieces: bytes) -> tuple[Http1, list[Request], bytes]:
    """Each piece heard, each request answered: the engine, the requests, what was said."""
    engine, requests, said = Http1(), [], b""
    for piece in pieces:
        engine.receive(piece, 1.0)
        while engine.asked:
            number, request = engine.asked.popleft()
            requests.append(request)
            engine.respond(number, OK)
        said += engine.octets()
    return engine, requests, said


def statuses(said: bytes) -> list[int]:
    return [int(part[:3]) for part in said.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_however_it_is_cut_a_request_comes_whole(size: int) -> None:
    octets = POST + GET
    engine, requests, said = served(*(octets[at : at + size] for at in range(0, len(octets), size)))
    first, second = requests
    assert (first.method, first.target, bytes(first.body)) == (b"POST", b"/dns-query", QUERY)
    assert first.fields == {b"content-type": b"application/dns-message"}
    assert (second.method, second.fields) == (b"GET", {b"accept": b"x"})
    assert statuses(said) == [200, 200]
    assert (engine.is_over, engine.began_at) == (False, None)


def test_pipelined_requests_are_answered_one_after_the_other() -> None:
    engine = Http1()
    engine.receive(GET * 3, 1.0)
    for number in (1, 2, 3):
        assert len(engine.asked) == 1  # the next is not even read
        assert engine.asked.popleft()[0] == number
        engine.respond(number, OK)
    assert statuses(engine.octets()) == [200] * 3


def test_head_has_no_body() -> None:
    _, _, said = served(b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert b"content-length: 5" in said.lower()
    assert said.endswith(b"\r\n\r\n")
    _, _, said = served(b"HEAD / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999\r\n\r\n")
    assert statuses(said) == [413]


@pytest.mark.parametrize(
    "request_",
    [b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"],
)
def test_who_wants_no_more_is_let_go(request_: bytes) -> None:
    engine, _, said = served(request_)
    assert statuses(said) == [200]
    assert (engine.is_over, engine.fault) == (True, "")


def test_who_waits_for_100_is_told_to_go_on() -> None:
    head, body = POST[: -len(QUERY) - 2] + b"Expect: 100-continue\r\n\r\n", QUERY
    engine, requests, said = served(head)
    assert said.startswith(b"HTTP/1.1 100")
    assert not requests
    engine.receive(body, 1.0)
    assert len(engine.asked) == 1


@pytest.mark.reaches("HTTPS_BODY_OCTETS")
def test_a_body_over_65535_octets_is_413() -> None:
    head = POST.partition(b"Content-Length")[0]
    most = head + b"Content-Length: %d\r\n\r\n" % HTTPS_BODY_OCTETS + bytes(HTTPS_BODY_OCTETS)
    engine, requests, _ = served(most)
    assert len(requests[0].body) == HTTPS_BODY_OCTETS
    more = head + b"Content-Length: %d\r\n\r\n" % (HTTPS_BODY_OCTETS + 1)
    pieces = [b"3000\r\n" + bytes(0x3000) + b"\r\n"] * 6
    for octets in ([more], [CHUNKED, *pieces]):
        engine, requests, said = served(*octets)
        assert statuses(said) == [413]
        assert b"connection: close" in said.lower()
        assert (engine.is_over, requests) == (True, [])


@pytest.mark.reaches("HTTPS_HEADER_OCTETS")
def test_a_header_too_long_is_431() -> None:
    begun = b"GET / HTTP/1.1\r\nhost: a\r\nx: "
    engine, _, said = served(begun + b"x" * (HTTPS_HEADER_OCTETS - 100))
    assert (engine.is_over, said) == (False, b"")
    assert engine.began_at == 1.0
    for more in (b"", b"\r\n\r\n"):
        _, requests, said = served(begun + b"x" * HTTPS_HEADER_OCTETS + more, b"x")
        assert (statuses(said), requests) == ([431], [])


def test_a_target_too_long_is_431() -> None:
    """Wherever the octets of a header are: HTTP/2 has the target among its fields."""
    for octets, expected in ((HTTPS_HEADER_OCTETS - 100, 200), (HTTPS_HEADER_OCTETS, 431)):
        _, requests, said = served(b"GET /%b HTTP/1.1\r\nhost: a\r\n\r\n" % (b"x" * octets))
        assert (statuses(said), len(requests)) == ([expected], int(expected == 200))


@pytest.mark.parametrize(
    "octets",
    [
        b"\x16\x03\x01\0\0\0\0\r\n\r\n", b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx y: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)  # fmt: skip
def test_garbage_is_400_and_the_end(octets: bytes) -> None:
    engine, requests, said = served(octets)
    assert statuses(said) in ([400], [501], [413])
    assert b"connection: close" in said.lower()
    assert (engine.is_over, engine.fault, requests) == (True, "ended_protocol", [])
    engine.receive(GET, 2.0)
    assert not engine.asked


@pytest.mark.parametrize(
    "piece", [b"3\r\nabcXX", b"zz\r\n", b"-1\r\n", b"3\r\nabc\n\n", b"1" * 30 + b"\r\n"]
)
def test_cve_2025_43859_chunks_that_lie(piece: bytes) -> None:
    """What ends a chunk is looked at, so that nobody can hide a request in it."""
    engine, requests, said = served(CHUNKED, piece, GET)
    assert (engine.is_over, requests) == (True, [])
    assert statuses(said) == [400]


def test_chunks_are_put_together() -> None:
    half = len(QUERY) // 2
    parts = [QUERY[:half], QUERY[half:], b""]
    octets = b"".join(b"%x;ext=1\r\n" % len(part) + part + b"\r\n" for part in parts)
    _, requests, _ = served(CHUNKED + octets)
    assert bytes(requests[0].body) == QUERY


def test_after_its_end_it_says_nothing() -> None:
    engine = Http1()
    engine.receive(GET, 1.0)
    engine.let_go()
    engine.respond(1, OK)
    engine.receive(GET, 1.0)
    assert (engine.octets(), list(engine.asked)) == (b"", [])
    engine = Http1()
    engine.part()
    assert engine.is_over


PIECES = st.sampled_from([POST, GET, CHUNKED, b"3\r\nabc\r\n", b"0\r\n\r\n", b"\r\n", POST[:40]])


@given(st.lists(PIECES | st.binary(max_size=40), max_size=8))
def test_receive_untrusted(pieces: list[bytes]) -> None:
    """Whatever comes, nothing is raised."""
    engine, requests, said = served(*pieces)
    assert len(statuses(said)) >= len(requests)
    engine.let_go()


@pytest.mark.parametrize(
    "octets", [POST, POST * 3, b"\xff\r\n\r\n", POST[:50], CHUNKED + b"zz\r\n"]
)
def test_no_ending_leaves_a_cycle(octets: bytes) -> None:
    """h11 leaves one where what comes is no HTTP."""
    served(octets)[0].let_go()
    with only_collected() as found:
        for _ in range(3):
            served(octets)[0].let_go()
    assert [type(thing) for thing in found] == []
