"""What is asked of a server that does not bear what it was asked with."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.errors import ExchangeFailed
from resolver.limits import EDNS_SILENCES, TCP_BROKEN_SECONDS
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.edns import Edns, cookie_option
from resolver.protocol.message import Record
from resolver.protocol.names import from_text
from resolver.protocol.transport import Transport
from tests.support import trio_test
from tests.upstream.virtual_servers import Script, World, answer

if TYPE_CHECKING:
    from resolver.protocol.wire import Message

HOST = "198.51.100.1"


def carried(script: Script) -> list[str]:
    """What each query carried, over what: "udp", "udp edns", "tcp edns cookie" …."""
    return [
        transport
        + (" edns" if query.edns is not None else "")
        + (" cookie" if query.edns is not None and query.edns.option(10) else "")
        for _, transport, query in script.seen
    ]


@trio_test
async def test_the_first_contact_is_without_a_cookie() -> None:
    """Ours alone protects nobody, and some servers choke on it."""
    world = World()
    script = world.serve(HOST)

    async def story() -> None:
        for _ in range(2):
            await world.ask(HOST)

    await world.run(story)
    assert carried(script) == ["udp edns", "udp edns cookie"]


@pytest.mark.rfc("RFC 6891 §6.2.2")
@pytest.mark.reaches("EDNS_SILENCES")
@trio_test
async def test_silence_to_a_cookie_is_answered_by_a_query_without_and_remembered() -> None:
    world = World()

    def reply(query: Message, _: str) -> bytes | None:
        return None if query.edns and query.edns.option(10) else answer(query)

    script = world.serve(HOST, Script(reply))

    async def story() -> None:
        for _ in range(1 + EDNS_SILENCES + 1):
            await world.ask(HOST)

    await world.run(story)
    with_cookie, without = "udp edns cookie", "udp edns"
    assert carried(script) == [without, *EDNS_SILENCES * [with_cookie, without], without]


@pytest.mark.parametrize("rcode", [Rcode.FORMERR, Rcode.NOTIMP, Rcode.REFUSED, Rcode.SERVFAIL])
@trio_test
async def test_an_error_at_a_cookie_leads_to_a_query_without(rcode: int) -> None:
    world = World()

    def reply(query: Message, _: str) -> bytes:
        has_cookie = query.edns and query.edns.option(10)
        return answer(query, rcode=rcode) if has_cookie else answer(query)

    script = world.serve(HOST, Script(reply))

    async def story() -> None:
        for _ in range(3):
            assert (await world.ask(HOST)).message.answer

    await world.run(story)
    assert carried(script) == ["udp edns", "udp edns cookie", "udp edns", "udp edns"]


@trio_test
async def test_an_error_of_a_server_that_bears_cookies_is_about_the_question() -> None:
    """One packet, as before: most errors have nothing to do with what a query carries."""
    world = World()
    script = world.serve(HOST)

    async def story() -> None:
        for _ in range(2):
            await world.ask(HOST)
        script.reply = lambda query, _: answer(query, rcode=Rcode.SERVFAIL)
        with pytest.raises(ExchangeFailed):
            await world.ask(HOST)

    await world.run(story)
    assert script.count == 3


@pytest.mark.rfc("RFC 7873 §5.3")
@trio_test
async def test_a_server_that_never_likes_its_own_cookie_is_asked_without() -> None:
    world = World()

    def reply(query: Message, _: str) -> bytes:
        cookie = query.edns and query.edns.option(10)
        if not cookie:
            return answer(query)
        edns = Edns(extended_rcode=1, options=(cookie_option(cookie[:8], b"newsecret"),))
        return answer(query, rcode=Rcode.BADCOOKIE & 0xF, edns=edns)

    script = world.serve(HOST, Script(reply))

    async def story() -> None:
        for _ in range(3):
            assert (await world.ask(HOST)).message.answer

    await world.run(story)
    with_cookie, without = "udp edns cookie", "udp edns"
    assert carried(script) == [without, with_cookie, with_cookie, without, without]


@trio_test
async def test_who_has_shown_a_cookie_is_not_asked_without_after_silence() -> None:
    """Else who can make packets vanish could take the cookie away."""
    world = World()
    mute = False

    def reply(query: Message, transport: str) -> bytes | None:
        if mute and transport == "udp":
            return None
        cookie = query.edns and query.edns.option(10)
        options = (cookie_option(cookie[:8], b"serverhalf"),) if cookie else ()
        return answer(query, edns=Edns(options=options))

    script = world.serve(HOST, Script(reply))

    async def story() -> None:
        nonlocal mute
        for turn in range(3):
            mute = turn == 2
            await world.ask(HOST)

    await world.run(story)
    assert carried(script)[2:] == ["udp edns cookie", "udp edns cookie", "tcp edns"]


@trio_test
async def test_the_last_try_at_a_signed_zone_goes_over_tcp() -> None:
    """Without EDNS there are no signatures; a box on the way may bear EDNS over TCP only."""
    world = World()
    script = world.serve(HOST, Script(lambda q, how: answer(q) if how == "tcp" else None))

    async def story() -> None:
        delegation = dataclasses.replace(world.delegation(HOST), is_signed=True)
        reply = await world.dispatcher.ask(world.request()._replace(delegation=delegation))
        assert reply.transport is Transport.TCP

    await world.run(story)
    assert carried(script) == ["udp edns", "udp edns", "tcp edns"]


@pytest.mark.reaches("TCP_BROKEN_SECONDS")
@trio_test
async def test_a_dead_server_costs_one_connection_a_minute() -> None:
    world = World()
    world.serve(HOST, dead=True)

    async def story() -> None:
        delegation = dataclasses.replace(world.delegation(HOST), is_signed=True)
        request = world.request()._replace(delegation=delegation)
        for wait_s in (0, TCP_BROKEN_SECONDS - 10, 20):
            await trio.sleep(wait_s)
            with pytest.raises(ExchangeFailed):
                await world.dispatcher.ask(request)

    await world.run(story)
    assert world.dispatcher.counters.sent_tcp == 2


@pytest.mark.parametrize("rcode", [Rcode.NXDOMAIN, Rcode.REFUSED, Rcode.SERVFAIL])
@trio_test
async def test_a_server_that_knows_lower_case_only_is_asked_so_and_remembered(rcode: int) -> None:
    """RFC 4343: it is wrong, and others who do not mix would never notice."""
    world = World()

    def reply(query: Message, _: str) -> bytes:
        is_mixed = query.qname_raw != query.qname
        return answer(query, rcode=rcode) if is_mixed else answer(query)

    script = world.serve(HOST, Script(reply))

    async def story() -> None:
        for _ in range(2):
            assert (await world.ask(HOST)).message.answer

    await world.run(story)
    mixed = [query.qname_raw != query.qname for _, _, query in script.seen]
    assert mixed == [True, False, False]


@trio_test
async def test_a_denial_of_a_server_that_has_found_a_mixed_name_counts_at_once() -> None:
    world = World()
    script = world.serve(HOST)

    async def story() -> None:
        await world.ask(HOST)
        script.reply = lambda query, _: answer(query, rcode=Rcode.NXDOMAIN)
        await world.ask(HOST)

    await world.run(story)
    assert script.count == 2


@pytest.mark.parametrize(("before", "packets"), [("a.example.com", 1), ("x.example.com", 2)])
@trio_test
async def test_a_denial_that_brings_its_proof_is_not_asked_for_again(
    before: str, packets: int
) -> None:
    """Junk at the root, whose servers deny nearly all: one packet a gap (RFC 8198), not two."""
    world = World()
    rdata = from_text("z.example.com") + b"\0\1\x40"
    nsec = Record(from_text(before), RRType.NSEC, 1, 60, rdata)

    def reply(query: Message, _: str) -> bytes:
        return answer(query, rcode=Rcode.NXDOMAIN, authority=[nsec])

    script = world.serve(HOST, Script(reply))

    async def story() -> None:
        await world.ask(HOST)

    await world.run(story)
    assert script.count == packets
