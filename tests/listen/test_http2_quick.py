"""Requests past h2 are what they are by h2: all that can be seen of a connection is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import HTTPS_STREAMS
from resolver.listen.doh_request import Response
from resolver.listen.http2 import Http2
from resolver.listen.http2_quick import Connection
from tests.listen.echo import question
from tests.listen.http2_frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PROTOCOL_ERROR,
    RST_STREAM,
    WINDOW_UPDATE,
    Talker,
    frame,
    frames,
    goaway,
    reset,
    settings,
    window,
)

if TYPE_CHECKING:
    from collections.abc import Callable

QUERY = question()
OK = ((b"content-type", b"application/dns-message"),)


class ByH2(Connection):
    def read_whole(self, frames: bytes, at: int, asked: object) -> int:  # noqa: ARG002
        return at

    def read_room(self, frames: bytes, at: int) -> int:  # noqa: ARG002
        return at


class End:
    """A server's end whose answers wait until they are asked for."""

    def __init__(self, *, is_quick: bool) -> None:
        self.engine = Http2()
        if not is_quick:
            self.engine._h2 = ByH2()
            self.engine._whole = self.engine._h2.whole
        self.requests: list[tuple[int, bytes, bytes, bytes]] = []
        self.said = b""

    def hear(self, octets: bytes) -> None:
        self.engine.receive(octets, 1.0)
        self.said += self.engine.octets()

    def answer(self, size: int) -> None:
        while self.engine.asked:
            number, request = self.engine.asked.popleft()
            self.engine.useful_octets += len(request.body)
            method, target, _, body = request
            self.requests.append((number, method, target, bytes(body)))
            self.engine.respond(number, Response(200, OK, bytes(size)))
        self.said += self.engine.octets()

    @property
    def seen(self) -> object:
        """Of the connection, by its client and by `web`; windows may be opened a frame later."""
        said = frames(self.said)
        counted = (HEADERS, DATA, RST_STREAM, GOAWAY, PING)
        by_stream: dict[int, list[object]] = {}
        for one in said:
            if one.kind in counted and not (one.kind == RST_STREAM and self.engine.is_over):
                by_stream.setdefault(one.stream, []).append((one.kind, one.flags, one.body))
        engine = self.engine
        return by_stream, self.requests, engine.is_over, engine.fault, engine.held_octets

    @property
    def kept(self) -> object:
        """What h2 knows of it."""
        h2 = self.engine._h2
        opened = sum(
            int.from_bytes(one.body, "big")
            for one in frames(self.said)
            if one.kind == WINDOW_UPDATE and one.stream == 0
        )
        inbound = h2._inbound_flow_control_window_manager
        return (
            h2.open_inbound_streams,
            h2.highest_inbound_stream_id,
            h2.outbound_flow_control_window,
            inbound.current_window_size - opened,
            h2.decoder.header_table.dynamic_entries,
        )


def _ask(talker: Talker, size: int) -> bytes:
    query = QUERY + bytes(size)
    told = ("content-length", str(len(query)))
    return talker.head(block=talker.block(told)) + frame(DATA, END_STREAM, talker.stream, query)


def _in_pieces(talker: Talker, size: int) -> bytes:
    first = talker.head() + frame(DATA, 0, talker.stream, QUERY)
    return first + frame(DATA, END_STREAM, talker.stream, bytes(size))


def _continued(talker: Talker, _: int) -> bytes:
    block = talker.block()
    talker.stream += 2
    first = frame(HEADERS, END_STREAM, talker.stream, block[:3])
    return first + frame(CONTINUATION, END_HEADERS, talker.stream, block[3:])


def _wrong_length(talker: Talker, size: int) -> bytes:
    head = talker.head(block=talker.block(("content-length", str(size))))
    return head + frame(DATA, END_STREAM, talker.stream, QUERY)


def _again(talker: Talker, size: int) -> bytes:
    """A stream that was used, or is."""
    number = max(1, talker.stream - size % 3 * 2)
    return frame(HEADERS, END_HEADERS | END_STREAM, number, talker.block())


def _late(talker: Talker, size: int) -> bytes:
    return frame(DATA, END_STREAM * (size & 1), max(1, talker.stream - size % 3 * 2), b"late")


WELL: list[Callable[[Talker, int], bytes]] = [
    lambda talker, _: talker.ask(QUERY),
    _ask,
    lambda talker, size: talker.head(ends=True, block=talker.block(path=f"/q{size}", method="GET")),
    lambda talker, _: talker.head(ends=True, block=talker.block(("x-a", "1" * 900))),
    lambda talker, size: (
        talker.head() + frame(DATA, PADDED | END_STREAM, talker.stream, b"\2x\0\0")
        if size & 1
        else talker.ask(QUERY)
    ),
    _in_pieces,
    _continued,
    lambda talker, size: window(max(1, talker.stream), size + 1),
    lambda _, size: window(0, size + 1) + frame(PING, body=bytes(8)) * (size % 50 == 0),
    lambda talker, _: frame(PRIORITY, stream=talker.stream + 2, body=b"\0\0\0\0\x10"),
    lambda talker, size: reset(max(1, talker.stream - size % 2 * 2)),
]
OTHERS: list[Callable[[Talker, int], bytes]] = [
    *WELL,
    lambda _, size: settings(s4=size * 7),
    lambda talker, _: talker.head(ends=True, block=talker.encoded((":method", "GET"))),
    _wrong_length,
    _late,
    _again,
    lambda talker, _: window(max(1, talker.stream), 0x7FFF_FFFF),
    lambda talker, _: talker.head(block=b"\xff\xff\xff\xff\xff\xff"),
    lambda talker, _: frame(HEADERS, END_STREAM, talker.stream + 2) + talker.head(ends=True),
    lambda _, size: frame(0xFA, 0, 0, bytes(size)),
    lambda talker, _: frame(HEADERS, END_HEADERS | END_STREAM, talker.stream + 3),
]
size = st.integers(0, 300)
sendings = st.one_of(
    st.lists(st.tuples(st.sampled_from(WELL), size), min_size=1, max_size=8),
    st.lists(st.tuples(st.sampled_from(OTHERS), size), min_size=1, max_size=1),
)
steps = st.one_of(st.tuples(sendings, st.integers(1, 400)), st.integers(0, 200))


@given(st.lists(steps, max_size=14))
def test_whatever_is_said_untrusted(
    taken: list[tuple[list[tuple[Callable[[Talker, int], bytes], int]], int] | int],
) -> None:
    """Requests of every form, whole and in pieces, answered at once and late, with every fault."""
    talker = Talker()
    both = End(is_quick=True), End(is_quick=False)
    for end in both:
        end.hear(talker.hello() + window(0, 70_000))
    for step in taken:
        if isinstance(step, int):
            for end in both:
                end.answer(step)
        else:
            sending, cut = step
            octets = b"".join(make(talker, much) for make, much in sending)
            for end in both:
                end.hear(octets[:cut])
                end.hear(octets[cut:])
        assert both[0].seen == both[1].seen
        if both[0].engine.is_over:
            return
        assert both[0].kept == both[1].kept


def started(**values: int) -> tuple[End, Talker]:
    end, talker = End(is_quick=True), Talker()
    end.hear(talker.hello(**values) + talker.ask(QUERY))
    end.answer(5)
    end.said = b""
    return end, talker


def test_a_request_that_comes_whole_makes_no_stream_of_h2() -> None:
    end, talker = started()
    end.hear(talker.ask(QUERY) + talker.ask(QUERY))
    h2 = end.engine._h2
    assert h2.whole == {3, 5}
    assert not {3, 5} & set(h2.streams)
    end.answer(9)
    assert talker.read(end.said) == {3: (200, bytes(9)), 5: (200, bytes(9))}
    assert not h2.whole


@pytest.mark.parametrize("makes", [lambda number: window(number, 5), reset])
def test_another_frame_makes_the_stream_one_of_h2(makes: Callable[[int], bytes]) -> None:
    end, talker = started()
    end.hear(talker.ask(QUERY))
    end.hear(makes(3))
    assert not end.engine._h2.whole
    assert 3 in end.engine._h2.streams


def test_a_response_that_does_not_fit_is_held_by_h2() -> None:
    end, talker = started(s4=6)
    end.hear(talker.ask(QUERY))
    end.answer(10)
    assert end.engine.held_octets == 4
    end.hear(window(3, 4))
    assert talker.read(end.said) == {3: (200, bytes(10))}


def test_what_the_connection_has_no_room_for_waits_past_h2() -> None:
    """The first that does not fit leaves in part, by h2; those behind it need no stream there."""
    end, talker = started()
    end.hear(b"".join(talker.ask(QUERY) for _ in range(6)))
    end.answer(15_000)
    h2, left = end.engine._h2, 5 * 15_000 + 5 - 65_535
    assert h2.outbound_flow_control_window == 0
    assert (set(h2.streams) - {1}, h2.whole) == ({11}, {13})
    assert end.engine.held_octets == left + 15_000
    end.hear(reset(13))
    assert end.engine.held_octets == left
    end.hear(b"".join(talker.ask(QUERY) for _ in range(2)))
    end.answer(3)
    assert h2.whole == {15, 17}
    end.hear(window(0, left + 4))
    assert h2.whole == set()
    assert end.engine.held_octets == 2
    end.hear(window(0, 2))
    assert end.engine.held_octets == 0
    answers = talker.read(end.said)
    assert {number: len(body) for number, (_, body) in answers.items() if body} == {
        3: 15_000, 5: 15_000, 7: 15_000, 9: 15_000, 11: 15_000, 15: 3, 17: 3,
    }  # fmt: skip


def test_streams_past_h2_count_as_open() -> None:
    end, talker = started()
    for _ in range(HTTPS_STREAMS):
        end.hear(talker.ask(QUERY))
    assert goaway(end.said) is None
    assert len(end.engine._h2.whole) == HTTPS_STREAMS
    end.hear(talker.ask(QUERY))
    assert goaway(end.said) == 1


def test_room_on_the_connection_is_no_errand_of_h2s(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client says so at every second large answer."""
    end, talker = End(is_quick=True), Talker()
    end.hear(talker.hello())
    for _ in range(HTTPS_STREAMS - 1):
        end.hear(_ask(talker, 0))
    end.answer(1000)
    assert end.engine.held_octets > 0
    monkeypatch.setattr(Connection, "receive_data", lambda *_: pytest.fail("it is h2's"))
    end.hear(window(0, 30_000) + window(0, 40_000))
    assert end.engine.held_octets == 0
    assert len(talker.read(end.said)) == HTTPS_STREAMS - 1


@pytest.mark.rfc("RFC 9113 §6.9.1")
@pytest.mark.parametrize(
    ("octets", "code"), [(0, PROTOCOL_ERROR), (0x7FFF_FFFF, FLOW_CONTROL_ERROR)]
)
def test_no_room_and_too_much_are_h2s_to_judge(octets: int, code: int) -> None:
    end, talker = End(is_quick=True), Talker()
    end.hear(talker.hello() + _ask(talker, 0))
    end.hear(window(0, octets))
    assert goaway(end.said) == code
    assert end.engine.is_over
