"""What is a message and what is not: one fact of the wire format each."""

from __future__ import annotations

from typing import Any, SupportsIndex

import pytest

from resolver.errors import WireError
from resolver.protocol import names, wire
from resolver.protocol.edns import Edns
from resolver.protocol.wire import Record

HEADER = bytes.fromhex("1234 8180 0001 0001 0000 0000")
QUESTION = b"\3www\7Example\3com\0\0\1\0\1"
WWW = names.from_text("www.example.com")


def message(record: bytes, header: bytes = HEADER) -> bytes:
    return header + QUESTION + record


def record(owner: bytes, rtype: int, rdata: bytes, *, rclass: int = 1, ttl: int = 300) -> bytes:
    numbers = rtype.to_bytes(2, "big") + rclass.to_bytes(2, "big") + ttl.to_bytes(4, "big")
    return owner + numbers + len(rdata).to_bytes(2, "big") + rdata


@pytest.mark.rfc("RFC 4343 §4")
def test_the_case_of_the_question_is_kept_beside_its_key() -> None:
    """0x20 needs the spelling back; caches need the key."""
    parsed = wire.parse_untrusted(message(record(b"\xc0\x0c", 1, bytes(4))))
    assert parsed.qname_raw == b"\3www\7Example\3com\0"
    assert parsed.qname == WWW
    assert parsed.question == (WWW, 1, 1)
    assert parsed.answer == [Record(WWW, 1, 1, 300, bytes(4))]
    assert parsed.answer[0].owner is parsed.qname


def test_flags_and_codes() -> None:
    parsed = wire.parse_untrusted(bytes.fromhex("0001 a7b3 0000 0000 0000 0000"))
    assert parsed.opcode == 4
    assert parsed.rcode == 3
    assert all(
        (parsed.is_response, parsed.aa, parsed.tc, parsed.rd, parsed.ra, parsed.ad, parsed.cd)
    )
    assert parsed.question_count == 0
    assert (parsed.qname, parsed.qtype, parsed.qclass) == (names.ROOT, 0, 0)


def test_rcode_has_twelve_bits_with_edns() -> None:
    """RFC 6891 §6.1.3: BADVERS is 16."""
    octets = wire.build(
        id=1, flags=0x8000, question=(WWW, 1, 1), edns=Edns(extended_rcode=1, do=True)
    )
    parsed = wire.parse_untrusted(octets)
    assert parsed.rcode == 16
    assert parsed.do
    assert parsed.additional == []


@pytest.mark.rfc("RFC 3597 §4")
def test_names_in_rdata_of_old_types_are_decompressed_in_their_case() -> None:
    """RFC 3597 §4."""
    parsed = wire.parse_untrusted(message(record(b"\xc0\x10", 15, b"\0\x0a\4Mail\xc0\x10")))
    assert parsed.answer[0].owner == names.from_text("example.com")
    assert parsed.answer[0].rdata == b"\0\x0a\4Mail\7Example\3com\0"


@pytest.mark.rfc("RFC 3597 §3")
@pytest.mark.rfc("RFC 9460 §4.2")
def test_unknown_types_are_opaque() -> None:
    """RFC 3597 §3: even what looks like a pointer stays as it is."""
    parsed = wire.parse_untrusted(message(record(b"\xc0\x0c", 65280, b"\xc0\x0c")))
    assert parsed.answer[0].rdata == b"\xc0\x0c"


def test_class_ch_has_another_a_record() -> None:
    """Types of class IN only are opaque elsewhere (RFC 3597 §4)."""
    parsed = wire.parse_untrusted(message(record(b"\xc0\x0c", 1, b"\0\1\2", rclass=3)))
    assert parsed.answer[0].rdata == b"\0\1\2"


@pytest.mark.rfc("RFC 8767 §4")
def test_a_ttl_is_the_raw_number() -> None:
    """RFC 8767 §4: a set top bit means large; the caches cap it."""
    parsed = wire.parse_untrusted(message(record(b"\xc0\x0c", 1, bytes(4), ttl=0xFFFFFFFF)))
    assert parsed.answer[0].ttl == 0xFFFFFFFF


def test_octets_behind_the_message_are_ignored() -> None:
    assert wire.parse_untrusted(message(record(b"\xc0\x0c", 1, bytes(4))) + b"junk").answer


def test_a_truncated_response_cut_inside_a_record_still_says_so() -> None:
    """Its only content is: ask over TCP."""
    whole = message(
        record(b"\xc0\x0c", 1, bytes(4)), bytes.fromhex("1234 8380 0001 0001 0000 0000")
    )
    cut = wire.parse_untrusted(whole[:-2])
    assert cut.tc
    assert cut.answer == []
    assert cut.qname == WWW


MALFORMED = {
    "no header": HEADER[:11],
    "no question": HEADER,
    "no record": message(b""),
    "record without rdata": message(record(b"\xc0\x0c", 1, bytes(4))[:-1]),
    "pointer to itself": message(record(b"\xc0\x21", 1, bytes(4))),
    "pointer forward": message(record(b"\xc0\x40", 1, bytes(4))),
    "pointer into the header": message(record(b"\xc0\x00", 1, bytes(4))),
    "reserved label type": message(record(b"\x41a\0", 1, bytes(4))),
    "reserved label type behind a pointer": message(record(b"\1a\x80\0", 1, bytes(4))),
    "name of 256 octets": message(record((b"\x3f" + b"a" * 63) * 4 + b"\0", 1, bytes(4))),
    "name of 256 octets with its pointer": message(
        record((b"\x3f" + b"a" * 63) * 3 + b"\x2e" + b"a" * 46 + b"\xc0\x0c", 1, bytes(4))
    ),
    "A of three octets": message(record(b"\xc0\x0c", 1, bytes(3))),
    "AAAA of four octets": message(record(b"\xc0\x0c", 28, bytes(4))),
    "NS name beyond its rdata": message(record(b"\xc0\x0c", 2, b"\3ns") + b"1\0"),
    "octets behind an NS name": message(record(b"\xc0\x0c", 2, b"\0\0")),
    "empty NS": message(record(b"\xc0\x0c", 2, b"")),
    "SOA without its numbers": message(record(b"\xc0\x0c", 6, bytes(21))),
    "compressed DNAME": message(record(b"\xc0\x0c", 39, b"\xc0\x0c")),
    "compressed RRSIG signer": message(record(b"\xc0\x0c", 46, bytes(18) + b"\xc0\x0c")),
    "RRSIG without a signer": message(record(b"\xc0\x0c", 46, bytes(18))),
    "NSEC with an empty window": message(record(b"\xc0\x0c", 47, b"\0\0\0")),
    "NSEC with windows out of order": message(record(b"\xc0\x0c", 47, b"\0\1\1\1\0\1\1")),
    "NSEC with a window of 33 octets": message(record(b"\xc0\x0c", 47, b"\0\0\x21" + bytes(33))),
    "NSEC3 with a hash beyond its rdata": message(record(b"\xc0\x0c", 50, b"\1\0\0\0\0\x14ab")),
    "NSEC3PARAM with a salt too short": message(record(b"\xc0\x0c", 51, b"\1\0\0\0\4ab")),
    "DS of three octets": message(record(b"\xc0\x0c", 43, bytes(3))),
    "DNSKEY of three octets": message(record(b"\xc0\x0c", 48, bytes(3))),
    "TXT without a string": message(record(b"\xc0\x0c", 16, b"")),
    "TXT string beyond its rdata": message(record(b"\xc0\x0c", 16, b"\5abc")),
    "SRV without a target": message(record(b"\xc0\x0c", 33, bytes(6))),
    "SVCB parameters out of order": message(
        record(b"\xc0\x0c", 65, b"\0\1\0" + b"\0\2\0\0" + b"\0\1\0\0")
    ),
    "OPT in the answer": message(record(b"\0", 41, b"")),
}


@pytest.mark.rfc("RFC 1035 §2.3.4")
@pytest.mark.rfc("RFC 1035 §4.1.4")
@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED)
def test_malformed_messages_are_refused(octets: bytes) -> None:
    with pytest.raises(WireError):
        wire.parse_untrusted(octets)


@pytest.mark.rfc("RFC 6891 §6.1.1")
@pytest.mark.parametrize(
    "additional",
    [record(b"\0", 41, b"") * 2, record(b"\1a\0", 41, b"") * 2, record(b"\0", 41, b"\0\1\0\1") * 2],
    ids=["two of them", "not at the root", "option beyond the record"],
)
def test_opt_stands_once_and_at_the_root(additional: bytes) -> None:
    """RFC 6891 §6.1.1."""
    with pytest.raises(WireError):
        wire.parse_untrusted(message(additional, bytes.fromhex("1234 0100 0001 0000 0000 0002")))


def test_empty_rdata_of_an_update_can_be_read() -> None:
    """RFC 2136 §2.4 and §2.5: so that it is answered NOTIMP, not FORMERR."""
    parsed = wire.parse_untrusted(message(record(b"\xc0\x0c", 2, b"", rclass=255)))
    assert parsed.answer[0].rdata == b""


def test_head_alone() -> None:
    """A broken record does not matter to who only wants the question."""
    head = wire.head_untrusted(message(b"broken"))
    assert (head.id, head.flags, head.question_count) == (0x1234, 0x8180, 1)
    assert (head.qname, head.qtype, head.qclass) == (WWW, 1, 1)
    assert head.qname_raw == b"\3www\7Example\3com\0"
    assert (head.answer_count, head.is_response, head.tc, head.opcode) == (1, True, False, 0)
    assert wire.head_untrusted(bytes(12)).qname == names.ROOT
    for cut in range(len(QUESTION)):
        with pytest.raises(WireError):
            wire.head_untrusted(HEADER + QUESTION[:cut])


def _chained_pointers(count: int) -> bytes:
    """Records whose owners point to one another: each one hop more than the one before."""
    octets = bytearray(bytes.fromhex("0001 8000 0000") + count.to_bytes(2, "big") + bytes(4))
    target = len(octets)
    octets += record(b"\1a\0", 65280, b"")
    for _ in range(count - 1):
        start = len(octets)
        octets += record((0xC000 | target).to_bytes(2, "big"), 65280, b"")
        target = start if start < 0x4000 else target
    return bytes(octets)


def _late_chain(hops: int) -> bytes:
    """One owner that needs *hops* pointers, laid out in the rdata of an opaque record."""
    chain = bytearray(b"\0")
    base = 12 + 11
    for hop in range(hops - 1):
        chain += (0xC000 | base + (hop * 2 - 1 if hop else 0)).to_bytes(2, "big")
    last = base + len(chain) - 2
    return (
        bytes.fromhex("0001 8000 0000 0002 0000 0000")
        + record(b"\0", 65280, bytes(chain))
        + record((0xC000 | last).to_bytes(2, "big"), 65280, b"")
    )


@pytest.mark.reaches("COMPRESSION_HOPS")
def test_pointers_to_pointers_have_a_limit() -> None:
    """126 can be in a legal name; there is no use for more."""
    assert wire.parse_untrusted(_late_chain(100)).answer[1].owner == names.ROOT
    with pytest.raises(WireError, match="too many"):
        wire.parse_untrusted(_late_chain(200))


def _deep_names() -> bytes:
    """64 KiB in which every owner points into names of 127 labels, each at another label."""
    octets = bytearray(bytes.fromhex("0001 8000 0000 0000 0000 0000"))
    rdata = b"\1a" * 8000 + b"\0"
    octets += record(b"\0", 65280, rdata)
    count = 1
    while len(octets) < 65000:
        target = 23 + 2 * (8000 - count % 126 - 1)
        octets += record((0xC000 | target).to_bytes(2, "big"), 65280, b"")
        count += 1
    octets[6:8] = count.to_bytes(2, "big")
    return bytes(octets)


class Counted(bytes):
    """Octets that count how often they are looked at."""

    looks = 0

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        self.looks += 1
        return super().__getitem__(at)


@pytest.mark.parametrize("octets", [_chained_pointers(5000), _deep_names()], ids=["chain", "deep"])
def test_no_message_takes_quadratic_work(octets: bytes) -> None:
    """Each label is walked once, however many names share it."""
    data = Counted(octets)
    parsed = wire.parse_untrusted(data)
    assert len(parsed.answer) >= 4000
    assert data.looks < len(data)
