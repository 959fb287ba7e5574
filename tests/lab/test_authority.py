"""The lab's authorities say what RFC 1034 §4.3.2 wants, and sign what dnspython accepts."""

from __future__ import annotations

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.node
import dns.rdataset
import dns.rdatatype
import dns.rrset
import pytest

from resolver.lab.authority import Authority, Manners
from resolver.lab.demo import demo_world
from resolver.lab.signing import Nsec3, Signer
from resolver.lab.virtual_parts import as_delayed
from resolver.lab.zones import Zone
from resolver.protocol import names
from resolver.protocol.codes import RRType

WALL = 1_785_000_000


def example() -> Zone:
    zone = Zone("example.")
    zone.add("@", RRType.NS, zone.name("ns"))
    zone.add_address("ns", "192.0.2.1", "2001:db8::1")
    zone.add_address("www", "192.0.2.2")
    zone.add("alias", RRType.CNAME, zone.name("www"))
    zone.add("out", RRType.CNAME, names.from_text("www.example.net."))
    zone.add_address("host.deep", "192.0.2.3")
    zone.add_address("*.wild", "192.0.2.4")
    zone.add("old", RRType.DNAME, zone.name("wild"))
    zone.add("sub", RRType.NS, zone.name("ns.sub"))
    zone.add_address("ns.sub", "192.0.2.5")
    return zone


def ask(
    authority: Authority, name: str, rtype: str = "A", *, transport: str = "udp", edns: bool = True
) -> dns.message.Message:
    query = dns.message.make_query(name, rtype, use_edns=edns, want_dnssec=edns, payload=4096)
    reply = as_delayed(authority.answer(query.to_wire(), transport, "192.0.2.53"))[-1]
    message = dns.message.from_wire(reply.data)
    assert query.is_response(message)
    return message


def shape(message: dns.message.Message) -> tuple[str, bool, list[str], list[str], list[str]]:
    """(rcode, AA, then for each section "owner type")."""
    sections = [
        [f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)}" for rrset in section]
        for section in message.sections[1:]
    ]
    rcode = dns.rcode.to_text(message.rcode())
    return rcode, bool(message.flags & dns.flags.AA), sections[0], sections[1], sections[2]


SOA = ["example. SOA"]


@pytest.mark.parametrize(
    ("name", "rtype", "expected"),
    [
        ("www.example", "A", ("NOERROR", True, ["www.example. A"], [], [])),
        ("WWW.example", "TXT", ("NOERROR", True, [], SOA, [])),
        ("no.example", "A", ("NXDOMAIN", True, [], SOA, [])),
        ("deep.example", "A", ("NOERROR", True, [], SOA, [])),
        (
            "alias.example",
            "A",
            ("NOERROR", True, ["alias.example. CNAME", "www.example. A"], [], []),
        ),
        ("out.example", "A", ("NOERROR", True, ["out.example. CNAME"], [], [])),
        ("a.wild.example", "A", ("NOERROR", True, ["a.wild.example. A"], [], [])),
        ("a.wild.example", "MX", ("NOERROR", True, [], SOA, [])),
        (
            "a.old.example",
            "A",
            (
                "NOERROR",
                True,
                ["old.example. DNAME", "a.old.example. CNAME", "a.wild.example. A"],
                [],
                [],
            ),
        ),
        ("x.sub.example", "A", ("NOERROR", False, [], ["sub.example. NS"], ["ns.sub.example. A"])),
        ("sub.example", "DS", ("NOERROR", True, [], SOA, [])),
        ("www.other", "A", ("REFUSED", False, [], [], [])),
    ],
)
def test_lookup(name: str, rtype: str, expected: object) -> None:
    assert shape(ask(Authority([example()]), name, rtype)) == expected


def keys_of(zone: Zone) -> dict[dns.name.Name, dns.node.Node | dns.rdataset.Rdataset]:
    assert zone.signer is not None
    message = ask(Authority([zone]), names.to_text(zone.apex), "DNSKEY")
    return {message.answer[0].name: message.answer[0]}


@pytest.mark.parametrize("nsec3", [None, Nsec3(), Nsec3(5, b"\xab\xcd", opt_out=True)])
def test_every_signature_is_good(nsec3: Nsec3 | None) -> None:
    zone = example()
    zone.signer = Signer(zone, wall=WALL, nsec3=nsec3)
    keys = keys_of(zone)
    checked = 0
    for name in ("www", "alias", "no", "deep", "a.wild", "a.old", "x.sub", "@"):
        for rtype in ("A", "MX", "DS", "NS"):
            message = ask(Authority([zone]), names.to_text(zone.name(name)), rtype)
            sets = message.answer + message.authority
            signatures = [rrset for rrset in sets if rrset.rdtype == dns.rdatatype.RRSIG]
            for rrset in sets:
                covering = [
                    s for s in signatures if (s.name, s.covers) == (rrset.name, rrset.rdtype)
                ]
                for signature in covering:
                    dns.dnssec.validate(rrset, signature, keys, now=WALL)
                    checked += 1
    assert checked > 50


def test_a_name_error_is_proved_by_nsec() -> None:
    zone = example()
    zone.signer = Signer(zone, wall=WALL)
    authority = ask(Authority([zone]), "no.example").authority
    spans = [
        (rrset.name.to_text(), rrset[0].next.to_text())
        for rrset in authority
        if rrset.rdtype == dns.rdatatype.NSEC
    ]
    assert spans == [("host.deep.example.", "ns.example."), ("example.", "alias.example.")]


def test_an_insecure_cut_is_proved() -> None:
    zone = example()
    zone.signer = Signer(zone, wall=WALL)
    rcode, is_authoritative, _, authority, _ = shape(ask(Authority([zone]), "x.sub.example"))
    assert (rcode, is_authoritative) == ("NOERROR", False)
    assert authority == ["sub.example. NS", "sub.example. NSEC", "sub.example. RRSIG"]


def test_what_does_not_fit_is_truncated() -> None:
    zone = example()
    for number in range(60):
        zone.add("many", RRType.TXT, b"\x14" + f"{number:020}".encode())
    authority = Authority([zone])
    assert ask(authority, "many.example", "TXT").flags & dns.flags.TC
    over_tcp = ask(authority, "many.example", "TXT", transport="tcp")
    assert not over_tcp.flags & dns.flags.TC
    assert len(over_tcp.answer[0]) == 60


def test_manners() -> None:
    zone = example()
    formerr = Authority([zone], manners=Manners(edns="formerr"))
    assert ask(formerr, "www.example").rcode() == dns.rcode.FORMERR
    assert ask(formerr, "www.example", edns=False).answer
    folding = ask(Authority([zone], manners=Manners(folds_case=True)), "wWw.example")
    assert folding.question[0].name.to_text() == "www.example."
    lame = shape(ask(Authority([zone], manners=Manners(is_lame=True)), "www.example"))
    assert lame == ("NOERROR", False, [], ["example. NS"], ["ns.example. A", "ns.example. AAAA"])
    query = dns.message.make_query("www.example", "A", use_edns=True).to_wire()
    assert Authority([zone], manners=Manners(edns="drop")).answer(query, "udp", "") == []
    forged, real = as_delayed(
        Authority([zone], manners=Manners(forges=True)).answer(query, "udp", "")
    )
    assert forged.data[:2] == real.data[:2]
    assert dns.message.from_wire(forged.data).question != dns.message.from_wire(real.data).question


def test_the_demonstration_world_holds_together() -> None:
    """Every zone is served somewhere, and its truth can be told."""
    world = demo_world(wall=WALL)
    served = {apex for authority in world.servers.values() for apex in authority.zones}
    assert served == set(world.zones)
    truth = world.truth(names.from_text("alias.signed.org."), RRType.A)
    assert truth is not None
    assert [rrset.rtype for rrset in truth.answer] == [RRType.CNAME, RRType.A]
    nothing = world.truth(names.from_text("nothing.example.com."), RRType.A)
    assert nothing is not None
    assert nothing.rcode == 3
