"""Servers that are asked over HTTPS: RFC 8484 over HTTP/2, proven or not asked, nothing else."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import hypothesis
import pytest
import trio
from h2.connection import ConnectionState
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hypothesis import strategies as st

from resolver.errors import ExchangeFailed
from resolver.limits import QUERY_PADDING_OCTETS, SESSION_STREAMS, SESSION_UNSENT_OCTETS
from resolver.protocol.edns import OPT_KEEPALIVE
from resolver.protocol.message import Record
from resolver.protocol.transport import Transport
from resolver.protocol.wire import parse_untrusted
from resolver.upstream import http2_quick, https_session
from resolver.upstream.https_words import Place
from tests.support import examples, only_collected, set_limit, trio_test
from tests.upstream.encrypted_worlds import ask, forward, running
from tests.upstream.https_servers import OK, Exchange, HttpsScript, over_https, strict
from tests.upstream.tls_servers import NAME, Clear, certificate, server_context
from tests.upstream.virtual_servers import ANSWER, Script, World, answer

if TYPE_CHECKING:
    from collections.abc import Callable


def good(respond: Callable[[Exchange], object] | None = None) -> HttpsScript:
    return HttpsScript(certificate(NAME), respond)


@pytest.mark.rfc("RFC 8484 §4.2.1")
@trio_test
async def test_a_server_is_asked_by_post_and_nothing_else_leaves() -> None:
    """RFC 8484 §4.1: POST, its own media type, id 0, where it was told to."""
    world, server, one = World(), good(), over_https()
    clear = Clear(world)
    async with running(world, strict(one), _192_0_2_1=server):
        reply = await ask(world, forward(one))
        assert reply.message.answer[0].rdata == ANSWER
        assert reply.transport is Transport.HTTPS
        assert (server.handshakes, clear.count) == (1, 0)
    (request,) = server.requests
    assert request.headers == {
        b":method": b"POST",
        b":scheme": b"https",
        b":authority": NAME.encode(),
        b":path": b"/dns-query",
        b"accept": b"application/dns-message",
        b"content-type": b"application/dns-message",
        b"content-length": b"%d" % QUERY_PADDING_OCTETS,
    }
    assert request.body[:2] == b"\0\0"
    query = parse_untrusted(request.body)
    assert query.edns is not None
    assert query.edns.option(OPT_KEEPALIVE) is None, "RFC 7828 is TCP's"


@trio_test
async def test_another_port_is_named_to_the_server() -> None:
    world, server, one = World(), good(), over_https(port=8443)
    server.PORT = 8443
    async with running(world, strict(one), _192_0_2_1=server):
        await ask(world, forward(one))
    assert server.requests[0].headers[b":authority"] == f"{NAME}:8443".encode()


@trio_test
async def test_one_connection_carries_many_queries_in_any_order() -> None:
    held: list[Exchange] = []

    def last_first(exchange: Exchange) -> None:
        held.append(exchange)
        while len(held) >= 3 or (len(held) and len(server.requests) > 3):
            server.answer(held.pop())

    server, one = good(last_first), over_https()
    world = World(speculation=False)
    async with running(world, strict(one), _192_0_2_1=server):
        async with trio.open_nursery() as nursery:
            for at in range(3):
                nursery.start_soon(ask, world, forward(one), f"n{at}.example.com")
            await trio.sleep(0.2)
            while held:
                server.answer(held.pop())
            nursery.start_soon(ask, world, forward(one), "last.example.com")
        assert (server.handshakes, len(server.requests)) == (1, 4)


@trio_test
async def test_who_speaks_no_http_2_is_not_asked() -> None:
    """Another protocol of the same server's must not be fed with queries (RFC 7301 §3.2)."""
    world, server, one = World(), good(), over_https()
    server.context = server_context(certificate(NAME))  # "dot"
    server.context.set_alpn_protocols([])
    async with running(world, strict(one), _192_0_2_1=server):
        await _fails(world, server, "speaks no HTTP/2|no session", asked=0)


async def _fails(world: World, server: HttpsScript, said: str, *, asked: int | None = None) -> None:
    with pytest.raises(ExchangeFailed, match=said):
        await ask(world, forward(over_https()))
    if asked is not None:
        assert len(server.requests) == asked


def _with(status: str, *more: tuple[str, str]) -> Callable[[Exchange], None]:
    def respond(exchange: Exchange) -> None:
        exchange.reply(b"<html>", [(":status", status), *more])

    return respond


def _changed(change: Callable[[bytes], bytes]) -> Callable[[Exchange], None]:
    def respond(exchange: Exchange) -> None:
        told = answer(parse_untrusted(exchange.body))
        exchange.reply(change(told))

    return respond


def _reset(exchange: Exchange) -> None:
    exchange.http.reset_stream(exchange.number, ErrorCodes.INTERNAL_ERROR)


_USELESS: dict[str, tuple[Callable[[Exchange], object], str]] = {
    "an error of the client's": (_with("404"), "HTTP status 404"),
    "an error of its own": (_with("503"), "HTTP status 503"),
    "a redirect": (
        _with("302", ("location", "https://elsewhere.example/")),
        r"HTTP status 302 \(redirects are refused\)",
    ),
    "a page": (_with("200", ("content-type", "text/html")), "no application/dns-message"),
    "no type": (_with("200"), "no application/dns-message"),
    "more than a message": (
        lambda exchange: exchange.reply(bytes(65_536), [*OK, ("content-length", "65536")]),
        "more than a message",
    ),
    "more than it said": (lambda exchange: exchange.reply(bytes(65_536)), "more than a message"),
    "nothing": (lambda exchange: exchange.reply(b""), "answers something else"),
    "a stream that is reset": (_reset, r"stream reset \(INTERNAL_ERROR\)"),
    "another id": (_changed(lambda told: b"\1\2" + told[2:]), "answers something else"),
    "a query": (_changed(lambda told: told[:2] + b"\1\0" + told[4:]), "answers something else"),
}


@pytest.mark.rfc("RFC 8484 §4.2.1")
@pytest.mark.parametrize("case", _USELESS)
@trio_test
async def test_what_is_no_reply_is_a_failure_that_is_told_and_counted(case: str) -> None:
    """RFC 8484 §4.2; the connection goes on, and is asked again."""
    respond, said = _USELESS[case]
    world, server, one = World(), good(respond), over_https()
    async with running(world, strict(one), _192_0_2_1=server):
        await _fails(world, server, said)
        broken = world.dispatcher.encrypted.counters.broken
        assert broken == len(server.requests)
        server.respond = server.answer
        assert (await ask(world, forward(one), "a.example.com")).message.answer
        assert server.handshakes == 1
        assert world.dispatcher.encrypted.counters.broken == broken


@trio_test
async def test_ghsa_4qjf_answers_over_https_are_checked() -> None:
    """AdGuard's dnsproxy took whatever came over its own connection for the answer.

    Another name, another type, another class, a name beside it: nothing of it is believed.
    """
    one = over_https()
    for changes in (
        {"question": (b"\3bad\7example\0", 1, 1)},
        {"question": (b"\3www\7example\3com\0", 28, 1)},
        {"question": (b"\3www\7example\3com\0", 1, 3)},
    ):
        server = good()
        server.script = Script(lambda query, _, changes=changes: answer(query, **changes))  # type: ignore[misc]
        world = World()
        async with running(world, strict(one), _192_0_2_1=server):
            await _fails(world, server, "answers something else")


@trio_test
async def test_rdata_that_is_none_is_malformed_over_https_too() -> None:
    """GHSA-4qjf: an A record of five octets."""
    bad = [Record(b"\3www\7example\3com\0", 1, 1, 300, b"12345")]
    world, server, one = World(), good(), over_https()
    server.script = Script(lambda query, _: answer(query, answer=bad))
    async with running(world, strict(one), _192_0_2_1=server):
        await _fails(world, server, "malformed")


@trio_test
async def test_the_longest_message_comes_through() -> None:
    """65,535 octets, many times over: no window of flow control runs dry."""

    def longest(exchange: Exchange) -> None:
        query = parse_untrusted(exchange.body)
        texts = [
            Record(query.qname, 16, 1, 300, bytes([255]) + bytes([at % 256]) * 255)
            for at in range(240)
        ]
        told = answer(query, answer=texts, max_size=65_535)
        fill = 65_535 - len(told)
        exchange.reply(told + bytes(0) if fill < 0 else told)

    world, server, one = World(), good(longest), over_https()
    async with running(world, strict(one), _192_0_2_1=server):
        for at in range(40):
            reply = await ask(world, forward(one), f"n{at}.example.com")
            assert len(reply.message.answer) == 240
        assert server.handshakes == 1


@trio_test
async def test_no_more_streams_are_opened_than_the_server_allows() -> None:
    """RFC 9113 §5.1.2: the rest waits for its turn."""
    world, server, one = World(speculation=False), good(), over_https()
    server.settings = {SettingCodes.MAX_CONCURRENT_STREAMS: 2}
    most = 0

    def respond(exchange: Exchange) -> None:
        nonlocal most
        most = max(most, exchange.http.open_inbound_streams)
        server.answer(exchange)

    server.respond = respond
    async with running(world, strict(one), _192_0_2_1=server):
        await ask(world, forward(one))
        async with trio.open_nursery() as nursery:
            for at in range(20):
                nursery.start_soon(ask, world, forward(one), f"n{at}.example.com")
        assert len(server.requests) == 21
        assert most <= 2


@pytest.mark.rfc("RFC 9113 §6.8")
@trio_test
async def test_a_goaway_lets_what_it_has_seen_be_answered_and_the_rest_goes_elsewhere() -> None:
    world, server, one = World(speculation=False), good(), over_https()
    held: list[Exchange] = []

    def leave(exchange: Exchange) -> None:
        held.append(exchange)
        if len(held) == 1:
            exchange.http.close_connection(last_stream_id=exchange.number)
            exchange.http.state_machine._transitions = http2_quick._TRANSITIONS
            exchange.http.state_machine.state = ConnectionState.CLIENT_OPEN
            server.respond = server.answer
            exchange.http.config.client_side = False
            server.answer(exchange)

    async with running(world, strict(one), _192_0_2_1=server):
        await ask(world, forward(one))
        server.respond = leave
        assert (await ask(world, forward(one), "a.example.com")).message.answer
        assert (await ask(world, forward(one), "b.example.com")).message.answer
        assert server.handshakes == 2
        assert world.dispatcher.counters.failed == 0


@pytest.mark.rfc("RFC 9113 §8.7")
@trio_test
async def test_what_was_refused_unseen_is_asked_again_once() -> None:
    world, server, one = World(speculation=False), good(), over_https()

    def refuse(exchange: Exchange) -> None:
        exchange.http.reset_stream(exchange.number, ErrorCodes.REFUSED_STREAM)
        server.respond = server.answer

    async with running(world, strict(one), _192_0_2_1=server):
        await ask(world, forward(one))
        server.respond = refuse
        assert (await ask(world, forward(one), "a.example.com")).message.answer
        assert len(server.requests) == 3
        server.respond = lambda exchange: exchange.http.reset_stream(
            exchange.number, ErrorCodes.REFUSED_STREAM
        )
        with pytest.raises(Exception, match=r"closed by the server|nobody answers"):
            await ask(world, forward(one), "b.example.com")


@trio_test
async def test_a_connection_closed_while_idle_is_no_failure() -> None:
    world, server, one = World(), good(), over_https()
    async with running(world, strict(one), _192_0_2_1=server):
        await ask(world, forward(one))
        server.hang_up()
        await trio.sleep(1)
        assert (await ask(world, forward(one), "a.example.com")).message.answer
        assert world.dispatcher.counters.failed == 0
        assert server.resumed == server.established - 1


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
