"""What was learnt since ends what is over: it is told no more, though nothing takes its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver.lab.zones import soa
from resolver.model import Source, Status
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.edns import Edns
from tests.asking import octets, read
from tests.making import name, question
from tests.recurse.household import budget, house
from tests.recurse.silent_town import (
    ADDRESS,
    DAY,
    EXAMPLE,
    NONE,
    OTHER,
    WWW,
    configured,
    fails,
    kill,
    remove,
    town,
)
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.lab.zones import Zone

NET = "192.0.2.10"
MX = question("none.example.net. MX")


def set_negative_ttl(zone: Zone, seconds: int) -> None:
    zone.data[zone.apex][RRType.SOA] = zone.data[zone.apex][RRType.SOA]._replace(
        rdatas=(soa(zone.apex, minimum=seconds),)
    )


@pytest.mark.rfc("RFC 1035 §3.2.1")
@trio_test
async def test_what_was_for_this_moment_only_is_never_told_later() -> None:
    world = town()
    zero = question("zero.example.net. A")
    async with house(world) as home:
        await home.ask(zero)
        kill(world)
        await trio.sleep(1)
        await fails(home, zero)


@pytest.mark.rfc("RFC 2181 §5.4.1")
@trio_test
async def test_an_address_that_came_with_a_referral_is_no_answer_in_an_outage() -> None:
    world = town()
    glue = question("ns1.example.net. A")
    async with house(world) as home:
        await home.ask(WWW)
        kill(world)
        await trio.sleep(DAY)
        await fails(home, glue)


@pytest.mark.parametrize("becomes", ["address", "nodata", "nxdomain"])
@trio_test
async def test_what_was_learnt_later_for_a_moment_only_ends_it_too(becomes: str) -> None:
    """A TTL of zero: nothing is kept of it but that the old is no more."""
    world = town()
    async with house(world) as home:
        await home.ask(WWW)
        example = world.zones[name("example.net.")]
        set_negative_ttl(example, 0)
        del example.data[WWW.qname][RRType.A]
        if becomes == "address":
            example.add("www", RRType.A, OTHER, ttl=0)
        elif becomes == "nodata":
            example.add("www", RRType.TXT, b"\1x")
        else:
            remove(example, WWW.qname)
        await trio.sleep(DAY)
        assert (await home.ask(WWW)).sources == (Source.NETWORK,)
        kill(world)
        await trio.sleep(60)
        await fails(home)


@trio_test
async def test_an_alias_ends_for_every_type_when_the_name_has_data() -> None:
    """RFC 1034 §3.6.2: where there is an alias there is nothing else."""
    world = town()
    async with house(world) as home:
        await home.ask(question("far.example.net. AAAA"))
        example = world.zones[name("example.net.")]
        del example.data[name("far.example.net.")][RRType.CNAME]
        example.add_address("far", "192.0.2.80")
        await trio.sleep(DAY)
        assert (await home.ask(question("far.example.net. A"))).answer[0].rdatas == (ADDRESS,)
        kill(world)
        await trio.sleep(DAY)
        assert (await home.ask(question("far.example.net. A"))).answer[0].rdatas == (ADDRESS,)
        for rtype in ("AAAA", "CNAME"):
            await fails(home, question(f"far.example.net. {rtype}"))


@trio_test
async def test_an_alias_ends_for_every_type_when_one_is_denied() -> None:
    world = town()
    async with house(world) as home:
        await home.ask(question("far.example.net. AAAA"))
        example = world.zones[name("example.net.")]
        del example.data[name("far.example.net.")][RRType.CNAME]
        example.add("far", RRType.TXT, b"\1x")
        await trio.sleep(DAY)
        assert not (await home.ask(question("far.example.net. A"))).answer
        kill(world)
        await trio.sleep(DAY)
        await fails(home, question("far.example.net. AAAA"))


@trio_test
async def test_a_denial_of_the_name_ends_for_every_type_when_it_exists() -> None:
    world = town()
    async with house(world) as home:
        assert (await home.ask(MX)).rcode == Rcode.NXDOMAIN
        world.zones[name("example.net.")].add_address("none", "192.0.2.80")
        await trio.sleep(DAY)
        assert (await home.ask(NONE)).answer
        kill(world)
        await trio.sleep(DAY)
        assert (await home.ask(NONE)).answer[0].rdatas == (ADDRESS,)
        await fails(home, MX)


@trio_test
async def test_what_redirects_a_subtree_ends_when_its_name_is_denied() -> None:
    """Proven or not: it is the DNAME's own name."""
    world = town()
    example = world.zones[name("example.net.")]
    example.add("moved", RRType.DNAME, name("other.net."))
    moved = question("www.moved.example.net. A")
    async with house(world) as home:
        await home.ask(moved)
        remove(example, name("moved.example.net."))
        await trio.sleep(DAY)
        denied = await home.ask(question("moved.example.net. A"))
        assert denied.rcode == Rcode.NXDOMAIN
        kill(world)
        await trio.sleep(DAY)
        await fails(home, moved)


@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.rfc("RFC 8020 §2")
@trio_test
async def test_a_proven_denial_ends_what_lies_below_it(*, is_signed: bool) -> None:
    world = town(is_signed=is_signed)
    example = world.zones[name("example.net.")]
    example.add_address("a.b", "192.0.2.80")
    below = question("a.b.example.net. A")
    async with house(world) as home:
        await home.ask(below)
        remove(example, name("b.example.net."))
        await trio.sleep(DAY)
        assert (await home.ask(question("b.example.net. A"))).rcode == Rcode.NXDOMAIN
        kill(world)
        await trio.sleep(DAY)
        answer = await home.ask(below)
        assert answer.sources == (Source.STALE,)
        assert answer.rcode == (Rcode.NXDOMAIN if is_signed else Rcode.NOERROR)


@trio_test
async def test_what_was_delegated_since_is_not_told_as_the_zone_above_had_it() -> None:
    """Its own servers are to be heard, and are silent."""
    world = town()
    example = world.zones[name("example.net.")]
    example.add_address("www.shop", "192.0.2.80")
    asked = question("www.shop.example.net. A")
    async with house(world) as home:
        await home.ask(asked)
        shop = world.zone("shop.example.net.")
        world.serve(shop, "ns.shop.example.net.", "192.0.2.40")
        remove(example, asked.qname)
        world.delegate(shop)
        kill(world, "192.0.2.40")
        await trio.sleep(DAY)
        await fails(home, asked)
        kill(world, *EXAMPLE)
        await trio.sleep(DAY)
        await fails(home, asked)


@pytest.mark.parametrize(("over_s", "is_told"), [(-600, True), (600, False)])
@trio_test
async def test_nothing_is_told_for_longer_than_its_delegation_could_be(
    over_s: int,
    is_told: bool,  # noqa: FBT001
) -> None:
    """The delegation lasts five minutes, what lies below it three days; the parent is silent."""
    world = town()
    example = world.zones[name("example.net.")]
    example.add_address("long", "192.0.2.80", ttl=3 * DAY)
    asked = question("long.example.net. A")
    async with house(world, configured(cache__stale_max=4 * DAY)) as home:
        await home.ask(asked)
        kill(world, *EXAMPLE, NET)
        await trio.sleep(300 + 4 * DAY + over_s)
        if is_told:
            assert (await home.ask(asked)).sources == (Source.STALE,)
        else:
            await fails(home, asked)


# --- DNSSEC ------------------------------------------------------------------------------------


@trio_test
async def test_what_a_wildcard_made_is_told_with_its_own_proof_or_not_at_all() -> None:
    """CVE-2026-46582: the records of another answer, told with the status of this one."""
    world = town(is_signed=True)
    example = world.zones[name("example.net.")]
    example.add_address("*.wild", "192.0.2.80")
    asked = question("x.wild.example.net. A")
    with_do = octets(asked, edns=Edns(1232, 0, do=True))
    async with house(world) as home:
        assert (await home.ask(asked)).status is Status.SECURE
        signer, example.signer = example.signer, None
        example.add_address("x.wild", "203.0.113.1")
        await trio.sleep(DAY)
        forged = await home.resolver.resolve(asked, budget(), checking=False)
        assert forged.answer[0].rdatas != (ADDRESS,)
        example.signer = signer
        kill(world)
        await trio.sleep(DAY)
        reply = await read(home, with_do)
        assert reply.flags & Flag.AD
        assert ADDRESS in [one.rdata for one in reply.answer]
        assert RRType.NSEC in [one.rtype for one in reply.authority]


@pytest.mark.parametrize("is_signed", [True, False])
@trio_test
async def test_who_sets_cd_is_told_what_was_judged(*, is_signed: bool) -> None:
    """And no other data, that came to such a client unchecked before (RFC 4035 §3.2.2)."""
    world = town(is_signed=is_signed)
    asked = octets(WWW, flags=Flag.RD | Flag.CD, edns=Edns(1232, 0, do=True))
    async with house(world) as home:
        await home.ask(WWW)
        kill(world)
        await trio.sleep(DAY)
        reply = await read(home, asked)
        assert ADDRESS in [one.rdata for one in reply.answer]
        assert reply.flags & Flag.CD


@trio_test
async def test_what_needed_no_proof_is_told_where_the_zone_is_bogus_since() -> None:
    """The zone got keys that do not fit its DS: what was proven to be unsigned is told still."""
    world = town(is_signed=True)
    other = world.zones[name("glueless.net.")]
    asked = question("www.glueless.net. A")
    async with house(world) as home:
        first = await home.ask(asked)
        assert first.status is Status.INSECURE
        world.sign(other, wall=home.parts.clock.wall())
        other.signer = None
        await trio.sleep(DAY)
        answer = await home.ask(asked)
        assert answer.sources == (Source.STALE,)
        assert answer.answer[0].rdatas == first.answer[0].rdatas
        await trio.sleep(DAY)
        assert (await home.ask(asked)).sources == (Source.STALE,)
