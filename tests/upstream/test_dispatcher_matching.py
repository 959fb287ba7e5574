"""Which octets are the reply to what was asked, and what a guesser gains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolver.limits import SPOOF_MISMATCHES
from resolver.model import Verdict
from resolver.protocol.codes import Rcode
from resolver.protocol.names import from_text
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


@pytest.mark.rfc("RFC 1035 §7.3")
@pytest.mark.rfc("RFC 5452 §9.1")
@trio_test
async def test_replies_that_do_not_match_are_counted_and_ignored() -> None:
    """RFC 5452 §9.1: id, question, and their case."""
    world = World()

    def reply(query: Message, _: str) -> list[bytes]:
        wrong_id = answer(query, id=query.id ^ 1, rcode=Rcode.NXDOMAIN)
        other = (from_text("evil.example.com"), 1, 1)
        wrong_question = answer(query, question=other, rcode=Rcode.NXDOMAIN)
        return [wrong_id, wrong_question, b"", b"\0" * 5, answer(query)]

    world.serve(A, Script(reply))

    async def story() -> None:
        reply = await world.ask(A)
        assert reply.classified.verdict is Verdict.ANSWER

    await world.run(story)
    assert world.dispatcher.counters.mismatched == 4


@pytest.mark.reaches("SPOOF_MISMATCHES")
@trio_test
async def test_ten_mismatches_send_the_question_to_tcp() -> None:
    world = World()

    def reply(query: Message, transport: str) -> list[bytes]:
        if transport == "tcp":
            return [answer(query)]
        return [answer(query, id=(query.id + i) & 0xFFFF) for i in range(1, 40)]

    world.serve(A, Script(reply))

    async def story() -> None:
        assert (await world.ask(A)).transport is Transport.TCP

    await world.run(story)


@pytest.mark.reaches("SPOOF_MISMATCHES")
@pytest.mark.parametrize(
    ("wrong", "transport"),
    [(SPOOF_MISMATCHES - 1, Transport.UDP), (SPOOF_MISMATCHES, Transport.TCP)],
)
@trio_test
async def test_fewer_mismatches_may_be_late_replies(wrong: int, transport: Transport) -> None:
    world = World()

    def reply(query: Message, how: str) -> list[bytes]:
        guesses = range(1, wrong + 1) if how == "udp" else ()
        return [*(answer(query, id=query.id ^ at) for at in guesses), answer(query)]

    world.serve(A, Script(reply))

    async def story() -> None:
        assert (await world.ask(A)).transport is transport

    await world.run(story)


@pytest.mark.rfc("draft-vixie-dnsext-dns0x20")
@trio_test
async def test_a_server_that_folds_case_is_found_out_over_tcp_and_remembered() -> None:
    """draft-vixie-dnsext-dns0x20 §6."""
    world = World()

    def reply(query: Message, _: str) -> bytes:
        return answer(query, question=(query.qname, query.qtype, 1))

    script = world.serve(A, Script(reply))

    async def story() -> None:
        for _ in range(3):
            await world.ask(A)

    await world.run(story)
    assert [transport for _, transport, _ in script.seen] == ["udp", "tcp", "udp", "udp"]


@pytest.mark.rfc("draft-vixie-dnsext-dns0x20")
@trio_test
async def test_case_is_mixed_unless_switched_off() -> None:
    for mixes in (True, False):
        world = World(query_case_randomization=mixes)
        script = world.serve(A)

        async def story(world: World = world) -> None:
            for _ in range(8):
                await world.ask(A)

        await world.run(story)
        spellings = {query.qname_raw for _, _, query in script.seen}
        assert (len(spellings) > 1) is mixes


@pytest.mark.rfc("RFC 5452 §9.2")
@trio_test
async def test_each_query_has_its_own_port_and_id() -> None:
    world = World()
    world.serve(A)
    ports: set[int] = set()
    world.network.observers.append(lambda p: ports.add(p.source[1]) if p.source[1] != 53 else None)

    async def story() -> None:
        for _ in range(20):
            await world.ask(A)

    await world.run(story)
    assert len(ports) == 20


@trio_test
async def test_garbage_that_matches_moves_on_to_another_server() -> None:
    world = World(speculation=False)
    world.serve(A, Script(lambda query, _: answer(query)[:-3]))
    world.serve(B)

    async def story() -> None:
        for _ in range(4):
            assert (await world.ask(A, B)).server.host == B

    await world.run(story)
    assert world.dispatcher.counters.useless <= 1
