"""The short way through plain answers says what the long way says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.iterate import classify
from resolver.iterate.known_addresses import servers_of
from resolver.iterate.scrub import glue_of, nameservers_of, scrub
from resolver.limits import ADDRESSES_PER_NAMESERVER, NS_PER_DELEGATION
from resolver.model import Question, RRset, Server
from resolver.protocol.codes import Flag, RRType
from resolver.protocol.ip_addresses import address_text
from resolver.protocol.message import Message, Record
from tests.making import name, reply

ZONE = name("example.")
QNAME = name("www.example.")
OWNERS = [QNAME, ZONE, name("www.victim."), name("a.www.example.")]
SERVER = Server("192.0.2.1")


def _rdata(rtype: int, number: int) -> bytes:
    if rtype == RRType.RRSIG:
        covered, labels = (1, 28, 5)[number % 3], 1 + number // 3  # one label less: a wildcard's
        return bytes((0, covered, 13, labels)) + bytes(15)
    if rtype in (RRType.CNAME, RRType.NS, RRType.DNAME):
        return OWNERS[number % 3]
    return bytes((192, 0, 2, number))


RTYPES = [RRType.A, RRType.AAAA, RRType.RRSIG, RRType.CNAME, RRType.DNAME]


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Mostly what was asked for, now and then something else."""
    owner = draw(st.sampled_from([QNAME] * 20 + OWNERS))
    rtype = draw(st.sampled_from([RRType.A] * 12 + [RRType.RRSIG] * 4 + RTYPES))
    rclass = draw(st.sampled_from([1] * 30 + [3]))
    ttl = draw(st.sampled_from([0, 60, 3600, 0xFFFF_FFFF]))
    return Record(owner, rtype, rclass, ttl, _rdata(rtype, draw(st.integers(0, 5))))


BESIDE = [
    Record(ZONE, RRType.NS, 1, 9, OWNERS[3]),
    Record(QNAME, RRType.NS, 1, 9, OWNERS[3]),  # below a cut, if it is not the zone's own
    Record(ZONE, RRType.SOA, 1, 9, b"\0\0" + bytes(20)),
    Record(ZONE, RRType.NSEC, 1, 9, OWNERS[3] + b"\0\1\x40"),
]


@given(
    st.lists(records(), min_size=1, max_size=4),
    st.one_of(st.just([]), st.lists(st.sampled_from(BESIDE), max_size=3)),
    st.sampled_from([RRType.A] * 12 + [*RTYPES, RRType.ANY]),
    st.sampled_from([ZONE, ZONE, QNAME, name("."), name("victim.")]),
    st.sampled_from([Flag.QR, Flag.QR | Flag.AA]),
    st.sampled_from([False, False, True]),
)
def test_a_plain_answer_is_read_as_the_long_way_reads_it(
    answer: list[Record],
    authority: list[Record],
    qtype: int,
    zone: bytes,
    flags: int,
    is_forward: bool,  # noqa: FBT001
) -> None:
    message = Message(1, flags, 1)
    message.qname, message.qtype, message.qclass = QNAME, qtype, 1
    message.answer += answer
    message.authority.extend(authority)
    question = Question(QNAME, qtype)
    short = classify.classify(message, question, zone, server=SERVER, is_forward=is_forward)
    long = classify._read(message, question, zone, SERVER, is_forward=is_forward)
    assert short == long


@pytest.mark.rfc("RFC 4035 §5.3.4", "RFC 2181 §5.4.1")
@pytest.mark.parametrize("labels", [1, 2])
def test_what_stands_beside_a_plain_answer_counts_where_a_wildcard_made_it(labels: int) -> None:
    message = Message(1, Flag.QR | Flag.AA, 1)
    message.qname, message.qtype, message.qclass = QNAME, RRType.A, 1
    signature = bytes((0, RRType.A, 13, labels)) + bytes(15)
    message.answer += [
        Record(QNAME, RRType.A, 1, 60, bytes(4)),
        Record(QNAME, RRType.RRSIG, 1, 60, signature),
    ]
    message.authority.extend(BESIDE)
    (link,) = classify.classify(message, Question(QNAME, RRType.A), ZONE, server=SERVER).links
    assert [rrset.rtype for rrset in link.authority] == [RRType.NSEC] * (labels == 1)
    message.flags = Flag.QR
    referral = classify.classify(message, Question(QNAME, RRType.A), ZONE, server=SERVER).referral
    assert referral is None  # a SOA stands beside it
    del message.authority[2]
    referral = classify.classify(message, Question(QNAME, RRType.A), ZONE, server=SERVER).referral
    assert referral is not None
    assert referral.zone == QNAME


@pytest.mark.rfc("RFC 5452 §6", "RFC 9471 §2", "MaginotDNS")
def test_what_lies_outside_the_zone_asked_is_dropped() -> None:
    """Owners beside, above and merely ending alike; whoever is asked, forwarders too."""
    message = reply(
        "www.example. A",
        answer=["www.example. 60 CNAME www.net.", "www.net. 60 A 192.0.2.66"],
        authority=["example. 60 NS ns.example.", "com. 60 NS ns.evil.", ". 60 NS ns.evil."],
    )
    scrubbed = scrub(message, name("example."))
    assert list(scrubbed.answer) == [(name("www.example."), RRType.CNAME)]
    assert [rrset.owner for rrset in scrubbed.authority] == [name("example.")]
    assert scrubbed.dropped == 3


@pytest.mark.rfc("RFC 9471 §2", "RFC 5452 §6")
def test_glue_counts_inside_the_zone_that_hands_it_out() -> None:
    nameservers = (name("ns.example."), name("ns.net."), name("ns.badexample."))
    message = reply(
        "www.sub.example. A",
        additional=[
            "ns.example. 60 A 192.0.2.1",
            "ns.net. 60 A 192.0.2.66",
            "ns.badexample. 60 A 192.0.2.66",
            "other.example. 60 A 192.0.2.66",
        ],
    )
    glue = glue_of(message, nameservers, name("example."))
    assert {owner: [one.host for one in servers] for owner, servers in glue.items()} == {
        name("ns.example."): ["192.0.2.1"]
    }


@pytest.mark.reaches("NS_PER_DELEGATION")
def test_of_a_long_list_of_nameservers_the_first_are_kept() -> None:
    """CVE-2022-3204: the time to walk through it would be the damage."""
    listed = tuple(name(f"n{at}.example.") for at in range(2 * NS_PER_DELEGATION + 1))
    kept = nameservers_of(RRset(ZONE, RRType.NS, 60, listed))
    assert kept == listed[:NS_PER_DELEGATION]


@pytest.mark.reaches("ADDRESSES_PER_NAMESERVER")
def test_of_many_addresses_of_one_nameserver_the_first_are_kept() -> None:
    """As glue and as a look-up's answer."""
    many = [bytes((192, 0, 2, at)) for at in range(2 * ADDRESSES_PER_NAMESERVER + 1)]
    kept = [f"192.0.2.{at}" for at in range(ADDRESSES_PER_NAMESERVER)]
    told = [f"www.example. 60 A {address_text(RRType.A, rdata)}" for rdata in many]
    found = glue_of(reply("www.example. A", additional=told), (QNAME,), ZONE)
    assert [server.host for server in found[QNAME]] == kept
    assert [server.host for server in servers_of(QNAME, RRType.A, many)] == kept
