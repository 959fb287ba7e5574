"""Zones of the virtual Internet: data, and the authoritative lookup in it.

The lookup is RFC 1034 §4.3.2 with DNAME (RFC 6672), wildcards (RFC 4592) and empty non-terminals.
What a signed zone adds (RRSIG, NSEC, NSEC3, DS) comes from its `signing.Signer`. Lower-case data
only, so that records are in canonical form as they stand.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.message import RRset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.lab.signing import Signer
    from resolver.protocol.names import Name

TTL = 300
NEGATIVE_TTL = 60
MAX_CHAIN = 8
_AT_A_CUT = frozenset({RRType.DS, RRType.NSEC})


# --- rdata -----------------------------------------------------------------------------------


def address(text: str) -> tuple[int, bytes]:
    """(A or AAAA, rdata) of an address."""
    parsed = ip_address(text)
    return (RRType.A if parsed.version == 4 else RRType.AAAA), parsed.packed  # noqa: PLR2004


def soa(apex: Name, *, serial: int = 1, minimum: int = NEGATIVE_TTL) -> bytes:
    mailbox = names.prepend(b"hostmaster", apex)
    timers = struct.pack("!IIIII", serial, 7200, 3600, 1_209_600, minimum)
    return names.prepend(b"ns", apex) + mailbox + timers


def text(*strings: str) -> bytes:
    return b"".join(bytes([len(one.encode())]) + one.encode() for one in strings)


def mx(preference: int, exchange: Name) -> bytes:
    return struct.pack("!H", preference) + exchange


# --- zones -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Found:
    """What a zone says about a question."""

    rcode: int = Rcode.NOERROR
    is_authoritative: bool = True
    answer: list[RRset] = field(default_factory=list)
    authority: list[RRset] = field(default_factory=list)
    additional: list[RRset] = field(default_factory=list)
    leaves_to: Name | None = None  # an alias that points out of the zone or below a cut


class Zone:
    """One zone. `add` data first, then ask; what is below a cut is glue and never an answer."""

    def __init__(self, apex: str | Name, *, ttl: int = TTL) -> None:
        self.apex = names.from_text(apex) if isinstance(apex, str) else apex
        self.ttl = ttl
        self.data: dict[Name, dict[int, RRset]] = {}
        self.signer: Signer | None = None
        self._existing: set[Name] = {self.apex}
        self.add(self.apex, RRType.SOA, soa(self.apex), ttl=NEGATIVE_TTL)

    def __repr__(self) -> str:
        return f"<Zone {names.to_text(self.apex)} owners={len(self.data)}>"

    def name(self, text: str) -> Name:
        """An absolute name if it ends with a dot, else one below the apex; "@" is the apex."""
        if text == "@":
            return self.apex
        if text.endswith("."):
            return names.from_text(text)
        return names.from_labels((*names.labels(names.from_text(text)), *names.labels(self.apex)))

    def add(self, owner: str | Name, rtype: int, *rdatas: bytes, ttl: int | None = None) -> None:
        """Add records to an RRset; its TTL is that of the first call."""
        name = self.name(owner) if isinstance(owner, str) else owner
        sets = self.data.setdefault(name, {})
        before = sets.get(rtype)
        if before is None:
            sets[rtype] = RRset(name, rtype, self.ttl if ttl is None else ttl, rdatas)
        else:
            sets[rtype] = before._replace(rdatas=(*before.rdatas, *rdatas))
        while name not in self._existing:
            self._existing.add(name)
            name = names.parent(name)

    def add_address(self, owner: str | Name, *hosts: str, ttl: int | None = None) -> None:
        for host in hosts:
            self.add(owner, *address(host), ttl=ttl)

    def get(self, owner: Name, rtype: int) -> RRset | None:
        return self.data.get(owner, {}).get(rtype)

    def cut_above(self, qname: Name) -> Name | None:
        """The highest delegation at or above *qname*, below the apex."""
        found = None
        for name in names.ancestors(qname):
            if name == self.apex:
                return found
            if RRType.NS in self.data.get(name, ()):
                found = name
        return found

    def occluded(self, owner: Name) -> bool:
        """True below a zone cut: glue, which the zone does not own."""
        cut = self.cut_above(owner)
        return cut is not None and cut != owner

    def exists(self, name: Name) -> bool:
        """True for owners and for empty non-terminals above them."""
        return name in self._existing

    def closest_encloser(self, name: Name) -> Name:
        return next(one for one in names.ancestors(name) if one in self._existing)

    # --- lookup ----------------------------------------------------------------------------

    def lookup(self, qname: Name, qtype: int, *, dnssec: bool = False) -> Found:
        """The reply to a question at or below the apex, aliases within the zone followed."""
        found = Found()
        name = qname
        for _ in range(MAX_CHAIN):
            target = self._step(found, name, qtype, dnssec=dnssec)
            if target is None:
                return found
            if not names.is_subdomain(target, self.apex):
                found.leaves_to = target
                return found
            if any(rrset.owner == target for rrset in found.answer):
                return found
            name = target
        return found

    def _step(self, found: Found, name: Name, qtype: int, *, dnssec: bool) -> Name | None:
        """One name of a chain; the alias target, or None at its end."""
        cut = self.cut_above(name)
        if cut is not None and not (cut == name and qtype == RRType.DS):
            found.leaves_to = name if found.answer else None
            self._refer(found, cut, dnssec=dnssec)
            return None
        for owner in names.ancestors(name):
            if owner == name:
                continue
            dname = self.get(owner, RRType.DNAME)
            if dname is not None:
                return self._synthesise(found, name, dname, dnssec=dnssec)
            if owner == self.apex:
                break
        if self.exists(name):
            return self._from_node(found, name, name, qtype, dnssec=dnssec)
        encloser = self.closest_encloser(name)
        wildcard = names.prepend(b"*", encloser)
        if wildcard in self.data:
            return self._from_node(found, name, wildcard, qtype, dnssec=dnssec)
        found.rcode = Rcode.NXDOMAIN
        self._deny(found, name, wildcard, dnssec=dnssec)
        return None

    def _from_node(
        self, found: Found, name: Name, node: Name, qtype: int, *, dnssec: bool
    ) -> Name | None:
        """What stands at *node* (a wildcard, or *name* itself) answers for *name*."""
        sets = self.data.get(node, {})
        hides = qtype not in sets and qtype != RRType.ANY  # nothing that an apex has beside it
        if RRType.CNAME in sets and hides and not (qtype == RRType.DNSKEY and node == self.apex):
            cname = sets[RRType.CNAME]
            self._put(found, cname, name, dnssec=dnssec)
            return cname.rdatas[0]
        wanted = list(sets.values()) if qtype == RRType.ANY else [sets.get(qtype)]
        wanted += [self._made(node, qtype)] if qtype in {RRType.DNSKEY, RRType.NSEC} else []
        answers = [rrset for rrset in wanted if rrset is not None]
        for rrset in answers:
            self._put(found, rrset, name, dnssec=dnssec)
        if not answers:
            self._deny(found, name, node, dnssec=dnssec)
        return None

    def _made(self, node: Name, qtype: int) -> RRset | None:
        """What the signer adds to the data: the apex keys, and NSEC records if asked for."""
        if self.signer is None:
            return None
        if qtype == RRType.DNSKEY:
            return self.signer.dnskeys if node == self.apex else None
        return self.signer.nsec_at(node)

    def _synthesise(self, found: Found, name: Name, dname: RRset, *, dnssec: bool) -> Name | None:
        self._put(found, dname, dname.owner, dnssec=dnssec)
        try:
            target = names.replace_suffix(name, dname.owner, dname.rdatas[0])
        except ValueError:
            found.rcode = Rcode.YXDOMAIN
            return None
        found.answer.append(RRset(name, RRType.CNAME, dname.ttl, (target,)))
        return target

    def _put(self, found: Found, rrset: RRset, name: Name, *, dnssec: bool) -> None:
        """Put an RRset into the answer under *name*, with the proof that a wildcard needs."""
        signed = self.signed(rrset) if dnssec else rrset
        found.answer.append(signed._replace(owner=name))
        if name != rrset.owner and dnssec and self.signer is not None:
            _extend(found.authority, self.signer.covering(name))

    def _refer(self, found: Found, cut: Name, *, dnssec: bool) -> None:
        nameservers = self.data[cut][RRType.NS]
        found.is_authoritative = bool(found.answer)
        found.authority.append(nameservers)
        found.additional.extend(self.glue(nameservers))
        if dnssec and self.signer is not None:
            ds = self.get(cut, RRType.DS)
            if ds is not None:
                found.authority.append(self.signed(ds))
            else:
                _extend(found.authority, self.signer.no_data(cut))

    def _deny(self, found: Found, name: Name, node: Name, *, dnssec: bool) -> None:
        apex_soa = self.data[self.apex][RRType.SOA]
        found.authority.append(self.signed(apex_soa) if dnssec else apex_soa)
        if dnssec and self.signer is not None:
            if found.rcode == Rcode.NXDOMAIN:
                proof = self.signer.no_name(name)
            elif node != name:
                proof = self.signer.no_wildcard_data(name, node)
            else:
                proof = self.signer.no_data(name)
            _extend(found.authority, proof)

    def glue(self, nameservers: RRset) -> Iterable[RRset]:
        """Addresses of nameservers that this zone has at hand, own or glue."""
        for target in nameservers.rdatas:
            for rtype in (RRType.A, RRType.AAAA):
                rrset = self.get(target, rtype)
                if rrset is not None:
                    yield rrset

    def signed(self, rrset: RRset) -> RRset:
        """With its signatures if the zone is signed and owns the set."""
        if self.signer is None:
            return rrset
        if rrset.owner != self.apex and rrset.rtype not in _AT_A_CUT:
            cut = self.cut_above(rrset.owner)
            if cut is not None:
                return rrset
        return self.signer.sign(rrset)


def _extend(section: list[RRset], more: Iterable[RRset]) -> None:
    """Each proof once."""
    for rrset in more:
        if rrset not in section:
            section.append(rrset)
