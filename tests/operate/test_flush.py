"""flush: one thing at a time, and it says how much went."""

from __future__ import annotations

from typing import Any

import pytest

from resolver.model import Source
from resolver.operate.flush import FLUSH
from resolver.operate.verb import Refused
from tests.making import question
from tests.operate.operated import Desk, desk
from tests.recurse.household import budget, village
from tests.support import trio_test

WWW, GONE = question("www.example.net. A"), question("gone.example.net. A")


async def sources(it: Desk) -> list[Source]:
    return [(await it.home.daemon.resolver.resolve(one, budget())).source for one in (WWW, GONE)]


NETWORK, CACHE = Source.NETWORK, Source.CACHE


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"name": "www.example.net"}, [NETWORK, CACHE]),
        ({"name": "WWW.Example.NET."}, [NETWORK, CACHE]),
        ({"name": "example.net", "below": True}, [NETWORK, NETWORK]),
        ({"all": True}, [NETWORK, NETWORK]),
        ({"negative": True}, [CACHE, NETWORK]),
        ({"bogus": True}, [CACHE, CACHE]),
    ],
)
@trio_test
async def test_what_is_named_goes_and_nothing_else(
    given: dict[str, Any], expected: list[Source]
) -> None:
    async with desk(village(is_signed=True)) as it:
        await sources(it)
        forgotten = (await it.do(FLUSH, **given))["forgotten"]
        assert await sources(it) == expected
        assert (forgotten["in_memory"] > 0) == (NETWORK in expected)
        assert forgotten["on_disk"] == 0


@trio_test
async def test_servers_are_told_by_their_number() -> None:
    async with desk(village()) as it:
        await sources(it)
        known = len(it.home.parts.infra)
        assert await it.do(FLUSH, servers=True) == {"forgotten": {"servers": known}}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "a NAME, or one of"),
        ({"name": "a.example", "all": True}, "a NAME, or one of"),
        ({"bogus": True, "servers": True}, "a NAME, or one of"),
        ({"all": True, "below": True}, "--below goes with a NAME"),
        ({"name": "a..b"}, "is no domain name"),
        ({"name": "bücher.example"}, "write it in its xn-- form"),
    ],
)
@trio_test
async def test_what_is_not_clear_is_refused(given: dict[str, Any], why: str) -> None:
    async with desk(village()) as it:
        with pytest.raises(Refused, match=why):
            await it.do(FLUSH, **given)
