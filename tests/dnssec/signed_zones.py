"""Signed zones in memory, signed by dnspython, and a driver that feeds the validator from them.

Nothing here uses the validator's own canonical forms, digests or hashes: it is their oracle.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from resolver.model import Link, Question, RRset, Verdict
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.rdata_fields import bitmap_of
from tests.dnssec.data import parsed, wire

if TYPE_CHECKING:
    from resolver.model import Name, Server


WALL = 1_785_000_000
DAY = 86_400
TTL = 3600


@functools.cache
def private_key(algorithm: int, number: int = 0) -> Any:
    """A key of *algorithm*; made once per test run."""
    del number
    if algorithm in (5, 7, 8, 10):
        return rsa.generate_private_key(65537, 1024)  # noqa: S505 - quick to make
    if algorithm in (13, 14):
        return ec.generate_private_key(ec.SECP256R1() if algorithm == 13 else ec.SECP384R1())
    if algorithm == 15:
        return ed25519.Ed25519PrivateKey.generate()
    return ed448.Ed448PrivateKey.generate()


class Hashed(NamedTuple):
    """NSEC3 parameters of a zone."""

    iterations: int = 0
    salt: bytes = b""
    opt_out: bool = False


@dataclass
class Zone:
    """One zone. `add` first, then `sign` (or leave it unsigned), then `answer`."""

    apex: Name
    data: dict[tuple[Name, int], list[bytes]] = field(default_factory=dict)
    signed: dict[tuple[Name, int], RRset] = field(default_factory=dict)
    ds: tuple[bytes, ...] = ()
    keys: list[tuple[Any, Any]] = field(default_factory=list)
    hashed: Hashed | None = None
    window: tuple[int, int] = (WALL - 7 * DAY, WALL + 7 * DAY)
    server: Server | None = None

    def add(self, owner: str, rtype: str, *texts: str) -> Zone:
        key = (names.from_text(owner), int(dns.rdatatype.from_text(rtype)))
        for text in texts:
            rdata = dns.rdata.from_text("IN", rtype, text, dns.name.root, relativize=False)
            self.data.setdefault(key, []).append(wire(rdata))
        return self

    def add_ds(self, child: Zone) -> Zone:
        self.data[child.apex, RRType.DS] = list(child.ds)
        return self

    # --- signing ------------------------------------------------------------------------------

    def prepare_keys(self, *algorithms: int, digest: str = "SHA256") -> Zone:
        """One key per algorithm; with it the DNSKEY RRset and what the parent publishes."""
        self.keys = []
        found = []
        for algorithm in algorithms:
            private = private_key(algorithm, len(self.apex))
            public = dns.dnssec.make_dnskey(
                private.public_key(),
                algorithm,
                257,
            )
            self.keys.append((private, public))
            apex = dns.name.from_wire(self.apex, 0)[0]
            policy = dns.dnssec.allow_all_policy
            found.append(wire(dns.dnssec.make_ds(apex, public, digest, policy=policy)))
        self.ds = tuple(found)
        self.data[self.apex, RRType.DNSKEY] = [wire(key) for _, key in self.keys]
        return self

    def sign(self, *algorithms: int, hashed: Hashed | None = None) -> Zone:
        if not self.keys:
            self.prepare_keys(*(algorithms or (13,)))
        self.hashed = hashed
        self._chain()
        for (owner, rtype), rdatas in self.data.items():
            if self.is_authoritative(owner, rtype):
                self.signed[owner, rtype] = self.signed_rrset(owner, rtype, rdatas)
        return self

    def signed_rrset(self, owner: Name, rtype: int, rdatas: list[bytes]) -> RRset:
        kind = dns.rdatatype.RdataType.make(rtype)
        made = dns.rrset.RRset(dns.name.from_wire(owner, 0)[0], dns.rdataclass.IN, kind)
        for octets in rdatas:
            made.add(parsed(rtype, octets), TTL)
        apex = dns.name.from_wire(self.apex, 0)[0]
        since, until = self.window
        signatures = [
            wire(
                dns.dnssec.sign(
                    made,
                    private,
                    apex,
                    public,
                    inception=since,
                    expiration=until,
                    policy=dns.dnssec.allow_all_policy,
                )
            )
            for private, public in self.keys
        ]
        return RRset(owner, rtype, TTL, tuple(rdatas), tuple(signatures))

    def cut(self, name: Name) -> Name | None:
        """The zone cut at or above *name*, below the apex."""
        above = [up for up in names.ancestors(name) if names.is_subdomain(up, self.apex)]
        return next((up for up in reversed(above[:-1]) if (up, RRType.NS) in self.data), None)

    def is_authoritative(self, owner: Name, rtype: int) -> bool:
        cut = self.cut(owner)
        return cut is None or (cut == owner and rtype in (RRType.DS, RRType.NSEC))

    def _types(self, owner: Name) -> set[int]:
        types = {rtype for name, rtype in self.data if name == owner}
        if self.cut(owner) == owner:
            types &= {RRType.NS, RRType.DS}
        return types

    def _owners(self) -> list[Name]:
        owners = {owner for owner, _ in self.data if self.cut(owner) in (None, owner)}
        return sorted(owners, key=names.canonical_key)

    def _chain(self) -> None:
        if self.hashed is None:
            owners = self._owners()
            for owner, after in zip(owners, [*owners[1:], self.apex], strict=True):
                types = self._types(owner) | {RRType.RRSIG, RRType.NSEC}
                self.data[owner, RRType.NSEC] = [after + bitmap_of(types)]
            return
        self._hashed_chain(self.hashed)

    def digest(self, name: Name) -> str:
        assert self.hashed is not None
        text = dns.name.from_wire(name, 0)[0]
        return dns.dnssec.nsec3_hash(text, self.hashed.salt, self.hashed.iterations, 1)

    def _hashed_chain(self, hashed: Hashed) -> None:
        inside: set[Name] = set()
        for owner in self._owners():
            types = self._types(owner)
            is_unsigned_cut = types == {RRType.NS} and owner != self.apex
            if hashed.opt_out and is_unsigned_cut:
                continue
            ups = names.ancestors(owner)
            inside |= {up for up in ups if names.is_subdomain(up, self.apex)}
        digests = sorted((self.digest(name).lower(), name) for name in inside)
        for (low, name), (high, _) in zip(digests, [*digests[1:], digests[0]], strict=True):
            types = self._types(name)
            if types and types != {RRType.NS}:
                types |= {RRType.RRSIG}
            bitmap = bitmap_of(types)
            raw = wire(dns.rdata.from_text("IN", "NSEC3", f"1 0 0 - {high}"))[6:26]
            salt = bytes([len(hashed.salt)]) + hashed.salt
            head = bytes([1, hashed.opt_out]) + hashed.iterations.to_bytes(2, "big")
            owner = names.prepend(low.encode(), self.apex)
            self.data[owner, RRType.NSEC3] = [head + salt + b"\x14" + raw + bitmap]

    # --- answering ----------------------------------------------------------------------------

    def rrset(self, owner: Name, rtype: int) -> RRset | None:
        if (owner, rtype) in self.signed:
            return self.signed[owner, rtype]
        rdatas = self.data.get((owner, rtype))
        return RRset(owner, rtype, TTL, tuple(rdatas)) if rdatas else None

    def exists(self, name: Name) -> bool:
        hidden = (RRType.NSEC3,)
        return any(
            names.is_subdomain(owner, name) for owner, rtype in self.data if rtype not in hidden
        )

    def answer(self, qname: Name, qtype: int) -> Link:
        """What a server of this zone says, with every proof that it should have."""
        question = Question(qname, qtype)
        cut = self.cut(qname)
        if cut is not None and not (cut == qname and qtype == RRType.DS):
            return self._referral(question, cut)
        for up in list(names.ancestors(qname))[1:]:
            dname = self.rrset(up, RRType.DNAME)
            if dname is not None:
                target = qname[: -len(up)] + dname.rdatas[0]
                cname = RRset(qname, RRType.CNAME, TTL, (target,))
                return self._outcome(question, Verdict.DNAME, (dname, cname))
        if self.exists(qname):
            return self._at(question, qname, ())
        encloser = next(up for up in names.ancestors(qname) if self.exists(up))
        wildcard = b"\x01*" + encloser
        if self.exists(wildcard):
            return self._at(question, wildcard, self.deny_closer(qname, encloser))
        proof = (*self.deny_closer(qname, encloser), *self.deny_name(encloser, wildcard))
        return self._outcome(question, Verdict.NXDOMAIN, (), (self.soa(), *proof))

    def _at(self, question: Question, owner: Name, proof: tuple[RRset, ...]) -> Link:
        qname, qtype, _ = question
        if qtype == RRType.ANY:
            found = [self.rrset(*key) for key in self.data if key[0] == owner]
            answer = tuple(one._replace(owner=qname) for one in found if one)
            return self._outcome(question, Verdict.ANSWER, answer, proof)
        for rtype, verdict in ((qtype, Verdict.ANSWER), (RRType.CNAME, Verdict.CNAME)):
            rrset = self.rrset(owner, rtype)
            if rrset is not None:
                cover = proof[-1:]  # all that a wildcard's data needs (RFC 5155 §7.2.6)
                return self._outcome(question, verdict, (rrset._replace(owner=qname),), cover)
        denial = (self.soa(), *proof, *self.deny_type(owner, qname))
        return self._outcome(question, Verdict.NODATA, (), denial)

    def _referral(self, question: Question, cut: Name) -> Link:
        ns, ds = self.rrset(cut, RRType.NS), self.rrset(cut, RRType.DS)
        assert ns is not None
        authority = (ns, ds) if ds is not None else (ns, *self.deny_type(cut, cut))
        return self._outcome(question, Verdict.REFERRAL, (), authority)

    def soa(self) -> RRset:
        soa = self.rrset(self.apex, RRType.SOA)
        assert soa is not None
        return soa

    def _outcome(
        self,
        question: Question,
        verdict: Verdict,
        answer: tuple[RRset, ...],
        authority: tuple[RRset, ...] = (),
    ) -> Link:
        rcode = Rcode.NXDOMAIN if verdict is Verdict.NXDOMAIN else Rcode.NOERROR
        unique = tuple(dict.fromkeys(authority))
        return Link(question, self.apex, verdict, rcode, answer, unique, self.server)

    # --- denying ------------------------------------------------------------------------------

    def deny_type(self, owner: Name, qname: Name) -> tuple[RRset, ...]:
        """The record at *owner*, or under opt-out the proof that it has none."""
        if not self.keys:
            return ()
        if self.hashed is None:
            return (self._span(owner),)
        matched = self._match(owner)
        if matched is not None:
            encloser = names.parent(owner)
            more = [self._match(encloser)] if owner != qname else []
            return (matched, *(one for one in more if one))
        encloser = next(up for up in names.ancestors(owner) if self._match(up))
        return self.deny_closer(owner, encloser)

    def deny_closer(self, qname: Name, encloser: Name) -> tuple[RRset, ...]:
        if not self.keys:
            return ()
        if self.hashed is None:
            return (self._span(qname),)
        # an empty non-terminal that only opted-out cuts made has no record either
        encloser = next(up for up in names.ancestors(encloser) if self._match(up))
        matched = self._match(encloser)
        next_closer = names.suffix(qname, names.count(encloser) + 1)
        assert matched is not None
        return (matched, self._cover(next_closer))

    def deny_name(self, encloser: Name, wildcard: Name) -> tuple[RRset, ...]:
        del encloser
        if not self.keys:
            return ()
        return (self._span(wildcard) if self.hashed is None else self._cover(wildcard),)

    def _span(self, name: Name) -> RRset:
        """The NSEC at *name* or last before it."""
        owners = [owner for owner, rtype in self.signed if rtype == RRType.NSEC]
        key = names.canonical_key(name)
        below = [owner for owner in owners if names.canonical_key(owner) <= key]
        return self.signed[max(below, key=names.canonical_key), RRType.NSEC]

    def _match(self, name: Name) -> RRset | None:
        owner = names.prepend(self.digest(name).lower().encode(), self.apex)
        return self.signed.get((owner, RRType.NSEC3))

    def _cover(self, name: Name) -> RRset:
        digest = self.digest(name).lower().encode()
        owners = sorted(owner for owner, rtype in self.signed if rtype == RRType.NSEC3)
        below = [owner for owner in owners if owner[1:33] < digest]
        return self.signed[(below or owners)[-1], RRType.NSEC3]
