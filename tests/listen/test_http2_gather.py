"""Bodies that stand behind other requests' headers are put behind their own, and nothing else."""

from __future__ import annotations

from collections import defaultdict

import h2.config
import h2.connection
from hypothesis import given
from hypothesis import strategies as st

from resolver.listen.http2 import Http2
from resolver.listen.http2_gather import gathered
from resolver.protocol.transport import DOH_PATH
from resolver.runtime.http2_frame import HEAD, HEAD_OCTETS, HEADERS
from resolver.upstream import https_words
from tests.listen.http2_frames import CONTINUATION, DATA, END_HEADERS, END_STREAM, PING, frame

_ANY = st.builds(
    frame,
    st.sampled_from([HEADERS, HEADERS, DATA, DATA, 3, 4, PING, 8, CONTINUATION]),
    st.sampled_from([0, END_STREAM, END_HEADERS, END_HEADERS | END_STREAM, 8]),
    st.sampled_from([0, 1, 3, 5]),
    st.binary(max_size=3),
)


def split(frames: bytes) -> list[tuple[int, int, bytes]]:
    """Kind, stream and octets of each."""
    found, at = [], 0
    while len(frames) - at >= HEAD_OCTETS:
        high, low, kind, _, number = HEAD(frames, at)
        end = at + HEAD_OCTETS + (high << 16 | low)
        found.append((kind, number, frames[at:end]))
        at = end
    return found


@given(st.lists(_ANY, max_size=12), st.binary(max_size=8))
def test_order_within_a_stream_and_of_headers_stays_untrusted(
    pieces: list[bytes], rest: bytes
) -> None:
    """RFC 9113 §4.3: header blocks have one state for all streams."""
    before = b"".join(pieces)
    after = gathered(before + rest, 0)
    assert len(after) == len(before + rest)
    assert after.endswith(rest)
    of_streams: list[dict[int, list[bytes]]] = []
    for frames in (before, after[: len(before)]):
        streams = defaultdict(list)
        for _, number, octets in split(frames):
            streams[number].append(octets)
        of_streams.append(streams)
    assert of_streams[0] == of_streams[1]
    headers = [
        [octets for kind, _, octets in split(frames) if kind in (HEADERS, CONTINUATION)]
        for frames in (before, after[: len(before)])
    ]
    assert headers[0] == headers[1]


def test_nothing_is_moved_past_what_is_neither_header_nor_body() -> None:
    first, second = (frame(HEADERS, END_HEADERS, number, b"x") for number in (1, 3))
    bodies = [frame(DATA, END_STREAM, number, b"y") for number in (1, 3)]
    ping = frame(PING, 0, 0, bytes(8))
    assert gathered(first + second + b"".join(bodies), 0) == first + bodies[0] + second + bodies[1]
    kept = first + second + ping + b"".join(bodies)
    assert gathered(kept, 0) == kept
    endless = first + frame(HEADERS, 0, 3, b"x") + b"".join(bodies)
    assert gathered(endless, 0) == endless


def test_all_headers_first_and_then_all_bodies_are_requests_past_h2() -> None:
    """As nghttp2 sends what h2load and dnsperf have to ask."""
    client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
    client.initiate_connection()
    engine = Http2()
    engine.receive(client.data_to_send(), 1.0)
    client.receive_data(engine.octets())
    engine.receive(client.data_to_send(), 1.0)
    place, question = https_words.Place("localhost", DOH_PATH), bytes(40)
    headers = (*place.headers(), https_words.length_of(question))
    numbers = range(1, 41, 2)
    for number in numbers:
        client.send_headers(number, headers)
    for number in numbers:
        client.send_data(number, question, end_stream=True)
    engine.receive(client.data_to_send(), 2.0)
    assert [(number, bytes(request.body)) for number, request in engine.asked] == [
        (number, question) for number in numbers
    ]
    assert engine._whole == {*numbers} - {1}  # a connection's first is always h2's
