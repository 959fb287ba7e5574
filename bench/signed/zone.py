"""A zone in memory: its records, its signatures by any recipe, its master file.

dnspython makes and signs everything, so nothing here shares the validator's code. What a recipe
says is done exactly, also where it is wrong: that is how the broken zones come about.
RFC 4034 §4 (NSEC), RFC 5155 §7.1 (NSEC3), RFC 6781 §4.1 (the stages of key rollovers).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from bench.signed.keys import KSK, Key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dns.rdtypes.ANY.DS import DS
    from dns.rdtypes.ANY.RRSIG import RRSIG

DAY = 86_400
TTL = 3600
NOW = int(time.time())
USUAL = (NOW - 10 * DAY, NOW + 20 * DAY)
NSEC, NSEC3, RRSIG_TYPE = dns.rdatatype.NSEC, dns.rdatatype.NSEC3, dns.rdatatype.RRSIG
NS, DS_TYPE, DNSKEY_TYPE = dns.rdatatype.NS, dns.rdatatype.DS, dns.rdatatype.DNSKEY

RRsetKey = tuple[dns.name.Name, int]


class Hashed(NamedTuple):
    """NSEC3 parameters."""

    iterations: int = 0
    salt: str = "-"
    opt_out: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a zone is signed. *keys* are published; *signing* (or all) sign, DNSKEY by *ksks*.

    *ds* is what the parent is given; None: a SHA-256 digest of every key with the SEP flag.
    *spoil* is applied to the signed zone.
    """

    keys: tuple[Key, ...]
    signing: tuple[Key, ...] | None = None
    ksks: tuple[Key, ...] | None = None
    hashed: Hashed | None = None
    window: tuple[int, int] = USUAL
    ds: Callable[[dns.name.Name], list[DS]] | None = None
    spoil: Callable[[Zone], None] | None = None

    def delegation(self, apex: dns.name.Name) -> list[DS]:
        if self.ds is not None:
            return self.ds(apex)
        return [key.ds(apex) for key in self.keys if key.flags & 1]


@dataclass
class Zone:
    """One zone; `add`, then `sign` once, then `text`."""

    apex: dns.name.Name
    data: dict[RRsetKey, dns.rrset.RRset] = field(default_factory=dict)
    signatures: dict[RRsetKey, list[RRSIG]] = field(default_factory=dict)
    recipe: Recipe | None = None

    # --- data ---------------------------------------------------------------------------------

    def name(self, text: str) -> dns.name.Name:
        """Relative to the apex unless it ends with a dot; "@" is the apex."""
        return self.apex if text == "@" else dns.name.from_text(text, self.apex)

    def add(self, owner: str | dns.name.Name, rtype: str, *texts: str, ttl: int = TTL) -> None:
        name = self.name(owner) if isinstance(owner, str) else owner
        kind = dns.rdatatype.from_text(rtype)
        for text in texts:
            rdata = dns.rdata.from_text(
                dns.rdataclass.IN, kind, text, origin=self.apex, relativize=False
            )
            self.put(name, rdata, ttl=ttl)

    def put(self, name: dns.name.Name, rdata: dns.rdata.Rdata, *, ttl: int = TTL) -> None:
        key = (name, int(rdata.rdtype))
        if key not in self.data:
            self.data[key] = dns.rrset.RRset(name, dns.rdataclass.IN, rdata.rdtype)
        self.data[key].add(rdata, ttl)

    def cut(self, name: dns.name.Name) -> dns.name.Name | None:
        """The highest zone cut at or above *name*, below the apex."""
        found = None
        while name != self.apex and name.is_subdomain(self.apex):
            if (name, NS) in self.data:
                found = name
            name = name.parent()
        return found

    def owns(self, name: dns.name.Name, rtype: int) -> bool:
        cut = self.cut(name)
        return cut is None or (cut == name and rtype in {DS_TYPE, NSEC})

    # --- signing --------------------------------------------------------------------------------

    def sign(self, recipe: Recipe) -> None:
        self.recipe = recipe
        for key in recipe.keys:
            self.put(self.apex, key.dnskey)
        if recipe.hashed is None:
            self._plain_chain()
        else:
            self._hashed_chain(recipe.hashed)
        signing = recipe.keys if recipe.signing is None else recipe.signing
        for (name, rtype), rrset in self.data.items():
            if self.owns(name, rtype):
                by = recipe.ksks if rtype == DNSKEY_TYPE and recipe.ksks is not None else signing
                self.signatures[name, rtype] = [
                    key.sign(rrset, self.apex, recipe.window) for key in by
                ]
        if recipe.spoil is not None:
            recipe.spoil(self)

    def types_at(self, name: dns.name.Name) -> set[int]:
        types = {rtype for owner, rtype in self.data if owner == name}
        return types & {NS, DS_TYPE} if self.cut(name) == name else types

    def _owners(self) -> list[dns.name.Name]:
        return sorted({owner for owner, _ in self.data if self.cut(owner) in {None, owner}})

    def _soa_minimum(self) -> int:
        soa = self.data[self.apex, dns.rdatatype.SOA]
        return min(soa.ttl, int(soa[0].minimum))

    def _plain_chain(self) -> None:
        owners = self._owners()
        for owner, following in zip(owners, [*owners[1:], self.apex], strict=True):
            types = self.types_at(owner) | {RRSIG_TYPE, NSEC}
            self.add(owner, "NSEC", f"{following} {_listed(types)}", ttl=self._soa_minimum())

    def _hashed_chain(self, hashed: Hashed) -> None:
        head = f"1 0 {hashed.iterations} {hashed.salt}"
        self.add("@", "NSEC3PARAM", head, ttl=0)
        links = sorted((self.digest(name), name) for name in self._hashed_names(hashed))
        for (digest, name), (following, _) in zip(links, [*links[1:], links[0]], strict=True):
            types = self.types_at(name)
            if types and types != {NS}:
                types |= {RRSIG_TYPE}
            flags = f"1 {int(hashed.opt_out)} {hashed.iterations} {hashed.salt}"
            text = f"{flags} {following} {_listed(types)}".rstrip()
            self.add(self.name(digest), "NSEC3", text, ttl=self._soa_minimum())

    def _hashed_names(self, hashed: Hashed) -> set[dns.name.Name]:
        inside = {self.apex}
        for owner in self._owners():
            if hashed.opt_out and self.cut(owner) == owner and DS_TYPE not in self.types_at(owner):
                continue
            name = owner
            while name not in inside:
                inside.add(name)
                name = name.parent()
        return inside

    def digest(self, name: dns.name.Name) -> str:
        assert self.recipe is not None and self.recipe.hashed is not None  # noqa: S101, PT018
        salt = self.recipe.hashed.salt
        octets = b"" if salt == "-" else bytes.fromhex(salt)
        return dns.dnssec.nsec3_hash(name, octets, self.recipe.hashed.iterations, 1).lower()

    # --- what may be spoiled --------------------------------------------------------------------

    def keys_of(self, rtype: int) -> list[RRsetKey]:
        return [key for key in self.signatures if key[1] == rtype]

    def drop_signatures(self, owner: str, rtype: str) -> None:
        self.signatures[self.name(owner), dns.rdatatype.from_text(rtype)] = []

    def resign(
        self,
        owner: str,
        rtype: str,
        *,
        by: Iterable[Key] | None = None,
        signer: str = "@",
        window: tuple[int, int] = USUAL,
    ) -> None:
        """Sign one RRset once more, in place of the signatures it had."""
        assert self.recipe is not None  # noqa: S101
        key = (self.name(owner), int(dns.rdatatype.from_text(rtype)))
        self.signatures[key] = [
            one.sign(self.data[key], self.name(signer), window)
            for one in (self.recipe.keys if by is None else by)
        ]

    def corrupt(self, owner: str, rtype: str) -> None:
        """Turn one bit in every signature over an RRset."""
        key = (self.name(owner), int(dns.rdatatype.from_text(rtype)))
        self.signatures[key] = [
            cast("RRSIG", one.replace(signature=_turned(one.signature)))
            for one in self.signatures[key]
        ]

    def multiply(self, name: dns.name.Name, rtype: int, count: int) -> None:
        """Put *count* different wrong signatures in the place of the first."""
        right = self.signatures[name, rtype][0]
        last = int.from_bytes(right.signature[-2:], "big")
        self.signatures[name, rtype] = [
            cast("RRSIG", right.replace(signature=right.signature[:-2] + turned.to_bytes(2, "big")))
            for turned in (last ^ number for number in range(1, count + 1))
        ]

    # --- writing --------------------------------------------------------------------------------

    def text(self) -> str:
        lines = [rrset.to_text() for rrset in self.data.values()]
        for (name, rtype), signatures in self.signatures.items():
            if (name, rtype) in self.data:
                ttl = self.data[name, rtype].ttl
                lines += [f"{name} {ttl} IN RRSIG {one}" for one in signatures]
        return "\n".join(lines) + "\n"


def _turned(octets: bytes) -> bytes:
    return octets[:-1] + bytes([octets[-1] ^ 1])


def _listed(types: set[int]) -> str:
    return " ".join(dns.rdatatype.to_text(dns.rdatatype.RdataType(one)) for one in sorted(types))


def usual(algorithm: int = 13, **more: object) -> Recipe:
    """One key that signs everything."""
    return Recipe(keys=(Key(algorithm, 0, KSK),), **more)  # type: ignore[arg-type]
