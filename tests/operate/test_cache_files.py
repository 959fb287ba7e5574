"""cache dump and cache load: what comes back is believed as little as what a stranger sends."""

from __future__ import annotations

from unittest.mock import AsyncMock, patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolver.limits import DUMP_ITEM_OCTETS, LOAD_ERRORS
from resolver.model import Rank, Source, Status
from resolver.operate import cache_files
from resolver.operate.cache_files import CACHE_DUMP, CACHE_LOAD
from resolver.protocol.codes import RRType
from resolver.runtime.rests import Rests
from tests.making import name, question, rrset
from tests.operate.operated import Desk, desk
from tests.recurse.household import village
from tests.support import examples, trio_test

WWW, GONE = question("www.example.net. A"), question("gone.example.net. A")
HEAD = ";= rrset rank=auth_answer status=secure zone=example.net. left=300 kept=300"


async def dumped(it: Desk, top: str = ".") -> list[str]:
    return [line for item in await it.items(CACHE_DUMP, name=top) for line in item["lines"]]


async def full_dump() -> list[str]:
    async with desk(village(is_signed=True)) as it:
        await it.home.ask(WWW)
        await it.home.ask(GONE)
        return await dumped(it)


@trio_test
async def test_what_is_loaded_is_validated_when_it_is_asked_for() -> None:
    lines = await full_dump()
    async with desk(village(is_signed=True)) as it:
        reply = await it.do(CACHE_LOAD, file=tuple(lines))
        assert reply["taken"] > 4
        assert (reply["wrong"], reply["errors"]) == (0, [])
        assert reply["left_out"] >= 2  # delegations
        memory = it.home.parts.memory
        kept = memory.rrsets.peek(WWW.qname, RRType.A)
        assert kept is not None
        assert (kept.status, kept.rank) == (Status.UNCHECKED, Rank.AUTH_ANSWER)
        for asked in (WWW, GONE):
            answer = await it.home.ask(asked)
            assert (answer.status, answer.source) == (Status.SECURE, Source.CACHE)
        assert it.home.sent == 0  # its keys were in the file, too


@trio_test
async def test_what_was_changed_in_the_file_is_never_told() -> None:
    lines = [line.replace("192.0.2.80", "203.0.113.1") for line in await full_dump()]
    async with desk(village(is_signed=True)) as it:
        await it.do(CACHE_LOAD, file=tuple(lines))
        answer = await it.home.ask(WWW)
        assert (answer.status, answer.answer[0].rdatas) == (
            Status.SECURE,
            (bytes([192, 0, 2, 80]),),
        )


@trio_test
async def test_it_takes_the_place_of_nothing_that_is_here() -> None:
    async with desk(village(is_signed=True)) as it:
        await it.home.ask(WWW)
        await it.home.ask(GONE)
        before = await dumped(it)
        false = [line.replace("192.0.2.80", "203.0.113.1") for line in before]
        reply = await it.do(CACHE_LOAD, file=tuple(false))
        assert reply["taken"] == 0
        assert await dumped(it) == before


@trio_test
async def test_time_has_passed_since_it_was_dumped() -> None:
    async with desk(village()) as it:
        wall = it.home.parts.clock.wall()
        lines = (HEAD, "www.example.net. 300 IN A 192.0.2.80")
        await it.do(CACHE_LOAD, file=lines, at=wall - 100)
        entry = it.home.parts.memory.rrsets.peek(WWW.qname, RRType.A)
        assert entry is not None
        assert 195 <= entry.expires_at - it.home.parts.clock.now() <= 200
        old = await it.do(
            CACHE_LOAD, file=(HEAD, "b.example.net. 300 IN A 192.0.2.80"), at=wall - 301
        )
        assert (old["expired"], old["taken"]) == (1, 0)
        long = HEAD.replace("left=300", "left=99999999")
        await it.do(CACHE_LOAD, file=(long, "c.example.net. 99999999 IN A 192.0.2.80"))
        entry = it.home.parts.memory.rrsets.peek(name("c.example.net."), RRType.A)
        assert entry is not None
        assert entry.ttl == it.home.parts.memory.rrsets.max_ttl


@trio_test
async def test_a_dname_that_is_loaded_redirects() -> None:
    async with desk(village()) as it:
        lines = (HEAD, "old.example.net. 300 IN DNAME example.net.")
        assert (await it.do(CACHE_LOAD, file=lines))["taken"] == 1
        answer = await it.home.ask(question("www.old.example.net. A"))
        assert answer.answer[-1].rdatas == (bytes([192, 0, 2, 80]),)


@pytest.mark.reaches("LOAD_ERRORS")
@trio_test
async def test_bad_lines_are_told_with_their_numbers_the_first_of_many() -> None:
    lines = [";; a comment", HEAD, "www.example.net. 300 IN A 192.0.2.80", "", "; another"]
    lines += [HEAD, "www.example.net. 300 IN A 192.0.2.800"] * (LOAD_ERRORS + 50)
    async with desk(village()) as it:
        with patch.object(Rests, "turn", AsyncMock()) as turn:
            reply = await it.do(CACHE_LOAD, file=tuple(lines), line=1001)
        assert (reply["taken"], reply["wrong"]) == (1, LOAD_ERRORS + 50)
        assert len(reply["errors"]) == LOAD_ERRORS
        assert reply["errors"][0] == {"line": 1006, "error": "'192.0.2.800' is no address"}
        assert turn.await_count == LOAD_ERRORS + 51


@pytest.mark.reaches("DUMP_ITEM_OCTETS")
@trio_test
async def test_a_dump_comes_in_pieces() -> None:
    async with desk(village()) as it:
        memory, now = it.home.parts.memory, it.home.parts.clock.now()
        for number in range(2000):
            one = rrset(f"h{number}.example.net. 300 A 192.0.2.1")
            memory.rrsets.put(one, rank=Rank.AUTH_ANSWER, now=now, zone=name("example.net."))
        items = await it.items(CACHE_DUMP)
        assert len(items) > 2000 * 100 // DUMP_ITEM_OCTETS
        sizes = [sum(map(len, item["lines"])) for item in items]
        assert max(sizes) < DUMP_ITEM_OCTETS + 1000
        assert items[0]["lines"][0].startswith(cache_files.FIRST)
        few = await dumped(it, "h7.example.net")
        assert [line for line in few if not line.startswith(";")] == [
            "h7.example.net. 300 IN A 192.0.2.1"
        ]


TEXT = st.one_of(
    st.text(max_size=60),
    st.sampled_from([HEAD, "www.example.net. 300 IN A 192.0.2.1", ";= denial", ";; x", ""]),
)


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXT, max_size=20))
def test_load_untrusted(lines: list[str]) -> None:
    @trio_test
    async def load() -> None:
        async with desk(village()) as it:
            reply = await it.do(CACHE_LOAD, file=tuple(lines))
            assert reply["wrong"] >= len(reply["errors"])
            assert all(1 <= one["line"] <= len(lines) for one in reply["errors"])

    load()
