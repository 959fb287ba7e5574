"""HTTP/2 as an engine: what is well asked is answered, and nothing else costs much."""

from __future__ import annotations

import itertools

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived, StreamEnded
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import (
    HTTPS_BODY_OCTETS,
    HTTPS_CLOSED_STREAMS,
    HTTPS_CONTINUATIONS,
    HTTPS_CONTROL_FRAMES,
    HTTPS_FRAME_OCTETS,
    HTTPS_GRACE_OCTETS,
    HTTPS_HEADER_OCTETS,
    HTTPS_IDLE_OCTETS,
    HTTPS_OCTETS_PER_USEFUL,
    HTTPS_OPENED_UNASKED,
    HTTPS_RESET_PART,
    HTTPS_RESET_SECONDS,
    HTTPS_RESETS,
    HTTPS_STREAMS,
)
from resolver.listen.doh_request import Request, Response
from resolver.listen.http2 import Http2
from tests.listen.echo import question
from tests.listen.http2_frames import (
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADERS,
    NO_ERROR,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PROTOCOL_ERROR,
    RST_STREAM,
    STREAM_CLOSED,
    WINDOW_UPDATE,
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
    assert served.talker.read(served.hear(talker.ask(QUERY))) == {3: (200, b"reply")}


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


# --- abuse ---------------------------------------------------------------------------------------


def attacked(served: Served, octets: bytes, code: int, counter: str) -> None:
    """The connection is ended with *code*; whatever follows is not even looked at."""
    said = served.hear(octets)
    assert goaway(said) == code
    assert (served.engine.is_over, served.engine.fault) == (True, counter)
    assert served.hear(served.talker.ask(QUERY) * 3) == b""
    assert not served.engine.asked


@pytest.mark.reaches("HTTPS_RESETS", "HTTPS_RESET_PART", "HTTPS_RESET_SECONDS")
def test_cve_2023_44487_rapid_reset() -> None:
    """Streams opened and given up at once: twenty are borne, and one of ten besides."""
    served = Served()
    talker = served.talker
    for _ in range(HTTPS_RESETS):
        served.hear(talker.ask(QUERY) + reset(talker.stream))
    served.now += HTTPS_RESET_SECONDS  # another half a minute, another twenty
    for _ in range(9 * HTTPS_RESET_PART):
        served.hear(talker.ask(QUERY))
    for _ in range(HTTPS_RESETS):
        served.hear(talker.ask(QUERY) + reset(talker.stream))
    served.now += HTTPS_RESET_SECONDS - 1
    for _ in range(12):  # 122 streams by now
        served.hear(talker.ask(QUERY) + reset(talker.stream))
    assert not served.engine.is_over
    octets = talker.ask(QUERY) + reset(talker.stream)
    attacked(served, octets, ENHANCE_YOUR_CALM, "ended_resets")


def test_cve_2025_8671_made_you_reset_by_window_overflow() -> None:
    """It is we who reset, for what the client does to its own streams: that counts as well."""
    served = Served(answers=False)
    talker = served.talker
    for _ in range(HTTPS_RESETS + 2):
        served.hear(talker.ask(QUERY) + window(talker.stream, 0x7FFF_FFFF))
    assert not served.engine.is_over
    assert served.resets() == [FLOW_CONTROL_ERROR] * (HTTPS_RESETS + 2)
    served.hear(talker.ask(QUERY) + window(talker.stream, 0x7FFF_FFFF))
    assert served.engine.fault == "ended_resets"
    assert goaway(served.said) == ENHANCE_YOUR_CALM


def test_cve_2025_8671_made_you_reset_by_frames_on_closed_streams() -> None:
    served = Served()
    talker = served.talker
    for _ in range(HTTPS_RESETS // 2):
        served.hear(talker.head() + reset(talker.stream))
    late = frame(DATA, 0, talker.stream, b"x")
    for _ in range(HTTPS_RESETS):
        served.hear(late)
    assert served.engine.fault == "ended_resets"
    assert goaway(served.said) == ENHANCE_YOUR_CALM
    assert set(served.resets()) == {STREAM_CLOSED}


def test_cve_2025_8671_made_you_reset_by_malformed_requests() -> None:
    served = Served()
    talker = served.talker
    for _ in range(HTTPS_RESETS + 5):
        served.hear(talker.head(ends=True, block=talker.encoded((":method", "GET"))))
    assert served.engine.fault == "ended_resets"


def test_cve_2025_8671_made_you_reset_by_a_window_of_nothing() -> None:
    """An increment of zero ends the connection here (RFC 9113 §6.9 asks for the stream's end)."""
    served = Served()
    octets = served.talker.ask(QUERY) + window(1, 0)
    attacked(served, octets, PROTOCOL_ERROR, "ended_protocol")


@pytest.mark.reaches("HTTPS_CONTINUATIONS")
def test_cve_2024_27316_continuation_flood() -> None:
    """A header block that never ends is not even kept; four pieces are borne."""
    served = Served()
    talker = served.talker
    block = talker.block()
    parts = [block[at : at + 8] for at in range(0, 32, 8)] + [block[32:]]
    assert len(parts) == HTTPS_CONTINUATIONS + 1
    octets = frame(HEADERS, END_STREAM, 1, parts[0])
    octets += b"".join(frame(CONTINUATION, 0, 1, part) for part in parts[1:-1])
    octets += frame(CONTINUATION, END_HEADERS, 1, parts[-1])
    talker.stream = 1
    assert talker.read(served.hear(octets)) == {1: (200, b"reply")}
    octets = frame(HEADERS, END_STREAM, 3) + frame(CONTINUATION, 0, 3) * (HTTPS_CONTINUATIONS + 1)
    attacked(served, octets, ENHANCE_YOUR_CALM, "ended_flood")


@pytest.mark.reaches("HTTPS_CONTROL_FRAMES")
@pytest.mark.parametrize("one", [frame(PING, body=bytes(8)), settings(), settings(s4=1)])
def test_cve_2019_9512_and_9515_ping_and_settings_floods(one: bytes) -> None:
    """Ten a second are answered."""
    served = Served()
    for _ in range(50):
        served.now += 1 / (HTTPS_CONTROL_FRAMES - 1)
        assert goaway(served.hear(one)) is None
    served.now += 10
    attacked(served, one * (HTTPS_CONTROL_FRAMES + 1), ENHANCE_YOUR_CALM, "ended_flood")


@pytest.mark.reaches("HTTPS_FRAME_OCTETS")
def test_a_frame_too_long_is_refused_by_its_head() -> None:
    """h2 would keep 16 MB before it looks."""
    served = Served()
    served.hear(served.talker.ask(QUERY))
    head = frame(DATA, 0, 1, bytes(HTTPS_FRAME_OCTETS + 1))[:9]
    attacked(served, head, FRAME_SIZE_ERROR, "ended_protocol")


@pytest.mark.reaches("HTTPS_IDLE_OCTETS")
def test_octets_that_open_no_stream_are_a_flood() -> None:
    served = Served()
    one = frame(PRIORITY, stream=1, body=b"\0\0\0\0\x10")
    count = HTTPS_IDLE_OCTETS // len(one) - 4
    assert goaway(served.hear(one * count)) is None
    attacked(served, one * 5, ENHANCE_YOUR_CALM, "ended_flood")


@pytest.mark.reaches("HTTPS_OPENED_UNASKED")
def test_streams_that_ask_nothing_are_a_flood() -> None:
    served = Served()
    octets = b"".join(served.talker.head() for _ in range(HTTPS_OPENED_UNASKED))
    assert goaway(served.hear(octets)) is None
    attacked(served, served.talker.head(), ENHANCE_YOUR_CALM, "ended_flood")


def test_many_requests_in_one_piece_are_no_flood() -> None:
    """What was asked for is whole, though none of it was read yet."""
    served = Served()
    octets = b"".join(served.talker.ask(QUERY) for _ in range(HTTPS_STREAMS))
    assert goaway(served.hear(octets)) is None
    assert len(served.requests) == HTTPS_STREAMS


def test_where_each_response_ends_is_told() -> None:
    """dnsperf takes one response of each TLS record."""
    served = Served()
    served.engine.cuts(b"")
    asked = served.talker.ask(QUERY), served.talker.head(), served.talker.ask(QUERY)
    late = frame(DATA, END_STREAM, served.talker.stream - 2, QUERY)  # by h2
    said = served.hear(b"".join((*asked, late)))
    cuts = served.engine.cuts(said)
    parts = [said[start:end] for start, end in itertools.pairwise((0, *cuts, len(said)))]
    assert [[one.kind for one in frames(part)][-1] for part in parts] == [DATA] * 3
    assert served.engine.cuts(served.hear(served.talker.ask(QUERY))) == []


@pytest.mark.reaches("HTTPS_GRACE_OCTETS")
@pytest.mark.parametrize("one", [frame(DATA, 0, 1), window(0, 1), frame(0xFA, 0, 0, bytes(100))])
def test_cve_2019_9518_frames_of_no_use(one: bytes) -> None:
    """Empty DATA, room that nobody needs, extensions: after a grace they must be of use."""
    served = Served()
    talker = served.talker
    served.hear(talker.head() + talker.ask(QUERY))
    many = one * (10_000 // len(one))
    for _ in range(HTTPS_GRACE_OCTETS // 10_000 - 1):
        assert goaway(served.hear(many)) is None
    for _ in range(5):
        served.hear(many)
    assert served.engine.fault == "ended_flood"
    assert goaway(served.said) == ENHANCE_YOUR_CALM
    assert served.engine.useful_octets * HTTPS_OCTETS_PER_USEFUL < HTTPS_GRACE_OCTETS


@pytest.mark.reaches("HTTPS_OCTETS_PER_USEFUL")
def test_what_is_read_for_what_is_asked() -> None:
    """After the grace, twenty-two octets for each of a query; a request takes two or three."""
    served = Served()
    for _ in range(300):
        served.hear(served.talker.ask(QUERY))
    guard = served.engine._guard
    allowed = 300 * len(QUERY) * HTTPS_OCTETS_PER_USEFUL
    assert allowed > HTTPS_GRACE_OCTETS
    while guard._read <= allowed - 2000:
        served.hear(frame(0xFA, 0, 0, bytes(1991)))
    served.hear(frame(0xFA, 0, 0, bytes(allowed - guard._read - 9)))
    assert (guard._read, served.engine.is_over) == (allowed, False)
    attacked(served, frame(0xFA), ENHANCE_YOUR_CALM, "ended_flood")


def test_who_asks_much_is_no_flood() -> None:
    served = Served()
    for _ in range(3 * HTTPS_GRACE_OCTETS // 70):
        served.hear(served.talker.ask(QUERY) + window(0, 1000) + window(served.talker.stream, 100))
    assert not served.engine.is_over


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\xff\xff\xff\xff"), PROTOCOL_ERROR),
        (frame(DATA, 0, 1, b"x"), PROTOCOL_ERROR),
        (frame(HEADERS, END_HEADERS, 2, b"\x82"), PROTOCOL_ERROR),
        (frame(PING, body=b"short"), FRAME_SIZE_ERROR),
        (frame(WINDOW_UPDATE, body=b"\x7f\xff\xff\xff"), FLOW_CONTROL_ERROR),
        (settings(s4=0x8000_0000), FLOW_CONTROL_ERROR),
        (settings(s5=1), PROTOCOL_ERROR),
        (frame(CONTINUATION, 0, 1, b"x"), PROTOCOL_ERROR),
    ],
)
def test_what_is_no_http_ends_the_connection_with_a_code(octets: bytes, code: int) -> None:
    served = Served()
    said = served.hear(octets)
    assert goaway(said) in (code, COMPRESSION_ERROR)
    assert served.engine.fault == "ended_protocol"


def test_another_protocol_is_answered_by_an_end() -> None:
    engine = Http2()
    engine.receive(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", 0.0)
    assert engine.is_over


@pytest.mark.parametrize("part", [PREFACE[:10], frame(HEADERS, 0, 1, b"\x82"), b"\0\0\x20\1"])
def test_it_is_known_since_when_half_a_request_is_here(part: bytes) -> None:
    if part == PREFACE[:10]:
        engine = Http2()
        engine.receive(part, 5.0)
        assert engine.began_at == 5.0
        return
    served = Served()
    served.hear(part)
    served.now += 3
    served.hear(b"")
    assert served.engine.began_at == 100.0


def test_it_is_known_since_when_a_body_is_awaited() -> None:
    engine, talker = Http2(), Talker()
    told = []
    for now, octets in enumerate(
        (talker.hello(), talker.head(), b"", talker.ask(QUERY), frame(DATA, END_STREAM, 1, QUERY))
    ):
        engine.receive(octets, float(now))
        told.append(engine.began_at)
    assert told == [None, 1.0, 1.0, 1.0, None]


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
