"""Keys, DS and RRSIGs in octets, made with `cryptography` and nothing of `resolver.dnssec`.

For worlds that are signed as the RFCs say. `bench.signed` signs with dnspython instead: its zones
have every algorithm, and are wrong where a recipe says so. `resolver/lab/signing.py` signs on
demand and ships with the daemon, which has nothing of bench in it.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

if TYPE_CHECKING:
    from collections.abc import Iterable

RSASHA256, ECDSAP256, ED25519 = 8, 13, 15
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
DAY_S = 86_400
_FLAGS, _PROTOCOL, _SHA256 = 257, 3, 2
_FIXED_OCTETS = 18  # of an RRSIG, before the signer's name

Private: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Key:
    """A key that does for both roles (RFC 6781 §3.1), and its public faces. Names are wire form."""

    private: Private
    algorithm: int
    dnskey: bytes
    tag: int

    def dnskey_text(self) -> str:
        return f"{_FLAGS} {_PROTOCOL} {self.algorithm} {base64.b64encode(self.dnskey[4:]).decode()}"

    def ds(self, zone: bytes) -> bytes:
        """The DS rdata the parent publishes (RFC 4034 §5.1.4, RFC 4509)."""
        digest = hashlib.sha256(zone + self.dnskey).digest()
        return struct.pack("!HBB", self.tag, self.algorithm, _SHA256) + digest

    def ds_text(self, zone: bytes) -> str:
        return f"{self.tag} {self.algorithm} {_SHA256} {self.ds(zone)[4:].hex().upper()}"

    def rrsig(
        self,
        owner: bytes,
        rtype: int,
        ttl_s: int,
        rdatas: Iterable[bytes],
        *,
        signer: bytes,
        window: tuple[int, int],
    ) -> bytes:
        """The RRSIG rdata of an RRset in canonical form (RFC 4034 §3.1.8.1).

        *window* is inception and expiration. A wildcard's own asterisk is not counted as a label.
        """
        count = label_count(owner) - owner.startswith(b"\x01*")
        inception, expiration = window
        head = struct.pack(
            "!HBBIIIH", rtype, self.algorithm, count, ttl_s, expiration, inception, self.tag
        )
        fixed = owner + struct.pack("!HHI", rtype, 1, ttl_s)
        records = (fixed + struct.pack("!H", len(rdata)) + rdata for rdata in sorted(rdatas))
        return head + signer + self._sign(head + signer + b"".join(records))

    def _sign(self, data: bytes) -> bytes:
        """In DNSSEC's form (RFC 5702 §3, RFC 6605 §4, RFC 8080 §4)."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(data)
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def p256_key(secret: int) -> Key:
    """*secret* is 1 to P256_ORDER - 1."""
    private = ec.derive_private_key(secret, ec.SECP256R1())
    point = private.public_key().public_numbers()
    return _key(private, ECDSAP256, point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big"))


def ed25519_key(secret: bytes) -> Key:
    """*secret* is 32 octets."""
    private = ed25519.Ed25519PrivateKey.from_private_bytes(secret)
    return _key(private, ED25519, private.public_key().public_bytes_raw())


def rsa_key() -> Key:
    """A new one of 2048 bits."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    modulus = private.public_key().public_numbers().n
    return _key(private, RSASHA256, b"\x03\x01\x00\x01" + modulus.to_bytes(256, "big"))


def _key(private: Private, algorithm: int, public: bytes) -> Key:
    dnskey = struct.pack("!HBB", _FLAGS, _PROTOCOL, algorithm) + public
    return Key(private, algorithm, dnskey, key_tag(dnskey))


def key_tag(dnskey: bytes) -> int:
    """RFC 4034 appendix B."""
    total = sum(octet if index & 1 else octet << 8 for index, octet in enumerate(dnskey))
    return (total + (total >> 16)) & 0xFFFF


def signature_of(rrsig: bytes, signer: bytes) -> bytes:
    """The last field of an RRSIG's rdata."""
    return rrsig[_FIXED_OCTETS + len(signer) :]


def anchor_text(zone: str, key: Key) -> str:
    """The DS as a line of a trust anchor file; *zone* is absolute."""
    return f"{zone} IN DS {key.ds_text(name_wire(zone))}"


def type_bitmap(types: Iterable[int]) -> bytes:
    """RFC 4034 §4.1.2; only the first window, in which all types of these worlds are."""
    present = sorted(types)
    if not present:
        return b""
    octets = bytearray(present[-1] // 8 + 1)
    for rtype in present:
        octets[rtype // 8] |= 0x80 >> rtype % 8
    return bytes((0, len(octets))) + bytes(octets)


def name_wire(name: str) -> bytes:
    """Uncompressed wire form of a name in lower case, with or without its final dot."""
    labels = [label.encode("ascii") for label in name.split(".") if label]
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def label_count(name: bytes) -> int:
    """Of a name in wire form, the root not counted."""
    count = at = 0
    while name[at]:
        count, at = count + 1, at + 1 + name[at]
    return count
