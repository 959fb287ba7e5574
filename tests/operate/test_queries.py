"""queries: what is on its way, for how long, and whom it waits for."""

from __future__ import annotations

import trio

from resolver.operate.queries import QUERIES
from tests.making import question
from tests.operate.operated import desk
from tests.recurse.household import slow_village
from tests.support import trio_test

WWW = question("www.example.net. A")


@trio_test
async def test_what_is_under_way_shows_with_its_age_and_its_server() -> None:
    async with desk(slow_village()) as it, trio.open_nursery() as nursery:
        nothing = await it.do(QUERIES)
        assert (nothing["questions"], nothing["servers"], nothing["resolving"]) == ([], [], 0)
        nursery.start_soon(it.home.ask, WWW)
        await trio.sleep(0.5)
        nursery.start_soon(it.home.ask, WWW)
        await trio.sleep(0.2)
        reply = await it.do(QUERIES)
        (job,) = reply["questions"]
        assert (job["name"], job["type"], job["joined"]) == ("www.example.net.", "A", 1)
        assert 650 < job["age_ms"] < 750
        packets = reply["servers"]
        assert reply["asked"] == len(packets) >= 1
        assert {one["address"] for one in packets} <= {"192.0.2.20", "192.0.2.21"}
        assert {one["zone"] for one in packets} == {"example.net."}
        assert all(0 <= one["age_ms"] <= job["age_ms"] for one in packets)
        await trio.sleep(5)
        assert (await it.do(QUERIES))["questions"] == []


@trio_test
async def test_a_question_says_which_others_it_waits_for() -> None:
    async with desk(slow_village()) as it:
        jobs, other = it.home.resolver.jobs, question("ns.example.net. AAAA")
        begun = [jobs.begin(WWW, frozenset()), jobs.begin(other, frozenset({WWW}))]
        found = {one["name"]: one["waits_for"] for one in (await it.do(QUERIES))["questions"]}
        assert found == {
            "www.example.net.": ["ns.example.net. AAAA"], "ns.example.net.": [],
        }  # fmt: skip
        for job in begun:
            jobs.end(job)
