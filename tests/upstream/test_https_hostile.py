"""Servers over HTTPS that are slow, flood, or send what is no HTTP: each costs little."""

from __future__ import annotations

import random

import hypothesis
import pytest
import trio
from h2.settings import SettingCodes
from hypothesis import strategies as st

from resolver.limits import SESSION_STREAMS, SESSION_UNSENT_OCTETS
from resolver.upstream import https_session
from resolver.upstream.https_words import Place
from tests.support import examples, only_collected, set_limit, trio_test
from tests.upstream.encrypted_worlds import ask, forward, running
from tests.upstream.https_servers import OK, Exchange, over_https, strict
from tests.upstream.test_https import _fails, good
from tests.upstream.virtual_servers import World


@pytest.mark.parametrize(
    "rubbish",
    [
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        bytes(9),
        random.Random(1).randbytes(400),
        b"\0\0\0\x04\0\0\0\0\0" + b"\0\0\x08\x06\0\0\0\0\0" + bytes(8) + b"\xff" * 40,
    ],
)
@trio_test
async def test_rubbish_ends_the_connection_and_is_counted(rubbish: bytes) -> None:
    world, server, one = World(), good(), over_https()
    server.initial = rubbish
    async with running(world, strict(one), _192_0_2_1=server):
        await _fails(world, server, "breaks the protocol|nobody answers")
        assert server.handshakes < 4, "nobody connects again and again"
        assert world.dispatcher.encrypted.counters.broken >= 1


@trio_test
async def test_a_slow_body_is_a_slow_server() -> None:
    """It is waited for as long as any, and told that nobody wants it any more."""
    world, server, one = World(), good(), over_https()

    def begin(exchange: Exchange) -> None:
        exchange.http.send_headers(exchange.number, OK)
        exchange.http.send_data(exchange.number, b"\0")

    server.respond = begin
    async with running(world, strict(one), _192_0_2_1=server):
        with pytest.raises(Exception, match=r"timeout|nobody answers|no usable"):
            await ask(world, forward(one))
        await trio.sleep(30)
        assert server.resets == len(server.requests)
        server.respond = server.answer
        assert (await ask(world, forward(one), "a.example.com")).message.answer


@pytest.mark.reaches("UPSTREAM_TCP_STRAYS")
@trio_test
async def test_a_flood_of_frames_that_answer_nothing_ends_the_connection() -> None:
    """CVE-2019-9512 (PING), CVE-2019-9515 (SETTINGS), CVE-2019-9518 (empty DATA)."""
    for kind in ("ping", "settings", "data"):
        world, server, one = World(), good(), over_https()

        def flood(exchange: Exchange, kind: str = kind) -> None:
            http = exchange.http
            if kind == "data":
                http.send_headers(exchange.number, OK)
            for _ in range(300):
                if kind == "ping":
                    http.ping(bytes(8))
                elif kind == "settings":
                    http.update_settings({SettingCodes.MAX_FRAME_SIZE: 16_384})
                else:
                    http.send_data(exchange.number, b"")

        server.respond = flood
        async with running(world, strict(one), _192_0_2_1=server):
            await _fails(world, server, "babbles|nobody answers")


@pytest.mark.reaches("SESSION_STREAMS")
@trio_test
async def test_a_session_ends_after_so_many_streams_and_nobody_notices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert SESSION_STREAMS > 100
    set_limit(monkeypatch, https_session, "SESSION_STREAMS", 3)
    world, server, one = World(speculation=False), good(), over_https()
    async with running(world, strict(one), _192_0_2_1=server):
        for at in range(12):
            assert (await ask(world, forward(one), f"n{at}.example.com")).message.answer
        assert server.handshakes == 3
        assert world.dispatcher.counters.failed == 0


@pytest.mark.reaches("SESSION_HELD_OCTETS", "SESSION_WINDOW_OCTETS")
@trio_test
async def test_unfinished_responses_do_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_limit(monkeypatch, https_session, "SESSION_HELD_OCTETS", 10_000)
    world, server, one = World(speculation=False), good(), over_https()

    def most(exchange: Exchange) -> None:
        exchange.http.send_headers(exchange.number, OK)
        exchange.http.send_data(exchange.number, bytes(10_000))

    server.respond = most
    async with running(world, strict(one), _192_0_2_1=server), trio.open_nursery() as nursery:
        for at in range(5):
            nursery.start_soon(_gives_up, world, f"n{at}.example.com")
    assert world.dispatcher.encrypted.counters.broken >= 1


async def _gives_up(world: World, name: str) -> None:
    with pytest.raises(Exception, match=r"."):
        await ask(world, forward(over_https()), name)


@trio_test
async def test_a_frame_that_is_too_long_is_not_waited_for() -> None:
    """RFC 9113 §4.2: 16 MiB are announced, and the connection ends at once."""
    world, server, one = World(), good(), over_https()
    server.initial = b"\xff\xff\xff\0\0\0\0\0\1"
    async with running(world, strict(one), _192_0_2_1=server):
        began = trio.current_time()
        await _fails(world, server, "breaks the protocol|nobody answers")
        assert trio.current_time() - began < 1


@pytest.mark.reaches("SESSION_HEADER_OCTETS")
@trio_test
async def test_headers_without_end_end_the_connection() -> None:
    """CVE-2016-6581 (HPACK bomb)."""
    many = [*OK, *((f"x-{at}", "y" * 200) for at in range(100))]
    world, server, one = World(), good(lambda exchange: exchange.reply(b"", many)), over_https()
    async with running(world, strict(one), _192_0_2_1=server):
        await _fails(world, server, "breaks the protocol|nobody answers")


@trio_test
async def test_sessions_leave_no_garbage() -> None:
    """h2 refers to itself, a session's end cuts that."""
    world, server, one = World(), good(), over_https()
    with only_collected() as garbage:
        async with running(world, strict(one), _192_0_2_1=server):
            for at in range(3):
                await ask(world, forward(one), f"n{at}.example.com")
                server.hang_up()
                await trio.sleep(1)
    loud = ("h2", "hpack", "hyperframe", "resolver", "ssl", "_ssl")
    assert [each for each in garbage if type(each).__module__.partition(".")[0] in loud] == []


@pytest.mark.reaches("SESSION_UNSENT_OCTETS")
@trio_test
async def test_who_reads_nothing_is_given_up() -> None:
    """CVE-2019-9512: each PING wants a reply, of which none is taken."""
    async with trio.open_nursery() as nursery:
        place = Place("a", "/")
        sink = _Sink()
        session = https_session.HttpsSession(sink, _Host(), place=place, nursery=nursery)  # type: ignore[arg-type]
        session._take_untrusted(_PING)
        before = session.is_open, session.reason
        sink.left = SESSION_UNSENT_OCTETS + 1
        session._take_untrusted(_PING)
        assert before == (True, "")
        assert (session.is_open, session.reason) == (False, "reads nothing")


_PING = b"\0\0\x08\x06" + bytes(13)


class _Host:
    """Takes whatever comes."""

    def heard(self, *_: object) -> None: ...
    def failed(self, *_: object) -> None: ...
    def returned(self, *_: object) -> None: ...
    def idle_s(self, *_: object) -> float:
        return 10.0


@hypothesis.given(st.lists(st.binary(max_size=200), max_size=5), st.booleans())
@hypothesis.settings(max_examples=examples(50))
def test_take_untrusted(pieces: list[bytes], is_framed: bool) -> None:  # noqa: FBT001
    """Whatever comes: no exception, and an end where it is not HTTP/2."""

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            stream = _Sink()
            place = Place("a", "/")
            session = https_session.HttpsSession(stream, _Host(), place=place, nursery=nursery)  # type: ignore[arg-type]
            for piece in pieces:
                data = piece
                if is_framed and piece:
                    data = (
                        len(piece).to_bytes(3, "big") + bytes([piece[0] % 10]) + piece[:5] + piece
                    )
                if session._take_untrusted(data):
                    break
            nursery.cancel_scope.cancel()

    trio.run(run)


class _Sink:
    """A stream that takes all but *left* octets."""

    transport = None
    left = 0

    def send_now(self, data: bytes) -> int:
        del data
        return self.left

    async def send_all(self, data: bytes) -> None:
        del data
