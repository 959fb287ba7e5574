"""Replies that may be forged: TCP first, and over UDP once more where there is no TCP."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.errors import ExchangeFailed
from resolver.limits import (
    LAST_RESORT_MISMATCHES,
    LAST_RESORT_ROUNDS,
    LAST_RESORT_SECONDS,
    LAST_RESORTS_CONFIRMED,
    SPOOF_MISMATCHES,
)
from resolver.protocol.codes import Rcode
from resolver.protocol.edns import Edns, cookie_option
from resolver.protocol.transport import Transport
from resolver.upstream.doubt import patience_s
from resolver.upstream.server_state import EdnsState
from tests.support import trio_test
from tests.upstream.virtual_servers import Script, World, answer

if TYPE_CHECKING:
    from resolver.protocol.wire import Message

HOST = "198.51.100.1"


def folding(query: Message, _: str) -> bytes:
    """The question comes back in lower case."""
    return answer(query, question=(query.qname, query.qtype, query.qclass))


def is_mixed(query: Message) -> bool:
    return query.qname_raw != query.qname


@pytest.mark.rfc("RFC 5452 §9.1")
@pytest.mark.reaches("LAST_RESORTS_CONFIRMED", "CASE_BROKEN_SECONDS")
@trio_test
async def test_a_server_that_folds_case_and_has_no_tcp_is_asked_unmixed() -> None:
    """With another id each time; and at once after some such answers, for a while."""
    world = World()
    script = world.serve(HOST, Script(folding), tcp=False)
    turns = LAST_RESORTS_CONFIRMED

    async def story() -> None:
        for _ in range(turns + 1):
            reply = await world.ask(HOST)
            assert reply.transport is Transport.UDP

    await world.run(story)
    assert [is_mixed(query) for _, _, query in script.seen] == [True, False] * turns + [False]
    assert len({query.id for _, _, query in script.seen}) == script.count
    assert world.dispatcher.counters.last_resorts == turns


@pytest.mark.reaches("LAST_RESORT_SECONDS", "LAST_RESORT_ROUNDS")
@trio_test
async def test_a_mute_tcp_is_not_waited_for() -> None:
    world = World()
    script = world.serve(HOST, Script(lambda q, how: folding(q, how) if how == "udp" else None))

    async def story() -> None:
        with trio.fail_after(0.5):  # TCP alone would take its three seconds
            assert (await world.ask(HOST)).transport is Transport.UDP

    await world.run(story)
    assert [transport for _, transport, _ in script.seen] == ["udp", "tcp", "udp"]
    assert patience_s(0.001) == LAST_RESORT_SECONDS
    assert patience_s(1.0) == LAST_RESORT_ROUNDS  # connecting and asking takes two


@pytest.mark.rfc("RFC 6891 §7")
@pytest.mark.parametrize("rcode", [Rcode.FORMERR, Rcode.NOTIMP])
@trio_test
async def test_a_folder_of_case_that_does_not_bear_edns_either_is_found_out(rcode: int) -> None:
    """The first question uses up its packets; what they taught serves the next."""
    world = World()

    def reply(query: Message, how: str) -> bytes:
        if query.edns is None:
            return folding(query, how)
        return answer(
            query, rcode=rcode, edns=None, question=(query.qname, query.qtype, query.qclass)
        )

    world.serve(HOST, Script(reply), tcp=False)

    async def story() -> None:
        with pytest.raises(ExchangeFailed):
            await world.ask(HOST)
        for _ in range(4):
            assert (await world.ask(HOST)).message.answer

    await world.run(story)


@pytest.mark.rfc("RFC 6891 §6.2.2")
@pytest.mark.parametrize("tcp", [False, True])
@trio_test
async def test_a_folder_of_case_known_not_to_bear_edns_is_not_offered_it_again(
    tcp: bool,  # noqa: FBT001
) -> None:
    """What goes out for its folded reply carries no more than the query that was replied to."""
    world = World()
    script = world.serve(HOST, Script(lambda q, how: None if q.edns else folding(q, how)), tcp=tcp)

    async def story() -> None:
        request = world.request(HOST)
        state = world.dispatcher.infra.state(request.delegation.servers()[0])
        state.note_edns(EdnsState.BROKEN, trio.current_time())
        reply = await world.dispatcher.ask(request)
        assert reply.transport is (Transport.TCP if tcp else Transport.UDP)

    await world.run(story)
    assert [query.edns for _, _, query in script.seen] == [None, None]


@trio_test
async def test_where_there_is_tcp_nothing_goes_out_unmixed() -> None:
    """A forger gains nothing: the answer that counts came over a connection."""
    world = World()
    script = world.serve(HOST, Script(folding))

    async def story() -> None:
        assert (await world.ask(HOST)).transport is Transport.TCP

    await world.run(story)
    assert [(how, is_mixed(query)) for _, how, query in script.seen] == [
        ("udp", True),
        ("tcp", True),
    ]
    assert world.dispatcher.counters.last_resorts == 0


@trio_test
async def test_askers_who_wait_for_one_copy_share_its_last_resort() -> None:
    """RFC 5452 §5: the same question is never on its way to the same server twice."""
    world = World()
    script = world.serve(HOST, Script(folding), tcp=False)

    async def story() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(world.dispatcher.ask, world.request(HOST))

    await world.run(story)
    assert script.count == 2


def misnumbering(count: int, *, tail: bool = True) -> Script:
    """Replies with a wrong id before the right one."""

    def reply(query: Message, transport: str) -> list[bytes]:
        wrong = [answer(query, id=query.id ^ at) for at in range(1, count + 1)]
        right = [answer(query)] if tail or transport == "tcp" else []
        return [*wrong, *right] if transport == "udp" else right

    return Script(reply)


@pytest.mark.rfc("RFC 5452 §9.1")
@trio_test
async def test_wrong_ids_do_not_cost_a_zone_without_tcp() -> None:
    world = World()
    script = world.serve(HOST, misnumbering(20), tcp=False)

    async def story() -> None:
        for _ in range(20):
            assert (await world.ask(HOST)).message.answer

    await world.run(story)
    ids = {query.id for _, _, query in script.seen}
    assert len(ids) > script.count - 3  # drawn anew, of 65,536


@pytest.mark.reaches("LAST_RESORT_MISMATCHES", "SPOOF_MISMATCHES")
@trio_test
async def test_guesses_are_bounded_where_there_is_no_tcp() -> None:
    """RFC 5452 §7: who knows the port has so many guesses at the id, and no more."""
    world = World()
    many = SPOOF_MISMATCHES + LAST_RESORT_MISMATCHES
    script = world.serve(HOST, misnumbering(many), tcp=False)

    async def story() -> None:
        with pytest.raises(ExchangeFailed):
            await world.ask(HOST)

    await world.run(story)
    assert script.count == 2
    assert world.dispatcher.counters.mismatched <= 2 * many


@pytest.mark.reaches("LAST_RESORT_MISMATCHES")
@pytest.mark.parametrize(
    ("wrong", "is_heard"), [(LAST_RESORT_MISMATCHES - 1, True), (LAST_RESORT_MISMATCHES, False)]
)
@trio_test
async def test_at_the_last_resort_the_true_reply_may_come_after_some_guesses(
    wrong: int,
    is_heard: bool,  # noqa: FBT001
) -> None:
    world = World()
    world.serve(HOST, misnumbering(wrong), tcp=False)

    async def story() -> None:
        with nullcontext() if is_heard else pytest.raises(ExchangeFailed):
            assert (await world.ask(HOST)).message.answer

    await world.run(story)


@pytest.mark.rfc("RFC 5452 §9.1")
@trio_test
async def test_the_right_id_with_another_question_goes_to_tcp_at_once() -> None:
    """Who guessed the id may guess again; a server that mixes replies up may not over TCP."""
    world = World()

    def reply(query: Message, transport: str) -> bytes:
        other = (b"\5other" + query.qname[4:], query.qtype, query.qclass)
        return answer(query) if transport == "tcp" else answer(query, question=other)

    world.serve(HOST, Script(reply))

    async def story() -> None:
        with trio.fail_after(0.2):
            assert (await world.ask(HOST)).transport is Transport.TCP

    await world.run(story)


@pytest.mark.rfc("RFC 7873 §5.3")
@trio_test
async def test_a_cookie_forgotten_where_there_is_no_tcp_costs_no_answer() -> None:
    world = World()
    forgets = False

    def reply(query: Message, _: str) -> bytes:
        cookie = query.edns and query.edns.option(10)
        options = (cookie_option(cookie[:8], b"serverhalf"),) if cookie and not forgets else ()
        return answer(query, edns=Edns(options=options))

    script = world.serve(HOST, Script(reply), tcp=False)

    async def story() -> None:
        nonlocal forgets
        for turn in range(6):
            forgets = turn >= 2
            assert (await world.ask(HOST)).message.answer

    await world.run(story)
    lengths = [len((query.edns and query.edns.option(10)) or b"") for _, _, query in script.seen]
    assert lengths == [0, 8, 18, 0, 18, 0, 18, 0, 0]


@trio_test
async def test_a_forged_error_does_not_take_the_last_resort() -> None:
    """A second doubtful reply to the same question is not answered by a third query."""
    world = World()

    def reply(query: Message, _: str) -> bytes:
        other = (query.qname.upper(), query.qtype, query.qclass)
        return answer(query, rcode=Rcode.NXDOMAIN, question=other)

    script = world.serve(HOST, Script(reply), tcp=False)

    async def story() -> None:
        await world.ask(HOST)

    await world.run(story)
    assert script.count == 2
