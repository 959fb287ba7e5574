"""Asking one zone cut: which reply counts, who is asked next, and what is remembered."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.delegation import KnownAddresses
from resolver.errors import ExchangeFailed, LinkDown, WorkExceeded
from resolver.lab.faults import Path
from resolver.model import Server, Verdict
from resolver.protocol.codes import EdeCode, Flag, Rcode
from resolver.protocol.edns import Edns, cookie_option
from resolver.protocol.names import from_text
from resolver.protocol.transport import Transport
from tests.support import trio_test
from tests.upstream.virtual_servers import QUESTION, ZONE, Script, World, answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from resolver.model import Delegation
    from resolver.protocol.wire import Message
    from resolver.upstream.request import Request

    More = Callable[[], Awaitable[bool]]

A, B, C = "198.51.100.1", "203.0.113.1", "192.0.2.1"
NS = b"\2ns\0"
A6 = "2001:db8:a::1"


@trio_test
async def test_an_answer_comes_back_with_its_server_and_rtt() -> None:
    world = World()
    world.serve(A, rtt_s=0.02)

    async def story() -> None:
        reply = await world.exchange.ask(world.request(A))
        assert reply.server.host == A
        assert reply.classified.verdict is Verdict.ANSWER
        assert reply.transport is Transport.UDP
        assert round(reply.rtt_s, 3) == 0.02

    await world.run(story)
    assert world.whole.sent == 1


@trio_test
async def test_a_known_set_is_asked_with_one_packet() -> None:
    """Races are for sets of which nothing is known."""
    world = World()
    for host in (A, B, C):
        world.serve(host)

    async def story() -> None:
        for _ in range(6):
            await world.exchange.ask(world.request(A, B, C))
            await trio.sleep(1)
        before = world.whole.sent
        await world.exchange.ask(world.request(A, B, C))
        assert world.whole.sent == before + 1

    await world.run(story)


@pytest.mark.parametrize("speculation", [True, False])
@trio_test
async def test_a_dead_first_server_does_not_stop_the_answer(*, speculation: bool) -> None:
    world = World(speculation=speculation)
    world.serve(A, dead=True)
    world.serve(B)

    async def story() -> None:
        for _ in range(4):
            started = trio.current_time()
            reply = await world.exchange.ask(world.request(A, B))
            assert reply.server.host == B
            assert trio.current_time() - started < 0.5
            await trio.sleep(3)

    await world.run(story)


@trio_test
async def test_without_speculation_every_packet_is_needed() -> None:
    """The harness of the replay scenarios counts what the answer does not need."""
    world = World(speculation=False)
    for host in (A, B, C):
        world.serve(host)

    async def story() -> None:
        for _ in range(10):
            await world.exchange.ask(world.request(A, B, C))

    await world.run(story)
    assert world.whole.sent == 10


@pytest.mark.rfc("RFC 1123 §6.1.3")
@trio_test
async def test_loss_is_made_good() -> None:
    world = World()
    for host in (A, B):
        world.serve(host, loss=0.1)

    async def story() -> None:
        for _ in range(50):
            world.whole.queries = 100
            await world.exchange.ask(world.request(A, B))

    await world.run(story)


@trio_test
async def test_icmp_unreachable_moves_on_at_once() -> None:
    world = World(speculation=False)
    world.serve(A, unreachable=True)
    world.serve(B)

    async def story() -> None:
        with pytest.raises(ExchangeFailed, match="EHOSTUNREACH"):
            await world.exchange.ask(world.request(A))
        for _ in range(5):
            started = trio.current_time()
            reply = await world.exchange.ask(world.request(A, B))
            assert reply.server.host == B
            assert trio.current_time() - started < 0.1

    await world.run(story)
    assert world.exchange.counters.unreachable == 1


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
            got = await world.exchange.ask(world.request(A))
            assert got.transport is Transport.TCP
            assert not got.message.tc

    await world.run(story)
    assert [transport for _, transport, _ in script.seen].count("tcp") == 3
    assert world.exchange.tcp_connects == 1


@trio_test
async def test_wants_tcp_sends_nothing_over_udp() -> None:
    world = World()
    script = world.serve(A)

    async def story() -> None:
        await world.exchange.ask(world.request(A, wants_tcp=True))

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
            assert (await world.exchange.ask(world.request(A))).message.answer

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
            await world.exchange.ask(world.request()._replace(delegation=delegation))

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
            assert (await world.exchange.ask(world.request(A))).message.answer

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
            await world.exchange.ask(world.request(A))

    await world.run(story)
    assert script.count == 4
    assert world.exchange.counters.bad_cookies == 1


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
        await world.exchange.ask(world.request(A))
        script.reply = lambda query, _: reply(query)
        answered = await world.exchange.ask(world.request(A))
        assert answered.classified.verdict is Verdict.ANSWER

    await world.run(story)
    assert world.exchange.counters.mismatched == 1


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
        reply = await world.exchange.ask(world.request(A))
        assert reply.classified.verdict is Verdict.ANSWER

    await world.run(story)
    assert world.exchange.counters.mismatched == 4


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
        assert (await world.exchange.ask(world.request(A))).transport is Transport.TCP

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
            await world.exchange.ask(world.request(A))

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
                await world.exchange.ask(world.request(A))

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
            await world.exchange.ask(world.request(A))

    await world.run(story)
    assert len(ports) == 20


@pytest.mark.rfc("RFC 4697 §2.2")
@trio_test
async def test_a_lame_server_is_passed_over_for_its_zone_only() -> None:
    world = World(speculation=False)
    world.serve(A, Script(lambda query, _: answer(query, answer=[])), rtt_s=0.001)
    world.serve(B, rtt_s=0.05)

    async def story() -> None:
        await world.exchange.ask(world.request(B))
        assert (await world.exchange.ask(world.request(A, B))).server.host == B
        with pytest.raises(ExchangeFailed):
            await world.exchange.ask(world.request(A))
        before = world.servers[A].count
        for _ in range(3):
            assert (await world.exchange.ask(world.request(A, B))).server.host == B
        assert world.servers[A].count == before
        world.servers[A].reply = lambda query, _: answer(query)
        other = world.request(A, B, zone=from_text("com"))
        assert (await world.exchange.ask(other)).server.host == A

    await world.run(story)


@pytest.mark.rfc("RFC 8914 §4")
@trio_test
async def test_when_everything_fails_the_error_names_servers_and_reasons() -> None:
    """RFC 8914 §4.23 and §4.24."""
    world = World()
    world.serve(A, dead=True)
    world.serve(B, Script(lambda query, _: answer(query, rcode=Rcode.REFUSED)))

    async def story() -> None:
        with pytest.raises(ExchangeFailed) as caught:
            await world.exchange.ask(world.request(A, B))
        codes = [ede.code for ede in caught.value.ede]
        assert codes == [EdeCode.NO_REACHABLE_AUTHORITY, EdeCode.NETWORK_ERROR]
        assert A in str(caught.value)
        assert "refused" in str(caught.value)

    await world.run(story)


@trio_test
async def test_the_budget_ends_it() -> None:
    world = World()
    world.serve(A, dead=True)

    async def story() -> None:
        world.whole.queries = 0
        with pytest.raises(WorkExceeded):
            await world.exchange.ask(world.request(A))

    await world.run(story)


@pytest.mark.reaches("SENDS_PER_ADDRESS")
@pytest.mark.rfc("RFC 9520 §3.1")
@trio_test
async def test_one_question_costs_one_server_no_more_than_three_packets() -> None:
    """RFC 9520 §3.1; never a second copy before the first is overdue, and in the end one by TCP."""
    world = World()
    script = world.serve(A, Script(lambda *_: None))

    async def story() -> None:
        with pytest.raises(ExchangeFailed):
            await world.exchange.ask(world.request(A))

    await world.run(story)
    assert [transport for _, transport, _ in script.seen] == ["udp", "udp", "udp", "tcp"]
    times = [at for at, _, _ in script.seen]
    assert all(later - sooner >= 0.25 for sooner, later in pairwise(times))


@trio_test
async def test_late_replies_still_teach() -> None:
    world = World()
    world.serve(A, rtt_s=0.3)
    world.serve(B, rtt_s=0.01)

    async def story() -> None:
        assert (await world.exchange.ask(world.request(A, B))).server.host == B
        await trio.sleep(1)
        assert round(world.infra.state(Server(A)).srtt, 2) == 0.3

    await world.run(story)


@pytest.mark.rfc("RFC 5452 §5")
@trio_test
async def test_a_question_on_its_way_to_a_server_is_joined_not_repeated() -> None:
    """RFC 5452 §5: no two identical outstanding queries."""
    world = World()
    script = world.serve(A)

    async def story() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(world.exchange.ask, world.request(A))

    await world.run(story)
    assert script.count == 1


@trio_test
async def test_addresses_are_looked_up_when_there_are_none() -> None:
    world = World()
    world.serve(A)
    request = world.request(delegation=world.delegation(glueless=(NS,)))

    async def more() -> bool:
        await trio.sleep(0.05)
        request.delegation.book.lend({NS: KnownAddresses((Server(A, 53, NS),), 1e9)})
        return True

    async def story() -> None:
        reply = await world.exchange.ask(request._replace(more_addresses=more))
        assert reply.server.host == A

    await world.run(story)


@trio_test
async def test_lookups_are_never_waited_for_when_glue_answers() -> None:
    world = World()
    world.serve(A)

    async def more() -> bool:
        raise AssertionError("looked up although glue was there")

    async def story() -> None:
        await world.exchange.ask(world.request(A, more_addresses=more))

    await world.run(story)


@trio_test
async def test_lookups_begin_when_all_that_is_known_is_silent() -> None:
    world = World()
    world.serve(A, dead=True)
    world.serve(B)
    request = world.request(delegation=world.delegation(A, glueless=(NS,)))

    async def more() -> bool:
        request.delegation.book.lend({NS: KnownAddresses((Server(B, 53, NS),), 1e9)})
        return False

    async def story() -> None:
        started = trio.current_time()
        reply = await world.exchange.ask(request._replace(more_addresses=more))
        assert reply.server.host == B
        assert trio.current_time() - started < 1

    await world.run(story)


@pytest.mark.rfc("RFC 5625 §4")
@trio_test
async def test_forwarders_are_asked_for_recursion() -> None:
    world = World()
    script = world.serve(A)

    async def story() -> None:
        request = world.request(A)
        delegation = dataclasses.replace(request.delegation, is_forward=True)
        await world.exchange.ask(request._replace(delegation=delegation))
        await world.exchange.ask(world.request(A))

    await world.run(story)
    assert [query.rd for _, _, query in script.seen] == [True, False]


@pytest.mark.rfc("RFC 6840 §5.9")
@trio_test
async def test_a_forwarder_hides_nothing_from_a_validator() -> None:
    """CD goes to forwarders where we validate; else they are to validate for us."""
    for validates in (True, False):
        world = World(validates=validates)
        script = world.serve(A)

        async def story(world: World = world) -> None:
            request = world.request(A)
            delegation = dataclasses.replace(request.delegation, is_forward=True)
            await world.exchange.ask(request._replace(delegation=delegation))

        await world.run(story)
        assert [bool(query.flags & Flag.CD) for _, _, query in script.seen] == [validates]


@trio_test
async def test_switched_off_families_and_loopback_are_never_asked() -> None:
    world = World(ipv6=False)
    world.serve(A)
    script = world.serve(A6)
    local = world.serve("127.0.0.1")

    async def story() -> None:
        await world.exchange.ask(world.request(A6, "127.0.0.1", A))
        with pytest.raises(ExchangeFailed):
            await world.exchange.ask(world.request(A6, "127.0.0.1"))

    await world.run(story)
    assert script.count == local.count == 0


@trio_test
async def test_shunned_servers_are_not_asked() -> None:
    world = World()
    script = world.serve(A, rtt_s=0.001)
    world.serve(B)

    async def story() -> None:
        await world.exchange.ask(world.request(A, B, excluded=frozenset({A})))

    await world.run(story)
    assert script.count == 0


@trio_test
async def test_the_asker_may_leave() -> None:
    world = World()
    world.serve(A, rtt_s=0.5)

    async def story() -> None:
        with trio.move_on_after(0.1):
            await world.exchange.ask(world.request(A))
        await trio.sleep(1)
        assert world.infra.state(Server(A)).n == 1
        assert world.exchange.in_flight == 0

    await world.run(story)


@trio_test
async def test_names_asked_and_zone_are_in_the_events() -> None:
    world = World()
    world.serve(A)

    async def story() -> None:
        await world.exchange.ask(world.request(A))

    await world.run(story)
    assert [(t.question, t.zone, t.outcome) for t in world.tries] == [(QUESTION, ZONE, "answer")]


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
            seen.append((await world.exchange.ask(world.request(A))).transport.value)
        assert seen == ["udp", "udp", "udp", "tcp", "udp"]

    await world.run(story)


@trio_test
async def test_one_address_under_two_names_is_asked_once() -> None:
    world = World()
    script = world.serve(A, rtt_s=0.1)

    async def story() -> None:
        await world.exchange.ask(world.request(A, A))

    await world.run(story)
    assert script.count == 1


@trio_test
async def test_a_lame_server_gets_no_hedge_while_a_good_one_is_expected() -> None:
    world = World()
    world.serve(A, rtt_s=0.05)
    lame = world.serve(B, Script(lambda query, _: answer(query, answer=[])))

    async def story() -> None:
        for _ in range(8):
            await world.exchange.ask(world.request(A, B))
            await trio.sleep(1)
        before = lame.count
        world.faults.set(A, Path(delay_s=0.2))
        await world.exchange.ask(world.request(A, B))
        assert lame.count == before

    await world.run(story)


@trio_test
async def test_garbage_that_matches_moves_on_to_another_server() -> None:
    world = World(speculation=False)
    world.serve(A, Script(lambda query, _: answer(query)[:-3]))
    world.serve(B)

    async def story() -> None:
        for _ in range(4):
            assert (await world.exchange.ask(world.request(A, B))).server.host == B

    await world.run(story)
    assert world.exchange.counters.useless <= 1


@trio_test
async def test_without_any_route_it_fails_at_once_and_says_so() -> None:
    world = World(sources=())
    world.serve(A)
    world.serve(A6)

    async def story() -> None:
        started = trio.current_time()
        with pytest.raises(LinkDown, match=r"no route.*ENETUNREACH"):
            await world.exchange.ask(world.request(A, A6))
        assert trio.current_time() - started < 0.01
        assert world.exchange.is_offline

    await world.run(story)


@trio_test
async def test_the_other_nameservers_of_a_popular_zone_are_looked_up_beside_a_question() -> None:
    """Two names are enough to answer; the nearest server may go by the third."""
    for speculation, wanted in ((True, 1), (False, 0)):
        world = World(speculation=speculation)
        world.serve(A, rtt_s=0.1)
        world.serve(B, rtt_s=0.01)
        request = world.request(delegation=world.delegation(A, glueless=(NS,)))
        lookups = 0

        async def more(delegation: Delegation = request.delegation) -> bool:
            nonlocal lookups
            lookups += 1
            delegation.book.lend({NS: KnownAddresses((Server(B, 53, NS),), 1e9)})
            return True

        async def story(
            world: World = world, request: Request = request, more: More = more
        ) -> None:
            for _ in range(8):
                await world.exchange.ask(request._replace(more_addresses=more))
                await trio.sleep(1)

        await world.run(story)
        assert lookups == wanted
        assert bool(world.servers[B].count) is speculation
