"""Odd questions with EDNS to the running daemon, over UDP and TCP (RFC 8906 §8.2, RFC 6891)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

from tests.e2e.odd_octets import (
    NAME,
    Stub,
    header,
    opt,
    option,
    query,
    question,
)

if TYPE_CHECKING:
    from bench.realworld.root_world import RealWorld
    from tests.simulation.netns import Program


pytestmark = pytest.mark.netns


@pytest.mark.rfc("RFC 7873 §5.4")
def test_a_cookie_alone_is_answered_with_ours(stub: Stub) -> None:
    """QDCOUNT 0 with a COOKIE option asks for a server cookie and nothing else."""
    data = header(counts=(0, 0, 0, 1)) + opt(options=option(10, b"8 octets"))
    message = stub.ask(data)
    assert message.rcode() in {dns.rcode.NOERROR, dns.rcode.BADCOOKIE}
    assert _cookie(message)[:8] == b"8 octets"
    assert 16 <= len(_cookie(message)) <= 40


@pytest.mark.rfc("RFC 7873 §5.2.3")
def test_a_cookie_is_answered_with_ours(stub: Stub) -> None:
    message = stub.ask(query(edns=opt(options=option(10, b"8 octets"))))
    assert message.rcode() == dns.rcode.NOERROR
    assert _cookie(message)[:8] == b"8 octets"
    second = stub.ask(query(edns=opt(options=option(10, _cookie(message)))))
    assert second.rcode() == dns.rcode.NOERROR
    assert _cookie(second)[:8] == b"8 octets"


@pytest.mark.rfc("RFC 7873 §5.2.2")
@pytest.mark.parametrize("length", [0, 1, 7, 9, 15, 41])
def test_a_cookie_of_a_wrong_length_is_a_format_error(stub: Stub, length: int) -> None:
    assert stub.rcode(query(edns=opt(options=option(10, b"x" * length)))) == "FORMERR"


def _cookie(message: dns.message.Message) -> bytes:
    return next(one.to_wire() or b"" for one in message.options if one.otype == 10)


@pytest.mark.rfc("RFC 8906 §8.2.1")
@pytest.mark.rfc("RFC 6891 §6.1.1")
def test_edns_is_answered_with_edns(stub: Stub) -> None:
    message = stub.ask(query(edns=opt()))
    assert message.edns == 0
    assert message.rcode() == dns.rcode.NOERROR
    assert message.payload >= 512


@pytest.mark.rfc("RFC 8906 §8.2.2")
@pytest.mark.rfc("RFC 6891 §6.1.3")
@pytest.mark.parametrize("version", [1, 2, 100, 255])
@pytest.mark.parametrize("extra", ["", "option", "flags"])
def test_another_edns_version_is_badvers(stub: Stub, version: int, extra: str) -> None:
    """The reply says version 0, and answers nothing."""
    options = option(100, b"new") if extra == "option" else b""
    flags = 0x0080 if extra == "flags" else 0
    message = stub.ask(query(edns=opt(version=version, options=options, flags=flags)))
    assert message.rcode() == dns.rcode.BADVERS
    assert message.edns == 0
    assert message.answer == []
    assert message.ednsflags & 0x7FFF == 0


@pytest.mark.rfc("RFC 8906 §8.2.3")
@pytest.mark.rfc("RFC 6891 §6.1.2")
@pytest.mark.parametrize("code", [0, 4, 9, 14, 100, 65001, 65535])
def test_an_unknown_option_is_ignored_and_not_echoed(stub: Stub, code: int) -> None:
    message = stub.ask(query(edns=opt(options=option(code, b"\0\0"))))
    assert message.rcode() == dns.rcode.NOERROR
    assert message.answer
    assert code not in {one.otype for one in message.options}


@pytest.mark.rfc("RFC 8906 §8.2.4")
@pytest.mark.rfc("RFC 6891 §6.1.4")
@pytest.mark.parametrize("flags", [0x0001, 0x0080, 0x4000, 0x7FFF])
def test_unknown_edns_flags_are_ignored_and_cleared(stub: Stub, flags: int) -> None:
    message = stub.ask(query(edns=opt(flags=flags)))
    assert message.rcode() == dns.rcode.NOERROR
    assert message.ednsflags & 0x7FFF == 0


@pytest.mark.rfc("RFC 3225 §3")
def test_the_do_bit_is_copied(stub: Stub) -> None:
    assert stub.ask(query(edns=opt(flags=0x8000))).ednsflags & 0x8000
    assert not stub.ask(query(edns=opt())).ednsflags & 0x8000


@pytest.mark.rfc("RFC 6891 §6.1.1")
def test_two_opt_records_or_a_named_one_are_format_errors(stub: Stub) -> None:
    two = header(counts=(1, 0, 0, 2)) + question() + opt() + opt()
    assert stub.rcode(two) == "FORMERR"
    assert stub.rcode(query(edns=opt(owner=NAME))) == "FORMERR"


@pytest.mark.rfc("RFC 6891 §6.2.3")
@pytest.mark.parametrize("payload", [0, 12, 511])
def test_a_payload_below_512_counts_as_512(
    small_world: RealWorld, resolver: Program, payload: int
) -> None:
    assert resolver.alive
    reply = Stub(small_world, "udp").ask(query(edns=opt(payload=payload)))
    assert reply.answer


@pytest.mark.rfc("RFC 1035 §4.2.1")
@pytest.mark.rfc("RFC 2181 §9")
def test_what_does_not_fit_in_512_octets_is_cut_and_whole_over_tcp(
    small_world: RealWorld, resolver: Program
) -> None:
    """The signed DNSKEY or NS set of the root is larger than plain UDP carries."""
    assert resolver.alive
    data = query(b"\0", 48, edns=opt(payload=512, flags=0x8000))
    udp = Stub(small_world, "udp")
    reply = udp.exchange(data)
    assert reply is not None
    assert len(reply) <= 512
    assert dns.message.from_wire(reply).flags & dns.flags.TC
    whole = Stub(small_world, "tcp").ask(data)
    assert not whole.flags & dns.flags.TC
    assert {rrset.rdtype for rrset in whole.answer} == {48, 46}


@pytest.mark.rfc("RFC 9715 §3")
@pytest.mark.parametrize("payload", [1232, 4096, 65535])
def test_no_udp_reply_is_large_enough_to_be_fragmented(
    small_world: RealWorld, resolver: Program, payload: int
) -> None:
    """4 kB of TXT: cut at 1232 octets whatever the client would take, whole over TCP."""
    assert resolver.alive
    data = query(b"\x03big\x08edge-one\x03net\0", 16, edns=opt(payload=payload))
    reply = Stub(small_world, "udp").exchange(data)
    assert reply is not None
    assert len(reply) <= 1232
    cut = dns.message.from_wire(reply)
    assert cut.flags & dns.flags.TC
    assert cut.payload <= 1232
    whole = Stub(small_world, "tcp").ask(data)
    assert not whole.flags & dns.flags.TC
    assert sum(len(rrset) for rrset in whole.answer) == 20
