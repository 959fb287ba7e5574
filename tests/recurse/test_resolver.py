"""Question → Answer on a small Internet: joined, bounded, cached, chased."""

from __future__ import annotations

import pytest
import trio

from resolver.errors import ResolutionFailed, WorkExceeded
from resolver.lab.faults import Path
from resolver.model import Status
from resolver.protocol.codes import Rcode, RRType
from tests.making import question
from tests.recurse.household import WALL, budget, house, village
from tests.support import trio_test

WWW = question("www.example.net. A")
ADDRESS = bytes([192, 0, 2, 80])


@pytest.mark.rfc("RFC 1034 §5.3.3")
@trio_test
async def test_a_name_is_walked_from_the_root_and_then_known() -> None:
    async with house(village()) as home:
        answer = await home.ask(WWW)
        assert answer.answer[0].rdatas == (ADDRESS,)
        walked = home.sent
        assert walked >= 3
        await home.ask(WWW)
        assert home.sent == walked


@pytest.mark.rfc("RFC 5452 §5")
@trio_test
async def test_identical_questions_in_flight_are_joined() -> None:
    async with house(village()) as home:
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(home.ask, WWW)
        assert home.sent <= 6
        assert home.resolver.jobs.joined == 49


@pytest.mark.rfc("RFC 1034 §3.6.2")
@pytest.mark.rfc("RFC 6604 §3")
@trio_test
async def test_an_alias_is_followed_in_order() -> None:
    async with house(village()) as home:
        answer = await home.ask(question("alias.example.net. A"))
        assert [rrset.rtype for rrset in answer.answer] == [RRType.CNAME, RRType.A]


@pytest.mark.rfc("RFC 1034 §3.6.2")
@trio_test
async def test_aliases_in_a_circle_fail_soon() -> None:
    async with house(village()) as home:
        with pytest.raises(ResolutionFailed):
            await home.ask(question("here.example.net. A"))
        assert home.sent <= 8


@trio_test
async def test_a_nameserver_of_another_zone_is_looked_up() -> None:
    async with house(village()) as home:
        answer = await home.ask(question("www.glueless.net. A"))
        assert answer.rcode == Rcode.NOERROR
        assert answer.answer[0].rdatas == (bytes([192, 0, 2, 90]),)


@pytest.mark.rfc("RFC 2308 §5")
@trio_test
async def test_a_denial_is_known_the_second_time() -> None:
    async with house(village()) as home:
        asked = question("nothing.example.net. A")
        assert (await home.ask(asked)).rcode == Rcode.NXDOMAIN
        walked = home.sent
        again = await home.ask(asked)
        assert (again.rcode, home.sent) == (Rcode.NXDOMAIN, walked)


@pytest.mark.rfc("RFC 1035 §3.2.1")
@trio_test
async def test_ttl_zero_is_answered_and_asked_again() -> None:
    async with house(village()) as home:
        asked = question("zero.example.net. A")
        assert (await home.ask(asked)).answer[0].ttl == 0
        walked = home.sent
        await home.ask(asked)
        assert home.sent > walked


@pytest.mark.rfc("RFC 9520 §3.2")
@trio_test
async def test_a_failure_is_not_asked_again_at_once() -> None:
    world = village()
    for host in ("192.0.2.20", "192.0.2.21"):
        world.faults.set(host, Path(dead=True))
    async with house(world) as home:
        with pytest.raises(ResolutionFailed):
            await home.ask(WWW)
        walked = home.sent
        with pytest.raises(ResolutionFailed):
            await home.ask(WWW)
        assert home.sent == walked


@pytest.mark.rfc("RFC 1034 §5.3.3 bounds")
@trio_test
async def test_a_spent_budget_says_nothing_about_the_zone() -> None:
    """A limit of ours is not the zone's failure: the next client gets its answer at once."""
    async with house(village()) as home:
        with pytest.raises(WorkExceeded):
            await home.resolver.resolve(WWW, budget(queries=1))
        answer = await home.ask(WWW)
        assert answer.rcode == Rcode.NOERROR


@trio_test
async def test_who_joined_a_job_that_ran_out_tries_alone() -> None:
    async with house(village()) as home:
        found: list[int] = []

        async def poor() -> None:
            with pytest.raises(WorkExceeded):
                await home.resolver.resolve(WWW, budget(queries=2))

        async def rich() -> None:
            found.append((await home.ask(WWW)).rcode)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(poor)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(rich)
        assert found == [Rcode.NOERROR]


@pytest.mark.rfc("RFC 4035 §3.2.3")
@trio_test
async def test_a_signed_answer_is_secure() -> None:
    async with house(village(is_signed=True)) as home:
        assert (await home.ask(WWW)).status is Status.SECURE


@pytest.mark.rfc("RFC 4035 §5.2")
@trio_test
async def test_an_unsigned_child_is_proven_insecure() -> None:
    async with house(village(is_signed=True)) as home:
        answer = await home.ask(question("www.glueless.net. A"))
        assert answer.status is Status.INSECURE


@pytest.mark.rfc("RFC 8198 §5")
@trio_test
async def test_a_validated_gap_denies_without_asking() -> None:
    async with house(village(is_signed=True)) as home:
        await home.ask(question("nope.example.net. A"))
        walked = home.sent
        again = await home.ask(question("nope.nope.example.net. A"))
        assert (again.rcode, home.sent) == (Rcode.NXDOMAIN, walked)


@pytest.mark.rfc("RFC 8198 §5")
@trio_test
async def test_what_a_referral_proved_answers_and_denies_without_asking() -> None:
    """The NSEC that shows glueless.net to have no DS was checked when its data was validated."""
    async with house(village(is_signed=True)) as home:
        await home.ask(question("www.glueless.net. A"))
        await home.ask(question("a.net. A"))  # brings the SOA, without which no denial is whole
        walked = home.sent
        unsigned = await home.ask(question("glueless.net. DS"))
        assert (unsigned.rcode, unsigned.status) == (Rcode.NOERROR, Status.SECURE)
        gone = await home.ask(question("gone.net. A"))
        assert (gone.rcode, gone.status) == (Rcode.NXDOMAIN, Status.SECURE)
        assert home.sent == walked


@pytest.mark.rfc("RFC 4035 §4.2")
@pytest.mark.parametrize("kind", ["signed", "unsigned"])
@trio_test
async def test_an_alias_at_the_apex_outlives_no_chain_of_trust(kind: str) -> None:
    """Against the rules, but common: DS and keys are asked anew, beside the alias in the cache."""
    world = village()
    example = world.zones[WWW.qname[4:]]
    example.add("@", RRType.CNAME, example.name("www"), ttl=86_400)
    is_signed = kind == "signed"
    for apex in ("example.net.", "net.", ".")[not is_signed :]:
        world.sign(world.zones[question(f"{apex} A").qname], wall=WALL)
    async with house(world) as home:
        await home.ask(question("example.net. A"))
        await trio.sleep(7200)  # DS, DNSKEY and what was found about the zones are gone
        expected = Status.SECURE if is_signed else Status.INSECURE
        assert (await home.ask(WWW)).status is expected
        ds = await home.ask(question("example.net. DS"))
        assert bool(ds.answer) is is_signed


@pytest.mark.rfc("RFC 7344 §3")
@pytest.mark.rfc("RFC 8078 §4")
@trio_test
async def test_cds_and_cdnskey_are_types_like_others() -> None:
    """A child's wishes for its DS are the child's data, at the apex or not, and change nothing."""
    world = village()
    example = world.zones[WWW.qname[4:]]
    delete_ds, delete_key = bytes(5), b"\0\0\3\0\0"
    for owner in ("@", "www"):
        example.add(owner, RRType.CDS, delete_ds)
        example.add(owner, RRType.CDNSKEY, delete_key)
    for apex in ("example.net.", "net.", "."):
        world.sign(world.zones[question(f"{apex} A").qname], wall=WALL)
    async with house(world) as home:
        for owner in ("example.net.", "www.example.net."):
            cds = await home.ask(question(f"{owner} CDS"))
            key = await home.ask(question(f"{owner} CDNSKEY"))
            assert [cds.answer[0].rdatas, key.answer[0].rdatas] == [(delete_ds,), (delete_key,)]
            assert [cds.status, key.status] == [Status.SECURE] * 2
        none = await home.ask(question("ns1.example.net. CDS"))
        assert (none.rcode, none.answer, none.status) == (Rcode.NOERROR, (), Status.SECURE)
        assert (await home.ask(question("example.net. DS"))).answer  # still delegated as signed
        assert (await home.ask(WWW)).status is Status.SECURE


@pytest.mark.rfc("RFC 6840 §5.9")
@pytest.mark.rfc("RFC 4035 §3.2.2")
@trio_test
async def test_what_came_unchecked_is_validated_on_demand() -> None:
    async with house(village(is_signed=True)) as home:
        unchecked = await home.resolver.resolve(WWW, budget(), checking=False)
        assert unchecked.status is Status.UNCHECKED
        assert home.resolver.recall(WWW) is None
        assert (await home.ask(WWW)).status is Status.SECURE
