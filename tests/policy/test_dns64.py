"""AAAA records from A records: when they are made, from what, and what is said of them."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from resolver.config.schema import Config, Stub
from resolver.config.schema_dns64 import Dns64 as Settings
from resolver.config.schema_local import Local
from resolver.config.schema_resolution import Resolution
from resolver.config.schema_views import View
from resolver.daemon.policies import Stock, views_of
from resolver.lab.authority import Manners
from resolver.limits import DNS64_TTL_SECONDS
from resolver.model import Answer, Query, Source, Status
from resolver.policy.dns64 import Dns64, address_of, reverse_name
from resolver.policy.path import Step
from resolver.policy.views import Views
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.message import Message
from resolver.protocol.nat64 import prefix
from tests.asking import octets, read
from tests.making import name, question, rrset
from tests.recurse.household import House, house, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.lab.world import World
    from resolver.model import RRset

WELL_KNOWN = prefix("64:ff9b::/96")
OWN = prefix("2001:db8:64::/48")
DNS64 = Config(dns64=Settings(prefix="64:ff9b::/96"))


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def query(asked: str, *, flags: int = Flag.RD, do: bool = False) -> Query:
    message = Message.asking(question(asked), flags)
    if do:
        message.edns = Edns(do=True)
    return Query(message)


def told(asked: Query, *rrsets: RRset, rcode: int = Rcode.NOERROR, soa_ttl: int = 0) -> Answer:
    authority: tuple[RRset, ...] = ()
    if soa_ttl:
        authority = (rrset(f"example {soa_ttl} SOA ns.example. h.example. 1 2 3 4 {soa_ttl}"),)
    return Answer(asked.question, rcode, rrsets, authority, status=Status.SECURE)


def step(*prefixes: object) -> Dns64:
    return Dns64(lambda: prefixes or (WELL_KNOWN,))  # type: ignore[arg-type,return-value]


AAAA = query("www.example AAAA")
A_RECORDS = rrset("www.example 300 A 192.0.2.1", "www.example 300 A 192.0.2.2")


@pytest.mark.rfc("RFC 6147 §5.1.1")
@pytest.mark.rfc("RFC 6147 §5.1.6")
def test_a_records_are_told_as_those_of_the_prefix() -> None:
    denied = told(AAAA, soa_ttl=60)
    assert step().beside(AAAA, denied) == question("www.example A")
    answer = step().joined(AAAA, denied, told(query("www.example A"), A_RECORDS))
    assert answer.answer == (
        rrset("www.example 60 AAAA 64:ff9b::192.0.2.1", "www.example 60 AAAA 64:ff9b::192.0.2.2"),
    )
    assert (answer.rcode, answer.authority, answer.status) == (0, (), Status.INSECURE)
    assert answer.question == AAAA.question


@pytest.mark.rfc("RFC 6147 §5.1.7")
@pytest.mark.parametrize(("soa", "expected"), [(60, 60), (900, 300), (0, 300)])
def test_the_ttl_is_the_lower_of_both(soa: int, expected: int) -> None:
    answer = step().joined(AAAA, told(AAAA, soa_ttl=soa), told(query("www.example A"), A_RECORDS))
    assert answer.answer[0].ttl == expected


@pytest.mark.reaches("DNS64_TTL_SECONDS")
@pytest.mark.rfc("RFC 6147 §5.1.7")
def test_without_a_denial_it_is_bounded() -> None:
    long = A_RECORDS._replace(ttl=86_400)
    failed = told(AAAA, rcode=Rcode.SERVFAIL)
    answer = step().joined(AAAA, failed, told(query("www.example A"), long))
    assert answer.answer[0].ttl == DNS64_TTL_SECONDS


@pytest.mark.rfc("RFC 6147 §5.1.1")
def test_several_prefixes_make_several_addresses() -> None:
    one = rrset("www.example 60 A 192.0.2.33")
    answer = step(OWN, WELL_KNOWN).joined(AAAA, told(AAAA), told(query("www.example A"), one))
    assert answer.answer[0].rdatas == (
        packed("2001:db8:64:c000:2:2100::"),
        packed("64:ff9b::192.0.2.33"),
    )


@pytest.mark.rfc("RFC 6147 §5.1.2")
@pytest.mark.rfc("RFC 6147 §5.5")
def test_when_it_is_not_done() -> None:
    real = told(AAAA, rrset("www.example 60 AAAA 2001:db8::1"))
    gone = told(AAAA, rcode=Rcode.NXDOMAIN, soa_ttl=60)
    blocked = told(AAAA, rcode=Rcode.NOERROR)
    blocked.sources = (Source.BLOCKED,)
    for answer in (real, gone, blocked):
        assert step().beside(AAAA, answer) is None
    validates = query("www.example AAAA", flags=Flag.RD | Flag.CD, do=True)
    assert step().beside(validates, told(validates)) is None
    for flags, do in ((Flag.RD | Flag.CD, False), (Flag.RD, True)):
        asked = query("www.example AAAA", flags=flags, do=do)
        assert step().beside(asked, told(asked)) is not None
    assert step().beside(query("www.example A"), told(AAAA)) is None
    assert Dns64(tuple).beside(AAAA, told(AAAA)) is None


@pytest.mark.rfc("RFC 6147 §5.1.4")
def test_ipv4_in_disguise_is_no_ipv6_address() -> None:
    disguised = "www.example 60 AAAA ::ffff:192.0.2.9"
    only = told(AAAA, rrset(disguised))
    assert step().beside(AAAA, only) == question("www.example A")
    made = step().joined(AAAA, only, told(query("www.example A"), A_RECORDS))
    assert made.answer[0].rdatas[0] == packed("64:ff9b::192.0.2.1")
    none = step().joined(AAAA, only, told(query("www.example A"), soa_ttl=60))
    assert none.answer == ()
    assert [one.rtype for one in none.authority] == [RRType.SOA]
    mixed = told(AAAA, rrset(disguised, "www.example 60 AAAA 2001:db8::1"))
    kept = step().after(AAAA, mixed)
    assert kept.answer[0].rdatas == (packed("2001:db8::1"),)
    assert kept.status is Status.INSECURE


@pytest.mark.rfc("RFC 6052 §3.1")
def test_the_well_known_prefix_is_for_public_addresses() -> None:
    private = rrset("www.example 60 A 10.0.0.1", "www.example 60 A 192.0.2.1")
    other = told(query("www.example A"), private)
    assert step().joined(AAAA, told(AAAA), other).answer[0].rdatas == (
        packed("64:ff9b::192.0.2.1"),
    )
    assert len(step(OWN).joined(AAAA, told(AAAA), other).answer[0].rdatas) == 2
    alone = told(query("www.example A"), rrset("www.example 60 A 10.0.0.1"))
    denied = told(AAAA, soa_ttl=60)
    assert step().joined(AAAA, denied, alone) is denied


# --- names of their own --------------------------------------------------------------------------


@pytest.mark.rfc("RFC 8880 §7.1")
def test_ipv4only_arpa_is_answered_here() -> None:
    dns64 = step(OWN, WELL_KNOWN)
    plain = dns64.before(query("ipv4only.arpa A"))
    assert plain is not None
    assert plain.answer[0].rdatas == (packed("192.0.0.170"), packed("192.0.0.171"))
    made = dns64.before(query("ipv4only.arpa AAAA"))
    assert made is not None
    assert len(made.answer[0].rdatas) == 4
    assert packed("64:ff9b::192.0.0.170") in made.answer[0].rdatas
    nothing = dns64.before(query("ipv4only.arpa MX"))
    assert nothing is not None
    assert (nothing.rcode, nothing.answer, len(nothing.authority)) == (0, (), 1)
    below = dns64.before(query("www.ipv4only.arpa A"))
    assert below is not None
    assert below.rcode == Rcode.NXDOMAIN
    reverse = dns64.before(query("170.0.0.192.in-addr.arpa PTR"))
    assert reverse is not None
    assert reverse.answer[0].rdatas == (name("ipv4only.arpa"),)
    assert dns64.before(query("172.0.0.192.in-addr.arpa PTR")) is None
    assert dns64.before(query("www.example A")) is None
    assert Dns64(tuple).before(query("ipv4only.arpa A")) is None


def test_names_of_addresses() -> None:
    text = ipaddress.ip_address("64:ff9b::192.0.2.33").reverse_pointer
    assert address_of(name(text)) == packed("64:ff9b::192.0.2.33")
    assert address_of(name(text.partition(".")[2])) is None
    assert address_of(name(f"1.{text}")) is None
    assert address_of(name(text.replace("1", "g", 1))) is None
    assert reverse_name(packed("192.0.2.33")) == name("33.2.0.192.in-addr.arpa")


# --- through the whole path ----------------------------------------------------------------------


def city() -> World:
    """The village, with names that have A records only, and more beside."""
    world = village()
    zone = world.zones[name("example.net")]
    zone.add("six", RRType.AAAA, packed("2001:db8::6"))
    zone.add("text", RRType.TXT, b"\1x")
    zone.add("branch", RRType.DNAME, name("glueless.net"))
    return world


async def aaaa(home: House, text: str, *, flags: int = Flag.RD, do: bool = False) -> Message:
    edns = Edns(do=True) if do else None
    return await read(home, octets(question(f"{text} AAAA"), flags=flags, edns=edns))


@pytest.mark.rfc("RFC 6147 §5.1.5")
@trio_test
async def test_clients_are_told_through_aliases_and_from_the_caches() -> None:
    async with house(city(), DNS64) as home:
        for _ in range(2):
            reply = await aaaa(home, "www.example.net.")
            assert [one.rdata for one in reply.answer] == [packed("64:ff9b::192.0.2.80")]
            assert not reply.ad
            reply = await aaaa(home, "alias.example.net.")
            assert [one.rtype for one in reply.answer] == [RRType.CNAME, RRType.AAAA]
            reply = await aaaa(home, "www.branch.example.net.")
            kinds = [one.rtype for one in reply.answer]
            assert kinds == [RRType.DNAME, RRType.CNAME, RRType.AAAA]
            assert reply.answer[-1].rdata == packed("64:ff9b::192.0.2.90")
            reply = await aaaa(home, "six.example.net.")
            assert [one.rdata for one in reply.answer] == [packed("2001:db8::6")]
            reply = await aaaa(home, "text.example.net.")
            assert (reply.rcode, reply.answer) == (0, [])
            assert [one.rtype for one in reply.authority] == [RRType.SOA]
            reply = await aaaa(home, "nowhere.example.net.")
            assert reply.rcode == Rcode.NXDOMAIN
        reply = await aaaa(home, "www.example.net.", flags=Flag.RD | Flag.CD, do=True)
        assert reply.answer == []
        reply = await aaaa(home, "www.example.net.", flags=0)
        assert [one.rdata for one in reply.answer] == [packed("64:ff9b::192.0.2.80")]
        library = await home.pipeline.answer(question("www.example.net. AAAA"))
        assert library.answer[0].rdatas == (packed("64:ff9b::192.0.2.80"),)
        at_once = home.pipeline.at_once(question("www.example.net. AAAA"))
        assert at_once is not None
        assert at_once.answer == library.answer


@pytest.mark.rfc("RFC 6147 §5.5")
@trio_test
async def test_where_it_is_signed_what_is_made_is_not() -> None:
    async with house(village(is_signed=True), DNS64) as home:
        plain = await read(home, octets(question("www.example.net. A"), edns=Edns(do=True)))
        assert plain.ad
        reply = await aaaa(home, "www.example.net.", do=True)
        assert [one.rtype for one in reply.answer] == [RRType.AAAA]
        assert not reply.ad


@pytest.mark.rfc("RFC 6147 §5.1.3")
@pytest.mark.parametrize("how", ["servfail", "silent"])
@trio_test
async def test_servers_that_fail_for_aaaa_have_their_a_records_told(how: str) -> None:
    """In the time that the client has, of which AAAA gets half."""
    world = city()
    kinds = frozenset({RRType.AAAA})
    manners = Manners(fails_types=kinds) if how == "servfail" else Manners(drops_types=kinds)
    for host in ("192.0.2.20", "192.0.2.21"):
        world.servers[host].manners = manners
    async with house(world, DNS64) as home:
        reply = await aaaa(home, "www.example.net.")
        assert [one.rdata for one in reply.answer] == [packed("64:ff9b::192.0.2.80")]


@trio_test
async def test_ptr_of_a_made_address_is_that_of_the_ipv4_address() -> None:
    world = city()
    arpa = world.zone("2.0.192.in-addr.arpa.")
    world.serve(arpa, "ns1.example.net.", "192.0.2.20")
    arpa.add("80", RRType.PTR, name("www.example.net"))
    world.delegate(arpa)
    base = Config(dns64=Settings(prefix="64:ff9b::/96"), resolution=Resolution(local_zones=False))
    async with house(world, base) as home:
        pointer = ipaddress.ip_address("64:ff9b::192.0.2.80").reverse_pointer
        reply = await read(home, octets(question(f"{pointer}. PTR")))
        assert [one.rtype for one in reply.answer] == [RRType.CNAME, RRType.PTR]
        assert reply.answer[0].rdata == name("80.2.0.192.in-addr.arpa")
        assert reply.answer[1].rdata == name("www.example.net")
        missing = ipaddress.ip_address("64:ff9b::192.0.2.81").reverse_pointer
        reply = await read(home, octets(question(f"{missing}. PTR")))
        assert (reply.rcode, len(reply.answer)) == (Rcode.NXDOMAIN, 1)
        elsewhere = ipaddress.ip_address("2001:db8::1").reverse_pointer
        reply = await read(home, octets(question(f"{elsewhere}. PTR")))
        assert reply.rcode == Rcode.NXDOMAIN


@pytest.mark.rfc("RFC 6147 §5.3.1")
@trio_test
async def test_ptr_of_a_private_prefix_is_not_denied_by_the_private_zone_it_is_in() -> None:
    """fd00::/8 has no names elsewhere. One's own records, and one's own server, come first."""
    world = city()
    arpa = world.zone("0.206.in-addr.arpa.")
    world.serve(arpa, "ns1.example.net.", "192.0.2.20")
    arpa.add("9.0", RRType.PTR, name("www.example.net"))
    world.delegate(arpa)
    made = f"{ipaddress.ip_address('fd00:64::206.0.0.9').reverse_pointer}."
    other = f"{ipaddress.ip_address('fd00:65::9').reverse_pointer}."
    dns64 = Settings(prefix="fd00:64::/96")
    async with house(world, Config(dns64=dns64)) as home:
        reply = await read(home, octets(question(f"{made} PTR")))
        assert [(one.rtype, one.rdata) for one in reply.answer] == [
            (RRType.CNAME, name("9.0.0.206.in-addr.arpa")),
            (RRType.PTR, name("www.example.net")),
        ]
        reply = await read(home, octets(question(f"{other} PTR")))
        assert (reply.rcode, reply.answer) == (Rcode.NXDOMAIN, [])
    stub = Stub(zone="d.f.ip6.arpa", addresses=("192.0.2.20",), validate=False)
    async with house(world, Config(dns64=dns64, stub=(stub,))) as home:
        reply = await read(home, octets(question(f"{made} PTR")))
        assert reply.answer == []  # one's own server's word
    local = Local(records=f"{made} PTR own.home.arpa.")
    async with house(world, Config(dns64=dns64, local=local)) as home:
        reply = await read(home, octets(question(f"{made} PTR")))
        assert [one.rdata for one in reply.answer] == [name("own.home.arpa")]


class Rewrites(Step):
    """Puts another address in the place of A records, or answers them outright."""

    name = "rewrites"

    def __init__(self, *, before: bool) -> None:
        self._before = before

    def before(self, query: Query) -> Answer | None:
        if self._before and query.message.qtype == RRType.A:
            return told(query, rrset("www.example.net 60 A 192.0.2.99"))
        return None

    def after(self, query: Query, answer: Answer) -> Answer:
        if query.message.qtype != RRType.A:
            return answer
        return told(query, rrset("www.example.net 60 A 192.0.2.99"))


@pytest.mark.parametrize("before", [True, False])
@trio_test
async def test_what_policy_has_touched_feeds_nothing(before: bool) -> None:  # noqa: FBT001
    async with house(city()) as home:
        home.parts.fast_paths.go_by(Views((Rewrites(before=before), step())))
        assert (await aaaa(home, "www.example.net.")).answer == []
        assert (await aaaa(home, "glueless.net.")).answer == []


@trio_test
async def test_a_private_address_that_is_left_out_feeds_nothing() -> None:
    world = city()
    world.zones[name("example.net")].add_address("evil", "192.168.1.1")
    base = Config(dns64=Settings(prefix="2001:db8:64::/96"), resolution=Resolution(rebinding=True))
    async with house(world, base) as home:
        reply = await aaaa(home, "evil.example.net.")
        assert reply.answer == []
        reply = await aaaa(home, "www.example.net.")
        assert [one.rdata for one in reply.answer] == [packed("2001:db8:64::192.0.2.80")]


@trio_test
async def test_off_it_is_off() -> None:
    async with house(city()) as home:
        assert (await aaaa(home, "www.example.net.")).answer == []
        sent = home.sent
        await aaaa(home, "alias.example.net.")
        assert not home.pipeline._fast_paths.views.default._beside
        assert home.sent >= sent


def test_a_view_may_be_without() -> None:
    config = replace(DNS64, view=(View(name="lab", dns64=False),))
    assert "DNS64" not in str(views_of(config, Stock()).default)
    assert str(views_of(DNS64, Stock()).default).endswith("| DNS64")
