"""Short ways to write names, records and messages in tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.rdata
import dns.rdataclass
import dns.rdatatype

from resolver.model import Question, RRset
from resolver.protocol import names
from resolver.protocol.codes import Flag, type_number
from resolver.protocol.message import Message, Record
from resolver.protocol.wire import build, parse_untrusted

if TYPE_CHECKING:
    from collections.abc import Iterable

name = names.from_text


def rdata(rtype: str, text: str) -> bytes:
    """Wire octets of presentation text, by dnspython."""
    kind = dns.rdatatype.from_text(rtype)
    made = dns.rdata.from_text(dns.rdataclass.IN, kind, text, origin=None).to_wire()
    assert made is not None
    return made


def record(line: str) -> Record:
    """A record of "owner ttl type rdata"."""
    owner, ttl, rtype, text = line.split(maxsplit=3)
    return Record(name(owner), type_number(rtype), 1, int(ttl), rdata(rtype, text))


def rrset(*lines: str) -> RRset:
    """An RRset of lines of one owner and type."""
    records = [record(line) for line in lines]
    first = records[0]
    return RRset(first.owner, first.rtype, first.ttl, tuple(one.rdata for one in records))


def question(text: str) -> Question:
    """The question "name type"."""
    owner, rtype = text.split()
    return Question(name(owner), type_number(rtype))


def reply(
    asked: str,
    *,
    answer: Iterable[str] = (),
    authority: Iterable[str] = (),
    additional: Iterable[str] = (),
    rcode: int = 0,
    flags: int = 0,
) -> Message:
    """A parsed response: every record a line, *flags* beside QR."""
    qname, qtype, qclass = question(asked)
    data = build(
        id=1,
        flags=Flag.QR | flags | rcode,
        question=(qname, qtype, qclass),
        answer=[record(line) for line in answer],
        authority=[record(line) for line in authority],
        additional=[record(line) for line in additional],
    )
    return parse_untrusted(data)
