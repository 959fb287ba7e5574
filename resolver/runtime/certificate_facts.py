"""What a certificate says of itself: for whom it is, and the digest that its key is pinned by.

For both ends of TLS: what our listeners show, and what a server has shown to us. Loads a library
that takes a tenth of a second: imported where something is encrypted only. Pure.
"""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def public_octets(key: object) -> bytes:
    """DER of a public key (SPKI); `object`, since not every kind of private key has one.

    Raises ValueError, TypeError.
    """
    octets: bytes = key.public_bytes(  # type: ignore[attr-defined]
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    return octets


def key_digest(certificate: x509.Certificate) -> bytes:
    """SHA-256 of its public key (RFC 7858 appendix A). Raises ValueError, TypeError."""
    return hashlib.sha256(public_octets(certificate.public_key())).digest()


def kind_of_key(certificate: x509.Certificate) -> str:
    """A server can show one certificate of each: "RSA", "EC" (of any curve), "Ed25519"."""
    return type(certificate.public_key()).__name__.removesuffix("PublicKey")


def alternative_names(certificate: x509.Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names and the addresses that it is for; none where that cannot be told."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        addresses = found.get_values_for_type(x509.IPAddress)
        return tuple(found.get_values_for_type(x509.DNSName)), tuple(map(str, addresses))
    except (ValueError, TypeError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return (), ()
