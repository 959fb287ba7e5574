"""Odd questions to the running daemon, over UDP and TCP: each gets the answer it should (RFC 8906).

Octets are made by hand: a query builder would refuse to make most of these.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

from tests.e2e.odd_octets import (
    AA,
    AD,
    ANY,
    AXFR,
    CD,
    CH,
    IXFR,
    PATIENCE_S,
    QR,
    RA,
    RD,
    TC,
    VERSION_BIND,
    Stub,
    Z,
    header,
    opt,
    option,
    query,
    question,
    read_frame,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.realworld.root_world import RealWorld
    from tests.simulation.netns import Program


pytestmark = pytest.mark.netns


@pytest.mark.rfc("RFC 8906 §8.1.1")
def test_a_plain_query_is_answered(stub: Stub) -> None:
    message = stub.ask(query())
    assert message.rcode() == dns.rcode.NOERROR
    assert message.flags & dns.flags.RA
    assert message.flags & dns.flags.RD
    assert not message.flags & dns.flags.AA
    assert message.edns < 0
    assert message.answer


@pytest.mark.rfc("RFC 8906 §3.1.2")
@pytest.mark.parametrize("rtype", [65, 99, 1000, 65000, 65280])
def test_an_unknown_type_is_a_type_like_any_other(stub: Stub, rtype: int) -> None:
    """No data is an answer; NOTIMP, FORMERR or silence would not be."""
    message = stub.ask(query(rtype=rtype))
    assert message.rcode() == dns.rcode.NOERROR
    assert message.answer == []


@pytest.mark.rfc("RFC 8906 §3.1.3")
@pytest.mark.rfc("RFC 1035 §4.1.1")
@pytest.mark.parametrize("flag", [AD, CD, Z, TC, AA, RA], ids=["AD", "CD", "Z", "TC", "AA", "RA"])
def test_a_flag_that_means_nothing_here_does_no_harm(stub: Stub, flag: int) -> None:
    message = stub.ask(query(flags=RD | flag))
    assert message.rcode() == dns.rcode.NOERROR
    assert message.answer
    assert not message.flags & dns.flags.AA


@pytest.mark.rfc("RFC 8906 §3.1.4")
@pytest.mark.rfc("RFC 3425 §3")
@pytest.mark.parametrize("opcode", [1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("form", ["question", "empty"])
def test_an_unknown_opcode_is_not_implemented(stub: Stub, opcode: int, form: str) -> None:
    data = (
        query(opcode=opcode)
        if form == "question"
        else header(opcode=opcode, flags=0, counts=(0, 0, 0, 0))
    )
    assert stub.rcode(data) == "NOTIMP"


@pytest.mark.rfc("RFC 1996 §3.10")
@pytest.mark.rfc("RFC 2136 §3.1")
@pytest.mark.parametrize("opcode", [4, 5], ids=["NOTIFY", "UPDATE"])
def test_notify_and_update_are_not_for_us(
    stub: Stub, upstream: Callable[[], int], opcode: int
) -> None:
    assert stub.rcode(query(rtype=6, opcode=opcode, flags=0)) in {"NOTIMP", "REFUSED", "NOTAUTH"}
    assert upstream() == 0


@pytest.mark.rfc("RFC 5936 §2.2.1")
@pytest.mark.rfc("RFC 1995 §2")
@pytest.mark.parametrize("rtype", [AXFR, IXFR], ids=["AXFR", "IXFR"])
def test_transfers_are_refused(stub: Stub, upstream: Callable[[], int], rtype: int) -> None:
    assert stub.rcode(query(rtype=rtype)) in {"NOTIMP", "REFUSED", "NOTAUTH"}
    assert upstream() == 0


@pytest.mark.rfc("RFC 6895 §3.1")
@pytest.mark.parametrize("rtype", [41, 128, 200, 249, 250, 253, 254])
def test_meta_types_are_not_looked_up(stub: Stub, upstream: Callable[[], int], rtype: int) -> None:
    """OPT, TKEY, TSIG, MAILB, MAILA and the unassigned ones: nothing to resolve."""
    assert stub.rcode(query(rtype=rtype)) in {"FORMERR", "NOTIMP", "REFUSED", "NOERROR"}
    assert upstream() <= (2 if rtype in {128, 200} else 0)


@pytest.mark.rfc("RFC 8482 §4")
def test_any_is_answered_and_small(stub: Stub) -> None:
    message = stub.ask(query(rtype=ANY))
    assert message.rcode() in {dns.rcode.NOERROR, dns.rcode.NOTIMP, dns.rcode.REFUSED}


@pytest.mark.rfc("RFC 8906 §3.1.5")
def test_tcp_works_as_udp_does(small_world: RealWorld, resolver: Program) -> None:
    assert resolver.alive
    for transport in ("udp", "tcp"):
        assert Stub(small_world, transport).ask(query()).answer


@pytest.mark.rfc("RFC 6895 §3.2")
@pytest.mark.parametrize("rclass", [0, 2, CH, 4, 254, 255, 1000, 65280])
def test_other_classes_are_not_recursed(
    stub: Stub, upstream: Callable[[], int], rclass: int
) -> None:
    assert stub.rcode(query(rclass=rclass)) in {"REFUSED", "NOTIMP", "FORMERR"}
    assert upstream() == 0


@pytest.mark.rfc("RFC 4892 §3")
@pytest.mark.parametrize(
    "name", [VERSION_BIND, b"\x02id\x06server\x00", b"\x08hostname\x04bind\x00"]
)
def test_chaos_names_are_answered_or_refused(
    stub: Stub, upstream: Callable[[], int], name: bytes
) -> None:
    message = stub.ask(query(name, 16, CH))
    assert message.rcode() in {dns.rcode.NOERROR, dns.rcode.REFUSED}
    assert all(rrset.rdclass == dns.rdataclass.CH for rrset in message.answer)
    assert upstream() == 0


@pytest.mark.rfc("RFC 9619 §4")
@pytest.mark.parametrize("count", [2, 3, 65535])
def test_more_than_one_question_is_a_format_error(stub: Stub, count: int) -> None:
    body = question() * min(count, 3)
    assert stub.rcode(header(counts=(count, 0, 0, 0)) + body) == "FORMERR"


@pytest.mark.rfc("RFC 9619 §4")
def test_no_question_is_a_format_error(stub: Stub) -> None:
    assert stub.rcode(header(counts=(0, 0, 0, 0))) == "FORMERR"
    assert stub.rcode(header(counts=(1, 0, 0, 0))) == "FORMERR"


@pytest.mark.rfc("RFC 9824")
def test_nxname_is_not_a_type_to_ask_for(stub: Stub, upstream: Callable[[], int]) -> None:
    """It stands in bitmaps only; asked for, it is a format error."""
    assert stub.rcode(query(rtype=128)) == "FORMERR"
    assert upstream() == 0


@pytest.mark.rfc("RFC 5001 §2.1")
def test_nsid_is_for_those_who_ask_and_ours_alone(stub: Stub) -> None:
    """Nothing is configured, so nothing is told; the request is not passed on either."""
    message = stub.ask(query(edns=opt(options=option(3, b""))))
    assert message.rcode() == dns.rcode.NOERROR
    assert 3 not in {one.otype for one in message.options}


SPECIAL = {
    "localhost.": "NOERROR", "printer.local.": "NXDOMAIN", "facebookcorewwwi.onion.": "NXDOMAIN",
    "x.invalid.": "NXDOMAIN", "x.test.": "NXDOMAIN", "router.home.arpa.": "NXDOMAIN",
    "x.service.arpa.": "NXDOMAIN", "1.0.0.10.in-addr.arpa.": "NXDOMAIN",
    "1.1.168.192.in-addr.arpa.": "NXDOMAIN", "_dns.resolver.arpa.": "NOERROR",
}  # fmt: skip


@pytest.mark.rfc("RFC 6761")
@pytest.mark.rfc("RFC 6303 §3")
@pytest.mark.rfc("RFC 7686 §2")
@pytest.mark.rfc("RFC 8375 §4")
@pytest.mark.rfc("RFC 9665")
@pytest.mark.rfc("RFC 6762 §22.1")
@pytest.mark.rfc("RFC 9462 §6.4")
@pytest.mark.parametrize(("name", "rcode"), SPECIAL.items(), ids=SPECIAL)
def test_special_names_stay_here(
    stub: Stub, upstream: Callable[[], int], name: str, rcode: str
) -> None:
    assert stub.rcode(query(dns.name.from_text(name).to_wire() or b"")) == rcode
    assert upstream() == 0


@pytest.mark.rfc("RFC 1034 §4.3.1")
def test_without_rd_nothing_is_looked_up(stub: Stub, upstream: Callable[[], int]) -> None:
    name = f"\x0bnever-{stub.transport}-1\x03com".encode() + b"\0"
    message = stub.ask(query(name, flags=0))
    assert message.answer == []
    assert message.rcode() in {dns.rcode.REFUSED, dns.rcode.NOERROR, dns.rcode.SERVFAIL}
    assert not message.flags & dns.flags.RD
    assert upstream() == 0


@pytest.mark.rfc("RFC 1035 §4.1.1")
def test_a_response_is_not_answered(small_world: RealWorld, resolver: Program) -> None:
    """Two servers must not talk to each other for ever."""
    assert resolver.alive
    for opcode in (0, 4, 5, 9):
        data = query(flags=RD | QR, opcode=opcode)
        assert Stub(small_world, "udp").exchange(data, patience_s=0.5) is None


@pytest.mark.rfc("RFC 1035 §4.1.1")
@pytest.mark.parametrize("length", [0, 1, 11])
def test_less_than_a_header_is_not_answered(
    small_world: RealWorld, resolver: Program, length: int
) -> None:
    assert resolver.alive
    data = query()[:length]
    assert Stub(small_world, "udp").exchange(data, patience_s=0.5) is None


@pytest.mark.rfc("RFC 1035 §4.1.1")
@pytest.mark.parametrize(
    "data",
    [
        query()[:-1],
        header(counts=(1, 0, 0, 0)) + b"\xc0\x0c\0\x01\0\x01",
        header(counts=(1, 0, 0, 0)) + b"\x40abc\0\0\x01\0\x01",
        header(counts=(1, 1, 0, 0)) + question(),
        header(counts=(1, 0, 0, 1)) + question() + opt()[:-3],
        header(counts=(1, 0, 0, 1)) + question() + opt(options=b"\0\x0a\0\x20abc"),
    ],
    ids=["short", "pointer", "label", "answer", "opt", "option"],
)
def test_a_broken_query_is_a_format_error(stub: Stub, data: bytes) -> None:
    assert stub.rcode(data) == "FORMERR"


def test_octets_after_the_message_do_no_harm(stub: Stub) -> None:
    """No RFC says; BIND calls it a format error, Unbound and Knot answer."""
    assert stub.rcode(query() + b"junk") in {"NOERROR", "FORMERR"}


@pytest.mark.rfc("RFC 1034 §3.1")
def test_the_question_comes_back_as_it_was_spelt(stub: Stub) -> None:
    name = b"\x06gOoGlE\x03CoM\x00"
    reply = stub.exchange(query(name))
    assert reply is not None
    assert reply[12 : 12 + len(name)] == name


@pytest.mark.rfc("RFC 7766 §6.2.1.1")
def test_tcp_answers_every_query_of_a_pipeline(small_world: RealWorld, resolver: Program) -> None:
    """Many queries in one segment; the answers may come in any order, each once."""
    assert resolver.alive
    names = [name.encode() for name in small_world.world.names[:20]]
    wire = [
        b"".join(bytes([len(p)]) + p for p in n.rstrip(b".").split(b".")) + b"\0" for n in names
    ]
    frames = b""
    for index, name in enumerate(wire):
        data = struct.pack("!H", index) + query(name)[2:]
        frames += struct.pack("!H", len(data)) + data
    with small_world.client.socket(socket.AF_INET, socket.SOCK_STREAM) as link:
        link.settimeout(PATIENCE_S)
        link.connect(("127.0.0.1", 53))
        link.sendall(frames)
        octets = b""
        seen: set[int] = set()
        while len(seen) < len(wire):
            octets += link.recv(65535)
            while len(octets) >= 2 and len(octets) >= 2 + int.from_bytes(octets[:2], "big"):
                size = int.from_bytes(octets[:2], "big")
                seen.add(int.from_bytes(octets[2:4], "big"))
                octets = octets[2 + size :]
    assert seen == set(range(len(wire)))


@pytest.mark.rfc("RFC 7766 §6.2.3")
def test_tcp_answers_after_the_client_has_shut_its_side(
    small_world: RealWorld, resolver: Program
) -> None:
    assert resolver.alive
    with small_world.client.socket(socket.AF_INET, socket.SOCK_STREAM) as link:
        link.settimeout(PATIENCE_S)
        link.connect(("127.0.0.1", 53))
        data = query()
        link.sendall(struct.pack("!H", len(data)) + data)
        link.shutdown(socket.SHUT_WR)
        reply = read_frame(link)
    assert reply is not None
    assert dns.message.from_wire(reply).answer


@pytest.mark.rfc("RFC 7828 §3.3.2")
def test_tcp_says_how_long_it_keeps_a_connection(small_world: RealWorld, resolver: Program) -> None:
    """The keepalive option is answered over TCP and ignored over UDP."""
    assert resolver.alive
    data = query(edns=opt(options=option(11, b"")))
    over_tcp = Stub(small_world, "tcp").ask(data)
    assert 11 in {one.otype for one in over_tcp.options}
    over_udp = Stub(small_world, "udp").ask(data)
    assert over_udp.rcode() == dns.rcode.NOERROR
    assert 11 not in {one.otype for one in over_udp.options}


@pytest.mark.rfc("RFC 2181 §4")
def test_the_reply_leaves_from_the_address_that_was_asked(
    small_world: RealWorld, resolver: Program
) -> None:
    """A connected socket sees only replies from the address it asked."""
    assert resolver.alive
    for address in ("127.0.0.1", "::1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with small_world.client.socket(family, socket.SOCK_DGRAM) as link:
            link.settimeout(PATIENCE_S)
            link.connect((address, 53))
            link.send(query())
            assert dns.message.from_wire(link.recv(65535)).answer
