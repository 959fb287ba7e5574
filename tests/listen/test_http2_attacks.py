"""HTTP/2 as an engine, under the known attacks and floods: each ends at little cost."""

from __future__ import annotations

import itertools

import pytest

from resolver.limits import (
    HTTPS_CONTINUATIONS,
    HTTPS_CONTROL_FRAMES,
    HTTPS_FRAME_OCTETS,
    HTTPS_GRACE_OCTETS,
    HTTPS_IDLE_OCTETS,
    HTTPS_OCTETS_PER_USEFUL,
    HTTPS_OPENED_UNASKED,
    HTTPS_RESET_PART,
    HTTPS_RESET_SECONDS,
    HTTPS_RESETS,
    HTTPS_STREAMS,
)
from resolver.listen.http2 import Http2
from tests.listen.http2_frames import (
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    HEADERS,
    PING,
    PREFACE,
    PRIORITY,
    PROTOCOL_ERROR,
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
from tests.listen.test_http2 import QUERY, Served

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
