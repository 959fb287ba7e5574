"""What a query carries: which options, to whom, and how they are found again in the reply."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolver.model import Server
from resolver.protocol.codes import Rcode
from resolver.protocol.edns import OPT_COOKIE, OPT_NSID, Edns, cookie_option, nsid_option
from tests.support import trio_test
from tests.upstream.virtual_servers import Script, World, answer

if TYPE_CHECKING:
    from resolver.protocol.wire import Message

HOST = "198.51.100.1"
HALF = b"server's half"


def carried(script: Script) -> list[list[int]]:
    """The codes of the options of each query that a server saw."""
    edns = [query.edns for _, _, query in script.seen]
    return [[code for code, _ in one.options] if one is not None else [] for one in edns]


def telling(query: Message, _: str) -> bytes:
    """A server with a name and cookies of its own; what is not asked for comes first."""
    assert query.edns is not None
    said = [nsid_option(b"ams1")] if query.edns.option(OPT_NSID) is not None else []
    cookie = query.edns.option(OPT_COOKIE)
    if cookie is not None:
        said.append(cookie_option(cookie[:8], HALF))
    return answer(query, edns=Edns(options=((65_001, b"x"), *said)))


@pytest.mark.rfc("RFC 5001 §2.1")
@pytest.mark.rfc("RFC 7873 §5.1")
@trio_test
async def test_a_second_option_rides_beside_the_cookie_and_both_are_read_by_their_codes() -> None:
    world = World()
    script = world.serve(HOST, Script(telling))
    names = []

    async def story() -> None:
        for _ in range(3):
            reply = await world.ask(HOST)
            assert reply.message.edns is not None
            names.append(reply.message.edns.option(OPT_NSID))

    await world.run(story)
    assert carried(script) == [[], [OPT_COOKIE, OPT_NSID], [OPT_COOKIE]]
    assert names == [None, b"ams1", None]
    last = script.seen[-1][2].edns
    assert last is not None
    assert (last.option(OPT_COOKIE) or b"")[8:] == HALF
    assert script.count == 3  # no reply was doubted


@trio_test
async def test_nothing_rides_along_unless_it_is_wanted() -> None:
    world = World(nsid=False)
    script = world.serve(HOST, Script(telling))

    async def story() -> None:
        for _ in range(3):
            await world.ask(HOST)

    await world.run(story)
    assert carried(script) == [[], [OPT_COOKIE], [OPT_COOKIE]]


@pytest.mark.rfc("RFC 6891 §6.1.2")
@trio_test
async def test_a_server_that_bears_no_cookie_is_still_asked_for_the_rest() -> None:
    """And one that bears no option at all is asked without."""
    world = World()
    script = world.serve(HOST, Script(telling))
    script.reply = lambda query, _: answer(query, rcode=Rcode.FORMERR if bears(query) else 0)
    unborne = {OPT_COOKIE}

    def bears(query: Message) -> bool:
        options = query.edns.options if query.edns is not None else ()
        return any(code in unborne for code, _ in options)

    async def story() -> None:
        for _ in range(2):
            assert (await world.ask(HOST)).message.answer
        state.watch.nsid_in = 0
        assert (await world.ask(HOST)).message.answer
        unborne.add(OPT_NSID)
        for _ in range(2):
            state.watch.nsid_in = 0
            assert (await world.ask(HOST)).message.answer

    state = world.infra.state(Server(HOST))
    await world.run(story)
    both, rest = [OPT_COOKIE, OPT_NSID], [OPT_NSID]
    assert carried(script) == [[], both, [], rest, rest, [], []]
