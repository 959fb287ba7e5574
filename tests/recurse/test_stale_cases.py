"""Cases of BIND's system test of stale answers that no other test of ours has.

docs/serve-stale-cases.md says which step is tested where.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import trio

from resolver.daemon.reload import reload
from resolver.lab.faults import Path
from resolver.limits import (
    STALE_AFTER_SECONDS,
    STALE_MAX_SECONDS,
    STALE_RECHECK_SECONDS,
    STALE_TTL_SECONDS,
)
from resolver.model import Source
from resolver.protocol.codes import EdeCode, Rcode, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.message import Message
from tests.asking import octets, read
from tests.making import name, question
from tests.recurse.household import house
from tests.recurse.silent_town import (
    ADDRESS,
    DAY,
    EXAMPLE,
    FAR,
    NODATA,
    NONE,
    OTHER,
    TARGET,
    WWW,
    codes,
    configured,
    fails,
    heal,
    kill,
    remove,
    town,
)
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.config.schema import Config
    from resolver.lab.world import World

OTHERS = "192.0.2.30"  # serves other.net
KINDS = (WWW, question("www.example.net. TYPE65400"), NODATA, NONE)


def stale_town() -> World:
    """The town, with a record of a type that nobody knows."""
    world = town()
    world.zones[name("example.net.")].add("www", 65_400, b"\1\2")
    return world


@pytest.mark.parametrize("is_kept", [True, False])
@trio_test
async def test_an_alias_that_is_over_leads_to_what_does_not_exist(*, is_kept: bool) -> None:
    """The alias' servers are silent, the target's deny it: NXDOMAIN, and the alias beside it."""
    world = town()
    gone = question("gone.example.net. A")
    world.zones[name("example.net.")].add("gone", RRType.CNAME, name("nobody.other.net."))
    async with house(world) as home:
        assert (await home.ask(gone)).rcode == Rcode.NXDOMAIN
        if not is_kept:
            home.parts.memory.forget(question("nobody.other.net. A"))
        kill(world)
        await trio.sleep(DAY)
        for _ in range(2):
            answer = await home.ask(gone)
            assert answer.rcode == Rcode.NXDOMAIN
            assert [one.rtype for one in answer.answer] == [RRType.CNAME]
            assert answer.sources[0] is Source.STALE
            assert answer.sources[1] is not Source.STALE


@trio_test
async def test_what_lasts_is_told_as_ever_while_its_servers_are_silent() -> None:
    world = town()
    world.zones[name("example.net.")].add_address("long", "192.0.2.80", ttl=DAY)
    asked = octets(question("long.example.net. A"), edns=Edns(1232, 0, do=False))
    async with house(world) as home:
        await read(home, asked)
        learnt_at = trio.current_time()
        await home.ask(WWW)
        kill(world)
        await trio.sleep(600)
        assert (await home.ask(WWW)).sources == (Source.STALE,)
        reply = await read(home, asked)
        age_s = trio.current_time() - learnt_at
        assert [one.ttl for one in reply.answer] == [pytest.approx(DAY - age_s, abs=1)]
        assert reply.edns is not None
        assert reply.edns.options == ()


@trio_test
async def test_records_of_every_type_are_told() -> None:
    world = stale_town()
    async with house(world) as home:
        for asked in KINDS:
            await home.ask(asked)
        kill(world)
        await trio.sleep(DAY)
        for asked in KINDS:
            answer = await home.ask(asked)
            assert answer.sources == (Source.STALE,)
            assert len(answer.answer) == (asked in KINDS[:2])


@pytest.mark.parametrize(
    ("base", "later_s"),
    [
        (configured(resolution__serve_stale=False), DAY),
        (configured(cache__stale_max=0), DAY),
        (configured(), STALE_MAX_SECONDS + DAY),
    ],
    ids=["off", "nothing is kept", "over for too long"],
)
@trio_test
async def test_where_nothing_may_be_told_all_fails_and_says_why(
    base: Config, later_s: float
) -> None:
    """RFC 8914 §4.23: no reachable authority."""
    world = stale_town()
    async with house(world, base) as home:
        for asked in KINDS:
            await home.ask(asked)
        kill(world)
        await trio.sleep(later_s)
        for asked in KINDS:
            told = [ede.code for ede in (await fails(home, asked)).ede]
            assert EdeCode.NO_REACHABLE_AUTHORITY in told
            assert not {EdeCode.STALE_ANSWER, EdeCode.STALE_NXDOMAIN} & {*told}


@trio_test
async def test_switched_off_and_on_by_a_reload_what_is_over_is_told_no_more_and_again() -> None:
    world = town()
    async with house(world) as home:
        await home.ask(WWW)
        kill(world)
        await trio.sleep(DAY)
        on = home.parts.config
        never = msgspec.structs.replace(on.resolution, serve_stale=False)
        off = msgspec.structs.replace(on, resolution=never)
        for config, is_told in ((on, True), (off, False), (on, True)):
            await reload(home.daemon, config)
            await trio.sleep(600)
            home.resolver = home.daemon.resolver
            if is_told:
                assert (await home.ask(WWW)).sources == (Source.STALE,)
            else:
                await fails(home)


@pytest.mark.parametrize("stale_ttl", [3, 4, 300])
@trio_test
async def test_the_ttl_is_the_one_configured(stale_ttl: int) -> None:
    world = town()
    async with house(world, configured(resolution__stale_ttl=stale_ttl)) as home:
        for asked in (WWW, NONE, NODATA):
            await home.ask(asked)
        kill(world)
        await trio.sleep(DAY)
        for asked in (WWW, NONE, NODATA):
            answer = await home.ask(asked)
            ttls = {one.ttl for one in (*answer.answer, *answer.authority)}
            assert ttls == {min(stale_ttl, 60 if asked != WWW else 300)}


@trio_test
async def test_a_target_that_lasts_follows_an_alias_that_is_over_without_a_packet() -> None:
    world = town()
    other = world.zones[name("other.net.")]
    other.data[TARGET.qname][RRType.A] = other.data[TARGET.qname][RRType.A]._replace(ttl=DAY)
    async with house(world) as home:
        await home.ask(FAR)
        kill(world, *EXAMPLE, OTHERS)
        await trio.sleep(600)
        answer = await home.ask(FAR)
        assert answer.sources == (Source.STALE, Source.CACHE)
        assert answer.answer[0].ttl == STALE_TTL_SECONDS
        assert answer.answer[1].ttl > DAY - 700
        assert codes(answer) == [EdeCode.STALE_ANSWER]


@pytest.mark.parametrize("brief", [0, 1])
@trio_test
async def test_in_health_only_the_links_that_are_over_are_asked_for(brief: int) -> None:
    """Of an alias of an alias; what is over is asked for and not told."""
    world = town()
    example = world.zones[name("example.net.")]
    for at, (owner, target) in enumerate([("one", "two"), ("two", "www")]):
        example.add(owner, RRType.CNAME, example.name(target), ttl=10 if at == brief else DAY)
    example.data[WWW.qname][RRType.A] = example.data[WWW.qname][RRType.A]._replace(ttl=DAY)
    async with house(world) as home:
        await home.ask(question("one.example.net. A"))
        await trio.sleep(60)
        sent = home.sent
        answer = await home.ask(question("one.example.net. A"))
        wanted = [Source.CACHE, Source.CACHE, Source.CACHE]
        wanted[brief] = Source.NETWORK
        assert list(answer.sources) == wanted
        assert home.sent == sent + 1


@pytest.mark.parametrize("is_alias_first", [True, False])
@pytest.mark.parametrize("is_healthy", [True, False])
@trio_test
async def test_an_alias_becomes_an_address_and_an_address_an_alias(
    *, is_alias_first: bool, is_healthy: bool
) -> None:
    world = town()
    example = world.zones[name("example.net.")]

    def put(*, is_alias: bool) -> None:
        remove(example, name("far.example.net."))
        if is_alias:
            example.add("far", RRType.CNAME, TARGET.qname)
        else:
            example.add_address("far", "192.0.2.80")

    put(is_alias=is_alias_first)
    async with house(world) as home:
        await home.ask(FAR)
        put(is_alias=not is_alias_first)
        await trio.sleep(DAY)
        assert (await home.ask(FAR)).source is Source.NETWORK
        if not is_healthy:
            kill(world, *EXAMPLE, OTHERS)
        await trio.sleep(DAY)
        answer = await home.ask(FAR)
        wanted = [ADDRESS] if is_alias_first else [TARGET.qname, OTHER]
        assert [one.rdatas[0] for one in answer.answer] == wanted
        assert (Source.STALE in answer.sources) is not is_healthy


@trio_test
async def test_what_fails_by_a_bound_of_ours_has_what_is_over_told_and_is_not_remembered() -> None:
    """As many packets are out as may be: nobody was asked, so there is nothing to wait out."""
    world = town()
    async with house(world) as home:
        await home.ask(WWW)
        await trio.sleep(DAY)
        sent, outstanding = home.sent, home.parts.base.dispatcher.outstanding
        outstanding.is_full = True
        for _ in range(2):
            assert (await home.ask(WWW)).sources == (Source.STALE,)
            await fails(home, question("unknown.example.net. A"))
        assert home.sent == sent
        outstanding.is_full = False
        assert (await home.ask(WWW)).sources == (Source.NETWORK,)


def test_many_who_wait_for_a_slow_server_are_each_told_what_is_over() -> None:
    """And one question is asked, by all of them together."""
    assert asked_by(200) == asked_by(1)


def asked_by(clients: int) -> int:
    """How many packets it takes to renew what so many clients ask for at once."""
    packets = []

    @trio_test
    async def story() -> None:
        world = town()
        async with house(world) as home:
            await home.ask(WWW)
            for host in EXAMPLE:
                world.faults.set(host, Path(delay_s=1.5))
            await trio.sleep(DAY)
            sent, replies = home.sent, list[Message]()

            async def client() -> None:
                replies.append(await read(home, octets(WWW)))

            with trio.fail_after(STALE_AFTER_SECONDS + 0.1):
                async with trio.open_nursery() as nursery:
                    for _ in range(clients):
                        nursery.start_soon(client)
            assert [reply.answer[0].rdata for reply in replies] == clients * [ADDRESS]
            await trio.sleep(5)
            assert (await home.ask(WWW)).sources == (Source.CACHE,)
            packets.append(home.sent - sent)

    story()
    return packets[0]


@trio_test
async def test_when_servers_are_back_each_kind_is_asked_for_anew() -> None:
    world = stale_town()
    async with house(world) as home:
        for asked in KINDS:
            await home.ask(asked)
        kill(world)
        await trio.sleep(DAY)
        for asked in KINDS:
            assert (await home.ask(asked)).sources == (Source.STALE,)
        heal(world)
        await trio.sleep(STALE_RECHECK_SECONDS * 4)
        for asked in KINDS:
            await home.ask(asked)  # told at once if need be, and asked for beside that
        await trio.sleep(10)
        for asked in KINDS:
            answer = await home.ask(asked)
            assert answer.source is Source.CACHE
            assert not {EdeCode.STALE_ANSWER, EdeCode.STALE_NXDOMAIN} & {*codes(answer)}
