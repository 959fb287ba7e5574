"""Signs zones of the virtual Internet: RRSIG on demand, NSEC or NSEC3 chains, DS for the parent.

Written apart from `resolver.dnssec` on purpose: what signs must not share the validator's mistakes.
ECDSA P-256 (algorithm 13), one key that signs all. RFC 4034, RFC 5155, RFC 6605.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.message import RRset
from resolver.protocol.rdata_fields import bitmap_of, key_tag

if TYPE_CHECKING:
    from resolver.protocol.names import Name

ALGORITHM = 13
COORDINATE = 32
SHA256 = 2
KEY_FLAGS = 257
DAY = 86_400
Key = tuple[bytes, ...]
CURVE_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_HEX32 = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghijklmnopqrstuv")


class Data(Protocol):
    """The zone that is signed, as its signer sees it (`zones.Zone`)."""

    apex: Name
    ttl: int
    data: dict[Name, dict[int, RRset]]

    def add(
        self, owner: str | Name, rtype: int, *rdatas: bytes, ttl: int | None = None
    ) -> None: ...

    def occluded(self, owner: Name) -> bool: ...

    def closest_encloser(self, name: Name) -> Name: ...


@dataclass(frozen=True, slots=True)
class Nsec3:
    """Parameters of a hashed chain."""

    iterations: int = 0
    salt: bytes = b""
    opt_out: bool = False


class Signer:
    """The key and the denial chain of one zone. Make it once the zone is complete.

    *wall* is the middle of the signatures' fortnight; *spoils* lists RRset types whose signatures
    are made wrong, for broken zones.
    """

    def __init__(
        self,
        zone: Data,
        *,
        wall: float,
        seed: str = "",
        nsec3: Nsec3 | None = None,
        spoils: frozenset[int] = frozenset(),
    ) -> None:
        self._zone = zone
        self._wall = wall
        self._seed = seed
        self._window = (int(wall) - 7 * DAY, int(wall) + 7 * DAY)
        self.nsec3 = nsec3
        self.spoils = spoils
        digest = hashlib.sha256(b"lab key/" + seed.encode() + zone.apex).digest()
        secret = int.from_bytes(digest, "big") % (CURVE_ORDER - 1) + 1
        self._key = ec.derive_private_key(secret, ec.SECP256R1())
        point = self._key.public_key().public_numbers()
        public = point.x.to_bytes(COORDINATE, "big") + point.y.to_bytes(COORDINATE, "big")
        rdata = struct.pack("!HBB", KEY_FLAGS, 3, ALGORITHM) + public
        self.tag = key_tag(rdata)
        self.dnskeys = RRset(zone.apex, RRType.DNSKEY, zone.ttl, (rdata,))
        self._signed: dict[tuple[Name, int], tuple[bytes, ...]] = {}
        if nsec3 is not None:
            parameters = struct.pack("!BBHB", 1, 0, nsec3.iterations, len(nsec3.salt))
            zone.data[zone.apex].pop(RRType.NSEC3PARAM, None)
            zone.add(zone.apex, RRType.NSEC3PARAM, parameters + nsec3.salt, ttl=0)
        self._chain = self._hashed_chain(nsec3) if nsec3 else self._plain_chain()
        self._order = [key for key, _ in self._chain]

    def renewed(self) -> Signer:
        """The same for the zone as it is now, once its data changed."""
        return Signer(
            self._zone, wall=self._wall, seed=self._seed, nsec3=self.nsec3, spoils=self.spoils
        )

    def ds(self) -> bytes:
        """The DS rdata for the parent, or for a trust anchor."""
        digest = hashlib.sha256(self._zone.apex + self.dnskeys.rdatas[0]).digest()
        return struct.pack("!HBB", self.tag, ALGORITHM, SHA256) + digest

    def anchor(self) -> str:
        """The same in presentation form."""
        digest = self.ds()[4:].hex().upper()
        return f"{names.to_text(self._zone.apex)} IN DS {self.tag} {ALGORITHM} {SHA256} {digest}"

    def sign(self, rrset: RRset) -> RRset:
        key = (rrset.owner, rrset.rtype)
        if key not in self._signed:
            self._signed[key] = (self._signature(rrset),)
        return rrset._replace(signatures=self._signed[key])

    def _signature(self, rrset: RRset) -> bytes:
        """RFC 4034 §3.1.8.1; a wildcard's own asterisk is not counted as a label."""
        labels = names.labels(rrset.owner)
        count = len(labels) - (bool(labels) and labels[0] == b"*")
        inception, expiration = self._window
        prefix = struct.pack(
            "!HBBIIIH", rrset.rtype, ALGORITHM, count, rrset.ttl, expiration, inception, self.tag
        )
        prefix += self._zone.apex
        head = rrset.owner + struct.pack("!HHI", rrset.rtype, 1, rrset.ttl)
        body = b"".join(
            head + struct.pack("!H", len(rdata)) + rdata for rdata in sorted(rrset.rdatas)
        )
        algorithm = ec.ECDSA(hashes.SHA256())
        r, s = decode_dss_signature(self._key.sign(prefix + body, algorithm))
        s ^= rrset.rtype in self.spoils
        return prefix + r.to_bytes(COORDINATE, "big") + s.to_bytes(COORDINATE, "big")

    # --- denial ----------------------------------------------------------------------------

    def nsec_at(self, name: Name) -> RRset | None:
        if self.nsec3 is not None or name not in self._zone.data:
            return None
        return self._matching(name)

    def no_name(self, name: Name) -> list[RRset]:
        """NXDOMAIN: the name is not there, and no wildcard could have made it."""
        encloser = self._zone.closest_encloser(name)
        wildcard = names.prepend(b"*", encloser)
        if self.nsec3 is None:
            return [self._interval(name), self._interval(wildcard)]
        return [*self.covering(name), self._interval(wildcard)]

    def no_data(self, name: Name) -> list[RRset]:
        """NODATA: the name is there (or has names below it), the type is not."""
        if self.nsec3 is None:
            return [self._interval(name)]
        match = self._matching(name)
        return [match] if match is not None else self.covering(name)

    def no_wildcard_data(self, name: Name, wildcard: Name) -> list[RRset]:
        match = self._matching(wildcard)
        return [*([match] if match else []), *self.covering(name)]

    def covering(self, name: Name) -> list[RRset]:
        """That *name* itself is not there; for NSEC3 with its closest encloser (RFC 5155 §7.2)."""
        if self.nsec3 is None:
            return [self._interval(name)]
        encloser = self._zone.closest_encloser(name)
        while self._matching(encloser) is None:  # opted out
            encloser = names.parent(encloser)
        next_closer = names.suffix(name, names.count(encloser) + 1)
        match = self._matching(encloser)
        return [*([match] if match else []), self._interval(next_closer)]

    def _sort_key(self, name: Name) -> Key:
        return names.canonical_key(name) if self.nsec3 is None else (self._hash(name),)

    def _interval(self, name: Name) -> RRset:
        """The link of the chain that matches or covers *name*."""
        at = bisect_right(self._order, self._sort_key(name)) - 1
        return self.sign(self._chain[at][1])

    @property
    def gaps(self) -> int:
        """Links of the denial chain."""
        return len(self._order)

    def gap_of(self, name: Name) -> Name:
        """The owner of the link that matches or covers *name*."""
        return self._interval(name).owner

    def _matching(self, name: Name) -> RRset | None:
        key = self._sort_key(name)
        at = bisect_right(self._order, key) - 1
        if at < 0 or self._order[at] != key:
            return None
        return self.sign(self._chain[at][1])

    def _hash(self, name: Name) -> bytes:
        parameters = self.nsec3 or Nsec3()
        digest = hashlib.sha1(name + parameters.salt, usedforsecurity=False).digest()
        for _ in range(parameters.iterations):
            digest = hashlib.sha1(digest + parameters.salt, usedforsecurity=False).digest()
        return digest

    def _types(self, owner: Name) -> set[int]:
        """The types that the bitmap of *owner* shows: of a cut only what the parent owns."""
        types = set(self._zone.data.get(owner, ()))
        if owner != self._zone.apex and RRType.NS in types:
            types &= {RRType.NS, RRType.DS}
            return types | ({RRType.RRSIG} if RRType.DS in types else set())
        if owner == self._zone.apex:
            types.add(RRType.DNSKEY)
        return types | {RRType.RRSIG} if types else types

    def _plain_chain(self) -> list[tuple[Key, RRset]]:
        zone = self._zone
        owners = sorted(
            (name for name in zone.data if not zone.occluded(name)), key=names.canonical_key
        )
        chain: list[tuple[Key, RRset]] = []
        for owner, following in zip(owners, [*owners[1:], zone.apex], strict=True):
            types = self._types(owner) | {RRType.NSEC, RRType.RRSIG}
            rdata = following + bitmap_of(types)
            rrset = RRset(owner, RRType.NSEC, _negative_ttl(zone), (rdata,))
            chain.append((names.canonical_key(owner), rrset))
        return chain

    def _hashed_chain(self, parameters: Nsec3) -> list[tuple[Key, RRset]]:
        zone = self._zone
        hashed = sorted((self._hash(name), name) for name in self._hashed_names(parameters))
        head = struct.pack(
            "!BBHB", 1, parameters.opt_out, parameters.iterations, len(parameters.salt)
        )
        chain: list[tuple[Key, RRset]] = []
        for at, (digest, owner) in enumerate(hashed):
            following = hashed[(at + 1) % len(hashed)][0]
            label = base64.b32encode(digest).translate(_HEX32)
            bitmap = bitmap_of(self._types(owner))
            rdata = head + parameters.salt + bytes([len(following)]) + following + bitmap
            owner_name = names.prepend(label, zone.apex)
            rrset = RRset(owner_name, RRType.NSEC3, _negative_ttl(zone), (rdata,))
            chain.append(((digest,), rrset))
        return chain

    def _hashed_names(self, parameters: Nsec3) -> set[Name]:
        """Owners and the empty non-terminals above them; insecure cuts may opt out (§6)."""
        zone = self._zone
        hashed = {zone.apex}
        for owner, sets in zone.data.items():
            if zone.occluded(owner):
                continue
            is_cut = owner != zone.apex and RRType.NS in sets
            if parameters.opt_out and is_cut and RRType.DS not in sets:
                continue
            name = owner
            while name not in hashed:
                hashed.add(name)
                name = names.parent(name)
        return hashed


def _negative_ttl(zone: Data) -> int:
    return zone.data[zone.apex][RRType.SOA].ttl
