"""What validation will want of a forwarder is asked for side by side: two round trips, not six."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest
import trio

from resolver import limits
from resolver.config.schema import Config, Forward
from resolver.lab.authority import Authority
from resolver.lab.faults import Path
from resolver.model import Status
from resolver.protocol.codes import RRType
from resolver.recurse import validation
from tests.making import question
from tests.recurse.household import WALL, house, village
from tests.support import set_limit, trio_test

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.lab.world import World
    from tests.recurse.household import House

HOST = "192.0.2.53"
AWAY_S = 0.1


@asynccontextmanager
async def behind_one(world: World, *, speculation: bool = True) -> AsyncIterator[House]:
    """A resolver that forwards everything to one which knows all of *world*, 0.1 s away."""
    base = Config(forward=(Forward(zone=".", addresses=(HOST,)),))
    base = msgspec.structs.replace(base, dnssec=msgspec.structs.replace(base.dnssec, rfc5011=False))
    world.faults.set(HOST, Path(delay_s=AWAY_S))
    async with house(world, base, speculation=speculation) as home:
        home.network.attach(HOST, Authority(world.zones.values()))
        yield home


async def round_trips(home: House, text: str, status: Status) -> int:
    began = trio.current_time()
    answer = await home.ask(question(text))
    assert answer.status is status
    return round((trio.current_time() - began) / (2 * AWAY_S))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("www.example.net. A", Status.SECURE),
        ("nothing.example.net. A", Status.SECURE),
        ("www.glueless.net. A", Status.INSECURE),
        ("www.glueless.net. TXT", Status.INSECURE),
    ],
)
@trio_test
async def test_a_first_answer_takes_two_round_trips(text: str, status: Status) -> None:
    """The answer's and the chain's, however many zones it has; and asks no more than needed."""
    sent = []
    for speculation in (True, False):
        async with behind_one(village(is_signed=True), speculation=speculation) as home:
            trips = await round_trips(home, text, status)
            sent.append(home.sent)
            assert trips == 2 if speculation else trips > 2
    assert sent[0] == sent[1]


@trio_test
async def test_once_a_zone_is_known_nothing_is_asked_beside_the_question() -> None:
    async with behind_one(village(is_signed=True)) as home:
        await round_trips(home, "www.example.net. A", Status.SECURE)
        before = home.sent
        assert await round_trips(home, "alias.example.net. TXT", Status.SECURE) == 1
        assert home.sent == before + 1


def far_alias() -> World:
    """*alias*.example.net leads to a name in another signed zone."""
    world = village()
    other = world.zone("other.")
    world.serve(other, "ns.other.", "192.0.2.30")
    other.add_address("www", "192.0.2.82")
    world.delegate(other)
    example = world.zones[question("example.net. A").qname]
    example.add("far", RRType.CNAME, other.name("www"))
    for zone in (other, example, world.parent_of(example.apex), world.parent_of(other.apex)):
        world.sign(zone, wall=WALL)
    return world


@trio_test
async def test_the_chains_of_all_links_of_an_alias_are_asked_for_at_once() -> None:
    async with behind_one(far_alias()) as home:
        assert await round_trips(home, "far.example.net. A", Status.SECURE) == 2


@pytest.mark.reaches("AHEAD_QUESTIONS")
@trio_test
async def test_no_more_is_asked_for_one_reply_than_the_limit_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rest is asked link by link."""
    assert limits.AHEAD_QUESTIONS > 3
    set_limit(monkeypatch, validation, "AHEAD_QUESTIONS", 1)
    async with behind_one(village(is_signed=True)) as home:
        assert await round_trips(home, "www.example.net. A", Status.SECURE) > 3
