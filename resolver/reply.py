"""Answer → octets: sections, flags, EDNS, and what the client may see of them; kept, and sent once.

Minimal replies: AUTHORITY holds the SOA or proof of a negative answer and the proof of a wildcard,
ADDITIONAL only OPT. DNSSEC records go to those who set DO or asked for the type (RFC 4035 §3.2.1);
AD to those who set AD or DO (RFC 6840 §5.7, §5.8); EDE to those who speak EDNS (RFC 8914).
Pure, but for what `Outgoing` is handed: the packet cache, and the way back to the client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.errors import WireError
from resolver.limits import CLASSIC_UDP_OCTETS, STREAM_OCTETS
from resolver.model import Source, Status
from resolver.packets.packet import Lasts
from resolver.protocol.codes import Flag, Rcode, RRClass, RRType
from resolver.protocol.edns import OPT_NSID, Edns, Option, ede_option, encode
from resolver.protocol.message import Record
from resolver.protocol.names import ROOT
from resolver.protocol.render import COMPRESSED, add_last, add_options, build, build_alone
from resolver.protocol.transport import Transport
from resolver.protocol.wire import head_untrusted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.model import Answer, Ede, Query, RRset
    from resolver.packets.cache import PacketCache
    from resolver.packets.options import ClientOptions
    from resolver.protocol.message import Message

    Respond = Callable[[bytes | None], None]

_DNSSEC_TYPES = frozenset({RRType.RRSIG, RRType.NSEC, RRType.NSEC3})
_NOT_ALONE = _DNSSEC_TYPES | COMPRESSED
_OPCODE = 0x7800
_RD, _ANY, _STALE = Flag.RD, RRType.ANY, Source.STALE  # looked at for each reply
_BLOCKED = Source.BLOCKED  # likewise
_COPIED = Flag.RD | Flag.CD | _OPCODE
_KEPT = (Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.REFUSED)  # the last with SOA, by a block list


class Shape(NamedTuple):
    """What of a reply does not depend on the answer: fixed per listener and configuration.

    *max_udp* octets at most over UDP; *reserved* octets are kept free for the client's own options.
    """

    max_udp: int
    is_stream: bool = False
    reserved: int = 0
    options: tuple[Option, ...] = ()


class Replies:
    """How replies are made here, and where they are kept. *nsid*: what tells this server apart.

    *keeps_stale*: there is an outage, and what is over is kept as it is told.
    """

    __slots__ = ("keeps_stale", "max_udp", "nsid", "options", "packets", "plain")

    def __init__(
        self, packets: PacketCache, options: ClientOptions, max_udp: int, nsid: bytes = b""
    ) -> None:
        self.packets = packets
        self.options = options
        self.max_udp = max_udp
        self.nsid = nsid
        self.keeps_stale = False
        self.plain = Shape(max_udp), Shape(max_udp, is_stream=True)  # without options


class Outgoing:
    """The reply to one query: its shape, the client's options, its octets; kept, and sent once."""

    __slots__ = ("_generation", "_replies", "_respond", "began", "is_for_all", "query")

    def __init__(self, replies: Replies, query: Query, respond: Respond) -> None:
        self.query = query
        self.began = 0.0  # when, for who wants to hear how long it took
        self.is_for_all = True  # False: others in its view may be told something else
        self._replies = replies
        self._respond: Respond | None = respond
        self._generation = replies.packets.generation

    def send(self, answer: Answer, *, keeps: bool = True) -> bytes | None:
        """Render *answer*, keep it as a packet if it may be kept, and send it.

        Returns the octets; None where the client was answered before: then it is kept only. Not
        kept if policy changed while it was found out: it is what the old one made of it.
        """
        query, packets = self.query, self._replies.packets
        message = query.message
        shape = self.shape()
        alone: RRset | None = None
        reply = render_alone(message, answer, shape)
        if reply is None:
            reply = render(message, answer, shape)
        else:
            alone = answer.answer[0]
        if (
            keeps
            and self.is_for_all
            and not shape.options
            and may_keep(message, answer, keeps_stale=self._replies.keeps_stale)
            and packets.generation == self._generation
        ):
            packets.store(
                query.octets,
                reply,
                transport=query.client.transport,
                lifetime_s=answer.lifetime_s,
                refresh_after_s=answer.renew_after_s,
                tag=query.view.tag,
                qname=message.qname_raw,
                alone=alone,
                lasts=_lasts(answer) if _BLOCKED in answer.sources else Lasts.AS_DATA,
            )
        respond, self._respond = self._respond, None
        if respond is None:
            return None
        reply = self._dressed(reply)
        if answer.tsig:
            tsig = answer.tsig
            reply = add_last(reply, tsig) if isinstance(tsig, bytes) else tsig(reply)
        respond(reply)
        return reply

    def drop(self) -> None:
        """No reply: the client asks again when there may be memory for one."""
        respond, self._respond = self._respond, None
        if respond is not None:
            respond(None)

    def shape(self) -> Shape:
        """What the client's transport and options ask of its reply."""
        replies, transport = self._replies, self.query.client.transport
        is_stream = transport is not Transport.UDP
        edns = self.query.message.edns
        if edns is None or not edns.options:
            return replies.plain[is_stream]
        options: tuple[Option, ...] = ()
        if replies.nsid and edns.option(OPT_NSID) is not None:
            options = ((OPT_NSID, replies.nsid),)
        reserved = replies.options.reserve(edns.options, transport)
        return Shape(replies.max_udp, is_stream, reserved, options)

    def _dressed(self, reply: bytes) -> bytes:
        """*reply* with what only this client gets."""
        query = self.query
        edns = query.message.edns
        if edns is None or not edns.options:
            return reply
        options, transport = self._replies.options, query.client.transport
        reply = add_options(reply, options.of(edns.options, query.source, transport))
        if options.pads(edns.options, transport):
            reply = add_options(reply, options.pad(len(reply), STREAM_OCTETS))
        return reply


def may_keep(query: Message, answer: Answer, *, keeps_stale: bool = False) -> bool:
    """Packets are whole, lasting answers of class IN to plain queries. In an outage what is over
    lasts, until that ends."""
    return bool(
        answer.rcode in _KEPT
        and query.flags & _RD
        and query.qclass == 1
        and query.qtype != _ANY
        and (_STALE not in answer.sources or keeps_stale)
        and (answer.answer or answer.authority)
    )


def _lasts(blocked: Answer) -> Lasts:
    return Lasts.AS_POLICY_BLOCKED if blocked.lasts else Lasts.AS_DATA_BLOCKED


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
        question=_question(query),
        answer=_records(answer.answer, wants_dnssec=wants_dnssec, qtype=keep, rclass=query.qclass),
        authority=_records(answer.authority, wants_dnssec=wants_dnssec, qtype=-1),
        additional=additional,
        edns=_edns(query, answer.rcode, answer.ede, shape),
        max_size=_room(query, shape),
        may_split=query.edns is None,
    )


def render_alone(query: Message, answer: Answer, shape: Shape) -> bytes | None:
    """`render` where all is one RRset of the very name asked: most answers, at a third of the cost.

    None where there is more to say.
    """
    if answer.authority or answer.additional or len(answer.answer) != 1:
        return None
    owner, rtype, ttl, rdatas, signatures = answer.answer[0]
    if owner != query.qname or rtype in _NOT_ALONE or owner == ROOT or query.qclass != RRClass.IN:
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
    return reply


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


def _question(query: Message) -> tuple[bytes, int, int] | None:
    """As it was spelled; what asks none or several is refused without."""
    return (query.qname_raw, query.qtype, query.qclass) if query.question_count == 1 else None


def _flags(query: Message, answer: Answer) -> int:
    flags = Flag.QR | (query.flags & _COPIED) | Flag.RA | (answer.rcode & 0xF)
    if answer.is_authoritative:
        flags |= Flag.AA
    if answer.is_truncated:
        flags |= Flag.TC
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


def _records(
    rrsets: Iterable[RRset], *, wants_dnssec: bool, qtype: int, rclass: int = RRClass.IN
) -> list[Record]:
    """Records of a section; signatures follow the set they cover."""
    records: list[Record] = []
    for owner, rtype, ttl, rdatas, signatures in rrsets:
        if rtype in _DNSSEC_TYPES and not wants_dnssec and qtype not in (rtype, RRType.ANY):
            continue
        records += [Record(owner, rtype, rclass, ttl, rdata) for rdata in rdatas]
        if signatures and (wants_dnssec or qtype == RRType.ANY):
            records += [Record(owner, RRType.RRSIG, rclass, ttl, rdata) for rdata in signatures]
    return records
