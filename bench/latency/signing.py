"""Signs a zone beforehand: DNSKEY, NSEC chain and an RRSIG for every set the zone speaks for (RFC
4034, 4035).

One P-256 key per zone does for both roles (RFC 6781 §3.1: a combined signing key); keys come
from the seed. The authority of the bench then only looks records up.
"""

import base64
import dataclasses
import hashlib
import random
import struct
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from bench.latency.wire import DNSKEY, DS, NS, NSEC, RRSIG, Rrset, canonical_key, from_text

ALGORITHM = 13  # ECDSA P-256 with SHA-256 (RFC 6605)
SHA256_DIGEST = 2
FLAGS = 257
PROTOCOL = 3
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
DAY_S = 86400


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """A zone's key and its two public faces."""

    private: ec.EllipticCurvePrivateKey
    dnskey: bytes
    tag: int

    def ds(self, zone: str) -> bytes:
        """The DS rdata the parent publishes (RFC 4034 §5.1.4)."""
        digest = hashlib.sha256(from_text(zone) + self.dnskey).digest()
        return struct.pack("!HBB", self.tag, ALGORITHM, SHA256_DIGEST) + digest

    def anchor_text(self, zone: str) -> str:
        """The DS as a line of a trust anchor file."""
        ds = self.ds(zone)
        return f"{zone}. IN DS {self.tag} {ALGORITHM} {SHA256_DIGEST} {ds[4:].hex().upper()}"

    def static_key_text(self) -> str:
        """The DNSKEY in words, for configurations that take keys and no digests."""
        return f'{FLAGS} {PROTOCOL} {ALGORITHM} "{base64.b64encode(self.dnskey[4:]).decode()}"'


def key_tag(dnskey: bytes) -> int:
    """RFC 4034 appendix B."""
    total = sum(byte << 8 if index % 2 == 0 else byte for index, byte in enumerate(dnskey))
    return (total + (total >> 16)) & 0xFFFF


def make_key(zone: str, seed: int) -> Key:
    """The key of *zone* in the world of *seed*."""
    secret = random.Random(f"{seed} {zone}").randrange(1, P256_ORDER)
    private = ec.derive_private_key(secret, ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    point = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    dnskey = struct.pack("!HBB", FLAGS, PROTOCOL, ALGORITHM) + point
    return Key(private, dnskey, key_tag(dnskey))


def sign(rrset: Rrset, zone: str, key: Key, now: float) -> bytes:
    """The rdata of the RRSIG of *rrset*, valid from a day before to thirty days after *now*."""
    owner = from_text(rrset.owner)
    head = struct.pack(
        "!HBBIIIH",
        rrset.rtype,
        ALGORITHM,
        len(canonical_key(rrset.owner)),
        rrset.ttl_s,
        int(now) + 30 * DAY_S,
        int(now) - DAY_S,
        key.tag,
    ) + from_text(zone)
    fixed = owner + struct.pack("!HHI", rrset.rtype, 1, rrset.ttl_s)
    records = b"".join(fixed + struct.pack("!H", len(data)) + data for data in sorted(rrset.rdatas))
    r, s = decode_dss_signature(key.private.sign(head + records, ec.ECDSA(hashes.SHA256())))
    return head + r.to_bytes(32, "big") + s.to_bytes(32, "big")


def type_bitmap(types: list[int]) -> bytes:
    """RFC 4034 §4.1.2; all types here are in the first window."""
    bits = bytearray(max(types) // 8 + 1)
    for rtype in types:
        bits[rtype >> 3] |= 0x80 >> (rtype & 7)
    return bytes((0, len(bits))) + bytes(bits)


def nsec_chain(zone: str, rrsets: list[Rrset]) -> list[Rrset]:
    """One NSEC for each name the zone speaks for, cuts included, what is below them not."""
    cuts = {rrset.owner for rrset in rrsets if rrset.rtype == NS and rrset.owner != zone}
    types: dict[str, list[int]] = {}
    for rrset in rrsets:
        if not _is_below(rrset.owner, cuts):
            types.setdefault(rrset.owner, []).append(rrset.rtype)
    names = sorted(types, key=canonical_key)
    chain: list[Rrset] = []
    for name, following in zip(names, [*names[1:], names[0]], strict=True):
        present = [t for t in types[name] if name not in cuts or t in (NS, DS)]
        rdata = from_text(following) + type_bitmap([*present, NSEC, RRSIG])
        chain.append(Rrset(name, NSEC, rrsets[0].ttl_s, [rdata]))
    return chain


def sign_zone(zone: str, rrsets: list[Rrset], key: Key) -> list[Rrset]:
    """*rrsets* with DNSKEY, NSEC and RRSIG added; the first of them gives the TTL."""
    whole = [*rrsets, Rrset(zone, DNSKEY, rrsets[0].ttl_s, [key.dnskey])]
    whole += nsec_chain(zone, whole)
    cuts = {rrset.owner for rrset in whole if rrset.rtype == NS and rrset.owner != zone}
    signatures: list[Rrset] = []
    now = time.time()
    for rrset in whole:
        at_cut = rrset.owner in cuts and rrset.rtype not in (DS, NSEC)
        if not at_cut and not _is_below(rrset.owner, cuts):
            signatures.append(Rrset(rrset.owner, RRSIG, rrset.ttl_s, [sign(rrset, zone, key, now)]))
    return whole + signatures


def _is_below(owner: str, cuts: set[str]) -> bool:
    parent = owner.partition(".")[2]
    while parent:
        if parent in cuts:
            return True
        parent = parent.partition(".")[2]
    return False
