"""What is known is renewed though no client waits; and what is over may still be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from resolver.lab.faults import Path
from resolver.model import Source, Status
from resolver.protocol.codes import RRType
from resolver.recurse import resolver
from tests.making import question
from tests.recurse.household import House, house, slow_village, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.model import Question

WWW, ALIAS = question("www.example.net. A"), question("alias.example.net. A")
NONE = question("none.example.net. A")
ADDRESS = bytes([192, 0, 2, 80])


async def refreshed(home: House) -> None:
    with trio.fail_after(30):
        while home.resolver.unattended:  # noqa: ASYNC110  # in virtual time
            await trio.sleep(0.05)


async def left(home: House) -> int:
    return (await home.ask(WWW)).answer[0].ttl


@trio_test
async def test_a_refresh_renews_what_is_known() -> None:
    async with house(village()) as home:
        await home.ask(ALIAS)
        whole = await left(home)
        await trio.sleep(100)
        assert await left(home) == whole - 100
        asked = home.sent
        assert home.resolver.refresh(ALIAS)
        assert home.sent == asked  # it never waits, nor begins at once
        await refreshed(home)
        assert await left(home) >= whole - 1
        assert (await home.ask(ALIAS)).answer[0].ttl >= whole - 1
        assert home.resolver.refreshes == 1


@trio_test
async def test_a_client_is_answered_from_what_is_known_while_it_is_renewed() -> None:
    world = village()
    async with house(world) as home:
        await home.ask(WWW)
        for host in ("192.0.2.20", "192.0.2.21"):
            world.faults.set(host, Path(dead=True))
        assert home.resolver.refresh(WWW)
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        answer = await home.ask(WWW)
        assert trio.current_time() == began
        assert answer.source is Source.CACHE
        await refreshed(home)
        assert (await home.ask(WWW)).answer[0].rdatas == (ADDRESS,)  # a failure changes nothing


@trio_test
async def test_a_refresh_is_joined_and_joins() -> None:
    async with house(slow_village()) as home:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(home.ask, WWW)
            await trio.sleep(0.5)
            assert not home.resolver.refresh(WWW)  # somebody asks already
        asked = home.sent
        assert home.resolver.refresh(NONE)
        await trio.sleep(0.5)
        await home.ask(NONE)
        await refreshed(home)
        assert home.resolver.jobs.joined == 1
        assert home.sent == asked + 1


@trio_test
async def test_bogus_data_does_not_take_the_place_of_what_is_proven() -> None:
    """A liar on the way, at the moment of a refresh, must not cost an answer that is still good."""
    world = village(is_signed=True)
    async with house(world) as home:
        known = await home.ask(WWW)
        assert known.status is Status.SECURE
        example = world.zones[WWW.qname[4:]]
        del example.data[WWW.qname][RRType.A]
        example.add_address("www", "203.0.113.1")
        example.signer = None
        assert home.resolver.refresh(WWW)
        await refreshed(home)
        answer = await home.ask(WWW)
        assert (answer.status, answer.answer[0].rdatas) == (Status.SECURE, (ADDRESS,))


@pytest.mark.reaches("UNATTENDED_RESOLUTIONS")
@trio_test
async def test_few_refreshes_are_on_their_way() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolver, "UNATTENDED_RESOLUTIONS", 2)
        async with house(village()) as home:
            begun = [home.resolver.refresh(question(f"n{at}.example.net. A")) for at in range(4)]
            assert begun == [True, True, False, False]
            await refreshed(home)
            assert home.resolver.refresh(WWW)


@trio_test
async def test_each_link_says_where_it_came_from() -> None:
    async with house(village()) as home:
        assert (await home.ask(WWW)).sources == (Source.NETWORK,)
        assert (await home.ask(WWW)).sources == (Source.CACHE,)
        mixed = await home.ask(ALIAS)
        assert mixed.sources == (Source.NETWORK, Source.CACHE)
        assert mixed.source is Source.NETWORK
        assert (await home.ask(ALIAS)).source is Source.CACHE
        here = await home.pipeline.answer(question("localhost. A"))
        assert here.source is Source.LOCAL


@pytest.mark.parametrize("asked", [WWW, ALIAS, NONE])
@trio_test
async def test_what_is_over_can_be_looked_at_until_it_is_evicted(asked: Question) -> None:
    async with house(village()) as home:
        known, clock = home.resolver.memory, home.resolver._clock
        assert known.peek(asked, clock.now()) is None
        await home.ask(asked)
        fresh = known.recall(asked, clock.now())
        assert known.peek(asked, clock.now()) == fresh
        await trio.sleep(80_000)
        assert known.recall(asked, clock.now()) is None
        old = known.peek(asked, clock.now())
        assert old is not None
        assert fresh is not None
        assert (old.verdict, old.status, old.source) == (fresh.verdict, fresh.status, Source.STALE)
        records = old.answer or old.authority
        assert [one.rdatas for one in records] == [
            one.rdatas for one in fresh.answer or fresh.authority
        ]
        assert {one.ttl for one in records} == {0}
