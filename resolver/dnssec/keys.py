"""6 is it true: public keys, the only place that touches `cryptography`.

A public key is parsed once and kept (an LRU keyed by rdata). Which of them count is told by
`algorithms`. RFC 3110, 5702 (RSA), 6605 (ECDSA), 8080 (Ed25519, Ed448).
"""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from resolver import limits
from resolver.limits import KNOWN_SIGNATURE_OCTETS, KNOWN_SIGNATURES
from resolver.protocol import rdata_fields

_RSA_HASHES: Final = {5: hashes.SHA1(), 7: hashes.SHA1(), 8: hashes.SHA256(), 10: hashes.SHA512()}  # noqa: S303 - RFC 9905 §2
_CURVES: Final = {
    13: (ec.SECP256R1(), 32, ec.ECDSA(hashes.SHA256())),
    14: (ec.SECP384R1(), 48, ec.ECDSA(hashes.SHA384())),
}
_ED25519: Final = 15
_ED448: Final = 16
# signature → the key and the octets that it was good for
_MADE: Final[OrderedDict[bytes, tuple[bytes, bytes]]] = OrderedDict()  # in order of use


class Verifier(Protocol):
    """Checks one signature; a bad one is False, not an exception."""

    def __call__(self, signature: bytes, data: bytes) -> bool: ...


class ZoneKey(NamedTuple):
    """A DNSKEY. Its public key is parsed when first needed: a hostile zone may have hundreds."""

    rdata: bytes
    tag: int
    flags: int
    protocol: int
    algorithm: int

    @property
    def may_sign(self) -> bool:
        """ZONE flag set, protocol 3, not revoked (RFC 4034 §2.1, RFC 5011 §2.1)."""
        return self.flags & 0x0180 == 0x0100 and self.protocol == 3  # noqa: PLR2004

    @property
    def is_zone_key(self) -> bool:
        return self.flags & 0x0100 != 0

    @property
    def is_revoked(self) -> bool:
        return self.flags & 0x0080 != 0

    def verify(self, signature: bytes, data: bytes) -> bool:
        """True if this key made *signature* over *data*; never raises.

        What verified once is known: the SOA of a zone comes with every denial of its names.
        """
        made = _MADE.get(signature)
        if made is not None and made == (self.rdata, data):
            _MADE.move_to_end(signature)
            return True
        verifier = parsed(self.rdata)
        if verifier is None or not verifier(signature, data):
            return False
        if len(data) <= KNOWN_SIGNATURE_OCTETS:
            _MADE[signature] = (self.rdata, data)
            if len(_MADE) > KNOWN_SIGNATURES:
                _MADE.popitem(last=False)
        return True


def zone_key(rdata: bytes) -> ZoneKey:
    """The fields of one DNSKEY rdata, its tag computed."""
    flags, protocol, algorithm, _ = rdata_fields.dnskey(rdata)
    return ZoneKey(rdata, rdata_fields.key_tag(rdata), flags, protocol, algorithm)


@lru_cache(maxsize=limits.PARSED_KEYS)
def parsed(rdata: bytes) -> Verifier | None:
    """The public key of one DNSKEY rdata; None if its octets are no key we can use."""
    _, _, algorithm, key = rdata_fields.dnskey(rdata)
    try:
        return _verifier(algorithm, key)
    except (ValueError, IndexError, UnsupportedAlgorithm):
        return None


def _verifier(algorithm: int, key: bytes) -> Verifier | None:
    if algorithm in _RSA_HASHES:
        return _rsa(algorithm, key)
    if algorithm in _CURVES:
        return _ecdsa(algorithm, key)
    if algorithm == _ED25519:
        return _edwards(ed25519.Ed25519PublicKey.from_public_bytes(key))
    if algorithm == _ED448:
        return _edwards(ed448.Ed448PublicKey.from_public_bytes(key))
    return None


def _rsa(algorithm: int, key: bytes) -> Verifier | None:
    size, at = key[0], 1
    if size == 0:
        size, at = int.from_bytes(key[1:3], "big"), 3
    exponent = int.from_bytes(key[at : at + size], "big")
    modulus = int.from_bytes(key[at + size :], "big")
    if modulus.bit_length() > limits.RSA_MODULUS_BITS:
        return None
    if exponent.bit_length() > limits.RSA_EXPONENT_BITS:
        return None
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    digest, pad, octets = _RSA_HASHES[algorithm], padding.PKCS1v15(), (public.key_size + 7) // 8

    def verify(signature: bytes, data: bytes) -> bool:
        try:
            # some signers drop leading zero octets, which OpenSSL would not take
            public.verify(signature.rjust(octets, b"\0"), data, pad, digest)
        except InvalidSignature:
            return False
        return True

    return verify


def _ecdsa(algorithm: int, key: bytes) -> Verifier | None:
    curve, octets, scheme = _CURVES[algorithm]
    if len(key) != 2 * octets:
        return None
    public = ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + key)

    def verify(signature: bytes, data: bytes) -> bool:
        if len(signature) != 2 * octets:
            return False
        r, s = int.from_bytes(signature[:octets], "big"), int.from_bytes(signature[octets:], "big")
        try:
            public.verify(encode_dss_signature(r, s), data, scheme)
        except InvalidSignature:
            return False
        return True

    return verify


def _edwards(public: ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) -> Verifier:
    def verify(signature: bytes, data: bytes) -> bool:
        try:
            public.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    return verify
