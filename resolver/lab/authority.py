"""A virtual authoritative server: zones, EDNS, truncation, and the misbehaviour of real ones.

Every way of misbehaving has been met in the wild; `Manners` names them. One object can sit at any
number of addresses. Bytes in, bytes out; no clock, and chance only from the generator given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from resolver.errors import WireError
from resolver.lab.virtual_parts import Delayed
from resolver.lab.zones import Found, text
from resolver.protocol import names
from resolver.protocol.chaos_names import IDENTITY
from resolver.protocol.codes import Flag, Rcode, RRClass, RRType
from resolver.protocol.edns import OPT_NSID, Edns, nsid_option
from resolver.protocol.message import RRset, flatten
from resolver.protocol.render import build
from resolver.protocol.wire import parse_untrusted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.lab.virtual_parts import Answers
    from resolver.lab.zones import Zone
    from resolver.protocol.message import Message
    from resolver.protocol.names import Name

PLAIN_PAYLOAD = 512
PAYLOAD = 1232
TCP_PAYLOAD = 65_535
MAX_OUTSIDE = 8
LIE_TTL = 3600


@dataclass(frozen=True, slots=True)
class Manners:
    """How a server treats queries. The default is faultless.

    *rcode* answers everything with that code. *upward*: a referral to the root for zones that it
    does not have (else REFUSED). *edns*: "ok", or what happens to queries with OPT: "formerr",
    "notimp", "drop", "strip" (answered without OPT), "badvers". *folds_case* lower-cases the
    question that it echoes (no 0x20). *truncates*: TC on every UDP reply. *denies_ents*: NXDOMAIN
    for empty non-terminals. *drops_types* are never answered, *fails_types* with SERVFAIL.
    *is_lame*: AA is never set, and zones are referred to themselves. *lies* are records that it
    slips into every reply's additional and authority sections, and addresses for targets of
    aliases. *forges*: a reply with the right id but another question, full of lies, comes first;
    *wrong_id* likewise with a wrong id. *talks*: NS and glue in answers.
    """

    rcode: int | None = None
    upward: bool = False
    edns: str = "ok"
    folds_case: bool = False
    truncates: bool = False
    denies_ents: bool = False
    drops_types: frozenset[int] = frozenset()
    fails_types: frozenset[int] = frozenset()
    is_lame: bool = False
    lies: tuple[RRset, ...] = ()
    forges: bool = False
    wrong_id: bool = False
    talks: bool = False
    delay_s: float = 0.0


class Authority:
    """A server for *zones*. *forgery* is the rdata that forged address records carry.

    *instance* is what it says of itself: in NSID, and to id.server and hostname.bind; b"": nothing.
    """

    def __init__(
        self,
        zones: Iterable[Zone] = (),
        *,
        manners: Manners = Manners(),
        forgery: bytes = bytes([192, 0, 2, 66]),
    ) -> None:
        self.zones: dict[Name, Zone] = {zone.apex: zone for zone in zones}
        self.manners = manners
        self.asked = 0
        self.instance = b""
        self._forgery = forgery

    def __repr__(self) -> str:
        return f"<Authority zones={len(self.zones)} {self.manners}>"

    def answer(self, data: bytes, transport: str, source: str) -> Answers:
        """`network.Answerer`. Octets that are no query get no answer."""
        del source
        try:
            query = parse_untrusted(data)
        except WireError:
            return None
        if query.is_response or query.question_count != 1:
            return None
        self.asked += 1
        replies = self._replies(query, transport)
        if self.manners.delay_s:
            return [Delayed(reply, self.manners.delay_s) for reply in replies]
        return replies

    def _replies(self, query: Message, transport: str) -> list[bytes]:
        manners = self.manners
        if query.qtype in manners.drops_types:
            return []
        if query.edns is not None and manners.edns != "ok":
            hostile = self._edns_hostile(query, transport)
            if hostile is not None:
                return hostile
        found = self.find(query)
        reply = self._render(query, found, transport)
        if transport == "udp" and manners.forges:
            return [self._forged(query, transport), reply]
        if transport == "udp" and manners.wrong_id:
            return [self._misnumbered(query, transport), reply]
        return [reply]

    def find(self, query: Message) -> Found:
        """What is said to *query*, lies included."""
        if query.qclass == RRClass.CH:
            return self._about_itself(query)
        found = self._find(query)
        lies = self.manners.lies
        found.authority += [lie for lie in lies if lie.rtype == RRType.NS]
        found.additional += [lie for lie in lies if lie.rtype != RRType.NS]
        target = found.leaves_to
        if lies and target is not None and not self._is_above(target):
            found.answer.append(RRset(target, RRType.A, LIE_TTL, (self._forgery,)))
        return found

    def _about_itself(self, query: Message) -> Found:
        if query.qname not in IDENTITY or not self.instance:
            return Found(Rcode.REFUSED, is_authoritative=False)
        return Found(answer=[RRset(query.qname, RRType.TXT, 0, (text(self.instance.decode()),))])

    def _is_above(self, name: Name) -> bool:
        """True if *name* is at or below one of the zones here: what is said of it is believed."""
        return any(names.is_subdomain(name, apex) for apex in self.zones)

    def _find(self, query: Message) -> Found:
        manners = self.manners
        if query.qtype in manners.fails_types:
            return Found(rcode=Rcode.SERVFAIL, is_authoritative=False)
        if manners.rcode is not None:
            return Found(rcode=manners.rcode, is_authoritative=False)
        zone = self.zone_of(query.qname, query.qtype)
        if zone is None:
            return _upward() if manners.upward else Found(Rcode.REFUSED, is_authoritative=False)
        found = self._across(zone, query)
        if manners.is_lame and found.is_authoritative:
            return _sideways(zone)
        if manners.denies_ents and _is_ent(zone, query.qname):
            found.rcode = Rcode.NXDOMAIN
        if manners.talks and found.answer and found.is_authoritative:
            nameservers = zone.get(zone.apex, RRType.NS)
            if nameservers is not None and not found.authority:
                found.authority.append(zone.signed(nameservers) if query.do else nameservers)
                found.additional += zone.glue(nameservers)
        return found

    def zone_of(self, qname: Name, qtype: int) -> Zone | None:
        """The deepest zone here that holds *qname*; for DS the one above the cut."""
        for name in names.ancestors(qname):
            zone = self.zones.get(name)
            if zone is None or (name == qname and qtype == RRType.DS and self._has_above(name)):
                continue
            return zone
        return None

    def _has_above(self, apex: Name) -> bool:
        above = list(names.ancestors(apex))[1:]
        return any(name in self.zones for name in above)

    def _across(self, zone: Zone, query: Message) -> Found:
        """Follow aliases into other zones of this server, as real servers do."""
        found = zone.lookup(query.qname, query.qtype, dnssec=query.do)
        for _ in range(MAX_OUTSIDE):
            target = found.leaves_to
            other = self.zone_of(target, query.qtype) if target is not None else None
            if target is None or other is None or any(r.owner == target for r in found.answer):
                return found
            more = other.lookup(target, query.qtype, dnssec=query.do)
            if not more.is_authoritative:
                return found
            found.leaves_to = more.leaves_to
            found.answer += more.answer
            found.authority = more.authority
            found.additional = more.additional
            found.rcode = more.rcode
        return found

    # --- replies ---------------------------------------------------------------------------

    def _edns_hostile(self, query: Message, transport: str) -> list[bytes] | None:
        codes = {"formerr": Rcode.FORMERR, "notimp": Rcode.NOTIMP}
        match self.manners.edns:
            case "drop":
                return []
            case "formerr" | "notimp" as kind:
                bare = _without_edns(query)
                return [self._render(bare, Found(codes[kind], is_authoritative=False), transport)]
            case "badvers":
                return [self._render(query, Found(Rcode.BADVERS), transport)]
            case _:
                return None

    def _render(
        self,
        query: Message,
        found: Found,
        transport: str,
        *,
        question: tuple[bytes, int, int] | None = None,
        message_id: int | None = None,
    ) -> bytes:
        manners = self.manners
        speaks_edns = query.edns is not None and manners.edns != "strip"
        flags = Flag.QR | query.flags & Flag.RD | found.rcode & 0xF
        flags |= Flag.AA if found.is_authoritative and not manners.is_lame else 0
        size = TCP_PAYLOAD
        if transport == "udp":
            size = max(PLAIN_PAYLOAD, query.edns.udp_payload) if query.edns else PLAIN_PAYLOAD
        is_cut = manners.truncates and transport == "udp"
        qname = query.qname if manners.folds_case else query.qname_raw
        dnssec = query.do
        options = (nsid_option(self.instance),) if self.instance and _wants_nsid(query) else ()
        code = found.rcode >> 4
        edns = Edns(PAYLOAD, 0, dnssec, code, options) if speaks_edns else None
        return build(
            id=query.id if message_id is None else message_id,
            flags=flags | (Flag.TC if is_cut else 0),
            question=question or (qname, query.qtype, query.qclass),
            answer=[] if is_cut else flatten(found.answer, dnssec=dnssec),
            authority=[] if is_cut else flatten(found.authority, dnssec=dnssec),
            additional=[] if is_cut else flatten(found.additional, dnssec=dnssec),
            edns=edns,
            max_size=min(size, PAYLOAD) if transport == "udp" else size,
        )

    def _lie(self, query: Message) -> Found:
        """An answer with an address that nobody has, of the type asked for if it can be."""
        rdata = self._forgery if query.qtype != RRType.AAAA else self._forgery.rjust(16, b"\x20")
        rtype = query.qtype if query.qtype in {RRType.A, RRType.AAAA} else RRType.A
        return Found(answer=[RRset(query.qname, rtype, LIE_TTL, (rdata,))])

    def _forged(self, query: Message, transport: str) -> bytes:
        """Right id, wrong question: one that matches by id alone believes it (RFC 5452 §9.1)."""
        question = (names.prepend(b"x", query.qname[:200] + b"\0")[:2] + query.qname, 16, 1)
        return self._render(query, self._lie(query), transport, question=question)

    def _misnumbered(self, query: Message, transport: str) -> bytes:
        return self._render(query, self._lie(query), transport, message_id=query.id ^ 0x5555)


def _wants_nsid(query: Message) -> bool:
    return query.edns is not None and query.edns.option(OPT_NSID) is not None


def _without_edns(query: Message) -> Message:
    bare = parse_untrusted(
        build(id=query.id, flags=query.flags, question=(query.qname_raw, query.qtype, query.qclass))
    )
    bare.edns = None
    return bare


def _upward() -> Found:
    """RFC 1034-era servers refer what they do not know to the root."""
    root = RRset(names.ROOT, RRType.NS, 3600, (names.from_text("a.root-servers.net."),))
    return Found(is_authoritative=False, authority=[root])


def _sideways(zone: Zone) -> Found:
    """A lame server's referral of a zone to itself."""
    nameservers = zone.get(zone.apex, RRType.NS)
    found = Found(is_authoritative=False)
    if nameservers is not None:
        found.authority.append(nameservers)
        found.additional += zone.glue(nameservers)
    return found


def _is_ent(zone: Zone, name: Name) -> bool:
    return name not in zone.data and zone.exists(name)
