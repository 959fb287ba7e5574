"""HTTP/2 as an engine: what is well asked is answered, and nothing else costs much."""

from __future__ import annotations

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived, StreamEnded
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import (
    HTTPS_BODY_OCTETS,
    HTTPS_CLOSED_STREAMS,
    HTTPS_HEADER_OCTETS,
    HTTPS_STREAMS,
)
from resolver.listen.doh_request import Request, Response
from resolver.listen.http2 import Http2
from tests.listen.echo import question
from tests.listen.http2_frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    NO_ERROR,
    PADDED,
    PING,
    PRIORITY,
    PROTOCOL_ERROR,
    RST_STREAM,
    Talker,
    frame,
    frames,
    goaway,
    reset,
    settings,
    window,
)
from tests.support import only_collected

QUERY = question()
OK = ((b"content-type", b"application/dns-message"),)


class Served:
    """An engine that answers each request as it comes, and its client."""

    def __init__(self, *, answers: bool = True, **values: int) -> None:
        self.engine = Http2()
        self.talker = Talker()
        self.now = 100.0
        self.requests: list[tuple[int, Request]] = []
        self.answers = answers
        self.body = b"reply"
        self.said = b""
        self.hear(self.talker.hello(**values))

    def hear(self, octets: bytes) -> bytes:
        """What is said to that."""
        engine = self.engine
        engine.receive(octets, self.now)
        while engine.asked:
            number, request = engine.asked.popleft()
            self.requests.append((number, request))
            engine.useful_octets += len(request.body)
            if self.answers:
                engine.respond(number, Response(200, OK, self.body))
        said = engine.octets()
        self.said += said
        return said

    def resets(self) -> list[int]:
        return [one.code for one in frames(self.said) if one.kind == RST_STREAM]


# --- requests and responses ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_however_it_is_cut_a_request_comes_whole(size: int) -> None:
    served = Served()
    octets = served.talker.ask(QUERY) + served.talker.ask(QUERY + b"x")
    said = b"".join(served.hear(octets[at : at + size]) for at in range(0, len(octets), size))
    assert [(number, bytes(request.body)) for number, request in served.requests] == [
        (1, QUERY),
        (3, QUERY + b"x"),
    ]
    request = served.requests[0][1]
    assert (request.method, request.target) == (b"POST", b"/dns-query")
    assert request.fields[b"content-type"] == b"application/dns-message"
    assert served.talker.read(said) == {1: (200, b"reply"), 3: (200, b"reply")}


@pytest.mark.rfc("RFC 7541 §4.2")
@pytest.mark.parametrize("table", [0, 100, 4096, 65_536])
def test_responses_are_read_by_another_implementation(table: int) -> None:
    """h2 as the client, with a table of any size; fields of indexes above and below fifteen."""
    client = H2Connection(H2Configuration(client_side=True))
    client.initiate_connection()
    client.update_settings({1: table})
    engine = Http2()
    engine.receive(client.data_to_send(), 0.0)
    client.receive_data(engine.octets())
    fields = (*OK, (b"allow", b"x" * 200), (b"x-own", b"1"), (b"retry-after", b"1"))
    for stream in (1, 3, 5):
        asked = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a")]
        client.send_headers(stream, asked, end_stream=True)
        engine.receive(client.data_to_send(), 0.0)
        number, _ = engine.asked.popleft()
        engine.respond(number, Response(429, fields, b"body"))
        events = client.receive_data(engine.octets())
        heads = [event for event in events if isinstance(event, ResponseReceived)]
        assert heads[0].headers == [(b":status", b"429"), *fields]
        assert any(isinstance(event, StreamEnded) for event in events)


def test_a_body_waits_until_the_client_makes_room() -> None:
    served = Served(s4=10)
    served.body = b"0123456789abcdef"
    said = served.hear(served.talker.ask(QUERY))
    assert served.talker.read(said) == {1: (200, b"0123456789")}
    assert served.engine.held_octets == 6
    body = [one for one in frames(served.hear(window(1, 4))) if one.kind == DATA]
    assert (body[0].body, body[0].flags) == (b"abcd", 0)
    body = [one for one in frames(served.hear(settings(s4=100))) if one.kind == DATA]
    assert (body[0].body, body[0].flags) == (b"ef", END_STREAM)
    assert served.engine.held_octets == 0


def test_a_body_of_the_largest_size_leaves_in_frames() -> None:
    served = Served(s4=100_000)
    served.hear(window(0, 100_000))
    served.body = bytes(65_535)
    said = served.hear(served.talker.ask(QUERY))
    assert served.talker.read(said) == {1: (200, bytes(65_535))}


def test_a_response_to_a_stream_that_was_given_up_is_passed_over() -> None:
    served = Served(answers=False)
    served.hear(served.talker.ask(QUERY))
    served.hear(reset(1))
    served.engine.respond(1, Response(200, OK, b"reply"))
    assert served.engine.octets() == b""


def test_what_is_held_for_a_stream_that_was_given_up_is_freed() -> None:
    served = Served(s4=0)
    served.hear(served.talker.ask(QUERY))
    assert served.engine.held_octets == 5
    served.hear(reset(1))
    assert served.engine.held_octets == 0


def test_padding_trailers_and_priorities_are_read_over() -> None:
    served = Served()
    talker = served.talker
    octets = talker.head()
    octets += frame(DATA, PADDED, 1, bytes((200,)) + QUERY + bytes(200))
    octets += frame(PRIORITY, stream=1, body=b"\0\0\0\0\x10")
    octets += frame(HEADERS, END_HEADERS | END_STREAM, 1, talker.encoded(("x-checked", "1")))
    octets += frame(0xFA, 0, 0, b"extension")
    assert talker.read(served.hear(octets)) == {1: (200, b"reply")}
    assert bytes(served.requests[0][1].body) == QUERY


@pytest.mark.rfc("RFC 9113 §8.1.1")
@pytest.mark.parametrize(
    "fields",
    [
        ((":method", "GET"), (":scheme", "https")),
        ((":scheme", "https"), (":path", "/")),
        ((":method", "GET"), (":path", "/")),
        ((":method", "GET"), (":method", "GET"), (":scheme", "https"), (":path", "/")),
        ((":method", "GET"), (":scheme", "https"), (":path", "/"), (":status", "200")),
        (("accept", "*/*"), (":method", "GET"), (":scheme", "https"), (":path", "/")),
        ((":method", "GET"), (":scheme", "https"), (":path", "/"), ("connection", "close")),
        ((":method", "GET"), (":scheme", "https"), (":path", "/"), ("transfer-encoding", "x")),
        ((":method", "GET"), (":scheme", "https"), (":path", "/"), ("te", "gzip")),
        ((":method", "GET"), (":scheme", "https"), (":path", "/"), ("content-length", "5")),
        ((":method", "GET"), (":scheme", "https"), (":path", "/"), ("Accept", "x")),
        (),
    ],
)
def test_a_malformed_request_resets_its_own_stream_only(
    fields: tuple[tuple[str, str], ...],
) -> None:
    served = Served()
    talker = served.talker
    served.hear(talker.head(ends=True, block=talker.encoded(*fields)))
    assert served.resets() == [PROTOCOL_ERROR]
    assert not served.requests
    assert served.talker.read(served.hear(talker.ask(QUERY))) == {3: (200, b"reply")}


@pytest.mark.rfc("RFC 9113 §8.1")
def test_trailers_that_are_none_reset_their_own_stream() -> None:
    served = Served()
    talker = served.talker
    octets = talker.head() + frame(DATA, 0, 1, QUERY)
    octets += frame(HEADERS, END_HEADERS | END_STREAM, 1, talker.encoded((":path", "/other")))
    served.hear(octets)
    assert served.resets() == [PROTOCOL_ERROR]
    assert not served.requests
    assert talker.read(served.hear(talker.ask(QUERY))) == {3: (200, b"reply")}


@pytest.mark.rfc("RFC 9113 §8.2.2")
def test_a_client_may_say_that_it_would_take_trailers() -> None:
    served = Served()
    talker = served.talker
    octets = talker.head(block=talker.block(("te", "trailers")))
    octets += frame(DATA, END_STREAM, 1, QUERY)
    assert talker.read(served.hear(octets)) == {1: (200, b"reply")}


@pytest.mark.reaches("HTTPS_BODY_OCTETS")
@pytest.mark.parametrize("is_told", [True, False])
def test_a_body_over_65535_octets_is_413(is_told: bool) -> None:  # noqa: FBT001
    """At once where its length is told, else when it is seen; the connection goes on."""
    served = Served()
    talker, size = served.talker, HTTPS_BODY_OCTETS + 1
    more = (("content-length", str(size)),) if is_told else ()
    said = served.hear(talker.head(block=talker.block(*more)))
    for octets in (*[13_107] * 5, 1):
        said += served.hear(frame(DATA, 0, 1, bytes(octets)))
    assert talker.read(said)[1][0] == 413
    assert not served.resets()
    assert not served.requests
    served.hear(frame(DATA, END_STREAM, 1))
    said = served.hear(talker.ask(QUERY))
    assert talker.read(said) == {3: (200, b"reply")}


def test_a_body_of_65535_octets_is_taken() -> None:
    served = Served()
    octets = served.talker.head()
    for at in range(0, HTTPS_BODY_OCTETS, 16_000):
        octets += frame(DATA, 0, 1, bytes(min(16_000, HTTPS_BODY_OCTETS - at)))
    assert served.talker.read(served.hear(octets)) == {}
    assert served.talker.read(served.hear(frame(DATA, END_STREAM, 1))) == {1: (200, b"reply")}
    assert len(served.requests[0][1].body) == HTTPS_BODY_OCTETS


@pytest.mark.reaches("HTTPS_HEADER_OCTETS")
def test_a_long_header_is_431_and_a_very_long_one_the_end() -> None:
    served = Served()
    talker = served.talker
    for size, expected in ((HTTPS_HEADER_OCTETS - 400, 200), (HTTPS_HEADER_OCTETS, 431)):
        block = talker.block(("x-long", "x" * size), method="GET")
        said = served.hear(talker.head(ends=True, block=block))
        assert talker.read(said)[talker.stream][0] == expected
    assert served.engine.fault == ""
    block = talker.block(*((f"x-{number}", "y" * 2000) for number in range(9)))
    assert goaway(served.hear(talker.head(ends=True, block=block[:16_000]))) is not None


@pytest.mark.reaches("HTTPS_STREAMS")
def test_no_more_streams_at_once_than_were_offered() -> None:
    served = Served(answers=False)
    talker = served.talker
    served.hear(talker.ask(QUERY))
    for _ in range(HTTPS_STREAMS - 1):
        assert goaway(served.hear(talker.ask(QUERY))) is None
    assert goaway(served.hear(talker.ask(QUERY))) == PROTOCOL_ERROR


@pytest.mark.reaches("HTTPS_CLOSED_STREAMS")
def test_streams_that_are_over_are_forgotten() -> None:
    """And what comes late for one of them, as room for its body, harms nobody."""
    served = Served()
    for _ in range(3 * HTTPS_CLOSED_STREAMS):
        served.hear(served.talker.ask(QUERY))
    h2 = served.engine._h2
    assert len(h2._closed_streams) == HTTPS_CLOSED_STREAMS
    assert len(h2.streams) <= 2
    served.hear(window(1, 5) + window(served.talker.stream, 5))
    said = served.hear(served.talker.ask(QUERY))
    assert served.talker.read(said) == {served.talker.stream: (200, b"reply")}


def test_the_end_is_said() -> None:
    served = Served()
    served.hear(served.talker.ask(QUERY))
    served.engine.part()
    assert goaway(served.engine.octets()) == NO_ERROR
    served.engine.let_go()
    served.engine.respond(1, Response(200, OK))
    served.engine.receive(b"x", 0.0)
    assert served.engine.octets() == b""


def test_a_client_that_says_goodbye_is_heard() -> None:
    served = Served()
    assert served.hear(frame(GOAWAY, body=bytes(8))) == b""
    assert served.engine.is_over
    assert served.engine.fault == ""


# --- anything ------------------------------------------------------------------------------------

KINDS = st.integers(0, 12)
FRAMES = st.builds(
    frame, KINDS, st.integers(0, 255), st.sampled_from([0, 1, 2, 3, 5]), st.binary(max_size=40)
)


@given(st.lists(FRAMES | st.binary(max_size=30), max_size=12), st.booleans())
def test_receive_untrusted(pieces: list[bytes], is_late: bool) -> None:  # noqa: FBT001
    """Whatever comes, nothing is raised, and what is said is whole frames."""
    served = Served()
    if is_late:
        served.hear(served.talker.ask(QUERY))
    for piece in pieces:
        frames(served.hear(piece))
    served.engine.let_go()


def good(served: Served) -> None:
    served.hear(served.talker.ask(QUERY))


def given_up(served: Served) -> None:
    served.hear(served.talker.ask(QUERY) + reset(1))


def rubbish(served: Served) -> None:
    served.hear(frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff"))


def held(served: Served) -> None:
    served.hear(settings(s4=0) + served.talker.ask(QUERY))


def flood(served: Served) -> None:
    served.hear(frame(PING, body=bytes(8)) * 20)


@pytest.mark.parametrize("ending", [good, given_up, rubbish, held, flood])
def test_no_ending_leaves_a_cycle(ending: object) -> None:
    """The collector is mostly off, and h2 refers to itself."""

    def one() -> None:
        served = Served()
        ending(served)  # type: ignore[operator]
        served.engine.let_go()

    one()
    with only_collected() as found:
        for _ in range(3):
            one()
    assert [type(thing) for thing in found] == []
