"""What is over is told where asking fails, and only there; each rule of RFC 8767 and ours."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.lab.faults import Path
from resolver.limits import (
    SILENT_CUTS,
    STALE_MAX_SECONDS,
    STALE_RECHECK_SECONDS,
    STALE_RENEWALS,
    STALE_TTL_SECONDS,
)
from resolver.model import RRset, Source
from resolver.policy.path import PolicyPath, Step
from resolver.protocol.codes import EdeCode, Rcode, RRType
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
    from resolver.model import Answer, Query, Question


@pytest.mark.reaches("STALE_TTL_SECONDS")
@pytest.mark.rfc("RFC 8767 §4")
@trio_test
async def test_what_is_over_is_told_where_asking_failed() -> None:
    world = town()
    async with house(world) as home:
        await home.ask(WWW)
        kill(world)
        await trio.sleep(DAY)
        answer = await home.ask(WWW)
        assert answer.sources == (Source.STALE,)
        assert [(one.rdatas, one.ttl) for one in answer.answer] == [((ADDRESS,), STALE_TTL_SECONDS)]
        assert codes(answer) == [EdeCode.STALE_ANSWER]
        assert answer.ede[0].text == "no server of example.net. answered for 1 d"
        stale = home.resolver.stale
        assert stale is not None
        assert (stale.failure, stale.slow, stale.outage) == (1, 0, 0)


@pytest.mark.rfc("RFC 8767 §7")
@trio_test
async def test_in_health_what_is_over_is_never_told() -> None:
    world = town()
    async with house(world) as home:
        await home.ask(WWW)
        example = world.zones[name("example.net.")]
        del example.data[WWW.qname][RRType.A]
        example.add_address("www", "192.0.2.82")
        await trio.sleep(DAY)
        answer = await home.ask(WWW)
        assert answer.sources == (Source.NETWORK,)
        assert answer.answer[0].rdatas == (bytes([192, 0, 2, 82]),)


@trio_test
async def test_switched_off_nothing_is_told_that_is_over() -> None:
    world = town()
    async with house(world, configured(resolution__serve_stale=False)) as home:
        await home.ask(WWW)
        kill(world)
        await trio.sleep(DAY)
        await fails(home)


@pytest.mark.rfc("RFC 8914 §4.20")
@pytest.mark.parametrize(
    ("asked", "rcode", "code"),
    [
        (NONE, Rcode.NXDOMAIN, EdeCode.STALE_NXDOMAIN),
        (NODATA, Rcode.NOERROR, EdeCode.STALE_ANSWER),
    ],
)
@trio_test
async def test_denials_are_told_too(asked: Question, rcode: int, code: int) -> None:
    world = town()
    async with house(world) as home:
        await home.ask(asked)
        kill(world)
        await trio.sleep(DAY)
        answer = await home.ask(asked)
        assert (answer.rcode, codes(answer)) == (rcode, [code])
        assert {one.ttl for one in answer.authority} == {STALE_TTL_SECONDS}


@trio_test
async def test_of_a_chain_each_link_is_judged_for_itself() -> None:
    """The alias is over and its zone is dead; the target's zone is well, and has moved."""
    world = town()
    async with house(world) as home:
        await home.ask(FAR)
        kill(world)
        other = world.zones[name("other.net.")]
        del other.data[TARGET.qname][RRType.A]
        other.add_address("www", "192.0.2.71")
        await trio.sleep(DAY)
        answer = await home.ask(FAR)
        assert answer.sources == (Source.STALE, Source.NETWORK)
        alias, target = answer.answer
        assert alias.ttl == STALE_TTL_SECONDS
        assert target.rdatas == (bytes([192, 0, 2, 71]),)
        assert target.ttl > STALE_TTL_SECONDS


@trio_test
async def test_a_target_that_is_over_follows_a_fresh_alias() -> None:
    world = town()
    async with house(world) as home:
        await home.ask(FAR)
        kill(world, "192.0.2.30")
        await trio.sleep(DAY)
        answer = await home.ask(FAR)
        assert answer.sources == (Source.NETWORK, Source.STALE)
        assert answer.answer[1].rdatas == (OTHER,)


@trio_test
async def test_what_redirects_a_subtree_is_told_of_each_name_in_it() -> None:
    """A DNAME; of the name itself nothing was ever kept, for it is made anew each time."""
    world = town()
    world.zones[name("example.net.")].add("moved", RRType.DNAME, name("other.net."))
    moved = question("www.moved.example.net. A")
    async with house(world) as home:
        await home.ask(moved)
        kill(world)
        await trio.sleep(DAY)
        answer = await home.ask(moved)
        assert answer.sources == (Source.STALE, Source.NETWORK)
        assert {one.ttl for one in answer.answer[:2]} == {STALE_TTL_SECONDS}
        assert answer.answer[2].rdatas == (OTHER,)


@trio_test
async def test_a_chain_without_an_end_is_no_answer() -> None:
    world = town()
    async with house(world) as home:
        await home.ask(question("far.example.net. CNAME"))
        kill(world, *EXAMPLE, "192.0.2.30")
        await trio.sleep(DAY)
        await fails(home, FAR)


@pytest.mark.parametrize("becomes", ["nxdomain", "nodata", "alias"])
@trio_test
async def test_what_was_learnt_later_counts_though_it_is_over_too(becomes: str) -> None:
    """An authoritative denial, or another type, ends what was known before at once."""
    world = town()
    async with house(world) as home:
        await home.ask(WWW)
        example = world.zones[name("example.net.")]
        del example.data[WWW.qname][RRType.A]
        if becomes == "nxdomain":
            remove(example, WWW.qname)
        elif becomes == "nodata":
            example.add("www", RRType.TXT, b"\1x")
        else:
            example.add("www", RRType.CNAME, name("www.other.net."))
        await trio.sleep(1)
        assert home.resolver.refresh(WWW)  # while the old is alive
        await trio.sleep(5)
        kill(world)
        await trio.sleep(DAY)
        answer = await home.ask(WWW)
        assert Source.STALE in answer.sources
        assert ADDRESS not in [rdata for one in answer.answer for rdata in one.rdatas]
        assert answer.rcode == (Rcode.NXDOMAIN if becomes == "nxdomain" else Rcode.NOERROR)


@trio_test
async def test_what_lies_below_a_delegation_that_was_taken_back_is_told_no_more() -> None:
    """net. denies example.net: its other names end with the one that was asked."""
    world = town()
    async with house(world) as home:
        await home.ask(WWW)
        await home.ask(question("ns1.example.net. A"))
        net = world.zones[name("net.")]
        remove(net, name("example.net."))
        kill(world)
        await trio.sleep(2 * DAY)
        assert (await home.ask(question("ns1.example.net. A"))).rcode == Rcode.NXDOMAIN
        kill(world, "192.0.2.10")
        await trio.sleep(DAY)
        await fails(home, WWW)


@pytest.mark.reaches("STALE_MAX_SECONDS")
@pytest.mark.rfc("RFC 8767 §5")
@pytest.mark.parametrize(("over_s", "is_told"), [(-10, True), (10, False)])
@trio_test
async def test_what_has_been_over_for_too_long_is_told_no_more(
    over_s: int,
    is_told: bool,  # noqa: FBT001
) -> None:
    world = town()
    async with house(world) as home:
        first = await home.ask(WWW)
        kill(world)
        await trio.sleep(first.answer[0].ttl + STALE_MAX_SECONDS + over_s)
        if is_told:
            assert (await home.ask(WWW)).sources == (Source.STALE,)
        else:
            await fails(home)


@trio_test
async def test_a_ttl_is_never_longer_than_it_was() -> None:
    world = town()
    world.zones[name("example.net.")].add("brief", RRType.A, ADDRESS, ttl=7)
    brief = question("brief.example.net. A")
    async with house(world) as home:
        await home.ask(brief)
        kill(world)
        await trio.sleep(60)
        assert (await home.ask(brief)).answer[0].ttl == 7


@pytest.mark.reaches("STALE_RECHECK_SECONDS")
@pytest.mark.rfc("RFC 8767 §5")
@trio_test
async def test_a_failure_is_remembered_while_what_is_over_is_told() -> None:
    """One try for each question and interval, however many ask."""
    world = town()
    async with house(world) as home:
        await home.ask(WWW)
        kill(world)
        await trio.sleep(DAY)
        await home.ask(WWW)
        sent, failed_at = home.sent, trio.current_time()
        for _ in range(int(STALE_RECHECK_SECONDS) - 1):
            began = trio.current_time()
            assert (await home.ask(WWW)).sources == (Source.STALE,)
            assert trio.current_time() == began
            await trio.sleep(1)
        assert home.sent == sent
        heal(world)
        await trio.sleep_until(failed_at + STALE_RECHECK_SECONDS + 1)
        await home.ask(WWW)  # told at once if need be, and looked for beside that
        await trio.sleep(5)
        assert (await home.ask(WWW)).sources == (Source.CACHE,)


@pytest.mark.reaches("SILENT_CUTS")
@trio_test
async def test_a_zone_whose_servers_are_silent_is_waited_for_once() -> None:
    """Its other names are told at once, and looked for beside that."""
    world = town()
    async with house(world) as home:
        stale = home.resolver.stale
        assert stale is not None
        for number in range(SILENT_CUTS):
            stale.silent_cuts[name(f"n{number}.")] = None
        for asked in (WWW, NONE, FAR):
            await home.ask(asked)
        kill(world)
        await trio.sleep(DAY)
        await home.ask(WWW)
        assert len(stale.silent_cuts) == SILENT_CUTS
        assert name("n0.") not in stale.silent_cuts
        for asked in (NONE, question("far.example.net. CNAME")):
            began, sent = trio.current_time(), home.sent
            assert (await home.ask(asked)).sources == (Source.STALE,)
            assert trio.current_time() == began
            await trio.sleep(10)
            assert home.sent > sent  # somebody was asked again
        heal(world)
        await trio.sleep(2 * STALE_RECHECK_SECONDS)
        await home.ask(WWW)
        await trio.sleep(10)
        assert (await home.ask(WWW)).sources == (Source.CACHE,)
        assert (await home.ask(NONE)).source is not Source.STALE
        assert name("example.net.") not in stale.silent_cuts


@trio_test
async def test_without_recursion_nothing_is_told_that_is_over_nor_to_any() -> None:
    world = town()
    async with house(world) as home:
        await home.ask(WWW)
        await home.ask(question("www.example.net. ANY"))
        kill(world)
        await trio.sleep(DAY)
        await home.ask(WWW)
        reply = await read(home, octets(WWW, flags=0))
        assert not reply.answer
        await fails(home, question("www.example.net. ANY"))


@pytest.mark.reaches("STALE_RENEWALS")
@trio_test
async def test_of_what_was_told_in_an_outage_the_last_is_remembered() -> None:
    async with house(town()) as home:
        stale = home.resolver.stale
        assert stale is not None
        asked = [question(f"n{number}.example.net. A") for number in range(STALE_RENEWALS + 1)]
        for one in (*asked, asked[1]):
            stale._remember(one)
        assert stale.take_told() == [asked[1], *reversed(asked[2:])]
        assert stale.take_told() == []


@trio_test
async def test_some_names_are_never_told_when_they_are_over() -> None:
    """With all below them."""
    world = town()
    async with house(world, configured(resolution__stale_never=("EXAMPLE.net",))) as home:
        await home.ask(FAR)
        kill(world, *EXAMPLE, "192.0.2.30")
        await trio.sleep(DAY)
        await fails(home, FAR)
        assert (await home.ask(TARGET)).sources == (Source.STALE,)


class Renamed(Step):
    """Policy that puts another address in the place of every answer."""

    def after(self, query: Query, answer: Answer) -> Answer:
        put = RRset(query.question.qname, RRType.A, 9, (OTHER,))
        return replace(answer, answer=(put,))


@pytest.mark.parametrize("path", [Path(dead=True), Path(delay_s=1.5)])
@trio_test
async def test_policy_has_the_last_word_on_what_is_over(path: Path) -> None:
    """The list may have changed since it was kept."""
    world = town()
    async with house(world) as home:
        await home.ask(WWW)
        for host in EXAMPLE:
            world.faults.set(host, path)
        await trio.sleep(DAY)
        views = home.parts.fast_paths.views
        views.only = PolicyPath(views.default.view, (Renamed(),))
        reply = await read(home, octets(WWW))
        assert [one.rdata for one in reply.answer] == [OTHER]
