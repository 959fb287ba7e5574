"""A public name does not lead into the network of who asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.config.rebinding_names import ALLOWED
from resolver.config.schema import Config, Forward
from resolver.config.schema_local import Local, LocalZone
from resolver.config.schema_resolution import Resolution
from resolver.config.schema_views import View
from resolver.daemon.policies import Stock, views_of
from resolver.model import Answer, Ede, Query, Source, Status
from resolver.policy.rebinding import Rebinding, has_private_hint
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Flag, Rcode
from resolver.protocol.message import Message
from tests.asking import octets, read
from tests.making import name, question, rdata, record, rrset
from tests.recurse.household import house, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.model import RRset

TOLD = Ede(EdeCode.BLOCKED, "private address of a public name")


def seen(
    asked: str,
    *rrsets: RRset,
    step: Rebinding | None = None,
    source: Source = Source.NETWORK,
    ede: tuple[Ede, ...] = (),
) -> Answer:
    """What clients see of an answer to *asked* with *rrsets*."""
    step = step or Rebinding(map(name, ALLOWED), [name("corp.example"), names.ROOT])
    query = Query(Message.asking(question(asked), Flag.RD))
    answer = Answer(
        query.question, Rcode.NOERROR, rrsets, status=Status.SECURE, sources=(source,), ede=ede
    )
    return step.after(query, answer)


def texts(answer: Answer) -> list[bytes]:
    return [one for found in answer.answer for one in found.rdatas]


def test_a_private_address_is_left_out_and_said_so() -> None:
    answer = seen("www.evil.example A", rrset("www.evil.example 60 A 192.168.1.1"))
    assert (answer.rcode, answer.answer, answer.authority) == (Rcode.NOERROR, (), ())
    assert answer.ede == (TOLD,)
    assert answer.status is Status.INSECURE


def test_what_is_public_beside_it_stays_without_signatures_that_no_longer_fit() -> None:
    mixed = rrset("a.example 60 A 192.168.1.1", "a.example 60 A 192.0.2.1")
    answer = seen("a.example A", mixed._replace(signatures=(b"signature",)))
    assert answer.answer == (rrset("a.example 60 A 192.0.2.1"),)
    assert (answer.status, answer.ede, answer.authority) == (Status.INSECURE, (TOLD,), ())


def test_an_answer_without_private_addresses_is_the_very_same() -> None:
    step = Rebinding()
    query = Query(Message.asking(question("a.example A"), Flag.RD))
    for line in ("a.example 60 A 192.0.2.1", "a.example 60 AAAA 2001:db8::1", "a.example 60 TXT x"):
        answer = Answer(query.question, Rcode.NOERROR, (rrset(line),), status=Status.SECURE)
        assert step.after(query, answer) is answer


@pytest.mark.parametrize(
    "asked",
    ["nas.corp.example A", "corp.example A", "1-2-3-4.hash.plex.direct A", "10.0.0.1.nip.io A",
     "nas.lan A", "db.internal A", "pc.home.arpa A"],
)  # fmt: skip
def test_names_that_may_have_them_keep_them(asked: str) -> None:
    owner = asked.split(maxsplit=1)[0]
    kept = rrset(f"{owner} 60 A 10.0.0.1")
    assert seen(asked, kept).answer == (kept,)


def test_a_forwarder_for_everything_is_the_public_tree() -> None:
    assert seen("a.example A", rrset("a.example 60 A 10.0.0.1")).answer == ()


@pytest.mark.parametrize("target", ["10.0.0.1.nip.io", "nas.corp.example"])
def test_an_alias_to_a_name_that_may_is_no_way_around(target: str) -> None:
    """The browser's site is the name that was asked for."""
    alias = rrset(f"evil.example 60 CNAME {target}.")
    answer = seen("evil.example A", alias, rrset(f"{target} 30 A 10.0.0.1"))
    assert answer.answer == (alias,)
    assert (answer.authority, answer.ede) == ((), (TOLD,))


def test_an_alias_from_a_name_that_may_leads_where_its_owner_wants() -> None:
    alias = rrset("db.corp.example 60 CNAME db.cloud.example.")
    kept = (alias, rrset("db.cloud.example 60 A 10.1.2.3"))
    assert seen("db.corp.example A", *kept).answer == kept


def test_what_a_forwarder_blocks_on_purpose_stays() -> None:
    blocked = rrset("ads.example 60 A 0.0.0.0")
    answer = seen("ads.example A", blocked, source=Source.BLOCKED)
    assert (answer.answer, answer.ede) == ((blocked,), ())


LISTED = "2.0.0.127.zen.example"
LISTED_IPV6 = ".".join("2000000000000000000000008bd01002") + ".zen.example"


@pytest.mark.rfc("RFC 5782 §2.1")
@pytest.mark.parametrize("listed", [LISTED, LISTED_IPV6, "9.9.2.0.0.127.zen.example"])
def test_lists_in_dns_answer_with_loopback_addresses(listed: str) -> None:
    found = rrset(f"{listed} 60 A 127.0.0.2", f"{listed} 60 A 127.0.0.4")
    assert seen(f"{listed} A", found).answer == (found,)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (LISTED, "10.0.0.1"),
        (LISTED, "0.0.0.0"),  # noqa: S104  # an answer
        ("0.0.127.zen.example", "127.0.0.2"),
        ("www.0.0.127.zen.example", "127.0.0.2"),
        ("2000.0.0.127.zen.example", "127.0.0.2"),
        ("1.2.3.4", "127.0.0.2"),
        ("evil.example", "127.0.0.1"),
    ],
)
def test_and_that_is_the_only_exception_for_numbers(asked: str, line: str) -> None:
    assert seen(f"{asked} A", rrset(f"{asked} 60 A {line}")).answer == ()


SERVICES = {
    "1 . ipv4hint=10.0.0.1": True,
    "1 svc.example. alpn=h2 ipv4hint=192.0.2.1,10.20.30.42": True,
    "1 . ipv6hint=2001:db8::1,fe80::15": True,
    "1 . alpn=h2 ipv4hint=192.0.2.1 port=8443 ipv6hint=::1": True,
    "1 . alpn=h2 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1": False,
    "0 other.example.": False,
}


@pytest.mark.rfc("RFC 9460 §7.3")
@pytest.mark.parametrize("service", SERVICES)
def test_hints_of_services_are_addresses_too(service: str) -> None:
    assert has_private_hint(rdata("HTTPS", service)) is SERVICES[service]


@given(data=st.binary(max_size=60))
def test_has_private_hint_untrusted(data: bytes) -> None:
    """Whatever the rdata: a judgement, no exception."""
    head = rdata("SVCB", "1 svc.example.")
    for octets_ in (data, head + data, head + b"\0\4\0\4" + data, head + b"\0\6\xff\xff" + data):
        assert has_private_hint(octets_) in {True, False}


def test_of_several_services_those_without_private_hints_stay() -> None:
    public = "_x.example 60 SVCB 1 foo.example. ipv4hint=192.0.2.1"
    found = rrset(public, "_x.example 60 SVCB 2 foo.example. ipv4hint=10.0.0.1")
    assert texts(seen("_x.example SVCB", found)) == [record(public).rdata]


PRIVATE = Resolution(rebinding=True)


@trio_test
async def test_clients_see_it_from_the_network_the_caches_and_the_packets() -> None:
    world = village()
    zone = world.zone("evil.net.")
    world.serve(zone, "ns1.example.net.", "192.0.2.20")
    zone.add_address("www", "192.168.1.1")
    zone.add_address("both", "192.168.1.1")
    zone.add_address("both", "192.0.2.99")
    world.delegate(zone)
    async with house(world, Config(resolution=PRIVATE)) as home:
        for _ in range(2):
            reply = await read(home, octets(question("www.evil.net. A")))
            assert (reply.flags & 0xF, list(reply.answer)) == (Rcode.NOERROR, [])
            reply = await read(home, octets(question("both.evil.net. A")))
            assert [one.rdata for one in reply.answer] == [bytes([192, 0, 2, 99])]
        answer = await home.pipeline.answer(question("www.evil.net. A"))
        assert TOLD in answer.ede


@trio_test
async def test_it_is_off_unless_wanted() -> None:
    world = village()
    world.zones[names.from_text("example.net.")].add_address("in", "10.0.0.1")
    async with house(world) as home:
        answer = await home.pipeline.answer(question("in.example.net. A"))
        assert texts(answer) == [bytes([10, 0, 0, 1])]


def test_the_path_says_so() -> None:
    forward = Forward(zone="corp.example", addresses=("192.0.2.1",))
    views = views_of(Config(resolution=PRIVATE, forward=(forward,)), Stock())
    assert str(views.default).endswith("| rebinding")
    assert "rebinding" not in str(views_of(Config(), Stock()).default)


def test_a_view_may_be_told_them() -> None:
    config = Config(resolution=PRIVATE, view=(View(name="lab", rebinding=False),))
    assert "rebinding" not in str(views_of(config, Stock()).default)


def test_a_zone_of_ones_own_may_have_them() -> None:
    config = Config(resolution=PRIVATE, local=Local(zone=(LocalZone(zone="my.example"),)))
    steps = views_of(config, Stock()).default.steps
    (step,) = (one for one in steps if isinstance(one, Rebinding))
    kept = rrset("nas.my.example 60 A 10.0.0.1")
    assert seen("nas.my.example A", kept, step=step).answer == (kept,)
