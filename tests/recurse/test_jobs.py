"""Who waits for one answer together goes on a few at a time: others have their turns between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from resolver.limits import JOINED_TURN, JOINED_TURN_OCTETS
from resolver.model import Status
from resolver.protocol.codes import RRType
from resolver.recurse.validation import Validation
from tests.making import question
from tests.recurse.household import House, house, village
from tests.support import trio_test
from tests.turns import Turns, counted

if TYPE_CHECKING:
    from resolver.model import Link, Question

WWW = question("www.example.net. A")
NOTHING = question("www.example.net. AAAA")
BIG = question("big.example.net. TXT")
WAITING = 100
STRINGS, STRING = 64, bytes([255]) + bytes(255)


async def asks(home: House, asked: Question, turns: Turns) -> None:
    await home.ask(asked)
    turns.note()


async def told_at_once(home: House, asked: Question) -> int:
    """Of those who wait for one answer, how many are told at one turn of the loop."""
    with counted() as turns:
        async with trio.open_nursery() as nursery:
            for _ in range(WAITING):
                nursery.start_soon(asks, home, asked, turns)
    assert home.resolver.jobs.joined == WAITING - 1
    assert sum(turns.counts) == WAITING
    return max(turns.counts)


@pytest.mark.reaches("JOINED_TURN")
@trio_test
async def test_of_many_who_wait_a_few_are_told_at_a_turn() -> None:
    async with house(village()) as home:
        assert await told_at_once(home, WWW) == JOINED_TURN


@pytest.mark.reaches("JOINED_TURN_OCTETS")
@trio_test
async def test_of_a_large_answer_fewer_are_told_at_a_turn() -> None:
    world = village()
    example = world.zones[WWW.qname[4:]]
    example.add("big", RRType.TXT, *(STRING[:-1] + bytes([at]) for at in range(STRINGS)))
    async with house(world) as home:
        at_once = JOINED_TURN_OCTETS // (STRINGS * len(STRING))
        assert 1 < at_once < JOINED_TURN
        assert await told_at_once(home, BIG) == at_once


@trio_test
async def test_what_many_wait_for_is_validated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    validated: list[object] = []
    validate = Validation.validate

    async def noted(self: Validation, outcome: Link, *rest: Any, **named: Any) -> Link:
        validated.append(outcome.question)
        return await validate(self, outcome, *rest, **named)

    async with house(village(is_signed=True)) as home:
        await home.ask(question("alias.example.net. A"))  # the keys are known
        monkeypatch.setattr(Validation, "validate", noted)
        async with trio.open_nursery() as nursery:
            for _ in range(WAITING):
                nursery.start_soon(is_secure, home, NOTHING)
        assert validated == [NOTHING]


async def is_secure(home: House, asked: Question) -> None:
    assert (await home.ask(asked)).status is Status.SECURE


@trio_test
async def test_who_has_no_time_left_does_not_wait_for_a_turn() -> None:
    """What was found out is told all the same; who leaves keeps nobody from going on."""
    async with house(village()) as home:
        async with trio.open_nursery() as nursery:
            for at in range(WAITING):
                nursery.start_soon(leaves if at % 2 else stays, home)
        assert home.resolver.jobs.joined == WAITING - 1
        assert len(home.resolver.jobs) == 0


async def stays(home: House) -> None:
    assert (await home.ask(WWW)).answer


async def leaves(home: House) -> None:
    with trio.move_on_after(0.001):
        await home.ask(WWW)
