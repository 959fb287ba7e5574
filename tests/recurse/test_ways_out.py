"""Each way out for itself: what is in reach is asked while the rest is cut off, and only that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver.config.schema import Forward, Stub
from resolver.limits import NO_ROUTE_SECONDS
from resolver.protocol.codes import EdeCode, Flag, Rcode
from tests.making import question
from tests.recurse.household import house
from tests.recurse.silent_town import EXAMPLE, configured
from tests.recurse.test_calm import HOUR, NEW, RECOVERY_S, RTT_S, WHOLE, WWW, Client, city, cut_off
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.lab.world import World

SOURCES = ("203.0.113.53", "2001:db8:53::53")
CORP = "192.0.2.53"
FAILURES = {EdeCode.NO_REACHABLE_AUTHORITY, EdeCode.NETWORK_ERROR}


def with_corp(world: World) -> None:
    """corp., served on this side of every cut."""
    corp = world.zone("corp.")
    world.serve(corp, "ns.corp.", CORP)
    for number, label in enumerate(("www", "new", "newer")):
        corp.add_address(label, f"192.0.2.{54 + number}")
    world.faults.set(CORP, WHOLE)


@trio_test
async def test_a_forwarder_on_the_spot_is_asked_while_the_rest_is_cut_off() -> None:
    """The public tree is dead, corp.'s forwarder is not."""
    world = city()
    with_corp(world)
    base = configured(forward=(Forward(zone="corp", addresses=(CORP,)),))
    async with house(world, base) as home, cut_off(home, world) as client:
        assert not (await client.ask(question("new.corp. A"))).flags & Flag.AD
        assert client.rcodes == [Rcode.NOERROR]
        assert (await client.ask(NEW)).rcode == Rcode.SERVFAIL


@pytest.mark.parametrize("was_used", [True, False], ids=["used", "started so"])
@trio_test
async def test_specific_routes_are_used_where_there_is_no_default_route(
    was_used: bool,  # noqa: FBT001
) -> None:
    """A VPN or a LAN is up, the uplink is not: stub zones there go on, the rest fails at once."""
    world = city()
    with_corp(world)
    base = configured(stub=(Stub(zone="corp", addresses=(CORP,)),))
    async with house(world, base) as home:
        client = Client(home)
        if was_used:
            await client.ask(WWW)
        home.network.leave_from(SOURCES, only=[CORP])
        await trio.sleep(HOUR)
        before = home.sent
        for label in ("www", "new", "newer"):
            assert (await client.ask(question(f"{label}.corp. A"))).rcode == Rcode.NOERROR
            assert (await client.ask(NEW)).rcode == Rcode.SERVFAIL
            assert client.codes == FAILURES
            await trio.sleep(NO_ROUTE_SECONDS / 2)
        assert max(client.waits[was_used:]) <= 3 * RTT_S
        assert home.sent - before <= 4  # www, new, newer, and corp.'s own NS set
        ways = home.parts.dispatcher.ways
        assert ways.cut_off(trio.current_time()) == 1
        if was_used:
            assert (await client.ask(WWW)).rcode == Rcode.NOERROR
            assert EdeCode.STALE_ANSWER in client.codes
        home.network.leave_from(SOURCES)
        await trio.sleep(RECOVERY_S)
        assert (await client.ask(WWW)).rcode == Rcode.NOERROR
        assert not client.codes


@trio_test
async def test_a_specific_route_leads_to_servers_of_the_public_tree_too() -> None:
    """Its own family has no route, as the kernel says of others: they are asked all the same."""
    world = city()
    async with house(world) as home:
        client = Client(home)
        await client.ask(WWW)
        home.network.leave_from(SOURCES, only=EXAMPLE)
        await trio.sleep(10)
        for number in range(3):
            asked = question(f"n{number}.example.net. A")
            assert (await client.ask(asked)).rcode == Rcode.NOERROR
            assert not client.codes
            elsewhere = question(f"www.elsewhere{number}. A")
            assert (await client.ask(elsewhere)).rcode == Rcode.SERVFAIL
            await trio.sleep(2 * NO_ROUTE_SECONDS)
        assert max(client.waits[1:]) <= 3 * RTT_S


@trio_test
async def test_a_machine_without_any_link_answers_what_it_has() -> None:
    """Air gap: special names and zones on the spot, and no wait for anything else."""
    world = city()
    with_corp(world)
    base = configured(stub=(Stub(zone="corp", addresses=(CORP,)),))
    async with house(world, base) as home:
        client = Client(home)
        home.network.leave_from(())
        asked = (
            ("localhost. A", Rcode.NOERROR), ("1.0.0.127.in-addr.arpa. PTR", Rcode.NOERROR),
            ("1.1.168.192.in-addr.arpa. PTR", Rcode.NXDOMAIN), ("www.home.arpa. A", Rcode.NXDOMAIN),
            ("www.example.net. A", Rcode.SERVFAIL), ("www.corp. A", Rcode.SERVFAIL),
        )  # fmt: skip
        for _ in range(3):
            for text, rcode in asked:
                assert (await client.ask(question(text))).rcode == rcode, text
                assert client.codes == (FAILURES if rcode == Rcode.SERVFAIL else set()), text
            await trio.sleep(NO_ROUTE_SECONDS + 1)
        assert max(client.waits) == 0
        assert home.sent == 0
        home.network.leave_from(SOURCES[:1], only=[CORP])  # somebody plugs a cable in
        assert (await client.ask(question("www.corp. A"))).rcode == Rcode.NOERROR


@trio_test
async def test_a_start_without_a_route_keeps_nobody_waiting() -> None:
    """Nothing is held in hope of a first answer: the kernel's word is certain."""
    world = city()
    async with house(world) as home:
        client = Client(home)
        home.network.leave_from(())
        for number in range(20):
            reply = await client.ask(question(f"new{number}.example.net. A"))
            assert reply.rcode == Rcode.SERVFAIL
            assert client.codes == FAILURES
            await trio.sleep(number)
        assert max(client.waits) == 0
        home.network.leave_from(SOURCES)
        assert (await client.ask(WWW)).rcode == Rcode.NOERROR
        assert client.waits[-1] <= 12 * RTT_S
