"""Every way in which asking fails leaves what is known, over as it is, and has it told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.edns
import pytest
import trio

from resolver.config.schema import Forward, Stub
from resolver.lab.authority import Manners
from resolver.lab.faults import Path
from resolver.model import RRset, Source, Status
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.edns import Edns
from tests.asking import octets, read
from tests.making import name, question
from tests.recurse.household import house
from tests.recurse.silent_town import (
    ADDRESS,
    DAY,
    EXAMPLE,
    NODATA,
    NONE,
    WWW,
    configured,
    fails,
    kill,
    town,
)
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.model import Question

WAYS = {
    "SERVFAIL": Manners(rcode=Rcode.SERVFAIL),
    "REFUSED": Manners(rcode=Rcode.REFUSED),
    "NOTIMP": Manners(rcode=Rcode.NOTIMP),
    "FORMERR": Manners(rcode=Rcode.FORMERR),
    "lame": Manners(is_lame=True),
    "silent on this type": Manners(drops_types=frozenset({RRType.A, RRType.MX})),
}


@pytest.mark.rfc("RFC 8767 §4")
@pytest.mark.parametrize("manners", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("asked", [WWW, NONE, NODATA])
@trio_test
async def test_a_failure_of_any_kind_is_no_answer(asked: Question, manners: Manners) -> None:
    """Only NOERROR and NXDOMAIN with authority renew what is known."""
    world = town()
    async with house(world) as home:
        first = await home.ask(asked)
        for host in EXAMPLE:
            world.servers[host].manners = manners
        await trio.sleep(DAY)
        for _ in range(2):
            answer = await home.ask(asked)
            assert answer.sources == (Source.STALE,)
            assert answer.rcode == first.rcode
            await trio.sleep(600)


@trio_test
async def test_servers_that_have_no_zone_any_more_are_a_failure() -> None:
    """They refer to the root, or refuse."""
    for manners in (Manners(upward=True), Manners()):
        world = town()
        async with house(world) as home:
            await home.ask(WWW)
            for host in EXAMPLE:
                del world.servers[host].zones[name("example.net.")]
                world.servers[host].manners = manners
            await trio.sleep(DAY)
            answer = await home.ask(WWW)
            assert answer.sources == (Source.STALE,)
            assert answer.answer[0].rdatas == (ADDRESS,)


@pytest.mark.parametrize("is_signed", [True, False])
@trio_test
async def test_data_of_another_name_is_none(*, is_signed: bool) -> None:
    """What is left of the reply, when it was scrubbed, is nothing; the next server is silent."""
    world = town(is_signed=is_signed)
    async with house(world) as home:
        await home.ask(WWW)
        lie = RRset(name("www.bank.test."), RRType.A, 300, (bytes(4),))
        world.servers[EXAMPLE[0]].manners = Manners(rcode=Rcode.SERVFAIL, lies=(lie,))
        world.faults.set(EXAMPLE[1], Path(dead=True))
        await trio.sleep(DAY)
        answer = await home.ask(WWW)
        assert (answer.sources, answer.answer[0].rdatas) == ((Source.STALE,), (ADDRESS,))


@pytest.mark.parametrize("kind", ["forward", "stub"])
@trio_test
async def test_of_a_configured_zone_too_where_its_servers_are_silent(kind: str) -> None:
    world = town()
    corp = world.zone("corp.")
    world.serve(corp, "ns.corp.", "192.0.2.53")
    corp.add_address("www", "192.0.2.80")
    table = Forward if kind == "forward" else Stub
    base = configured(**{kind: (table(zone="corp", addresses=("192.0.2.53",)),)})
    asked = question("www.corp. A")
    async with house(world, base) as home:
        await home.ask(asked)
        kill(world, "192.0.2.53")
        await trio.sleep(DAY)
        answer = await home.ask(asked)
        assert answer.sources == (Source.STALE,)
        assert answer.ede[0].text.startswith("no server of corp. answer")
        await fails(home, question("other.corp. A"))


@trio_test
async def test_a_zone_whose_delegation_nobody_renews_is_waited_for_once() -> None:
    """Its own servers would answer; those of net, who are to say so, are silent."""
    world = town()
    async with house(world) as home:
        for asked in (WWW, NONE):
            await home.ask(asked)
        await trio.sleep(3 * DAY - 60)
        kill(world, "192.0.2.10")
        for asked, waits in ((WWW, True), (NONE, False)):
            began = trio.current_time()
            assert (await home.ask(asked)).sources == (Source.STALE,)
            assert (trio.current_time() > began) is waits


@trio_test
async def test_a_clients_subnet_makes_no_difference() -> None:
    """None is sent on, so what is told fits all, and no option of it comes back (RFC 7871)."""
    world = town()
    subnet = (8, dns.edns.ECSOption("203.0.113.0", 24).to_wire() or b"")
    with_subnet = Edns(1232, 0, do=False, options=(subnet,))
    async with house(world) as home:
        await home.ask(WWW)
        kill(world)
        await trio.sleep(DAY)
        for edns in (with_subnet, Edns(1232, 0, do=False)):
            reply = await read(home, octets(WWW, edns=edns))
            assert [one.rdata for one in reply.answer] == [ADDRESS]
            assert reply.edns is not None
            assert [code for code, _ in reply.edns.options] == [15]


@trio_test
async def test_what_is_renewed_ahead_of_need_is_as_secure_as_it_was() -> None:
    """sdns#505: renewed answers came back without AD."""
    world = town(is_signed=True)
    with_do = octets(WWW, edns=Edns(1232, 0, do=True))
    async with house(world) as home:
        assert (await read(home, with_do)).flags & Flag.AD
        for _ in range(3):
            assert home.resolver.refresh(WWW)
            await trio.sleep(200)
            answer = home.resolver.recall(WWW)
            assert answer is not None
            assert answer.status is Status.SECURE
            assert (await read(home, with_do)).flags & Flag.AD


@trio_test
async def test_without_a_route_nobody_is_tried_before_what_is_over_is_told() -> None:
    """Those who were found without one are not tried first; beside that they are, and no packet is
    needed to see that there is a route again."""
    async with house(town()) as home:
        for asked in (WWW, NONE, NODATA):
            await home.ask(asked)
        await trio.sleep(DAY)
        sources, home.network._sources = home.network._sources, {}
        assert (await home.ask(WWW)).sources == (Source.STALE,)
        stale, link = home.resolver.stale, home.daemon.parts.dispatcher.ways.public.reach
        assert stale is not None
        for asked in (NONE, NODATA):
            began, told, tried = trio.current_time(), stale.outage, home.resolver.refreshes
            answer = await home.ask(asked)
            assert answer.sources == (Source.STALE,)
            assert trio.current_time() == began
            assert (stale.outage, home.resolver.refreshes) == (told + 1, tried + 1)
            assert link.has_no_route(trio.current_time())
        home.network._sources = sources
        assert (await home.ask(WWW)).sources == (Source.STALE,)
        await trio.sleep(1)
        for asked in (WWW, NONE, NODATA):
            assert Source.STALE not in (await home.ask(asked)).sources
        assert not stale.silent_cuts
