"""How much a server bears: EDNS, cookies, long replies; what is told apart, and remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolver.model import Verdict
from resolver.protocol.codes import Flag, Rcode
from resolver.protocol.edns import Edns, cookie_option
from resolver.protocol.transport import Transport
from tests.support import trio_test
from tests.upstream.virtual_servers import Script, World, answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from resolver.protocol.wire import Message

    More = Callable[[], Awaitable[bool]]

A, B, C = "198.51.100.1", "203.0.113.1", "192.0.2.1"
NS = b"\2ns\0"
A6 = "2001:db8:a::1"


@pytest.mark.rfc("RFC 2181 §9")
@pytest.mark.rfc("RFC 7766 §6.2.1")
@trio_test
async def test_truncation_goes_to_tcp_on_one_kept_connection() -> None:
    """RFC 7766 §5, §6.2.1."""
    world = World()

    def reply(query: Message, transport: str) -> bytes:
        flags = Flag.TC if transport == "udp" else 0
        return answer(query, flags=flags)

    script = world.serve(A, Script(reply))

    async def story() -> None:
        for _ in range(3):
            got = await world.ask(A)
            assert got.transport is Transport.TCP
            assert not got.message.tc

    await world.run(story)
    assert [transport for _, transport, _ in script.seen].count("tcp") == 3
    assert world.dispatcher.tcp_connects == 1


@trio_test
async def test_wants_tcp_sends_nothing_over_udp() -> None:
    world = World()
    script = world.serve(A)

    async def story() -> None:
        await world.ask(A, wants_tcp=True)

    await world.run(story)
    assert [transport for _, transport, _ in script.seen] == ["tcp"]


@pytest.mark.rfc("RFC 6891 §6.2.2")
@pytest.mark.parametrize("rcode", [Rcode.FORMERR, Rcode.NOTIMP])
@trio_test
async def test_an_edns_hostile_server_is_asked_without_and_remembered(rcode: int) -> None:
    """RFC 6891 §6.2.2 and §7."""
    world = World()

    def reply(query: Message, _: str) -> bytes:
        if query.edns is not None:
            return answer(query, rcode=rcode, edns=None)
        return answer(query)

    script = world.serve(A, Script(reply))

    async def story() -> None:
        for _ in range(3):
            assert (await world.ask(A)).message.answer

    await world.run(story)
    assert [query.edns is not None for _, _, query in script.seen] == [True, False, False, False]


@pytest.mark.rfc("RFC 6891 §7")
@trio_test
async def test_a_signed_zone_is_always_asked_with_edns_first() -> None:
    world = World()

    def reply(query: Message, _: str) -> bytes:
        if query.edns is not None:
            return answer(query, rcode=Rcode.FORMERR, edns=None)
        return answer(query)

    script = world.serve(A, Script(reply))

    async def story() -> None:
        delegation = world.delegation(A, is_signed=True)
        for _ in range(2):
            await world.dispatcher.ask(world.request()._replace(delegation=delegation))

    await world.run(story)
    assert [query.edns is not None for _, _, query in script.seen] == [True, True, False] * 2
    assert [transport for _, transport, _ in script.seen] == ["udp", "tcp", "udp"] * 2


@pytest.mark.rfc("RFC 6891 §7")
@trio_test
async def test_a_server_silent_to_edns_is_asked_without_in_the_end() -> None:
    world = World()
    script = world.serve(A, Script(lambda query, _: None if query.edns else answer(query)))

    async def story() -> None:
        for _ in range(3):
            assert (await world.ask(A)).message.answer

    await world.run(story)
    assert script.seen[-1][2].edns is None


@pytest.mark.rfc("RFC 7873 §5.3")
@trio_test
async def test_badcookie_is_answered_with_the_cookie() -> None:
    """RFC 7873 §5.3."""
    world = World()

    def reply(query: Message, _: str) -> bytes:
        cookie = query.edns and query.edns.option(10)
        if not cookie:  # the first contact
            return answer(query)
        options = (cookie_option(cookie[:8], b"serverhalf"),)
        good = cookie[8:] == b"serverhalf"
        edns = Edns(options=options, extended_rcode=0 if good else Rcode.BADCOOKIE >> 4)
        return answer(query, rcode=0 if good else Rcode.BADCOOKIE & 0xF, edns=edns)

    script = world.serve(A, Script(reply))

    async def story() -> None:
        for _ in range(3):
            await world.ask(A)

    await world.run(story)
    assert script.count == 4
    assert world.dispatcher.counters.bad_cookies == 1


@pytest.mark.rfc("RFC 7873 §5.3")
@trio_test
async def test_a_reply_with_a_strange_client_cookie_is_ignored() -> None:
    """RFC 7873 §5.3: not from whom we asked."""
    world = World()

    def reply(query: Message) -> list[bytes]:
        forged = answer(
            query, rcode=Rcode.NXDOMAIN, edns=Edns(options=(cookie_option(b"12345678"),))
        )
        return [forged, answer(query)]

    script = world.serve(A)

    async def story() -> None:
        await world.ask(A)
        script.reply = lambda query, _: reply(query)
        answered = await world.ask(A)
        assert answered.classified.verdict is Verdict.ANSWER

    await world.run(story)
    assert world.dispatcher.counters.mismatched == 1


@trio_test
async def test_a_missing_cookie_is_settled_over_tcp() -> None:
    """RFC 7873 §5.3: who knows our cookie and its own sends them, a forger cannot."""
    world = World()
    forgetful = False

    def reply(query: Message, _: str) -> bytes:
        cookie = query.edns and query.edns.option(10)
        keeps = cookie and not forgetful
        options = (cookie_option(cookie[:8], b"serverhalf"),) if cookie and keeps else ()
        return answer(query, edns=Edns(options=options))

    world.serve(A, Script(reply))

    async def story() -> None:
        nonlocal forgetful
        seen = []
        for turn in range(5):
            forgetful = turn >= 3
            seen.append((await world.ask(A)).transport.value)
        assert seen == ["udp", "udp", "udp", "tcp", "udp"]

    await world.run(story)
