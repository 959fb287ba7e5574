"""Servers that are asked over HTTPS: RFC 8484 over HTTP/2, proven or not asked, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
from h2.connection import ConnectionState
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from resolver.errors import ExchangeFailed
from resolver.limits import QUERY_PADDING_OCTETS
from resolver.protocol.edns import OPT_KEEPALIVE
from resolver.protocol.message import Record
from resolver.protocol.transport import Transport
from resolver.protocol.wire import parse_untrusted
from resolver.upstream import http2_quick
from tests.support import trio_test
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
