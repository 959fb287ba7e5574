"""3 may they: response policy zones. Rules that arrive as DNS zones change answers.

The zones count in the order of the configuration; in one zone client-IP > QNAME > response-IP >
NSDNAME > NSIP, the longest prefix, then the smallest address, the name itself over the closest
wildcard. The first rule that matches decides, and none behind it: PASSTHRU too ends the search, for
the whole of the answer. A zone that is `disabled` only tells what it would do.

What can be decided without an answer is decided before there is one: `before`. A rule that stands
behind a zone that looks at answers has to wait for it: `after`, which looks at each name on the way
of the answer's aliases in turn. Name servers are those of the cuts that are known when it is
looked: nothing is asked for the sake of a rule, and forwarders are no name servers of a zone.
It counts through CD and without RD. An answer that failed validation stays SERVFAIL: no rule turns
it into one (CVE-2026-50243). draft-vixie-dnsop-dns-rpz §5.

Cost, a miss: O(labels) look-ups a zone, and as many addresses as the answer has. A hit: none.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from resolver.model import DROPPED, Status
from resolver.policy.path import Step
from resolver.policy.rpz_actions import Action, Manner, Told, answer_of, target_of, told_of
from resolver.policy.rpz_triggers import Kind, trigger_of
from resolver.policy.tsig import BADKEY, NotSigned
from resolver.protocol import names
from resolver.protocol.address_hints import hints_of
from resolver.protocol.codes import EdeCode, Rcode, RRClass, RRType
from resolver.protocol.ip_addresses import address_octets, unmapped
from resolver.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from resolver.delegation import Delegation
    from resolver.model import Answer, Name, Query, RRset
    from resolver.policy.rpz_table import Table

    Cuts = Callable[[Name], Iterable[Delegation]]

_ADDRESSES: Final = (RRType.A, RRType.AAAA)
_SERVICES: Final = (RRType.SVCB, RRType.HTTPS)
_IPV4_OCTETS: Final = 4
_IPV4_BITS: Final = 96  # how much longer a prefix of IPv4 is than it says
_BOGUS: Final = frozenset(
    {
        EdeCode.UNSUPPORTED_DNSKEY_ALGORITHM, EdeCode.UNSUPPORTED_DS_DIGEST,
        EdeCode.DNSSEC_INDETERMINATE, EdeCode.DNSSEC_BOGUS, EdeCode.SIGNATURE_EXPIRED,
        EdeCode.SIGNATURE_NOT_YET_VALID, EdeCode.DNSKEY_MISSING, EdeCode.RRSIGS_MISSING,
        EdeCode.NO_ZONE_KEY_BIT, EdeCode.NSEC_MISSING, EdeCode.SIGNATURE_EXPIRED_BEFORE_VALID,
        EdeCode.UNSUPPORTED_NSEC3_ITERATIONS,
    }
)  # fmt: skip


class Terms(NamedTuple):
    """What the configuration says of a zone. *override*: what its rules do, in the place of what
    they say; *manner*: how that is told; *tags*: only for clients with one of them."""

    name: str
    override: Told | None
    manner: Manner
    tags: frozenset[str] = frozenset()
    logs: bool = False


class Live:
    """One zone in use. *table* None: nothing of it is known yet, or no more."""

    def __init__(self, terms: Terms, table: Table | None = None) -> None:
        self.terms = terms
        self.table = table
        self.matched: dict[str, int] = {}
        """How often it decided, by what was done."""

    def __repr__(self) -> str:
        return f"<Live {self.terms.name}: {self.table!r}>"

    @property
    def is_silent(self) -> bool:
        """Does it only tell what it would do?"""
        override = self.terms.override
        return override is not None and override.action is Action.DISABLED

    def told(self, number: int) -> Told:
        """What the rules of that number do here."""
        override = self.terms.override
        if override is not None:
            return override
        table = self.table
        return told_of(table.rules(number)) if table is not None else Told(Action.PASSTHRU, ())


class Row(NamedTuple):
    """How one zone is, for operators. *serial*, *age_s* None: nothing of it is in force."""

    zone: str
    triggers: int
    serial: int | None
    age_s: float | None
    is_expired: bool
    trouble: str


def _nobody_signs(_: Name, __: bytes) -> Callable[[bytes], bytes]:
    raise NotSigned(BADKEY)


@dataclass(slots=True)
class Rpzs:
    """All zones of the configuration, in order, and their tables by name. One for the life of a
    process."""

    COUNTS: ClassVar = {
        "matched": "Answers that a response policy zone decided on; not those ready as packets.",
        "disabled": "Those of them that a disabled zone left as they were.",
    }
    zones: tuple[Live, ...] = ()
    tables: dict[str, Table] = field(default_factory=dict)
    notify: Callable[[Name], None] = lambda _: None
    """Whom `tell` tells."""
    signs: Callable[[Name, bytes], Callable[[bytes], bytes]] = _nobody_signs
    """What `signed` says."""
    rows: Callable[[], list[Row]] = list
    """How they are; from who keeps them."""
    matched: int = 0
    disabled: int = 0

    def tell(self, zone: Name) -> None:
        """A primary says that *zone* may be newer."""
        self.notify(zone)

    def signed(self, zone: Name, octets: bytes) -> Callable[[bytes], bytes]:
        """Who signs the reply to the NOTIFY *octets* for *zone*, if it is signed with its key.

        Raises WireError.
        """
        return self.signs(zone, octets)

    def use(self, zones: tuple[Live, ...]) -> None:
        """Another configuration's zones, with the tables that there are."""
        for live in zones:
            live.table = self.tables.get(live.terms.name)
        self.zones = zones


def of_tags(zones: Iterable[Live], tags: frozenset[str]) -> list[Live]:
    """Those that count for clients with *tags*."""
    return [one for one in zones if not one.terms.tags or one.terms.tags & tags]


class Match(NamedTuple):
    """A rule that counts: of which zone, set off by what *key*, what it does."""

    zone: Live
    key: bytes
    told: Told


class Rpz(Step):
    """*zones*, in order; *cuts*: the zone cuts known above a name, the closest first."""

    name = "response policy zones"
    tells_apart = True

    def __init__(self, rpzs: Rpzs, zones: Sequence[Live], cuts: Cuts) -> None:
        self._rpzs = rpzs
        self._zones = tuple(zones)
        self._cuts = cuts

    def __repr__(self) -> str:
        return f"<Rpz {', '.join(zone.terms.name for zone in self._zones)}>"

    def admits(self, source: bytes) -> bool:
        """False for whom a client-IP rule is meant."""
        return all(_by_client(zone, source) is None for zone in self._zones)

    def rule_for(self, name: Name, source: bytes = b"") -> Match | None:
        """What counts of the rules for *name* and the client at raw *source*; those for answers
        apart."""
        for zone in self._zones:
            found = _by_client(zone, source) or _by_name(zone, name)
            if found is not None and not zone.is_silent:
                return Match(zone, found[0], zone.told(found[1]))
        return None

    def before(self, query: Query) -> Answer | None:
        """What is told, where no zone has to see the answer first."""
        message = query.message
        if message.qclass != RRClass.IN:
            return None
        name, silent = message.qname, list[Match]()
        for zone in self._zones:
            table = zone.table
            if table is None:
                continue
            found = _by_client(zone, query.source) or _by_name(zone, name)
            if found is None and (zone.is_silent or not table.looks_at_answers):
                continue
            if found is None:
                return None
            match = Match(zone, found[0], zone.told(found[1]))
            if zone.is_silent:
                silent.append(match)
                continue
            answer = answer_of(query, name, match.told, zone.terms.manner)
            if answer is not None:
                for each in (*silent, match):
                    self._note(query, name, each)
            return answer
        return None

    def after(self, query: Query, answer: Answer) -> Answer:
        """What is made of an answer: the first name on its way that a rule is for decides."""
        if query.message.qclass != RRClass.IN or _is_bogus(answer):
            return answer
        rrsets = answer.answer or answer.way
        for name, at in _way(query.message.qname, query.message.qtype, rrsets):
            match = self._match(query, name, rrsets[at:])
            if match is None or _is_told(match, name, rrsets[at:]):
                continue
            self._note(query, name, match)
            told = answer_of(query, name, match.told, match.zone.terms.manner)
            if told is None:
                return answer
            return _behind(answer, rrsets[:at], told)
        return answer

    def _match(self, query: Query, name: Name, rrsets: Sequence[RRset]) -> Match | None:
        """The rule that counts for *name*, of which *rrsets* tell."""
        for zone in self._zones:
            table = zone.table
            if table is None:
                continue
            found = _by_client(zone, query.source) or _by_name(zone, name)
            if found is None and table.looks_at_answers:
                found = self._by_answer(table, name, rrsets)
            if found is None:
                continue
            match = Match(zone, found[0], zone.told(found[1]))
            if not zone.is_silent:
                return match
            self._note(query, name, match)
        return None

    def _by_answer(
        self, table: Table, name: Name, rrsets: Sequence[RRset]
    ) -> tuple[bytes, int] | None:
        if table.has_addresses:
            found = _by_addresses(table, Kind.ANSWER, _addresses_of(name, rrsets))
            if found is not None:
                return found
        if not (table.has_nsdnames or table.has_nsips):
            return None
        cuts = [cut for cut in self._cuts(name) if not cut.is_forward]
        if table.has_nsdnames:
            for server in sorted({server for cut in cuts for server in cut.nameservers}):
                found = table.by_name(Kind.NSDNAME, Kind.NSDNAME_BELOW, server)
                if found is not None:
                    return found
        if table.has_nsips:
            octets = [address_octets(one.host) for cut in cuts for one in cut.servers()]
            return _by_addresses(table, Kind.NSIP, octets)
        return None

    def _note(self, query: Query, name: Name, match: Match) -> None:
        zone, action = match.zone, match.told.action
        self._rpzs.matched += 1
        if zone.is_silent:
            self._rpzs.disabled += 1
        zone.matched[action.value] = zone.matched.get(action.value, 0) + 1
        if zone.terms.logs:
            asked, trigger = query.message.qname, trigger_of(match.key)
            logs.say(
                f"policy zone {zone.terms.name}: {action.value} for {names.to_text(name)}, "
                f"asked as {names.to_text(asked)}: "
                f"{Kind(match.key[0]).word} {names.to_text(trigger)}"
            )


def _by_client(zone: Live, source: bytes) -> tuple[bytes, int] | None:
    table = zone.table
    if table is None or not table.has_clients or not source:
        return None
    return table.by_address(Kind.CLIENT, unmapped(source))


def _by_name(zone: Live, name: Name) -> tuple[bytes, int] | None:
    table = zone.table
    if table is None or not table.has_names:
        return None
    return table.by_name(Kind.QNAME, Kind.QNAME_BELOW, name)


def _addresses_of(name: Name, rrsets: Sequence[RRset]) -> Iterator[bytes]:
    """What clients of *name* would connect to: addresses, and the hints of SVCB and HTTPS."""
    for rrset in rrsets:
        if rrset.owner != name:
            continue
        if rrset.rtype in _ADDRESSES:
            yield from rrset.rdatas
        elif rrset.rtype in _SERVICES:
            for rdata in rrset.rdatas:
                yield from hints_of(rdata)


def _by_addresses(table: Table, kind: Kind, octets: Iterable[bytes]) -> tuple[bytes, int] | None:
    """The longest prefix that holds one of them; of equals that of the smallest address."""
    best: tuple[int, bytes] | None = None
    chosen: tuple[bytes, int] | None = None
    for one in octets:
        found = table.by_address(kind, unmapped(one))
        if found is None:
            continue
        bits = found[0][1] + (_IPV4_BITS if len(found[0]) == 2 + _IPV4_OCTETS else 0)
        rank = -bits, one
        if best is None or rank < best:
            best, chosen = rank, found
    return chosen


def _way(qname: Name, qtype: int, rrsets: Sequence[RRset]) -> Iterator[tuple[Name, int]]:
    """Each name that an answer of *rrsets* leads over, the one asked for first, and where among
    them what is said of that name begins."""
    yield qname, 0
    if qtype in (RRType.CNAME, RRType.ANY):
        return
    name = qname
    for at, rrset in enumerate(rrsets, start=1):
        if rrset.rtype == RRType.CNAME and rrset.owner == name and rrset.rdatas:
            name = rrset.rdatas[0].lower()
            yield name, at


def _is_told(match: Match, name: Name, rrsets: Sequence[RRset]) -> bool:
    """Is it this rule's own alias that the answer begins with?"""
    if match.told.action is not Action.CNAME or not rrsets:
        return False
    first = rrsets[0]
    if first.rtype != RRType.CNAME or first.owner != name:
        return False
    try:
        return target_of(match.told, name) == first.rdatas[0].lower()
    except ValueError:
        return False


def _behind(answer: Answer, way: tuple[RRset, ...], told: Answer) -> Answer:
    """*told* in the place of what *answer* says behind its *way*. It lasts no longer than that."""
    if told is DROPPED:
        return told
    ttls = [rrset.ttl for rrset in (*answer.answer, *answer.authority)]
    if way and not told.is_truncated:
        told = replace(told, answer=(*way, *told.answer))
    return replace(told, lifetime_s=min([answer.lifetime_s, *ttls]))


def _is_bogus(answer: Answer) -> bool:
    """Did it fail because of what validation found?"""
    return answer.status is Status.BOGUS or (
        answer.rcode == Rcode.SERVFAIL and any(one.code in _BOGUS for one in answer.ede)
    )
