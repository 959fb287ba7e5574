"""AAAA records for names that have A records only, for clients without IPv4 (RFC 6147).

Where the answer to AAAA is empty, or could not be had, the A records are asked for too, and each is
told as the IPv6 address that the network's translator (NAT64) takes for it. Not where the name does
not exist, where somebody blocks it, or where the client validates for itself (CD and DO, §5.5); not
from A records that policy has touched. Records of ::ffff:0:0/96 count as none (§5.1.4). What is
made so is not signed: no AD. A PTR of an address of the prefix is that of the IPv4 address in it,
by a CNAME (§5.3.1), but in zones that are asked of servers of the operator's choice.

`ipv4only.arpa`, by which clients find the prefix, is answered here (RFC 8880 §7.1).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from resolver.limits import DNS64_TTL_SECONDS
from resolver.model import Answer, Question, RRset, Source, Status
from resolver.policy.local import authority_of
from resolver.policy.path import Step
from resolver.protocol import names
from resolver.protocol.codes import Flag, Rcode, RRClass, RRType
from resolver.protocol.ip_addresses import MAPPED
from resolver.protocol.nat64 import WELL_KNOWN_IPV4
from resolver.protocol.private_addresses import is_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.model import Name, Query
    from resolver.protocol.nat64 import Prefix

_IP6_ARPA: Final = names.from_text("ip6.arpa.")
_IPV4ONLY: Final = names.from_text("ipv4only.arpa.")
_REVERSE: Final = frozenset(names.from_text(f"{last}.0.0.192.in-addr.arpa.") for last in (170, 171))
_NIBBLES: Final = 32
_HEX: Final = {b"%x" % nibble: nibble for nibble in range(16)}
_UNKNOWN: Final = (Rcode.NOERROR, Rcode.SERVFAIL)


class Dns64(Step):
    """*prefixes* are those of the network's translators now; without any nothing is done."""

    name = "DNS64"

    def __init__(self, prefixes: Callable[[], tuple[Prefix, ...]]) -> None:
        self._prefixes = prefixes

    def before(self, query: Query) -> Answer | None:
        qname, question = query.message.qname, query.question
        if not qname.endswith(b"\4arpa\0") or question.qclass != RRClass.IN:
            return None
        prefixes = self._prefixes()
        if not prefixes:
            return None
        if qname in _REVERSE:
            return _told(question, qname, {RRType.PTR: (_IPV4ONLY,)})
        if not names.is_subdomain(qname, _IPV4ONLY):
            return None
        if qname != _IPV4ONLY:
            nothing = (authority_of(_IPV4ONLY, DNS64_TTL_SECONDS),)
            return _made(question, rcode=Rcode.NXDOMAIN, authority=nothing)
        made = tuple(one.embed(ipv4) for one in prefixes for ipv4 in WELL_KNOWN_IPV4)
        return _told(question, qname, {RRType.A: WELL_KNOWN_IPV4, RRType.AAAA: made})

    def after(self, query: Query, answer: Answer) -> Answer:
        """Of AAAA records those of IPv4 in disguise go, where there are others."""
        if query.message.qtype != RRType.AAAA:
            return answer
        for at, rrset in enumerate(answer.answer):
            if rrset.rtype == RRType.AAAA:
                kept = tuple(one for one in rrset.rdatas if not one.startswith(MAPPED))
                if kept and len(kept) < len(rrset.rdatas) and self._prefixes():
                    fewer = rrset._replace(rdatas=kept, signatures=())
                    records = (*answer.answer[:at], fewer, *answer.answer[at + 1 :])
                    return replace(answer, answer=records, status=Status.INSECURE)
        return answer

    # --- what is asked too -------------------------------------------------------------------

    def asks_beside(self, query: Query) -> bool:
        return query.message.qtype == RRType.AAAA and bool(self._prefixes())

    def beside(self, query: Query, answer: Answer) -> Question | None:
        message = query.message
        if message.qclass != RRClass.IN or message.qtype != RRType.AAAA or not self._prefixes():
            return None
        return None if _is_final(query, answer) else message.question._replace(qtype=RRType.A)

    def joined(self, query: Query, answer: Answer, other: Answer) -> Answer:
        del query
        records = tuple(self._as_ipv6(rrset, _ttl_of(answer)) for rrset in other.answer)
        if other.rcode != Rcode.NOERROR or not any(one.rtype == RRType.AAAA for one in records):
            return _without_excluded(answer)
        return replace(
            answer,
            rcode=Rcode.NOERROR,
            answer=tuple(one for one in records if one.rdatas),
            authority=(),
            status=Status.INSECURE,
            ede=other.ede,
            lifetime_s=min(answer.lifetime_s, other.lifetime_s),
            renew_after_s=min(answer.renew_after_s, other.renew_after_s),
            sources=(*answer.sources, *other.sources),
        )

    def _as_ipv6(self, rrset: RRset, ttl: int) -> RRset:
        """A records as AAAA, without signatures; what leads to them as it is."""
        if rrset.rtype != RRType.A:
            return rrset
        made = tuple(
            one.embed(ipv4)
            for one in self._prefixes()
            for ipv4 in rrset.rdatas
            if not (one.is_well_known and is_private(ipv4))
        )
        return RRset(rrset.owner, RRType.AAAA if made else RRType.A, min(rrset.ttl, ttl), made)


class Dns64Reverse(Step):
    """PTR of addresses of *prefixes*, before local zones deny those of private ones; names in and
    below *elsewhere* apart."""

    name = "DNS64 (PTR)"

    def __init__(
        self, prefixes: Callable[[], tuple[Prefix, ...]], elsewhere: Iterable[Name] = ()
    ) -> None:
        self._prefixes = prefixes
        self._elsewhere = frozenset(elsewhere) - {names.ROOT}

    def before(self, query: Query) -> Answer | None:
        question = query.question
        qname = question.qname
        if question.qtype != RRType.PTR or not qname.endswith(_IP6_ARPA):
            return None
        ipv4 = _translated(self._prefixes(), qname)
        if ipv4 is None or not self._elsewhere.isdisjoint(names.ancestors(qname)):
            return None
        onward = Question(reverse_name(ipv4), RRType.PTR)
        alias = RRset(qname, RRType.CNAME, DNS64_TTL_SECONDS, (onward.qname,))
        return Answer(
            question, Rcode.NOERROR, answer=(alias,), status=Status.INSECURE, onward=onward
        )


def _translated(prefixes: tuple[Prefix, ...], qname: Name) -> bytes | None:
    """The IPv4 address in the one that a name of ip6.arpa stands for."""
    ipv6 = address_of(qname)
    if ipv6 is None:
        return None
    found = (one.extract(ipv6) for one in prefixes)
    return next((ipv4 for ipv4 in found if ipv4 is not None), None)


def _is_final(query: Query, answer: Answer) -> bool:
    """Is that what the client is told of AAAA, whatever the A records are?"""
    message = query.message
    if (message.flags & Flag.CD and message.do) or Source.BLOCKED in answer.sources:
        return True
    if answer.rcode not in _UNKNOWN:
        return True
    found = [one for rrset in answer.answer if rrset.rtype == RRType.AAAA for one in rrset.rdatas]
    return any(not one.startswith(MAPPED) for one in found)


def _without_excluded(answer: Answer) -> Answer:
    """There are no A records either: the name has no address that is of use."""
    kept = tuple(rrset for rrset in answer.answer if rrset.rtype != RRType.AAAA)
    if len(kept) == len(answer.answer):
        return answer
    owner = answer.answer[-1].owner
    nothing = (authority_of(owner, DNS64_TTL_SECONDS),)
    return replace(answer, answer=kept, authority=nothing, status=Status.INSECURE)


def _ttl_of(answer: Answer) -> int:
    """What bounds the TTL of what is made: that of the denial, if there is one (§5.1.7)."""
    ttls = [rrset.ttl for rrset in answer.authority if rrset.rtype == RRType.SOA]
    return min(ttls, default=DNS64_TTL_SECONDS)


def _told(question: Question, owner: Name, there: dict[int, tuple[bytes, ...]]) -> Answer:
    """The records of one name that are *there*, by type; else nothing."""
    found = tuple(
        RRset(owner, rtype, DNS64_TTL_SECONDS, rdatas)
        for rtype, rdatas in there.items()
        if question.qtype in (rtype, RRType.ANY)
    )
    nothing = () if found else (authority_of(owner, DNS64_TTL_SECONDS),)
    return _made(question, answer=found, authority=nothing)


def _made(
    question: Question,
    *,
    rcode: int = Rcode.NOERROR,
    answer: tuple[RRset, ...] = (),
    authority: tuple[RRset, ...] = (),
) -> Answer:
    return Answer(question, rcode, answer, authority, status=Status.INSECURE, is_authoritative=True)


def address_of(qname: Name) -> bytes | None:
    """The 16 octets that a name of ip6.arpa stands for, None if it is not a whole address."""
    if not qname.endswith(_IP6_ARPA):
        return None
    labels = names.labels(qname)
    nibbles = [_HEX.get(label) for label in labels[:_NIBBLES]]
    if len(labels) != _NIBBLES + 2 or None in nibbles:
        return None
    return bytes.fromhex("".join(label.decode() for label in labels[_NIBBLES - 1 :: -1]))


def reverse_name(ipv4: bytes) -> Name:
    """The name of the 4 octets *ipv4* in in-addr.arpa."""
    return names.from_text(".".join(map(str, reversed(ipv4))) + ".in-addr.arpa.")
