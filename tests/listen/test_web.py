"""Connections of DNS over HTTPS: what one client may ask, hold and waste, and others never feel."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio
import trio.lowlevel
import trio.testing

from resolver.limits import (
    HTTPS_IN_WORK,
    HTTPS_RESETS,
    TCP_IDLE_SECONDS,
    TCP_READ_SECONDS,
    TCP_TOTAL_SECONDS,
)
from resolver.listen.admission import Admission
from resolver.listen.rate_limit import RateLimit
from resolver.listen.site import Site
from resolver.listen.tcp import StreamService, TcpSlots
from resolver.listen.web import WebConnection
from resolver.protocol.transport import Transport
from tests.listen.echo import Handler, answered, question
from tests.listen.http2_frames import (
    DATA,
    GOAWAY,
    HEADERS,
    NO_ERROR,
    Frame,
    Talker,
    frames,
    reset,
)
from tests.listen.test_tcp import Door
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.listen.listen_network import Respond
    from resolver.protocol.transport import Client


class Visitor:
    """A client of HTTP/2, frame by frame."""

    def __init__(self, stream: trio.abc.HalfCloseableStream) -> None:
        self.stream = stream
        self.talker = Talker()
        self.frames: list[Frame] = []
        self.is_ended = False
        self._rest = b""

    async def send(self, octets: bytes) -> None:
        await self.stream.send_all(octets)

    async def ask(self, query: bytes) -> int:
        """On a stream of its own, whose number is returned."""
        await self.send(self.talker.ask(query))
        return self.talker.stream

    async def hear(self) -> None:
        """What is said next, the end among it."""
        chunk = await self.stream.receive_some(65_536)
        self.is_ended = not chunk
        octets = self._rest + chunk
        size = 0
        while len(octets) - size >= 9:
            more = 9 + int.from_bytes(octets[size : size + 3], "big")
            if len(octets) - size < more:
                break
            size += more
        self.frames += frames(octets[:size])
        self._rest = octets[size:]

    async def answer(self, number: int) -> bytes:
        """The body of the response on stream *number*."""
        while not any(one.stream == number and one.flags & 1 for one in self.frames):
            await self.hear()
            assert not self.is_ended, self.frames
        return b"".join(
            one.body for one in self.frames if one.stream == number and one.kind == DATA
        )

    async def end(self) -> int | None:
        """Hear all; the code that the connection was ended with."""
        while not self.is_ended:
            await self.hear()
        codes = [one.code for one in self.frames if one.kind == GOAWAY]
        return codes[-1] if codes else None

    def status(self, number: int) -> bytes:
        """As it is encoded."""
        found = [one for one in self.frames if one.stream == number and one.kind == HEADERS]
        return found[0].body[:5]


class House:
    """A service of HTTPS behind a door, with TLS already taken off."""

    def __init__(self, handler: Handler, admission: Admission) -> None:
        self.door = Door()
        self.handler = handler
        self.admission = admission
        self.slots = TcpSlots()
        self.site = Site()
        self.service = StreamService(
            self.door, handler, admission, transport=Transport.HTTPS, slots=self.slots,
            speak=partial(WebConnection, site=self.site),
        )  # fmt: skip

    def connect(
        self, host: str = "192.0.2.1", alpn: str | None = "h2"
    ) -> trio.abc.HalfCloseableStream:
        ours, theirs = trio.testing.memory_stream_pair()
        theirs.alpn = alpn  # type: ignore[attr-defined]
        self.door.admit(theirs, host)
        return ours

    async def visitor(self, host: str = "192.0.2.1", **settings: int) -> Visitor:
        visitor = Visitor(self.connect(host))
        await visitor.send(visitor.talker.hello(**settings))
        return visitor


@asynccontextmanager
async def house(
    handler: Handler | None = None, admission: Admission | None = None
) -> AsyncIterator[House]:
    made = House(handler or Handler(), admission or Admission())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.service.run)
        yield made
        nursery.cancel_scope.cancel()


async def still_served(it: House, host: str = "198.51.100.9") -> None:
    """Another client is."""
    other = await it.visitor(host)
    with trio.fail_after(1):
        assert await other.answer(await other.ask(question())) == answered(question())
    await other.stream.aclose()


# --- questions and answers -----------------------------------------------------------------------


@pytest.mark.rfc("RFC 8484 §4.1")
@trio_test
async def test_miss_then_hit_over_http2() -> None:
    async with house() as it:
        visitor = await it.visitor()
        for _ in range(2):
            assert await visitor.answer(await visitor.ask(question())) == answered(question())
        ((_, client),) = it.handler.started
        assert client.transport is Transport.HTTPS
        assert (it.site.http2, it.site.http1) == (1, 0)


@pytest.mark.parametrize("alpn", [None, "http/1.1", "spdy/3"])
@trio_test
async def test_miss_then_hit_over_http1(alpn: str | None) -> None:
    """It is what is spoken with whoever has not agreed on HTTP/2."""
    text = base64.urlsafe_b64encode(question()).rstrip(b"=")
    async with house() as it:
        stream = it.connect(alpn=alpn)
        for _ in range(2):
            await stream.send_all(b"GET /dns-query?dns=%b HTTP/1.1\r\nhost: a\r\n\r\n" % text)
            said = await stream.receive_some(4096)
            assert said.startswith(b"HTTP/1.1 200 OK\r\n")
            assert said.endswith(answered(question()))
            assert b"\r\ncache-control: max-age=300\r\n" in said
        assert len(it.handler.started) == 1
        assert (it.site.http2, it.site.http1) == (0, 1)


class Late(Handler):
    """Answers a moment later, as who has to ask others."""

    def __init__(self, nursery: trio.Nursery) -> None:
        super().__init__()
        self._nursery = nursery

    def start(self, data: bytes, client: Client, respond: Respond) -> None:
        self._nursery.start_soon(self._answer, data, client, respond)

    async def _answer(self, data: bytes, client: Client, respond: Respond) -> None:
        await trio.sleep(0.1)
        super().start(data, client, respond)


@pytest.mark.rfc("RFC 9112 §9.3.2")
@pytest.mark.parametrize("is_last", [False, True], ids=["it stays", "it says no more"])
@trio_test
async def test_requests_behind_a_miss_are_answered_though_nothing_more_comes(
    is_last: bool,  # noqa: FBT001
) -> None:
    """Over HTTP/1.1, where the next is read once the one before is answered; misses and hits."""
    queries = [question(b"\1%c\7example\0" % letter) for letter in b"abab"]
    texts = [base64.urlsafe_b64encode(query).rstrip(b"=") for query in queries]
    async with trio.open_nursery() as nursery, house(Late(nursery)) as it:
        stream = it.connect(alpn=None)
        await stream.send_all(
            b"".join(b"GET /dns-query?dns=%b HTTP/1.1\r\nhost: a\r\n\r\n" % text for text in texts)
        )
        if is_last:
            await stream.send_eof()
        said = b""
        with trio.fail_after(1):
            while said.count(b"HTTP/1.1 200 OK") < len(queries):
                said += await stream.receive_some(4096)
            assert not is_last or await stream.receive_some(4096) == b""
        bodies = [said.find(answered(query)) for query in queries[:2]]
        assert -1 < bodies[0] < bodies[1]
        assert len(it.handler.started) == 2


@trio_test
async def test_json_is_spoken_and_counted() -> None:
    async with house() as it:
        stream = it.connect(alpn=None)
        for _ in range(2):
            await stream.send_all(b"GET /resolve?name=www.example.com HTTP/1.1\r\nhost: a\r\n\r\n")
            said = await stream.receive_some(4096)
            assert b'"data":"1.2.3.4"' in said
        assert it.site.json == 2


class ManyHandler(Handler):
    """Answers with four thousand addresses."""

    def start(self, data: bytes, client: Client, respond: Respond) -> None:
        self.started.append((data, client))
        one = answered(data)
        record = one[one.index(b"\xc0\x0c") :]
        respond(one[:6] + (4000).to_bytes(2, "big") + bytes(4) + data[12:33] + record[:16] * 4000)


@trio_test
async def test_a_long_json_answer_lets_others_have_their_turn() -> None:
    async with house(ManyHandler()) as it:
        stream = it.connect(alpn=None)
        await stream.send_all(b"GET /resolve?name=www.example.com HTTP/1.1\r\nhost: a\r\n\r\n")
        said = b""
        while said.count(b"1.2.3.4") < 4000:
            said += await stream.receive_some(65_536)


@trio_test
async def test_who_asks_too_much_is_told_429_and_503() -> None:
    rate = RateLimit(0.7, trio.current_time)  # 14 tokens over connections
    async with house(admission=Admission(total=2, rate=rate)) as it:
        visitor = await it.visitor()
        it.handler.holds = True
        numbers = [await visitor.ask(question(id=id)) for id in range(12)]
        await visitor.answer(numbers[11])
        assert visitor.status(numbers[11]) == b"\x08\x03429"
        assert visitor.status(numbers[1]) == b"\x08\x03503"  # half of two places
        it.handler.held[question(id=0)](None)
        await visitor.answer(numbers[0])
        assert visitor.status(numbers[0]) == b"\x08\x03503"
        assert it.admission.in_flight == 0


@trio_test
async def test_what_is_refused_is_counted() -> None:
    async with house() as it:
        stream = it.connect(alpn=None)
        for path in (b"/", b"/dns-query", b"/resolve?name="):
            await stream.send_all(b"GET %b HTTP/1.1\r\nhost: a\r\n\r\n" % path)
            assert (await stream.receive_some(4096)).startswith(b"HTTP/1.1 40")
        assert it.site.refused == 3
        assert it.handler.started == []


# --- patience ------------------------------------------------------------------------------------


@trio_test
async def test_who_keeps_silent_is_told_goodbye() -> None:
    async with house() as it:
        visitor = await it.visitor()
        with trio.fail_after(TCP_IDLE_SECONDS + 1):
            assert await visitor.end() == NO_ERROR
        stream = it.connect(alpn=None)
        with trio.fail_after(TCP_IDLE_SECONDS + 1):
            assert await stream.receive_some() == b""


@pytest.mark.rfc("RFC 9210 §4.2")
@trio_test
async def test_a_request_must_come_whole_in_time() -> None:
    """A header that drips in, a body that never ends; octets of another stream are no excuse."""
    async with house() as it:
        visitor = await it.visitor()
        await visitor.send(visitor.talker.head())
        with trio.fail_after(TCP_READ_SECONDS + 2):
            while not visitor.is_ended:
                await trio.sleep(1)
                with trio.move_on_after(0):
                    await visitor.ask(question())
                with trio.move_on_after(0.1):
                    await visitor.hear()
        stream = it.connect(alpn=None)
        await stream.send_all(b"GET / HTTP/1.1\r\n")
        with trio.fail_after(TCP_READ_SECONDS + 1):
            assert await stream.receive_some() == b""


@trio_test
async def test_at_the_end_what_was_asked_is_answered() -> None:
    """A listener that goes: GOAWAY comes behind the last answer."""
    async with house() as it:
        visitor = await it.visitor()
        it.handler.holds = True
        number = await visitor.ask(question())
        await trio.sleep(0.1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(it.service.leave, 5.0)
            await trio.sleep(0.1)
            it.handler.held[question()](answered(question()))
            assert await visitor.answer(number) == answered(question())
            assert await visitor.end() == NO_ERROR


@trio_test
async def test_a_busy_connection_ends_in_order_when_its_time_is_over() -> None:
    async with house() as it:
        visitor = await it.visitor()
        with trio.fail_after(TCP_TOTAL_SECONDS + TCP_IDLE_SECONDS):
            while not any(one.kind == GOAWAY for one in visitor.frames):
                assert await visitor.answer(await visitor.ask(question())) == answered(question())
                await trio.sleep(TCP_IDLE_SECONDS / 2)
                with trio.move_on_after(0.1):
                    await visitor.hear()
            assert trio.current_time() >= TCP_TOTAL_SECONDS
        assert await visitor.end() == NO_ERROR


@trio_test
async def test_a_client_that_goes_away_frees_what_it_held() -> None:
    async with house() as it:
        visitor = await it.visitor()
        it.handler.holds = True
        for id in range(5):
            await visitor.ask(question(id=id))
        await trio.sleep(0.1)
        assert it.admission.in_flight == 5
        await visitor.stream.aclose()
        await trio.sleep(0.1)
        for respond in it.handler.held.values():
            respond(answered(question()))
        await trio.sleep(0.1)
        assert (it.admission.in_flight, len(it.slots), it.slots.backlog.octets) == (0, 0, 0)


# --- abuse ---------------------------------------------------------------------------------------


@pytest.mark.reaches("HTTPS_IN_WORK")
@trio_test
async def test_what_was_given_up_keeps_its_place_until_it_ends() -> None:
    """Rapid reset: a stream that is gone costs the client its place, not us another query."""
    async with house() as it:
        visitor = await it.visitor()
        it.handler.holds = True
        numbers = [await visitor.ask(question(id=id)) for id in range(HTTPS_IN_WORK)]
        await trio.sleep(0.1)
        assert len(it.handler.started) == HTTPS_IN_WORK
        await visitor.send(b"".join(map(reset, numbers[:HTTPS_RESETS])))
        for id in range(HTTPS_IN_WORK, HTTPS_IN_WORK + 10):
            await visitor.ask(question(id=id))
        await trio.sleep(0.1)
        assert len(it.handler.started) == HTTPS_IN_WORK
        for id in range(5):
            it.handler.held[question(id=id)](answered(question(id=id)))
        await trio.sleep(0.1)
        assert len(it.handler.started) == HTTPS_IN_WORK + 5
        it.handler.holds = False
        await still_served(it)
