"""The Internet of the matrix: octets in, octets out, for virtual and for real sockets.

Root and `tld.` refer to one zone for each case, `c7.tld.` with two servers, `s7.tld.` with one.
Of a zone's servers the one that is asked first for `www` says what the case says, each time; the
others, and all of them about other names, tell the truth. `other.tld.` is somebody else's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from bench.latency.world_signing import make_key
from resolver.errors import WireError
from resolver.protocol import names
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.message import RRset, flatten
from resolver.protocol.names import from_text as name
from resolver.protocol.render import build
from resolver.protocol.wire import parse_untrusted
from tests.iterate import matrix_proof as proof
from tests.iterate.matrix_cases import Beside, Case, More, Proof, Said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.common.signing import Key
    from resolver.protocol.message import Message
    from resolver.protocol.names import Name

ROOT, TLD, OTHER = "45.0.0.1", "45.0.0.2", "45.0.0.3"
TOP, OTHER_ZONE = name("tld."), name("other.tld.")
TTL = 300
PAYLOAD = 1232
TRUTH, TARGET, TARGET_OUT, CHILD, ODD = (bytes([192, 0, 2, last]) for last in (1, 2, 3, 4, 66))
EDNS = Edns(PAYLOAD, do=True)
_SAYS_SO = Flag.QR | Flag.AA


class Reply(NamedTuple):
    """A reply before it is signed and rendered: *zone* is whose keys sign."""

    zone: Name
    rcode: int = Rcode.NOERROR
    flags: int = _SAYS_SO
    answer: Sequence[RRset] = ()
    authority: Sequence[RRset] = ()
    additional: Sequence[RRset] = ()


def a(owner: Name | str, rdata: bytes) -> RRset:
    return RRset(_name(owner), RRType.A, TTL, (rdata,))


def ns(owner: Name | str, *targets: str | Name) -> RRset:
    return RRset(_name(owner), RRType.NS, TTL, tuple(_name(one) for one in targets))


def soa(owner: Name) -> RRset:
    numbers = b"".join(n.to_bytes(4, "big") for n in (1, 7200, 3600, 604_800, TTL))
    return RRset(owner, RRType.SOA, TTL, (below("ns1", owner) + below("h", owner) + numbers,))


def below(label: str, zone: Name) -> Name:
    return bytes([len(label)]) + label.encode() + zone


def _name(owner: Name | str) -> Name:
    return name(owner) if isinstance(owner, str) else owner


def address(host: str) -> bytes:
    return bytes(map(int, host.split(".")))


class Scene(NamedTuple):
    """One case in its zone."""

    case: Case
    number: int
    alone: bool

    @property
    def zone(self) -> Name:
        return below(f"{'s' if self.alone else 'c'}{self.number}", TOP)

    @property
    def qname(self) -> Name:
        return below("www", self.zone)

    def host(self, which: int) -> str:
        """1 and 2 serve the zone, 3 its child."""
        return f"45.{which + 3 * self.alone}.{self.number >> 8}.{self.number & 255}"

    def servers(self) -> list[str]:
        return [self.host(1)] if self.alone else [self.host(1), self.host(2)]


class Internet:
    """All servers. *is_signed*: every zone is, from the root on."""

    def __init__(self, cases: Sequence[Case], *, is_signed: bool, wall: float | None = None):
        self.scenes = {
            scene.zone: scene
            for number, case in enumerate(cases)
            for scene in (Scene(case, number, alone=False), Scene(case, number, alone=True))
        }
        self.key: Key | None = make_key("", 1) if is_signed else None
        self.asked: dict[Name, int] = {}
        self._first: dict[Name, str] = {}
        self._signer = proof.Signer(self.key, wall or time.time()) if self.key else None

    def answer(self, data: bytes, host: str, transport: str) -> bytes | None:
        """What the server at *host* says; None if it is no query."""
        try:
            query = parse_untrusted(data)
        except WireError:
            return None
        if query.is_response or query.question_count != 1:
            return None
        said = self._say(query, host)
        return None if said is None else self._render(query, said, transport)

    def _say(self, query: Message, host: str) -> Reply | None:
        if host == ROOT:
            return self._root(query)
        if host == TLD:
            return self._tld(query)
        if host == OTHER:
            return self._other(query)
        labels = list(names.ancestors(query.qname))
        scene = self.scenes.get(labels[-3]) if len(labels) > 2 else None
        if scene is None:
            return Reply(TOP, Rcode.REFUSED, Flag.QR)
        if host == scene.host(3):
            return _child(query, scene)
        return self._zone(query, scene, host)

    # --- those above ------------------------------------------------------------------------

    def _root(self, query: Message) -> Reply:
        qname, qtype, _ = query.question
        if qname == names.ROOT:
            return self._own(query, names.ROOT, {RRType.NS: ns(names.ROOT, "ns.root.")})
        if names.is_subdomain(qname, TOP):
            if qname == TOP and qtype == RRType.DS:
                return self._delegated(TOP, names.ROOT)
            return self._refer(names.ROOT, ns(TOP, "ns.tld."), {name("ns.tld."): TLD})
        if qname == name("ns.root."):
            return self._own(query, names.ROOT, {RRType.A: a(qname, address(ROOT))})
        return self._no_name(query, names.ROOT)

    def _tld(self, query: Message) -> Reply:
        qname, qtype, _ = query.question
        if qname in (TOP, name("ns.tld.")):
            sets = {RRType.A: a(qname, address(TLD))} if qname != TOP else {}
            return self._own(query, TOP, sets or {RRType.NS: ns(TOP, "ns.tld.")})
        zone = list(names.ancestors(qname))[-3]
        if zone == OTHER_ZONE or zone in self.scenes:
            if qname == zone and qtype == RRType.DS:
                return self._delegated(zone, TOP)
            return self._refer(TOP, *self._cut(zone))
        return self._no_name(query, TOP)

    def _cut(self, zone: Name) -> tuple[RRset, dict[Name, str]]:
        scene = self.scenes.get(zone)
        hosts = [OTHER] if scene is None else scene.servers()
        glue = {below(f"ns{at}", zone): host for at, host in enumerate(hosts, 1)}
        return ns(zone, *glue), glue

    def _refer(self, zone: Name, cut: RRset, glue: dict[Name, str]) -> Reply:
        addresses = [a(owner, address(host)) for owner, host in glue.items()]
        return Reply(zone, 0, Flag.QR, (), [cut, *self._ds(cut.owner, zone)], addresses)

    def _ds(self, child: Name, parent: Name) -> list[RRset]:
        """DS of a signed child; nothing in an unsigned world."""
        if self.key is None:
            return []
        if child == OTHER_ZONE:
            return proof.no_ds(Proof.NSEC, child, parent)
        return [RRset(child, RRType.DS, TTL, (self.key.ds(child),))]

    def _delegated(self, child: Name, parent: Name) -> Reply:
        found = self._ds(child, parent)
        if found and found[0].rtype == RRType.DS:
            return Reply(parent, answer=found)
        return Reply(parent, authority=[soa(parent), *found])

    def _other(self, query: Message) -> Reply:
        qname, qtype, _ = query.question
        known = {below("t", OTHER_ZONE): TARGET_OUT, below("ns1", OTHER_ZONE): address(OTHER)}
        if qtype == RRType.A and qname in known:
            return Reply(b"", answer=[a(qname, known[qname])])
        if qname == OTHER_ZONE and qtype == RRType.NS:
            return Reply(b"", answer=[ns(qname, below("ns1", qname))])
        rcode = Rcode.NOERROR if qname in known or qname == OTHER_ZONE else Rcode.NXDOMAIN
        return Reply(b"", rcode, authority=[soa(OTHER_ZONE)])

    # --- the zone of a case -------------------------------------------------------------------

    def _zone(self, query: Message, scene: Scene, host: str) -> Reply:
        zone, qname, qtype = scene.zone, query.qname, query.qtype
        if (qname, qtype) == (scene.qname, RRType.A):
            self.asked[qname] = self.asked.get(qname, 0) + 1
            if self._first.setdefault(qname, host) == host:
                return odd_reply(scene)
        known = {below(f"ns{at}", zone): one for at, one in enumerate(scene.servers(), 1)}
        known[below("nsc", zone)] = scene.host(3)
        addresses = {owner: address(one) for owner, one in known.items()}
        addresses |= {below("t", zone): TARGET, scene.qname: TRUTH}
        kind = scene.case.proof
        if qname == zone:
            return self._own(query, zone, {RRType.NS: self._cut(zone)[0]}, kind)
        if qname not in addresses:
            return self._no_name(query, zone, kind)
        if qtype == RRType.A:
            return Reply(zone, answer=[a(qname, addresses[qname])])
        is_cut = qname == scene.qname and scene.case.authority is Beside.NS_CHILD
        denial = self._no_ds(scene) if is_cut else self._nodata(kind, qname, zone)
        return Reply(zone, authority=[soa(zone), *denial])

    def _no_ds(self, scene: Scene) -> list[RRset]:
        """Also said of other types, which nobody asks for there."""
        return proof.no_ds(scene.case.proof, scene.qname, scene.zone)

    def _own(
        self, query: Message, zone: Name, sets: dict[int, RRset], kind: Proof = Proof.NSEC
    ) -> Reply:
        """Of a name that is there: one of *sets*, SOA and DNSKEY at the apex, or NODATA."""
        if query.qname == zone:
            sets = {**sets, RRType.SOA: soa(zone)}
            if self.key is not None:
                sets[RRType.DNSKEY] = RRset(zone, RRType.DNSKEY, TTL, (self.key.dnskey,))
        found = sets.get(query.qtype)
        if found is not None:
            return Reply(zone, answer=[found])
        return Reply(zone, authority=[soa(zone), *self._nodata(kind, query.qname, zone)])

    def _nodata(self, kind: Proof, qname: Name, zone: Name) -> list[RRset]:
        return proof.nodata(kind, qname, zone) if self.key else []

    def _no_name(self, query: Message, zone: Name, kind: Proof = Proof.NSEC) -> Reply:
        found = proof.nxdomain(kind, query.qname, zone) if self.key else []
        return Reply(zone, Rcode.NXDOMAIN, authority=[soa(zone), *found])

    # --- octets -------------------------------------------------------------------------------

    def _render(self, query: Message, said: Reply, transport: str) -> bytes:
        sections = [list(said.answer), list(said.authority), list(said.additional)]
        if self._signer is not None and query.edns is not None and query.edns.do:
            sections = [self._signer.sign_section(part, said.zone) for part in sections]
        edns = Edns(PAYLOAD, extended_rcode=said.rcode >> 4) if query.edns is not None else None
        has_room = edns is not None or said.rcode < Rcode.BADVERS
        return build(
            id=query.id,
            flags=said.flags | (said.rcode & 0xF if has_room else Rcode.SERVFAIL),
            question=(query.qname_raw, query.qtype, query.qclass),
            answer=flatten(sections[0], dnssec=True),
            authority=flatten(sections[1], dnssec=True),
            additional=flatten(sections[2], dnssec=True),
            edns=edns,
            max_size=PAYLOAD if transport == "udp" else 65_535,
        )


def _child(query: Message, scene: Scene) -> Reply:
    if query.question[:2] == (scene.qname, RRType.A):
        return Reply(b"", answer=[a(scene.qname, CHILD)])
    return Reply(b"", authority=[soa(scene.qname)])


def odd_reply(scene: Scene) -> Reply:
    """What the case says of `www`, before signatures."""
    case, zone, qname = scene.case, scene.zone, scene.qname
    target, out = below("t", zone), below("t", OTHER_ZONE)
    alias = RRset(qname, RRType.CNAME, TTL, (target,))
    leaving = RRset(qname, RRType.CNAME, TTL, (out,))
    data = a(qname, ODD)
    answers: dict[Said, list[RRset]] = {
        Said.NOTHING: [],
        Said.DATA: [data],
        Said.WILDCARD: [data],
        Said.ALIAS: [alias],
        Said.ALIAS_DATA: [alias, a(target, ODD)],
        Said.ALIAS_OUT: [leaving],
        Said.ALIAS_OUT_DATA: [leaving, a(out, ODD)],
        Said.DATA_ALIAS: [data, alias],
        Said.DATA_AFTER_ALIAS: [alias, data],
        Said.STRANGER: [a(below("x", zone), ODD)],
        Said.FOREIGN: [a(below("x", OTHER_ZONE), ODD)],
    }
    flags = Flag.QR | (Flag.AA if case.aa else 0) | (Flag.RA if case.ra else 0)
    authority = _authority(scene)
    if case.proof is not Proof.UNSIGNED:
        authority += _proofs(scene)
    if case.answer is Said.WILDCARD:
        zone = proof.as_wildcard(zone)
    return Reply(zone, case.rcode, flags, answers[case.answer], authority, _additional(scene))


def _authority(scene: Scene) -> list[RRset]:
    zone, nameserver = scene.zone, below("ns1", scene.zone)
    found: dict[Beside, RRset] = {
        Beside.SOA: soa(zone),
        Beside.BARE_SOA: soa(zone),
        Beside.SOA_PARENT: soa(TOP),
        Beside.SOA_OTHER: soa(OTHER_ZONE),
        Beside.NS: ns(zone, nameserver),
        Beside.NS_CHILD: ns(scene.qname, below("nsc", zone)),
        Beside.NS_PARENT: ns(TOP, "ns.tld."),
        Beside.NS_OTHER: ns(OTHER_ZONE, below("ns1", OTHER_ZONE)),
        Beside.NS_ROOT: ns(names.ROOT, "ns.root."),
    }
    one = found.get(scene.case.authority)
    return [] if one is None else [one]


def _proofs(scene: Scene) -> list[RRset]:
    """What a signed zone adds: about the name denied, the wildcard, the child without DS."""
    case, zone, qname = scene.case, scene.zone, scene.qname
    if case.authority is Beside.NS_CHILD:
        return proof.no_ds(case.proof, qname, zone)
    if case.answer is Said.WILDCARD and case.rcode == Rcode.NOERROR:
        return proof.no_closer(case.proof, qname, zone)
    if case.authority is not Beside.SOA:
        return []
    denied = below("t", zone) if case.answer in (Said.ALIAS, Said.ALIAS_DATA) else qname
    make = proof.nxdomain if case.rcode == Rcode.NXDOMAIN else proof.nodata
    return make(case.proof, denied, zone)


def _additional(scene: Scene) -> list[RRset]:
    if scene.case.additional is More.FORGED:
        return [a(scene.qname, ODD)]
    if scene.case.additional is More.GLUE:
        glue = [a(below("nsc", scene.zone), address(scene.host(3)))]
        return [*glue, a("ns.tld.", address(TLD)), a("ns.root.", address(ROOT))]
    return []
