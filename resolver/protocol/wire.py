"""The octets of a message become a `Message`: the only door from the network to the path.

`parse_untrusted` checks every bound at once: counts, owners, compression, and rdata of the types we
read. Whoever holds a Message may read all of it without another check. `render` is the inverse and
`message.group` makes RRsets; both are exported here, so that users import one module.
RFC 1035 §4.1, RFC 6891 §6.1, RFC 3597, RFC 9267 (how others got this wrong).
"""

from __future__ import annotations

import struct
from functools import partial
from struct import Struct
from typing import Final

from resolver.errors import WireError
from resolver.protocol.edns import decode as decode_edns
from resolver.protocol.message import Head, Message, Question, Record, flatten, group
from resolver.protocol.names import MAX_LABEL_OCTETS, ROOT
from resolver.protocol.render import build, build_query
from resolver.protocol.shapes import IN_READERS, READERS, Names, expand, follow

__all__ = [
    "Head",
    "Message",
    "Record",
    "build",
    "build_query",
    "flatten",
    "group",
    "head_untrusted",
    "parse_untrusted",
    "qname_end",
]

_HEADER: Final = Struct("!HHHHHH").unpack_from
_QUESTION: Final = Struct("!HH").unpack_from
_FIXED: Final = Struct("!HHIH").unpack_from
_OUTLINE: Final = Struct("!H6xH").unpack_from  # type, and octets of rdata
_POINTED: Final = Struct("!HHHIH").unpack_from
_POINTER: Final = 0xC000
_FIRST_POINTER: Final = 0xC0
_SIZES: Final = {1: 4, 28: 16}  # A and AAAA, half of all records
_UPDATE_CLASSES: Final = (254, 255)  # NONE and ANY: rdata may be empty (RFC 2136 §2.4)
_new: Final = tuple.__new__
_Beside = tuple[bytes, int, int, int, Names, Names]
_TRUNCATED_RESPONSE: Final = 0x8200
_PLAIN_MASK: Final = 0x860F  # QR, AA, TC, rcode
_PLAIN: Final = 0x8400
_NS: Final = 2
_OPT: Final = 41
_TSIG: Final = 250
_MAX_OCTETS: Final = 65535
_HEADER_OCTETS: Final = 12


def head_untrusted(data: bytes) -> Head:
    """Header and first question, nothing else looked at. Raises WireError only."""
    try:
        identifier, flags, questions, answers, authorities, additionals = _HEADER(data)
        if not questions:
            return Head(identifier, flags, 0, answers, authorities, additionals, ROOT, ROOT, 0, 0)
        qname, at = expand(data, 12, {})
        qtype, qclass = _QUESTION(data, at)
    except (IndexError, struct.error):
        raise WireError("the message ends too soon") from None
    return Head(
        identifier, flags, questions, answers, authorities, additionals,
        qname.lower(), qname, qtype, qclass,
    )  # fmt: skip


def parse_untrusted(data: bytes, asked: Question | None = None) -> Message:
    """The whole message. Raises WireError only; linear in the number of octets.

    *asked* is its one question, if the caller has compared that octet by octet; what stands beside
    a plain answer to it is looked over for its OPT, and read when somebody wants to know.
    Octets behind the last record are ignored, as BIND and Unbound do. A truncated response (TC)
    that ends inside a record is taken with empty sections: all that it can say is "ask over TCP".
    """
    try:
        identifier, flags, questions, answers, authorities, additionals = _HEADER(data)
        message = Message(identifier, flags, questions)
        names: Names = {}
        owners: Names = {}
        at = 12
        if asked is not None:
            qname, message.qtype, message.qclass = asked
            names[12] = owners[_POINTER + 12] = message.qname = message.qname_raw = qname
            at = 16 + len(qname)
        elif questions:
            at = _read_questions(data, message, names)
            owners[_POINTER + 12] = message.qname
    except (IndexError, struct.error):
        raise WireError("the message ends too soon") from None
    try:
        if answers:
            at = _read_section(data, at, answers, message, message.answer, names, owners)
        if authorities or additionals:
            beside = data, at, authorities, additionals, names, owners
            is_opt_alone = authorities + additionals == 1
            if asked is None or is_opt_alone or not _is_looked_over(beside, message):
                _read_beside(beside, message)
    except (IndexError, struct.error):
        if flags & _TRUNCATED_RESPONSE == _TRUNCATED_RESPONSE:
            return _emptied(message)
        raise WireError("the message ends too soon") from None
    return message


def _is_plain_answer(message: Message) -> bool:
    """Does the answer section hold what was asked for and nothing else, from who has authority?"""
    if message.flags & _PLAIN_MASK != _PLAIN or not message.answer:
        return False
    qname, qtype = message.qname, message.qtype
    for owner, rtype, rclass, _, _ in message.answer:
        if owner != qname or rtype != qtype or rclass != 1:
            return False
    return True


def _is_looked_over(beside: _Beside, message: Message) -> bool:
    """Takes the OPT out of two sections of which only the outline is looked at, and leaves the rest
    for later. False where it all has to be read now: for what the answer is, or anything odd."""
    if not _is_plain_answer(message):
        return False
    data, at, authorities, additionals, _, _ = beside
    for left in range(authorities + additionals, 0, -1):
        owner = data[at]
        at = at + 2 if owner >= _FIRST_POINTER else _behind(data, at)
        rtype, size = _OUTLINE(data, at)
        if rtype == _OPT:
            if owner or left > additionals or message.edns is not None:
                return False
            rtype, rclass, ttl, size = _FIXED(data, at)
            rdata = data[at + 10 : at + 10 + size]
            _read_opt(message, message.beside[1], (ROOT, rtype, rclass, ttl, rdata))
        at += 10 + size
    if at > len(data):
        raise IndexError
    message.unread = partial(_read_later, beside)
    return True


def _behind(data: bytes, at: int) -> int:
    """The offset behind the name at *at*."""
    while size := data[at]:
        if size > MAX_LABEL_OCTETS:
            if size < _FIRST_POINTER:
                raise WireError("a label is of a reserved type")
            return at + 2
        at += size + 1
    return at + 1


def _read_later(beside: _Beside, message: Message) -> None:
    """What was looked over. Where it cannot be read there is nothing: nobody needs it."""
    try:
        _read_beside(beside, message)
    except (WireError, IndexError, struct.error):
        message.beside = [], []


def _read_beside(beside: _Beside, message: Message) -> None:
    data, at, authorities, additionals, names, owners = beside
    authority, additional = message.beside
    if authorities:
        at = _read_section(data, at, authorities, message, authority, names, owners)
    if additionals:
        _read_section(data, at, additionals, message, additional, names, owners)


def _read_questions(data: bytes, message: Message, names: Names) -> int:
    """Fills in the first question; returns the offset behind the last."""
    raw, at = expand(data, 12, names)
    message.qname_raw = raw
    message.qname = raw.lower()
    message.qtype, message.qclass = _QUESTION(data, at)
    at += 4
    for _ in range(message.question_count - 1):
        _, at = expand(data, at, names)
        _QUESTION(data, at)
        at += 4
    return at


def _read_section(
    data: bytes,
    at: int,
    count: int,
    message: Message,
    records: list[Record],
    names: Names,
    owners: Names,
) -> int:
    """Appends *count* records that begin at *at*; returns the offset behind them."""
    size_octets = len(data)
    append = records.append
    for _ in range(count):
        if data[at] >= _FIRST_POINTER:  # a lone pointer: nearly every owner
            pointer, rtype, rclass, ttl, size = _POINTED(data, at)
            owner = owners.get(pointer)
            if owner is None:
                target = pointer & 0x3FFF
                owner = owners[pointer] = (
                    names.get(target) or follow(data, target, at, names)
                ).lower()
            at += 12
        else:
            if data[at]:
                pointer = _POINTER + at  # above 16 bits where no pointer reaches
                raw, at = expand(data, at, names)
                owner = owners[pointer] = raw.lower()
            else:
                owner = ROOT
                at += 1
            rtype, rclass, ttl, size = _FIXED(data, at)
            at += 10
        end = at + size
        if end > size_octets:
            raise IndexError
        if _SIZES.get(rtype) == size and rclass == 1:
            rdata = data[at:end]
        elif rtype == _NS and rclass == 1:
            rdata, at = expand(data, at, names)
            if at != end:
                raise WireError("rdata is not exactly one name")
        elif rtype == _OPT:
            _read_opt(message, records, (owner, rtype, rclass, ttl, data[at:end]))
            at = end
            continue
        else:
            rdata = _rdata(data, at, end, rtype, rclass, names)
        # a NamedTuple's own constructor is a Python function: this is half its cost
        append(_new(Record, (owner, rtype, rclass, ttl, rdata)))
        at = end
    return at


def _rdata(data: bytes, at: int, end: int, rtype: int, rclass: int, names: Names) -> bytes:
    """Checked and decompressed if we know the type, as it stands if not (RFC 3597 §3)."""
    reader = READERS.get(rtype)
    if reader is None and rclass == 1:
        reader = IN_READERS.get(rtype)
    if reader is None or (at == end and rclass in _UPDATE_CLASSES):
        return data[at:end]
    return reader(data, at, end, names)


def _read_opt(
    message: Message, section: list[Record], record: tuple[bytes, int, int, int, bytes]
) -> None:
    """An OPT record stands once, in the additional section, at the root (RFC 6891 §6.1.1).

    A response says all that was asked even where its OPT is odd: a second one is passed over, and
    options that cannot be read are none. In a query both are FORMERR.
    """
    owner, _, rclass, ttl, rdata = record
    if section is not message.additional:
        raise WireError("an OPT record outside the additional section")
    if owner != ROOT:
        raise WireError("an OPT record's owner is not the root")
    if message.edns is not None:
        if message.is_response:
            return
        raise WireError("more than one OPT record")
    if section and section[-1].rtype == _TSIG and not message.is_response:
        raise WireError("a record behind TSIG (RFC 8945 §5.1)")
    try:
        message.edns = decode_edns(rclass, ttl, rdata)
    except WireError:
        if not message.is_response:
            raise
        message.edns = decode_edns(rclass, ttl, b"")


def _emptied(message: Message) -> Message:
    message.answer.clear()
    message.authority.clear()
    message.additional.clear()
    message.edns = None
    return message


def qname_end(data: bytes, qname: bytes = b"") -> int:
    """Offset of the root label of a query's first name; -1 if that is not a plain name.

    Never raises. What `data.find(0, 12)` finds unless a label holds a zero octet. *qname* is the
    name, if somebody has read it before.
    """
    end = data.find(0, _HEADER_OCTETS)
    if qname and data[_HEADER_OCTETS : end + 1] == qname:
        return end
    offset = _HEADER_OCTETS
    while offset < end:
        length = data[offset]
        if length > MAX_LABEL_OCTETS:
            return -1
        offset += length + 1
    return end if offset == end else -1
