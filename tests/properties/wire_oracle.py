"""dnspython as the oracle of the wire codec: where the two differ, and why they may.

`difference` returns None where both reject, or both accept and read the same; else a class of
EXPLAINED if one holds, else a text that begins with UNEXPLAINED. The classes are predicates over
what both made of the packet, never packets.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING
from unittest import mock

import dns.edns
import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.wirebase

from resolver.errors import WireError
from resolver.protocol import wire
from resolver.protocol.shapes import IN_READERS, READERS

if TYPE_CHECKING:
    from collections.abc import Callable

    Ours = wire.Message | WireError
    Theirs = dns.message.Message | Exception

UNEXPLAINED = "UNEXPLAINED"
_STRICT_NAME = dns.name.from_wire_parser
_TSIG = 250
_UPDATE = 5
_UPDATE_CLASSES = (254, 255)
# RFC 1035 and RFC 3597 §4 have names in them; to dnspython their rdata is opaque.
_OBSOLETE = frozenset({3, 4, 7, 8, 9, 14, 30})  # MD MF MB MG MR MINFO NXT
# We check what our readers need; dnspython also digest lengths, parameters, a bitmap's last octet.
_STRICTER_THERE = frozenset({24, 43, 46, 47, 48, 50, 51, 59, 60, 64, 65})

Entry = tuple[bytes, int, int, int, bytes]


def ours(packet: bytes) -> Ours:
    try:
        return wire.parse_untrusted(packet)
    except WireError as error:
        return error


def theirs(packet: bytes) -> Theirs:
    """No keys (TSIG is not checked), one record per set, octets behind the message ignored."""
    try:
        return dns.message.from_wire(
            packet, keyring=False, one_rr_per_rrset=True, ignore_trailing=True
        )
    except (dns.exception.DNSException, ValueError, OverflowError) as error:
        return error


def _all_records(message: wire.Message) -> list[wire.Record]:
    return message.answer + message.authority + message.additional


def _entries(message: wire.Message) -> list[list[Entry]]:
    """TSIG left out: dnspython keeps it apart. A TTL above 31 bits is read there as zero."""
    return [
        [
            (owner, rtype, rclass, ttl if ttl < 1 << 31 else 0, rdata)
            for owner, rtype, rclass, ttl, rdata in section
            if rtype != _TSIG
        ]
        for section in (message.answer, message.authority, message.additional)
    ]


def _wire(name: dns.name.Name) -> bytes:
    return name.to_wire() or b""


def _their_entries(message: dns.message.Message) -> list[list[Entry]]:
    return [
        [
            (_wire(r.name).lower(), int(r.rdtype), int(r.rdclass), r.ttl, d.to_wire())
            for r in section
            for d in r
        ]
        for section in message.sections[1:]
    ]


def _edns_fields(message: wire.Message) -> object:
    edns = message.edns
    return edns and (edns.udp_payload, edns.version, edns.do, edns.options)


def _their_edns_fields(message: dns.message.Message) -> object:
    if message.edns < 0:
        return None
    options = tuple((int(option.otype), option.to_wire()) for option in message.options)
    return message.payload, message.edns, bool(message.ednsflags & 0x8000), options


def _first_question(message: dns.message.Message) -> tuple[bytes, int, int]:
    if not message.question:
        return b"\0", 0, 0
    first = message.question[0]
    return _wire(first.name), int(first.rdtype), int(first.rdclass)


def _same(mine: wire.Message, other: dns.message.Message) -> bool:
    return (
        (mine.id, mine.flags, mine.rcode) == (other.id, int(other.flags), int(other.rcode()))
        and (mine.qname_raw, mine.qtype, mine.qclass) == _first_question(other)
        and mine.question_count == len(other.question)
        and _entries(mine) == _their_entries(other)
        and _edns_fields(mine) == _their_edns_fields(other)
    )


def _is_update(mine: Ours, other: Theirs, packet: bytes) -> bool:
    """UPDATE gives class and emptiness a meaning that dnspython enforces; we only say NOTIMP."""
    del mine, other
    return len(packet) > 3 and packet[2] >> 3 & 0xF == _UPDATE


def _points_into_header(mine: Ours, other: Theirs, packet: bytes) -> bool:
    """No encoder points there, and what it would spell depends on the message's id."""
    del packet
    return (
        isinstance(mine, WireError) and "header" in str(mine) and not isinstance(other, Exception)
    )


def _has_obsolete_types(mine: Ours, other: Theirs, packet: bytes) -> bool:
    """Their names are decompressed and checked here (RFC 3597 §4), opaque there."""
    del mine, packet
    if isinstance(other, Exception):
        return False
    return any(r.rdtype in _OBSOLETE for section in other.sections[1:] for r in section)


def _is_cut_short(mine: Ours, other: Theirs, packet: bytes) -> bool:
    """A truncated response that ends inside a record still says: ask over TCP."""
    del packet
    return (
        isinstance(other, Exception)
        and isinstance(mine, wire.Message)
        and mine.is_response
        and mine.tc
        and not _all_records(mine)
    )


def _has_odd_opt(mine: Ours, other: Theirs, packet: bytes) -> bool:
    """A response's second OPT, or options that cannot be read, take nothing from its answer."""
    del packet
    if isinstance(mine, WireError) or not mine.is_response or mine.edns is None:
        return False
    is_second = isinstance(other, dns.message.BadEDNS)
    return is_second or (isinstance(other, Exception) and not mine.edns.options)


def their_rdata(rclass: int, rtype: int, rdata: bytes) -> dns.rdata.Rdata:
    return dns.rdata.from_wire(
        dns.rdataclass.RdataClass.make(rclass),
        dns.rdatatype.RdataType.make(rtype),
        rdata,
        0,
        len(rdata),
    )


def _is_refused_there(record: wire.Record) -> bool:
    try:
        their_rdata(record.rclass, record.rtype, record.rdata)
    except (dns.exception.DNSException, ValueError, OverflowError):
        return True
    return False


def _has_opaque_rdata(mine: Ours, other: Theirs, packet: bytes) -> bool:
    """What dnspython will not read is in types that are opaque here, or judged by their users."""
    del packet
    if isinstance(mine, WireError) or not isinstance(other, Exception):
        return False
    refused = [record for record in _all_records(mine) if _is_refused_there(record)]
    return bool(refused) and all(
        record.rtype in _STRICTER_THERE or not _is_read_here(record) for record in refused
    )


def _is_read_here(record: wire.Record) -> bool:
    """No: class CH's own A record, and the empty rdata of UPDATE whatever the opcode."""
    if not record.rdata and record.rclass in _UPDATE_CLASSES:
        return False
    return record.rtype in READERS or (record.rclass == 1 and record.rtype in IN_READERS)


def _rewrites_opaque_rdata(mine: Ours, other: Theirs, packet: bytes) -> bool:
    """dnspython's own spelling of a type that is opaque here (ISDN without a subaddress)."""
    del packet
    if isinstance(mine, WireError) or isinstance(other, Exception):
        return False
    pairs = zip(chain(*_entries(mine)), chain(*_their_entries(other)), strict=False)
    return all(
        here == there or (here[:4] == there[:4] and here[1] not in READERS | IN_READERS)
        for here, there in pairs
    )


def _any_backward_name(parser: dns.wirebase.Parser, decompress: bool = True) -> dns.name.Name:  # noqa: FBT001, FBT002
    """A name whose pointers lead to before themselves: in all else dnspython's own rules."""
    if not decompress:
        return _STRICT_NAME(parser, decompress)
    labels = []
    at = parser.current
    end = 0
    while count := parser.wire[at]:
        if count < 64:
            labels.append(parser.wire[at + 1 : at + 1 + count])
            at += count + 1
        else:
            target = (count & 0x3F) << 8 | parser.wire[at + 1]
            end = end or at + 2
            if count < 192 or target >= at or len(labels) > 127:
                raise dns.name.BadPointer
            at = target
    parser.seek(end or at + 1)
    return dns.name.Name([*labels, b""])


def _has_overlapping_pointers(mine: Ours, other: Theirs, packet: bytes) -> bool:
    """dnspython wants a pointer's target to end before the name that points, and at most 16
    pointers in a name; that they lead backwards, and at most 128 of them, is enough to end.
    """
    if isinstance(mine, WireError) or not isinstance(other, Exception):
        return False
    try:
        with mock.patch.object(dns.name, "from_wire_parser", _any_backward_name):
            again = theirs(packet)
    except IndexError:
        return False
    if not isinstance(again, Exception) and _same(mine, again):
        return True
    return any(
        explains(mine, again, packet)
        for explains in EXPLAINED
        if explains is not _has_overlapping_pointers
    )


def _has_odd_tsig(mine: Ours, other: Theirs, packet: bytes) -> bool:
    """TSIG is an opaque record here: where it stands is not judged, nor what it says."""
    del packet
    if isinstance(mine, WireError) or not isinstance(other, Exception):
        return False
    return any(record.rtype == _TSIG for record in _all_records(mine))


def _has_odd_options(mine: Ours, other: Theirs, packet: bytes) -> bool:
    """Options are data here; who acts on one checks it (ECS families, EDE text, cookie lengths)."""
    del packet
    if isinstance(mine, WireError) or mine.edns is None:
        return False
    for code, data in mine.edns.options:
        try:
            if (
                dns.edns.option_from_wire(
                    dns.edns.OptionType.make(code), data, 0, len(data)
                ).to_wire()
                != data
            ):
                return True
        except (dns.exception.DNSException, ValueError):
            return isinstance(other, Exception)
    return False


EXPLAINED: tuple[Callable[[Ours, Theirs, bytes], bool], ...] = (
    _is_update,
    _points_into_header,
    _has_obsolete_types,
    _is_cut_short,
    _has_odd_opt,
    _has_opaque_rdata,
    _rewrites_opaque_rdata,
    _has_odd_tsig,
    _has_odd_options,
    _has_overlapping_pointers,
)


def difference(packet: bytes) -> str | None:
    """None if both agree; else why not."""
    mine, other = ours(packet), theirs(packet)
    if isinstance(mine, WireError):
        if isinstance(other, Exception):
            return None
    elif not isinstance(other, Exception) and _same(mine, other):
        return None
    for explains in EXPLAINED:
        if explains(mine, other, packet):
            return explains.__name__
    return f"{UNEXPLAINED}: ours {mine!r}, dnspython {other!r}, packet {packet.hex()}"
