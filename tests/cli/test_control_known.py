"""What `control` shows of caches, servers and names: whole outputs, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from resolver.cli.control_known import FORMS, Trace
from resolver.lab.faults import Path
from resolver.operate.cache_show import CACHE_SHOW
from resolver.operate.queries import QUERIES
from resolver.operate.servers import SERVERS
from resolver.operate.stale import STALE
from resolver.operate.trace import TRACE
from resolver.operate.verbs import BY_NAME
from resolver.operate.warm import WARM
from resolver.operate.why import WHY
from tests.making import question
from tests.operate.operated import Desk, desk
from tests.recurse.household import slow_village, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.operate.verb import Verb

WWW = question("www.example.net. A")


async def lines(it: Desk, verb: Verb, **given: Any) -> list[str]:
    return list(FORMS[verb.name](await it.do(verb, **given)))


def test_every_form_is_a_verbs() -> None:
    assert FORMS.keys() <= BY_NAME.keys()


@trio_test
async def test_what_is_kept_is_a_paragraph_an_entry() -> None:
    async with desk(village()) as it:
        assert await lines(it, CACHE_SHOW, name="a.b") == ["nothing is kept of a.b."]
        await it.home.ask(WWW)
        await trio.sleep(10)
        head, record = await lines(it, CACHE_SHOW, name="www.example.net")
        assert head.startswith(
            "memory: data A: auth_answer, insecure, from example.net., 4 min 50 s left"
        )
        assert head.endswith(" (TTL 300), stale for 3 d at most")
        assert record.startswith("  www.example.net. 2")
        cut = await lines(it, CACHE_SHOW, name="example.net")
        assert cut[0].startswith("memory: delegation NS: ")
        assert cut[1:] == [
            "  nameservers: ns1.example.net., ns2.example.net.",
            "  addresses: 192.0.2.20, 192.0.2.21",
        ]
        memory, now = it.home.parts.memory, it.home.parts.clock.now()
        memory.failures.note(question("b.example.net. A"), (), now)
        (failure,) = await lines(it, CACHE_SHOW, name="b.example.net")
        assert failure == "memory: failure A: 0 s ago, asked again in 1 s"


@trio_test
async def test_servers_are_a_table() -> None:
    async with desk(village()) as it:
        await it.home.ask(WWW)
        shown = await lines(it, SERVERS, zone="example.net")
        assert shown[0] == "zone example.net."
        assert shown[1].split() == [
            "ADDRESS",
            "RTT",
            "STATE",
            "ANSWERS",
            "LAST",
            "EDNS",
            "COOKIES",
            "DISTANCE",
            "INSTANCE",
            "NAME",
        ]
        assert {line.split()[0] for line in shown[2:]} == {"192.0.2.20", "192.0.2.21"}
        every = await lines(it, SERVERS)
        assert "servers are known, " in every[0]


@trio_test
async def test_what_is_under_way_is_two_tables() -> None:
    async with desk(slow_village()) as it, trio.open_nursery() as nursery:
        nursery.start_soon(it.home.ask, WWW)
        await trio.sleep(0.5)
        shown = await lines(it, QUERIES)
        assert shown[0].startswith("0 clients wait, 1 questions are resolved, ")
        assert shown[2].split() == ["QUESTION", "AGE", "JOINED", "WAITS", "FOR"]
        assert shown[3].split()[:3] == ["www.example.net.", "A", "500"]
        assert shown[5].split() == ["SERVER", "AGE", "STATE", "ASKED", "ZONE"]


@trio_test
async def test_a_trace_is_as_the_other_trace() -> None:
    async with desk(village(is_signed=True)) as it:
        show = Trace()
        items = await it.items(TRACE, name="www.example.net")
        shown = [line for item in items for line in show(item)]
        assert shown[0].startswith("  1 . ")
        assert any(line.startswith(";; NOERROR, secure, ") for line in shown)
        assert "www.example.net. 300 IN A 192.0.2.80" in shown
        assert shown[-1].split() == ["www.example.net.", "A", "(answer)", "is", "secure"]


@trio_test
async def test_why_begins_with_the_sentence() -> None:
    world = village(is_signed=True)
    async with desk(world) as it:
        await it.home.ask(WWW)
        shown = await lines(it, WHY, name="www.example.net")
        assert shown[0].startswith("www.example.net. A is told from memory for ")
        assert any(line.startswith("zone example.net.: signed, ") for line in shown)
        assert any(line.startswith("  .: trust anchor ") for line in shown)
        assert shown[-1].startswith("link to the public tree: up, somebody answered ")
        world.faults.set("192.0.2.20", Path(dead=True))
        world.faults.set("192.0.2.21", Path(dead=True))
        await it.home.pipeline.answer(question("b.example.net. TXT"))
        failed = await lines(it, WHY, name="b.example.net", type="TXT")
        assert any(line.startswith("  failure 0 s ago, ") for line in failed)


@trio_test
async def test_stale_and_warm_in_words() -> None:
    async with desk(village()) as it:
        assert await lines(it, STALE, mode="off") == ["stale: off; expired answers are not told"]
        assert await lines(it, STALE, mode="auto") == [
            "stale: as configured; expired answers are told where asking fails",
            "for 3 d at most, with a TTL of 30 s",
        ]
        assert await lines(it, WARM, name="www.example.net") == [
            "www.example.net. A is kept warm always"
        ]
        await trio.sleep(5)
        shown = await lines(it, WARM)
        assert shown[1].split() == ["NAME", "TYPE", "SCORE", "CHANCE", "USED", "TTL"]
        assert shown[2].split()[:4] == ["www.example.net.", "A", "by", "hand"]


@pytest.mark.parametrize(
    ("verb", "reply", "expected"),
    [
        (
            "flush",
            {"forgotten": {"in_memory": 3, "on_disk": 1}},
            ["forgotten: 3 in memory, 1 on disk"],
        ),
        ("nta list", {"negative_anchors": []}, ["no negative trust anchor"]),
        (
            "nta list",
            {"negative_anchors": [{"name": "a.", "left_s": None, "from": "configuration"}]},
            ["a.: no end, set by configuration"],
        ),
        (
            "nta remove",
            {"name": "a.", "forgotten": 2},
            ["a. is validated again; 2 entries of caches were forgotten"],
        ),
        ("cache dump", {"lines": ["x", "y"]}, ["x", "y"]),
    ],
)
def test_the_rest_in_words(verb: str, reply: dict[str, Any], expected: list[str]) -> None:
    assert list(FORMS[verb](reply)) == expected
