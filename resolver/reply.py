"""Answer → octets: sections, flags, EDNS and what the client may see of them. Pure.

Minimal replies: AUTHORITY holds the SOA or proof of a negative answer and the proof of a wildcard,
ADDITIONAL only OPT. DNSSEC records go to those who set DO or asked for the type (RFC 4035 §3.2.1);
AD to those who set AD or DO (RFC 6840 §5.7, §5.8); EDE to those who speak EDNS (RFC 8914).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.errors import WireError
from resolver.limits import CLASSIC_UDP_OCTETS, STREAM_OCTETS
from resolver.model import Status
from resolver.packets.form import OPT_HEAD, layout_alone
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.edns import Edns, Option, ede_option, encode
from resolver.protocol.message import Record
from resolver.protocol.names import ROOT
from resolver.protocol.render import COMPRESSED, build, build_alone
from resolver.protocol.wire import head_untrusted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.model import Answer, Ede, RRset
    from resolver.packets.form import Layout
    from resolver.protocol.message import Message

_DNSSEC_TYPES = frozenset({RRType.RRSIG, RRType.NSEC, RRType.NSEC3})
_NOT_ALONE = _DNSSEC_TYPES | COMPRESSED
_COPIED = Flag.RD | Flag.CD


class Shape(NamedTuple):
    """What of a reply does not depend on the answer: fixed per listener and configuration.

    *max_udp* octets at most over UDP; *reserved* octets are kept free for the client's own options.
    """

    max_udp: int
    is_stream: bool = False
    reserved: int = 0
    options: tuple[Option, ...] = ()


def render(query: Message, answer: Answer, shape: Shape) -> bytes:
    """The reply to *query*. Whole RRsets are cut where it does not fit, with TC (RFC 2181 §9).

    A client without EDNS gets of the answer what fits, if need be a part of an RRset, as that
    section allows and BIND does: musl before 1.2.4 takes what is there and never asks over TCP.
    """
    wants_dnssec = query.do
    keep = query.qtype
    additional: Iterable[Record] = ()
    if answer.additional:
        additional = _records(answer.additional, wants_dnssec=wants_dnssec, qtype=keep)
    return build(
        id=query.id,
        flags=_flags(query, answer),
        question=(query.qname_raw, query.qtype, query.qclass),
        answer=_records(answer.answer, wants_dnssec=wants_dnssec, qtype=keep),
        authority=_records(answer.authority, wants_dnssec=wants_dnssec, qtype=-1),
        additional=additional,
        edns=_edns(query, answer.rcode, answer.ede, shape),
        max_size=_room(query, shape),
        may_split=query.edns is None,
    )


def render_alone(query: Message, answer: Answer, shape: Shape) -> tuple[bytes, Layout] | None:
    """`render` where all is one RRset of the very name asked: most answers, at a third of the cost.

    None where there is more to say. Also tells the packet cache where the TTLs are.
    """
    if answer.authority or answer.additional or len(answer.answer) != 1:
        return None
    owner, rtype, ttl, rdatas, signatures = answer.answer[0]
    if owner != query.qname or rtype in _NOT_ALONE or owner == ROOT:
        return None
    if signatures and (query.do or query.qtype == RRType.ANY):
        return None
    edns = _edns(query, answer.rcode, answer.ede, shape) if query.edns is not None else None
    tail = encode(edns) if edns is not None else b""
    reply = build_alone(
        id=query.id,
        flags=_flags(query, answer),
        question=(query.qname_raw, query.qtype, query.qclass),
        rtype=rtype,
        ttl=ttl,
        rdatas=rdatas,
        tail=tail,
    )
    if len(reply) > _room(query, shape):
        return None
    return reply, layout_alone(rdatas, ttl, len(tail) - OPT_HEAD if tail else -1)


def refuse(query: Message, rcode: int, shape: Shape, *, ede: tuple[Ede, ...] = ()) -> bytes:
    """A reply without records: what the client may not have, or did wrong."""
    has_question = query.question_count == 1
    flags = Flag.QR | (query.flags & (_COPIED | 0x7800)) | Flag.RA | (rcode & 0xF)
    return build(
        id=query.id,
        flags=flags,
        question=(query.qname_raw, query.qtype, query.qclass) if has_question else None,
        edns=_edns(query, rcode, ede, shape),
    )


def malformed(data: bytes) -> bytes | None:
    """FORMERR for octets that are a query but no message; None: say nothing.

    With the question where that much can be read, as BIND and Unbound do: it tells the client, and
    whoever looks at its packets, what went wrong.
    """
    if len(data) < 12 or data[2] & 0x80:  # noqa: PLR2004  # RFC 1035 §4.1.1: header, QR
        return None
    flags = Flag.QR | Flag.RA | Rcode.FORMERR | int.from_bytes(data[2:4], "big") & 0x7900
    try:
        head = head_untrusted(data)
    except WireError:
        head = None
    if head is None or head.question_count != 1:
        return data[:2] + flags.to_bytes(2, "big") + bytes(8)
    return build(id=head.id, flags=flags, question=(head.qname_raw, head.qtype, head.qclass))


def _flags(query: Message, answer: Answer) -> int:
    flags = Flag.QR | (query.flags & _COPIED) | Flag.RA | (answer.rcode & 0xF)
    if answer.is_authoritative:
        flags |= Flag.AA
    if answer.status is Status.SECURE and (query.ad or query.do):
        flags |= Flag.AD
    return flags


def _edns(query: Message, rcode: int, ede: tuple[Ede, ...], shape: Shape) -> Edns | None:
    """OPT in reply to OPT, and only then (RFC 6891 §6.1.1)."""
    if query.edns is None:
        return None
    options = shape.options
    if ede:
        told = dict.fromkeys(ede)
        options = (*options, *(ede_option(code, text) for code, text in told))
    return Edns(shape.max_udp, 0, query.edns.do, rcode >> 4, options)


def _room(query: Message, shape: Shape) -> int:
    if shape.is_stream:
        return STREAM_OCTETS - shape.reserved
    if query.edns is None:
        return CLASSIC_UDP_OCTETS
    offered = max(query.edns.udp_payload, CLASSIC_UDP_OCTETS)
    return min(offered, shape.max_udp) - shape.reserved


def _records(rrsets: Iterable[RRset], *, wants_dnssec: bool, qtype: int) -> list[Record]:
    """Records of a section; signatures follow the set they cover."""
    records: list[Record] = []
    for owner, rtype, ttl, rdatas, signatures in rrsets:
        if rtype in _DNSSEC_TYPES and not wants_dnssec and qtype not in (rtype, RRType.ANY):
            continue
        records += [Record(owner, rtype, 1, ttl, rdata) for rdata in rdatas]
        if signatures and (wants_dnssec or qtype == RRType.ANY):
            records += [Record(owner, RRType.RRSIG, 1, ttl, rdata) for rdata in signatures]
    return records
