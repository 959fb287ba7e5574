"""Local names through the whole path: answered, joined with what is public, for whom they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
from msgspec.structs import replace

from resolver.config.implied import implied
from resolver.config.schema import Config, Rewrite, Schedule, View
from resolver.config.schema_local import Local, LocalZone
from resolver.daemon.reload import reload
from resolver.lab.faults import Path as FaultPath
from resolver.operate.why import WHY
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.transport import Client, Transport
from resolver.protocol.wire import parse_untrusted
from tests.asking import CLIENT, SOURCE, octets, read
from tests.making import name, question
from tests.operate.operated import desk
from tests.recurse.household import house, slow_village, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.protocol.message import Message

KID = Client("127.0.0.7", 1, Transport.UDP)
WWW, TRUE = question("www.example.net. A"), bytes([192, 0, 2, 80])
HOME = """
nas.home.arpa. 60 A 192.168.1.10
alias.home.arpa. 60 CNAME www.example.net.
twice.home.arpa. 60 CNAME alias.home.arpa.
near.home.arpa. 60 CNAME nas.home.arpa.
gone.home.arpa. 60 CNAME nothing.example.net.
circle.home.arpa. 60 CNAME circle.home.arpa.
"""


def at_home(records: str = HOME, **keys: object) -> Config:
    return Config(local=Local(records=records), **keys)  # type: ignore[arg-type]


def data(reply: Message) -> list[bytes]:
    return [one.rdata for one in reply.answer]


@trio_test
async def test_the_top_of_a_private_zone_has_its_records_whatever_names_lie_below() -> None:
    """RFC 8375 §4, RFC 6303 §3: an SOA of its own, and NS."""
    async with house(village(), at_home()) as home:
        for asked in ("home.arpa. SOA", "home.arpa. NS", "168.192.in-addr.arpa. SOA"):
            reply = await read(home, octets(question(asked)))
            assert [one.owner for one in reply.answer] == [question(asked).qname]
        reply = await read(home, octets(question("1.168.192.in-addr.arpa. PTR")))
        assert (reply.rcode, reply.answer) == (Rcode.NOERROR, [])


@trio_test
async def test_a_local_name_is_answered_with_aa_and_from_packets_at_once() -> None:
    async with house(village(is_signed=True), at_home()) as home:
        asked = octets(question("nas.home.arpa. A"), edns=Edns(1232, 0, do=True))
        reply = await read(home, asked)
        assert data(reply) == [b"\xc0\xa8\1\x0a"]
        assert reply.flags & (Flag.AA | Flag.AD | Flag.RA) == Flag.AA | Flag.RA
        assert home.pipeline.fast_path(Transport.UDP).begin()(asked, SOURCE) is not None
        assert home.sent == 0


@trio_test
async def test_an_alias_to_a_public_name_is_resolved() -> None:
    """One to a local name is, without asking; the public part is cached for all, and renewed."""
    async with house(village(is_signed=True), at_home()) as home:
        for asked, targets in (
            ("alias.home.arpa. A", ["www.example.net."]),
            ("twice.home.arpa. A", ["alias.home.arpa.", "www.example.net."]),
        ):
            reply = await read(home, octets(question(asked)))
            assert data(reply) == [*map(name, targets), TRUE]
            assert reply.flags & Flag.AD == 0
            assert reply.question == question(asked)
        sent = home.sent
        near = await read(home, octets(question("near.home.arpa. A")))
        assert data(near) == [name("nas.home.arpa."), b"\xc0\xa8\1\x0a"]
        assert data(await read(home, octets(question("alias.home.arpa. A")))) == [
            name("www.example.net."), TRUE,
        ]  # fmt: skip
        assert home.sent == sent
        gone = await read(home, octets(question("gone.home.arpa. A")))
        assert (gone.rcode, data(gone)) == (Rcode.NXDOMAIN, [name("nothing.example.net.")])
        circle = await read(home, octets(question("circle.home.arpa. A")))
        assert circle.rcode == Rcode.SERVFAIL


@trio_test
async def test_without_recursion_an_alias_is_told_as_far_as_it_is_known() -> None:
    async with house(village(), at_home()) as home:
        asked = octets(question("alias.home.arpa. A"), flags=0)
        assert data(await read(home, asked)) == [name("www.example.net.")]
        assert home.sent == 0
        await home.ask(WWW)
        assert data(await read(home, asked)) == [name("www.example.net."), TRUE]


@trio_test
async def test_a_local_name_hides_the_public_one() -> None:
    records = f"{HOME}\nwww.example.net. 60 TXT mine"
    async with house(village(), at_home(records)) as home:
        assert data(await read(home, octets(question("www.example.net. TXT")))) == [b"\4mine"]
        assert data(await read(home, octets(WWW))) == []
        answer = await home.pipeline.answer(question("alias.home.arpa. TXT"))
        assert [one.rtype for one in answer.answer] == [RRType.CNAME, RRType.TXT]
        assert home.pipeline.at_once(question("nas.home.arpa. A")) is not None
        assert home.pipeline.at_once(question("alias.home.arpa. MX")) is not None
        assert home.sent == 0


@trio_test
async def test_who_waits_for_an_alias_is_never_told_the_public_name_s_expired_data() -> None:
    """What is over is told of the name that is asked: this one is ours."""
    records = "www.example.net. 60 CNAME other.example.net."
    world = slow_village()
    async with house(world, Config()) as home:
        await home.ask(WWW)
        await trio.sleep(4000)
        for host in ("192.0.2.20", "192.0.2.21"):
            world.faults.set(host, FaultPath(dead=True))
        await reload(home.daemon, replace(home.daemon.config, local=Local(records=records)))
        home.pipeline = home.daemon.parts.pipeline
        reply = await read(home, octets(WWW))
        assert TRUE not in data(reply)
        assert reply.rcode == Rcode.SERVFAIL


# --- for whom -------------------------------------------------------------------------------------


def two_views() -> Config:
    zones = (
        LocalZone(zone="corp", mode="static", records="nas.corp. A 192.168.1.1", tags=("kids",)),
        LocalZone(zone="corp", mode="static", records="nas.corp. A 192.168.1.2"),
    )
    views = (View(name="kids", clients=("127.0.0.7",), tags=("kids",)),)
    return Config(local=Local(zone=zones), view=views)


@trio_test
async def test_local_data_of_one_view_never_reaches_another() -> None:
    """CVE-2026-55708; by the path, from packets, and while both are asked at once."""
    asked = octets(question("nas.corp. A"))
    expected = {KID: b"\xc0\xa8\1\1", CLIENT: b"\xc0\xa8\1\2"}
    async with house(village(), two_views()) as home:
        fast_path = home.pipeline.fast_path(Transport.UDP)
        for client in (KID, CLIENT, CLIENT, KID):
            source = bytes(map(int, client.host.split(".")))
            hit = fast_path.begin()(asked, source)
            assert hit is None or data(parse_untrusted(hit)) == [expected[client]]
            assert data(await read(home, asked, client)) == [expected[client]]
        pointer = octets(question("1.1.168.192.in-addr.arpa. PTR"))
        assert data(await read(home, pointer, KID)) == [name("nas.corp.")]
        assert (await read(home, pointer)).rcode == Rcode.NXDOMAIN


@trio_test
async def test_an_alias_of_one_view_and_the_true_name_of_another_share_no_answer() -> None:
    zone = LocalZone(
        zone="www.example.net", records="www.example.net. CNAME safe.example.net.", tags=("kids",)
    )
    config = replace(two_views(), local=Local(zone=(zone,)))
    world = slow_village()
    world.zones[name("example.net.")].add_address("safe", "192.0.2.99")
    async with house(world, config) as home, trio.open_nursery() as nursery:
        found: dict[Client, list[bytes]] = {}

        async def ask(client: Client) -> None:
            found[client] = data(await read(home, octets(WWW), client))

        nursery.start_soon(ask, KID)
        nursery.start_soon(ask, CLIENT)
        await trio.sleep(10)
        assert found == {KID: [name("safe.example.net."), bytes([192, 0, 2, 99])], CLIENT: [TRUE]}
        for client, answer in found.items():
            assert data(await read(home, octets(WWW), client)) == answer


@trio_test
async def test_why_says_that_a_name_is_local_and_in_which_view() -> None:
    async with desk(village(), two_views()) as it:
        reply = await it.do(WHY, name="nas.corp")
        assert reply["because"] == "it is answered here, without asking anybody (NOERROR, local)"
        assert reply["views"] == {"default": "NOERROR, local", "kids": "NOERROR, local"}
    async with desk(village(), at_home()) as it:
        reply = await it.do(WHY, name="alias.home.arpa")
        assert reply["links"][0]["name"] == "www.example.net."


@trio_test
async def test_a_schedule_has_names_come_and_go() -> None:
    config = replace(two_views(), schedule=(Schedule(tag="kids", from_="17:30", to="17:40"),))
    asked = octets(question("nas.corp. A"))
    async with house(village(), config) as home:
        before = data(await read(home, asked, KID))
        offset = (trio.current_time(), home.parts.tags)
        for _ in range(3 * 24 * 60):
            await trio.sleep(60)
            if home.daemon.parts.tags:
                break
        else:
            pytest.fail(f"never since {offset}")
        assert before == [b"\xc0\xa8\1\2"]
        assert data(await read(home, asked, KID)) == [b"\xc0\xa8\1\1"]


# --- router, other names --------------------------------------------------------------------------


@trio_test
async def test_names_for_private_addresses_are_asked_of_the_router() -> None:
    """It is not validated: of these zones the public tree says that they are empty."""
    world = village(is_signed=True)
    zone = world.zone("168.192.in-addr.arpa.")  # which nobody delegates
    world.serve(zone, "ns.168.192.in-addr.arpa.", "192.168.1.1")
    zone.add("9.1", RRType.PTR, name("tv.home.arpa."))
    config = implied(Config(local=Local(records=HOME, private_reverse="192.168.1.1")))
    async with house(world, config) as home:
        theirs = await read(home, octets(question("9.1.168.192.in-addr.arpa. PTR")))
        assert data(theirs) == [name("tv.home.arpa.")]
        ours = await read(home, octets(question("10.1.168.192.in-addr.arpa. PTR")))
        assert data(ours) == [name("nas.home.arpa.")]


@trio_test
async def test_a_rewritten_name_is_answered_from_the_other_one() -> None:
    rules = (Rewrite(from_="*.eth", to="*.example.net"),)
    async with house(village(), Config(rewrite=rules)) as home:
        reply = await read(home, octets(question("www.eth. A")))
        assert data(reply) == [name("www.example.net."), TRUE]
        assert (await read(home, octets(question("x.eth. A")))).rcode == Rcode.NXDOMAIN
