"""A message becomes octets: name compression, truncation at RRset bounds, OPT always kept.

The inverse of `wire.parse_untrusted`. Names are compressed in owners and in rdata of RFC 1035 types
only (RFC 3597 §4). What does not fit is left out: first the additional section, silently, then
whole RRsets from the end of the authority and answer sections, with TC (RFC 2181 §9).
"""

from __future__ import annotations

from itertools import groupby
from struct import Struct
from typing import TYPE_CHECKING, Final

from resolver.protocol.edns import encode as encode_edns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from resolver.protocol.edns import Edns
    from resolver.protocol.message import Record
    from resolver.protocol.names import Name

    Offsets = dict[bytes, int]
    Writer = Callable[[bytearray, bytes, Offsets], None]

_HEADER: Final = Struct("!HHHHHH").pack
_QUESTION: Final = Struct("!HH").pack
_FIXED: Final = Struct("!HHIH").pack
_POINTED: Final = Struct("!HHHIH").pack
_SIZE: Final = Struct("!H").pack_into
_POINTER: Final = 0xC000
_TO_QNAME: Final = _POINTER | 12
_POINTER_REACH: Final = 0x4000  # offsets have 14 bits
_TC: Final = 0x0200
_RRSIG: Final = 46
_HEADER_OCTETS: Final = 12
_OPT_OWNER_AND_TYPE: Final = b"\0\0\x29"
MAX_MESSAGE_OCTETS: Final = 65535


def build(
    *,
    id: int,
    flags: int,
    question: tuple[bytes, int, int] | None,
    answer: Iterable[Record] = (),
    authority: Iterable[Record] = (),
    additional: Iterable[Record] = (),
    edns: Edns | None = None,
    max_size: int = MAX_MESSAGE_OCTETS,
    may_split: bool = False,
) -> bytes:
    """The message in at most *max_size* octets (header, question and OPT always there).

    *may_split*: the first RRset of the answer that does not fit is there in part.
    *question* is the name as the client wrote it, type, class. TC is set here, never by the caller.
    Raises ValueError for an rdata above 65535 octets. About 5 µs for a two-record answer.
    """
    sections = (list(answer), list(authority), list(additional))
    tail = b"" if edns is None else encode_edns(edns)
    out = bytearray(12)
    offsets: Offsets = {}
    if question is not None:
        qname, qtype, qclass = question
        _write_name(out, qname.lower(), offsets, qname)
        out += _QUESTION(qtype, qclass)
    begin = len(out)
    room = min(max_size, MAX_MESSAGE_OCTETS) - len(tail)
    for records in sections:
        _write_records(out, records, offsets)
    counts = (len(sections[0]), len(sections[1]), len(sections[2]))
    if len(out) > room:
        del out[begin:]
        offsets = {name: at for name, at in offsets.items() if at < begin}
        truncated, counts = _write_what_fits(out, sections, offsets, room, may_split=may_split)
        flags |= truncated
    out[0:12] = _HEADER(
        id, flags, question is not None, counts[0], counts[1], counts[2] + (edns is not None)
    )
    out += tail
    return bytes(out)


def build_alone(
    *,
    id: int,
    flags: int,
    question: tuple[bytes, int, int],
    rtype: int,
    ttl: int,
    rdatas: Sequence[bytes],
    tail: bytes = b"",
) -> bytes:
    """`build` for one RRset of the question's own name, at a fifth of its cost.

    Not for the root, nor for the types in COMPRESSED. *tail* is the OPT record, encoded. Size is
    the caller's matter.
    """
    qname, qtype, qclass = question
    parts = [_HEADER(id, flags, 1, len(rdatas), 0, 1 if tail else 0), qname]
    parts.append(_QUESTION(qtype, qclass))
    for rdata in rdatas:
        parts += (_POINTED(_TO_QNAME, rtype, 1, ttl, len(rdata)), rdata)
    parts.append(tail)
    return b"".join(parts)


def build_query(
    *,
    id: int,
    qname: bytes,
    qtype: int,
    qclass: int = 1,
    flags: int = 0,
    edns: Edns | None = None,
) -> bytes:
    """A query with one question; *qname* goes out in the case it is given (0x20)."""
    if edns is None:
        return _HEADER(id, flags, 1, 0, 0, 0) + qname + _QUESTION(qtype, qclass)
    return _HEADER(id, flags, 1, 0, 0, 1) + qname + _QUESTION(qtype, qclass) + encode_edns(edns)


def add_options(message: bytes, options: bytes) -> bytes:
    """*message* with encoded *options* behind those of its OPT record, which is its last.

    Raises ValueError if there is none.
    """
    if not options:
        return message
    at = len(message) - 2
    while int.from_bytes(message[at : at + 2], "big") != len(message) - at - 2 or (
        message[at - 9 : at - 6] != _OPT_OWNER_AND_TYPE
    ):
        at -= 1
        if at < _HEADER_OCTETS:
            raise ValueError("the message has no OPT record at its end")
    length = len(message) - at - 2 + len(options)
    return message[:at] + length.to_bytes(2, "big") + message[at + 2 :] + options


def add_last(message: bytes, record: bytes) -> bytes:
    """*message* with one more encoded record at its end, where TSIG belongs (RFC 8945 §5.1)."""
    count = int.from_bytes(message[10:12], "big") + 1
    return message[:10] + count.to_bytes(2, "big") + message[12:] + record


def _write_name(out: bytearray, name: Name, offsets: Offsets, spelling: bytes) -> None:
    """Writes *name* as *spelling* has it; the longest suffix already written becomes a pointer."""
    base = len(out)
    size = len(name)
    at = 0
    rest = name
    while rest != b"\0":
        offset = offsets.get(rest)
        if offset is not None:
            out += spelling[:at]
            out += (_POINTER | offset).to_bytes(2, "big")
            return
        if base + at < _POINTER_REACH:
            offsets[rest] = base + at
        at += name[at] + 1
        rest = name[at:size]
    out += spelling


def _write_records(out: bytearray, records: Sequence[Record], offsets: Offsets) -> None:
    for owner, rtype, rclass, ttl, rdata in records:
        offset = offsets.get(owner)
        writer = _WRITERS.get(rtype)
        size = len(rdata)
        if offset is not None:
            out += _POINTED(
                _POINTER | offset, rtype, rclass, ttl, size if size < 65536 else _oversized(size)
            )
        else:
            _write_name(out, owner, offsets, owner)
            out += _FIXED(rtype, rclass, ttl, size if size < 65536 else _oversized(size))
        if writer is None or not rdata:
            out += rdata
        else:
            start = len(out)
            writer(out, rdata, offsets)
            _SIZE(out, start - 2, len(out) - start)


def _oversized(size: int) -> int:
    raise ValueError(f"rdata of {size} octets does not fit in a record")


def _write_what_fits(
    out: bytearray,
    sections: tuple[list[Record], list[Record], list[Record]],
    offsets: Offsets,
    room: int,
    *,
    may_split: bool,
) -> tuple[int, tuple[int, int, int]]:
    """Writes whole RRsets until one does not fit; returns the TC bit or 0, and the counts."""
    counts = [0, 0, 0]
    for index, records in enumerate(sections):
        for _, group in groupby(records, key=_rrset_key):
            rrset = list(group)
            mark = len(out)
            _write_records(out, rrset, offsets)
            if len(out) > room:
                del out[mark:]
                if may_split and index == 0:
                    counts[0] += _write_some(out, rrset, offsets, room, mark)
                is_optional = index == 2
                return (0 if is_optional else _TC), (counts[0], counts[1], counts[2])
            counts[index] += len(rrset)
    return 0, (counts[0], counts[1], counts[2])


def _write_some(
    out: bytearray, rrset: list[Record], offsets: Offsets, room: int, begin: int
) -> int:
    """Writes records of *rrset* until one does not fit; how many."""
    _forget_names(offsets, begin)
    for count, record in enumerate(rrset):
        mark = len(out)
        _write_records(out, (record,), offsets)
        if len(out) > room:
            del out[mark:]
            return count
    return len(rrset)


def _forget_names(offsets: Offsets, begin: int) -> None:
    """Drop the offsets of names that were written at *begin* or later, and are gone."""
    for name in [name for name, at in offsets.items() if at >= begin]:
        del offsets[name]


def _rrset_key(record: Record) -> tuple[bytes, int]:
    """RRSIGs belong to the set they cover: neither goes without the other (RFC 4035 §3.1.1)."""
    if record.rtype == _RRSIG:
        return record.owner, int.from_bytes(record.rdata[:2], "big")
    return record.owner, record.rtype


def _one_name(out: bytearray, rdata: bytes, offsets: Offsets) -> None:
    _write_name(out, rdata.lower(), offsets, rdata)


def _two_names(out: bytearray, rdata: bytes, offsets: Offsets) -> None:
    cut = _name_size(rdata)
    _one_name(out, rdata[:cut], offsets)
    _one_name(out, rdata[cut:], offsets)


def _soa(out: bytearray, rdata: bytes, offsets: Offsets) -> None:
    _two_names(out, rdata[:-20], offsets)
    out += rdata[-20:]


def _mx(out: bytearray, rdata: bytes, offsets: Offsets) -> None:
    out += rdata[:2]
    _one_name(out, rdata[2:], offsets)


def _name_size(rdata: bytes) -> int:
    at = 0
    while size := rdata[at]:
        at += size + 1
    return at + 1


_WRITERS: Final[dict[int, Writer]] = {
    **dict.fromkeys((2, 3, 4, 5, 7, 8, 9, 12), _one_name),  # NS MD MF CNAME MB MG MR PTR
    6: _soa,
    14: _two_names,  # MINFO
    15: _mx,
}
COMPRESSED: Final = frozenset(_WRITERS)
