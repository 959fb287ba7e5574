"""Names that never need the network: answered here, so that they neither leak nor wait.

The empty zones of RFC 6303 (private and documentation reverse space; RFC 7793 adds 100.64/10), and
the special names of RFC 6761 (localhost, invalid, test), 6762 (local), 7686 (onion), 8375
(home.arpa), 9462 (resolver.arpa: NODATA, but for what `policy.designation` says) and 9665
(service.arpa).
`example` is none of them: RFC 6761 §6.5 has resolvers treat it as any other name.

A zone that the operator forwards or stubs goes there instead, at and below that name. DS of
home.arpa and service.arpa goes to the parent: its proof of an insecure delegation is what lets a
validating client believe us (RFC 8375 §4).
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from resolver.model import Answer, RRset, Status
from resolver.policy.path import Step
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRClass, RRType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.model import Name, Query, Question

TTL: Final = 10_800  # of every record served here: RFC 6303 §3


class Kind(enum.Enum):
    """What names at and below a zone are answered with."""

    EMPTY = "SOA and NS at the apex, nothing below"
    LOOPBACK = "A and AAAA of this machine"
    REVERSE_LOOPBACK = "PTR to localhost at the apex, nothing below"
    NOTHING_BUT_THERE = "NODATA"
    DELEGATED_EMPTY = "EMPTY, with its DS at the parent"


_EMPTY_IPV4 = (
    ["0", "10", "254.169", "168.192", "2.0.192", "100.51.198", "113.0.203", "255.255.255.255"]
    + [f"{second}.172" for second in range(16, 32)]
    + [f"{second}.100" for second in range(64, 128)]
    + ["127"]
)
_EMPTY_IPV6 = ["0." * 31 + "0", "d.f", "8.e.f", "9.e.f", "a.e.f", "b.e.f", "8.b.d.0.1.0.0.2"]


def _zones() -> dict[Name, Kind]:
    kinds = {f"{reverse}.in-addr.arpa.": Kind.EMPTY for reverse in _EMPTY_IPV4}
    kinds |= {f"{reverse}.ip6.arpa.": Kind.EMPTY for reverse in _EMPTY_IPV6}
    kinds |= dict.fromkeys(("invalid.", "test.", "onion.", "local."), Kind.EMPTY)
    kinds |= dict.fromkeys(("home.arpa.", "service.arpa."), Kind.DELEGATED_EMPTY)
    kinds["localhost."] = Kind.LOOPBACK
    kinds["resolver.arpa."] = Kind.NOTHING_BUT_THERE
    kinds["1.0.0.127.in-addr.arpa."] = Kind.REVERSE_LOOPBACK
    kinds["1." + "0." * 31 + "ip6.arpa."] = Kind.REVERSE_LOOPBACK
    return {names.from_text(zone): kind for zone, kind in kinds.items()}


_ZONES: Final = _zones()
PRIVATE_REVERSE: Final = frozenset(
    zone for zone in _ZONES if names.suffix(zone, 1) == names.from_text("arpa.")
)
"""Names of addresses that mean something in one network only."""
_ENDINGS: Final = tuple({names.suffix(zone, 1) for zone in _ZONES})
SPECIAL: Final = _ENDINGS
"""The top labels of all of them."""
_LOCALHOST: Final = names.from_text("localhost.")
_NUMBERS: Final = b"".join(number.to_bytes(4, "big") for number in (1, 3600, 1200, 604_800, TTL))
_LOOPBACKS: Final = {RRType.A: bytes([127, 0, 0, 1]), RRType.AAAA: bytes(15) + b"\x01"}


def covers(name: Name) -> bool:
    """True if *name* lies in a zone that is answered here unless the operator says otherwise."""
    return name.endswith(_ENDINGS) and any(zone in _ZONES for zone in names.ancestors(name))


def is_apex(name: Name) -> bool:
    """True of the top of such a zone, which has records whatever lies below."""
    return name in _ZONES


class LocalZones(Step):
    """The names answered here, but for those at and below *elsewhere* (forward and stub zones)."""

    name = "local zones"

    def __init__(self, elsewhere: Iterable[Name] = ()) -> None:
        self._zones: dict[Name, Kind | None] = dict(_ZONES)
        for zone in elsewhere:
            if zone != names.ROOT:
                self._zones[zone] = None

    def before(self, query: Query) -> Answer | None:
        if not query.message.qname.endswith(_ENDINGS):
            return None
        return self.answer(query.question)

    def answer(self, question: Question) -> Answer | None:
        """The answer to *question*, or None: it must be resolved. One C call for most names."""
        if not question.qname.endswith(_ENDINGS) or question.qclass != RRClass.IN:
            return None
        for zone in names.ancestors(question.qname):
            if zone in self._zones:
                kind = self._zones[zone]
                return None if kind is None else _answer(question, zone, kind)
        return None


def _answer(question: Question, zone: Name, kind: Kind) -> Answer | None:
    is_apex = question.qname == zone
    if kind is Kind.DELEGATED_EMPTY and is_apex and question.qtype == RRType.DS:
        return None
    found = _records(question, zone, kind)
    if found:
        return reply(question, Rcode.NOERROR, answer=found)
    exists = is_apex or kind in (Kind.LOOPBACK, Kind.NOTHING_BUT_THERE)
    rcode = Rcode.NOERROR if exists else Rcode.NXDOMAIN
    return reply(question, rcode, authority=(_soa(zone),))


def _records(question: Question, zone: Name, kind: Kind) -> tuple[RRset, ...]:
    """The records of the name and type asked for, all types for ANY."""
    there: dict[int, bytes] = {}
    if question.qname == zone:
        there = {RRType.SOA: _soa(zone).rdatas[0], RRType.NS: zone}
        if kind is Kind.REVERSE_LOOPBACK:
            there[RRType.PTR] = _LOCALHOST
    if kind is Kind.LOOPBACK:
        there |= _LOOPBACKS
    return tuple(
        RRset(question.qname, rtype, TTL, (rdata,))
        for rtype, rdata in there.items()
        if question.qtype in (rtype, RRType.ANY)
    )


def authority_of(zone: Name, ttl: int) -> RRset:
    """What proves for *ttl* seconds that a name of *zone* has no such data (RFC 2308 §5)."""
    return _soa(zone)._replace(ttl=ttl)


def _soa(zone: Name) -> RRset:
    """RFC 6303 §3: the zone names itself as its server, nobody.invalid. as who is responsible."""
    rdata = zone + b"\x06nobody\x07invalid\x00" + _NUMBERS
    return RRset(zone, RRType.SOA, TTL, (rdata,))


def reply(
    question: Question,
    rcode: int = Rcode.NOERROR,
    *,
    answer: tuple[RRset, ...] = (),
    authority: tuple[RRset, ...] = (),
) -> Answer:
    """What a zone of ours tells: with AA, and never validated, for nobody signs it."""
    return Answer(
        question,
        rcode,
        answer=answer,
        authority=authority,
        status=Status.INSECURE,
        is_authoritative=True,
    )
