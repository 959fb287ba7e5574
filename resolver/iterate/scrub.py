"""Scrub a reply: keep only what servers of one zone cut may say about one question.

Owners must be at or below the cut (RFC 5452 §6, RFC 2181 §5.4.1); everything else is dropped before
anybody reads it. Pure. Does not decide what the reply means: `classify` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.limits import ADDRESSES_PER_NAMESERVER, NS_PER_DELEGATION
from resolver.model import RRset, Server
from resolver.protocol import names
from resolver.protocol.codes import Flag, RRClass, RRType
from resolver.protocol.ip_addresses import address_text
from resolver.protocol.message import distinct, group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.model import Name, Question
    from resolver.protocol.wire import Message, Record

_DENIAL = (RRType.NSEC, RRType.NSEC3)
_LABELS_OFFSET = 3  # of the Labels field in RRSIG rdata (RFC 4034 §3.1)
_ADDRESS = (RRType.A, RRType.AAAA)
_NOT_ALONE = (RRType.ANY, RRType.RRSIG)  # asked for, they may be more than one RRset
_ABOVE_ALL_TTLS = 1 << 32
_new = tuple.__new__  # for what is made for each reply: half the constructor's cost


class Scrubbed(NamedTuple):
    """RRsets in bailiwick by section; *dropped* counts the records that were not."""

    answer: dict[tuple[Name, int], RRset]
    authority: list[RRset]
    dropped: int


def _in_bailiwick(records: list[Record], zone: Name) -> list[Record]:
    kept: list[Record] = []
    last: Name | None = None
    is_inside = False
    for record in records:
        if record.owner is not last:  # the parser makes one object of an owner that is repeated
            last = record.owner
            is_inside = names.is_subdomain(last, zone)
        if is_inside and record.rclass == RRClass.IN:
            kept.append(record)
    return kept


def scrub(message: Message, zone: Name) -> Scrubbed:
    """Drop owners outside *zone* and classes other than IN. O(records); never raises."""
    answer = _in_bailiwick(message.answer, zone)
    authority = _in_bailiwick(message.authority, zone)
    dropped = len(message.answer) + len(message.authority) - len(answer) - len(authority)
    return Scrubbed(
        {(rrset.owner, rrset.rtype): rrset for rrset in group(answer)} if answer else {},
        group(authority) if authority else [],
        dropped,
    )


def sole_answer(
    message: Message, question: Question, zone: Name, *, is_forward: bool = False
) -> RRset | None:
    """The RRset that was asked for, of a reply whose answer is nothing else; half of all replies.

    What `scrub` and the rest would make of it, at a fifth of their cost. What stands in the
    authority section beside it is a referral only where the server does not answer for itself, and
    a proof only where a wildcard made the answer.
    """
    qname, qtype, _ = question
    is_final = is_forward or message.flags & Flag.AA or not message.authority
    if qtype in _NOT_ALONE or not is_final or not names.is_subdomain(qname, zone):
        return None
    rdatas: list[bytes] = []
    signatures: list[bytes] = []
    lowest = _ABOVE_ALL_TTLS
    for owner, rtype, rclass, ttl, rdata in message.answer:
        if owner != qname or rclass != RRClass.IN:
            return None
        if rtype == qtype:
            rdatas.append(rdata)
        elif rtype == RRType.RRSIG and rdata[0] << 8 | rdata[1] == qtype:
            signatures.append(rdata)
        else:
            return None
        lowest = min(lowest, ttl)
    if not rdatas:
        return None
    if not signatures:
        return _new(RRset, (qname, qtype, lowest, distinct(rdatas), ()))
    rrset = _new(RRset, (qname, qtype, lowest, distinct(rdatas), distinct(signatures)))
    return None if message.authority and is_wildcard(rrset) else rrset


def denial_of(authority: Sequence[RRset]) -> tuple[RRset, ...]:
    """The NSEC and NSEC3 RRsets: proofs that go with a wildcard answer or a referral."""
    return tuple(rrset for rrset in authority if rrset.rtype in _DENIAL)


def is_wildcard(rrset: RRset) -> bool:
    """True if a signature says that the owner was made from a wildcard (RFC 4035 §5.3.4)."""
    if not rrset.signatures:
        return False
    owner = rrset.owner
    size = names.count(owner) - names.is_wildcard(owner)
    return rrset.signatures[0][_LABELS_OFFSET] < size


def wildcard_proof(answer: tuple[RRset, ...], authority: list[RRset]) -> tuple[RRset, ...]:
    """What must go with *answer*: denial records if it was made from a wildcard, else nothing."""
    if any(rrset.signatures and is_wildcard(rrset) for rrset in answer):
        return denial_of(authority)
    return ()


def negative_authority(authority: list[RRset], zone: Name, qname: Name) -> tuple[RRset, ...]:
    """SOA and denial records of a negative answer; empty without a SOA that encloses *qname*.

    RFC 2308 §2: the SOA is of the zone that holds the name; one below *qname* or beside it is not.
    """
    soa = [
        rrset
        for rrset in authority
        if rrset.rtype == RRType.SOA and names.is_subdomain(qname, rrset.owner)
    ]
    if not soa or not names.is_subdomain(soa[0].owner, zone):
        return ()
    apex = soa[0].owner
    denial = [rrset for rrset in denial_of(authority) if names.is_subdomain(rrset.owner, apex)]
    return (soa[0]._replace(rdatas=soa[0].rdatas[:1]), *denial)


def glue_of(
    message: Message, nameservers: tuple[Name, ...], zone: Name
) -> dict[Name, tuple[Server, ...]]:
    """Addresses for *nameservers* that lie inside *zone*, the zone that was asked.

    In ADDITIONAL, or in ANSWER where a parent takes the question for one for glue. A .com server
    cannot vouch for an address under .net (RFC 5452 §6). Bounded per name.
    """
    wanted = set(nameservers)
    found: dict[Name, list[Server]] = {}
    for record in (*message.additional, *message.answer):
        owner = record.owner
        if record.rtype not in _ADDRESS or owner not in wanted or record.rclass != RRClass.IN:
            continue
        if not names.is_subdomain(owner, zone):
            continue
        host = address_text(record.rtype, record.rdata)
        servers = found.setdefault(owner, [])
        if host is not None and len(servers) < ADDRESSES_PER_NAMESERVER:
            servers.append(Server(host, 53, owner))
    return {owner: tuple(servers) for owner, servers in found.items() if servers}


def nameservers_of(ns: RRset) -> tuple[Name, ...]:
    """NS names of a referral, lower-cased, without repeats, at most NS_PER_DELEGATION."""
    seen = dict.fromkeys(rdata.lower() for rdata in ns.rdatas)
    return tuple(seen)[:NS_PER_DELEGATION]
