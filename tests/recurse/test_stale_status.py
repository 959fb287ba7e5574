"""What is over, and what was proven of it: what replaces it, and whether it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver.model import Source, Status
from resolver.protocol.codes import EdeCode, Flag, RRType
from resolver.protocol.edns import Edns
from tests.asking import octets, read
from tests.making import name
from tests.recurse.household import budget, house
from tests.recurse.silent_town import (
    ADDRESS,
    DAY,
    NONE,
    WWW,
    configured,
    fails,
    kill,
    town,
)
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.lab.world import World
    from resolver.model import Question


# --- DNSSEC ------------------------------------------------------------------------------------


def forge(world: World) -> None:
    """Somebody else answers for example.net, and cannot sign."""
    example = world.zones[name("example.net.")]
    del example.data[WWW.qname][RRType.A]
    example.add_address("www", "203.0.113.1")
    example.signer = None


@trio_test
async def test_what_is_bogus_replaces_nothing_that_may_be_told() -> None:
    """unbound#994, #1143: the proven answer is told, over as it is; now and when all are silent."""
    world = town(is_signed=True)
    async with house(world) as home:
        assert (await home.ask(WWW)).status is Status.SECURE
        forge(world)
        await trio.sleep(DAY)
        for _ in range(3):
            answer = await home.ask(WWW)
            assert answer.sources == (Source.STALE,)
            assert answer.answer[0].rdatas == (ADDRESS,)
            await trio.sleep(100)
        kill(world)
        answer = await home.ask(WWW)
        assert (answer.status, answer.answer[0].rdatas) == (Status.SECURE, (ADDRESS,))


@trio_test
async def test_what_came_unchecked_replaces_nothing_that_may_be_told() -> None:
    """A client that sets CD has fetched forged data in the meantime."""
    world = town(is_signed=True)
    async with house(world) as home:
        await home.ask(WWW)
        forge(world)
        await trio.sleep(DAY)
        forged = await home.resolver.resolve(WWW, budget(), checking=False)
        assert forged.answer[0].rdatas != (ADDRESS,)
        kill(world)
        await trio.sleep(DAY)
        assert (await home.ask(WWW)).answer[0].rdatas == (ADDRESS,)


@pytest.mark.parametrize("asked", [WWW, NONE])
@trio_test
async def test_what_came_unchecked_is_never_told_when_it_is_over(asked: Question) -> None:
    """unbound#1504."""
    world = town(is_signed=True)
    async with house(world) as home:
        await home.resolver.resolve(asked, budget(), checking=False)
        kill(world)
        await trio.sleep(DAY)
        await fails(home, asked)


@pytest.mark.rfc("RFC 8767 §4")
@pytest.mark.parametrize("asked", [WWW, NONE])
@trio_test
async def test_what_was_proven_is_told_without_ad_once_its_signatures_are_over(
    asked: Question,
) -> None:
    world = town(is_signed=True)
    with_do = octets(asked, edns=Edns(1232, 0, do=True))
    base = configured(cache__stale_max=30 * DAY)
    async with house(world, base) as home:
        assert (await read(home, with_do)).flags & Flag.AD
        kill(world)
        await trio.sleep(2 * DAY)
        soon = await read(home, with_do)
        assert soon.flags & Flag.AD
        assert RRType.RRSIG in {one.rtype for one in (*soon.answer, *soon.authority)}
        await trio.sleep(20 * DAY)
        late = await read(home, with_do)
        assert not late.flags & Flag.AD
        assert RRType.RRSIG not in {one.rtype for one in (*late.answer, *late.authority)}
        answer = await home.ask(asked)
        assert answer.status is Status.INSECURE
        assert "; signature expired at 2026-" in answer.ede[0].text


@trio_test
async def test_signatures_that_are_over_can_be_held_against_it() -> None:
    world = town(is_signed=True)
    base = configured(cache__stale_max=30 * DAY, dnssec__serve_expired_signatures=False)
    async with house(world, base) as home:
        await home.ask(WWW)
        kill(world)
        await trio.sleep(22 * DAY)
        error = await fails(home)
        assert EdeCode.SIGNATURE_EXPIRED in {ede.code for ede in error.ede}
