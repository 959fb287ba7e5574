"""DNS over HTTP/3: what is answered, and what a client cannot do with it."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio
from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import ErrorCode, FrameType, H3Connection, Setting, encode_frame
from aioquic.h3.events import DataReceived, HeadersReceived
from hypothesis import given, settings
from hypothesis import strategies as st

from resolver.lab.virtual_time import run
from resolver.listen import http3, quic_transport
from resolver.listen.admission import Admission
from resolver.listen.http3 import Http3Session
from resolver.listen.rate_limit import RateLimit
from resolver.listen.site import Site
from resolver.protocol.transport import Transport
from tests.listen.echo import answered, question
from tests.listen.quic_client import HERE, listening, sealed
from tests.support import examples, only_collected, trio_test

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.listen.quic_client import Client, Listener

QUESTION = question(id=0)
TYPE = (b"content-type", b"application/dns-message")


class Browser:
    """HTTP/3's other end."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.http = H3Connection(client.quic)
        self.headers: dict[int, dict[bytes, bytes]] = {}
        self.bodies: dict[int, bytes] = {}
        self._seen = 0

    def ask(
        self, method: str, path: str, *fields: tuple[bytes, bytes], body: bytes | None = None
    ) -> int:
        stream = self.client.quic.get_next_available_stream_id()
        header = [
            (b":method", method.encode()), (b":scheme", b"https"), (b":authority", b"dns.test"),
            (b":path", path.encode()), *fields,
        ]  # fmt: skip
        self.http.send_headers(stream, header, end_stream=body is None)
        if body is not None:
            self.http.send_data(stream, body, end_stream=True)
        return stream

    def post(self, message: bytes = QUESTION) -> int:
        return self.ask("POST", "/dns-query", TYPE, body=message)

    async def run(self, seconds: float = 1.0) -> None:
        await self.client.run(seconds)
        fresh, self._seen = self.client.events[self._seen :], len(self.client.events)
        for event in fresh:
            for heard in self.http.handle_event(event):
                if isinstance(heard, HeadersReceived):
                    self.headers[heard.stream_id] = dict(heard.headers)
                elif isinstance(heard, DataReceived):
                    known = self.bodies.get(heard.stream_id, b"")
                    self.bodies[heard.stream_id] = known + heard.data

    def status(self, stream: int) -> int:
        return int(self.headers[stream][b":status"])


@asynccontextmanager
async def serving(
    *, site: Site | None = None, admission: Admission | None = None
) -> AsyncIterator[tuple[Listener, Browser]]:
    async with trio.open_nursery() as nursery:
        begin = partial(Http3Session, site=site or Site(), spawn=nursery.start_soon)
        sessions = {"h3": begin}
        transport = Transport.HTTP3
        async with listening(transport=transport, sessions=sessions, admission=admission) as it:
            browser = Browser(await it.connected())
            await browser.run(0.2)
            yield it, browser


# --- what is answered ----------------------------------------------------------------------------


@pytest.mark.rfc("RFC 9114 §4.1")
@trio_test
async def test_a_question_by_post_and_by_get() -> None:
    site = Site()
    async with serving(site=site) as (it, browser):
        encoded = base64.urlsafe_b64encode(QUESTION).decode().rstrip("=")
        streams = [browser.post(), browser.ask("GET", f"/dns-query?dns={encoded}")]
        await browser.run()
        for stream in streams:
            assert browser.bodies[stream] == answered(QUESTION)
            assert browser.headers[stream] == {
                b":status": b"200",
                b"content-type": b"application/dns-message",
                b"content-length": b"%d" % len(answered(QUESTION)),
                b"cache-control": b"max-age=300",
            }
            assert stream in browser.client.finished
        assert [client.transport for _, client in it.handler.started] == [Transport.HTTP3]
        assert (site.http3, it.service.queries) == (1, 2)
        assert it.service._peers
        (peer,) = it.service._peers
        assert peer.spoken is not None
        assert peer.spoken.held_octets == 0


@trio_test
async def test_the_json_form_and_head() -> None:
    async with serving() as (_, browser):
        asked = browser.ask("GET", "/resolve?name=www.example.com&type=A")
        head = browser.ask("HEAD", "/dns-query?name=www.example.com")
        await browser.run()
        assert json.loads(browser.bodies[asked])["Answer"][0]["data"] == "1.2.3.4"
        octets = browser.client.answers[head]  # aioquic takes a body for lost that HEAD has not
        assert (octets[0], octets[1]) == (FrameType.HEADERS, len(octets) - 2)
        assert head in browser.client.finished


@pytest.mark.parametrize(
    ("method", "path", "fields", "body", "status"),
    [
        ("GET", "/", (), None, 404),
        ("GET", "/dns-query?dns=%", (), None, 400),
        ("POST", "/dns-query", (), b"x", 415),
        ("PUT", "/dns-query", (TYPE,), b"x", 405),
        ("BREW", "/dns-query", (), None, 501),
        ("POST", "/dns-query", (TYPE, (b"content-length", b"70000")), b"x" * 70_000, 413),
        ("POST", "/dns-query", (TYPE,), b"x" * 64_900, 413),
        ("GET", "/dns-query", ((b"cookie", b"x" * 9000),), None, 431),
    ],
)
@trio_test
async def test_what_is_refused_is_refused_in_words(
    method: str, path: str, fields: tuple[tuple[bytes, bytes], ...], body: bytes, status: int
) -> None:
    async with serving() as (it, browser):
        refused = browser.ask(method, path, *fields, body=body)
        await browser.run(2)
        assert browser.status(refused) == status
        after = browser.post()
        await browser.run()
        assert browser.status(after) == 200, "and the connection goes on"
        await trio.sleep(6)
        assert len(it.service) == 1


@trio_test
async def test_three_hundred_questions_on_one_connection() -> None:
    async with serving() as (_, browser):
        streams = [
            browser.post(question(b"\6n%05d\7example\3com\0" % number, id=0))
            for number in range(300)
        ]
        await browser.run(10)
        assert {browser.status(stream) for stream in streams} == {200}


@trio_test
async def test_a_long_json_answer_lets_others_have_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http3, "HTTPS_JSON_SLICE", 1)
    async with serving() as (it, browser):
        asked = browser.ask("GET", "/resolve?name=www.example.com")
        await browser.run()
        assert json.loads(browser.bodies[asked])["Status"] == 0
        (peer,) = it.service._peers
        assert peer.is_idle


@trio_test
async def test_nobody_has_an_answer_and_who_asks_too_much() -> None:
    rate = RateLimit(1.7, trio.current_time)  # 34 tokens: six misses, four that find no place
    async with serving(admission=Admission(total=11, rate=rate)) as (it, browser):
        it.handler.holds = True
        streams = [browser.post(question(b"\1%c\0" % (97 + at), id=0)) for at in range(12)]
        await browser.run(0.3)
        for respond in it.handler.held.values():
            respond(None)
        await browser.run(0.3)
        told = [browser.status(stream) for stream in streams]
        assert told.count(503) == 10
        assert told.count(429) == 2
        assert browser.headers[streams[0]][b"retry-after"] == b"1"


@trio_test
async def test_a_request_that_was_given_up_is_not_answered() -> None:
    async with serving() as (it, browser):
        it.handler.holds = True
        stream = browser.post()
        await browser.run(0.3)
        browser.client.quic.stop_stream(stream, ErrorCode.H3_REQUEST_CANCELLED)
        await browser.run(0.3)
        assert it.admission.in_flight == 1
        it.handler.held[QUESTION](answered(QUESTION))
        await browser.run(0.3)
        assert stream not in browser.headers
        assert it.admission.in_flight == 0
        assert browser.client.closed is None


# --- what ends the connection --------------------------------------------------------------------


@pytest.mark.rfc("RFC 9204 §3.2.3")
@trio_test
async def test_there_is_no_dynamic_table() -> None:
    async with serving() as (_, browser):
        browser.post()
        await browser.run()
        told = browser.http.received_settings
        assert told is not None
        assert told[Setting.QPACK_MAX_TABLE_CAPACITY] == told[Setting.QPACK_BLOCKED_STREAMS] == 0
        assert browser.http._encoder_bytes_received + browser.http._decoder_bytes_sent <= 4


def _one_way(browser: Browser, kind: int, octets: bytes) -> int:
    quic = browser.client.quic
    stream = quic.get_next_available_stream_id(is_unidirectional=True)
    quic.send_stream_data(stream, encode_uint_var(kind) + octets)
    return stream


@pytest.mark.rfc("RFC 9114 §8.1")
@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (encode_frame(FrameType.SETTINGS, b""), ErrorCode.H3_FRAME_UNEXPECTED),
        (encode_frame(FrameType.DATA, b"x"), ErrorCode.H3_FRAME_UNEXPECTED),
        (encode_frame(FrameType.HEADERS, b"\0\0\xff\xff"), ErrorCode.QPACK_DECOMPRESSION_FAILED),
        (encode_frame(FrameType.HEADERS, b"\2\0\x80"), ErrorCode.QPACK_DECOMPRESSION_FAILED),
        (encode_frame(FrameType.HEADERS, b"\0\0\xd1"), ErrorCode.H3_MESSAGE_ERROR),
        (b"\1", ErrorCode.H3_FRAME_ERROR),
    ],
    ids=["settings", "data", "rubbish", "dynamic", "no path", "cut short"],
)
@trio_test
async def test_what_is_no_request_ends_the_connection(octets: bytes, code: int) -> None:
    async with serving() as (it, browser):
        browser.client.ask(octets)
        await browser.run()
        assert browser.client.closed is not None
        assert browser.client.closed.error_code == code
        assert it.places.misused == 1
        assert it.is_empty()


@trio_test
async def test_a_frame_that_never_ends_is_not_collected() -> None:
    """aioquic waits for all of a SETTINGS frame, however long it says it is."""
    async with listening_raw() as (it, client):
        stream = client.quic.get_next_available_stream_id(is_unidirectional=True)
        client.quic.send_stream_data(stream, b"\0\4" + encode_uint_var(1 << 40))
        for _ in range(40):
            client.quic.send_stream_data(stream, bytes(4000))
            await client.run(0.2)
            assert it.places.octets < 200_000
        assert client.closed is not None
        assert client.closed.error_code == ErrorCode.H3_EXCESSIVE_LOAD
        assert it.is_empty()


@asynccontextmanager
async def listening_raw() -> AsyncIterator[tuple[Listener, Client]]:
    """A client without an HTTP/3 of its own."""
    async with trio.open_nursery() as nursery:
        sessions = {"h3": partial(Http3Session, site=Site(), spawn=nursery.start_soon)}
        async with listening(transport=Transport.HTTP3, sessions=sessions) as it:
            yield it, await it.connected()


@trio_test
async def test_a_request_has_its_time() -> None:
    async with serving() as (it, browser):
        browser.client.ask(encode_frame(FrameType.HEADERS, b"\0\0")[:-1], ends=False)
        await browser.run(7)
        assert browser.client.closed is not None
        assert browser.client.closed.error_code == ErrorCode.H3_EXCESSIVE_LOAD
        assert it.places.overused == 1
        assert it.is_empty()


@settings(max_examples=examples(30))
@given(
    st.lists(st.tuples(st.integers(0, 5), st.binary(max_size=60), st.booleans()), max_size=6),
    st.integers(0, 2**32),
)
def test_arbitrary_frames_never_raise(sent: list[tuple[int, bytes, bool]], seed: int) -> None:
    async def story() -> None:
        async with listening_raw() as (it, client):
            frames = b""
            for stream, data, is_end in sent:
                head = bytes([0x0A | is_end]) + encode_uint_var(2 * stream)
                frames += head + encode_uint_var(len(data)) + data
            client.end.send_udp(HERE, sealed(client, frames))
            await trio.sleep(1)
            browser = Browser(await it.connected("198.51.100.8"))
            stream = browser.post()
            await browser.run()
            assert browser.status(stream) == 200

    run(story, seed=seed)


@trio_test
async def test_connections_leave_no_cycles() -> None:
    async with trio.open_nursery() as nursery:
        sessions = {"h3": partial(Http3Session, site=Site(), spawn=nursery.start_soon)}
        async with listening(transport=Transport.HTTP3, sessions=sessions) as it:
            await _comes_and_goes(it)
            with only_collected() as found:
                for _ in range(3):
                    await _comes_and_goes(it)
            assert [f"{type(each).__module__}.{type(each).__qualname__}" for each in found] == []


async def _comes_and_goes(it: Listener) -> None:
    clients = []
    for octets in (b"", encode_frame(FrameType.SETTINGS, b""), b"\1\5x"):
        client = await it.connected()
        browser = Browser(client)
        browser.post()
        if octets:
            client.ask(octets, ends=False)
        await browser.run(0.2)
        clients.append(client)
        del browser
    await trio.sleep(31)
    assert it.is_empty()
    for client in clients:
        client.end.close()
        client.events.clear()
        quic_transport.dismantle(client.quic)
