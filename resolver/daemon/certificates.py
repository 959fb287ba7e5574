"""Certificates and their keys: read and held against each other, or made where none is given.

Whatever is wrong is said in the words of the configuration: the key, the path, what was expected.
What is read is taken into memory once, and OpenSSL is given those octets: nobody can change a file
between the look and the use. A certificate of our own is signed by itself, on P-256, for the names
and addresses that we listen at; its key outlives it, so that a pin (RFC 7858 §4.2) holds for good.
"""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import os
import re
import ssl
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from resolver.config.check import listed
from resolver.config.files import working_path
from resolver.errors import ConfigError, unusable_file
from resolver.limits import (
    CERTIFICATE_DAYS,
    CERTIFICATE_RENEWAL_DAYS,
    CERTIFICATE_SKEW_SECONDS,
    TLS_FILE_OCTETS,
)
from resolver.runtime.certificate_facts import (
    alternative_names,
    key_digest,
    kind_of_key,
    public_octets,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificateIssuerPrivateKeyTypes,
        PrivateKeyTypes,
    )

    from resolver.config.schema import Config

_DAY: Final = 86_400
_BEGIN: Final = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----")
_QUIC_CURVES: Final = frozenset({"secp256r1", "secp384r1"})
_LONGEST_NAME: Final = 64  # of a subject (X.520, ub-common-name)


class Identity(NamedTuple):
    """A certificate with its chain and key, in PEM, and what is in it. Times are Unix seconds."""

    chain: bytes
    key: bytes
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    valid_from: float
    valid_until: float
    pin: str  # sha256/…, of its public key (RFC 7858 appendix A)

    def trouble(self, wall: float) -> str:
        """What clients will say against its dates; "" if nothing."""
        if wall >= self.valid_until:
            return f"it expired on {_day(self.valid_until)}"
        if wall < self.valid_from:
            return f"it is not valid before {_day(self.valid_from)}"
        return ""

    def __str__(self) -> str:
        whose = ", ".join((*self.names, *self.addresses)) or "nobody"
        return f"{self.pin} for {whose}, until {_day(self.valid_until)}"


def _day(wall: float) -> str:
    return dt.datetime.fromtimestamp(wall, dt.UTC).strftime("%Y-%m-%d")


# --- what the configuration names ----------------------------------------------------------------


def paths_of(config: Config) -> list[tuple[Path, Path]]:
    """The files of each certificate and its key; none where we make our own."""
    certificates, keys = listed(config.tls.certificate), listed(config.tls.key)
    pairs = zip(certificates, keys or certificates, strict=True)
    return [(working_path(config, one), working_path(config, other)) for one, other in pairs]


def read_all(config: Config) -> list[Identity]:
    """All that the configuration names. Raises ConfigError."""
    pairs = paths_of(config)
    identities = [_read_pair(certificate, key) for certificate, key in pairs]
    before: dict[str, Path] = {}
    for identity, (path, _) in zip(identities, pairs, strict=True):
        kind = kind_of_key(x509.load_pem_x509_certificate(identity.chain))
        other = before.setdefault(kind, path)
        if other is not path:  # OpenSSL shows the last of a kind, and the others to nobody
            expected = f"one certificate for each kind of key ({other} has {kind}, too)"
            raise ConfigError("tls.certificate", str(path), expected)
    return identities


def _read_pair(certificate: Path, key: Path) -> Identity:
    chain = _octets("tls.certificate", certificate, "a file of certificates in PEM form")
    leaf = _leaf(certificate, chain)
    where = "tls.key" if key != certificate else "tls.certificate"
    secret = _octets(where, key, "a file that holds the private key in PEM form")
    fitting = f"the private key of {certificate}, in PEM form and without a passphrase"
    private = _private_key(where, key, secret, fitting)
    if public_octets(private.public_key()) != public_octets(leaf.public_key()):
        raise ConfigError(where, str(key), f"{fitting} (it belongs to another certificate)")
    identity = _identity(leaf, chain, secret)
    try:
        load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), identity)
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).replace("_", " ").lower()
        expected = f"a certificate and a key that OpenSSL takes ({reason})"
        raise ConfigError("tls.certificate", str(certificate), expected) from None
    return identity


def _octets(where: str, path: Path, wanted: str) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise ConfigError(where, str(path), f"{wanted} (it is something else)")
        with path.open("rb") as file:
            octets = file.read(TLS_FILE_OCTETS + 1)
    except OSError as error:
        raise unusable_file(where, str(path), wanted, error) from None
    if len(octets) > TLS_FILE_OCTETS:
        raise ConfigError(where, str(path), f"{wanted} (it has over {TLS_FILE_OCTETS} octets)")
    return octets


def _leaf(path: Path, octets: bytes) -> x509.Certificate:
    wanted = "a file of certificates in PEM form, the server's own first"
    begun = len(_BEGIN.findall(octets))
    if not begun:
        raise ConfigError("tls.certificate", str(path), f"{wanted} (it has none)")
    try:
        found = x509.load_pem_x509_certificates(octets)
    except ValueError:
        found = []
    if len(found) != begun:
        raise ConfigError("tls.certificate", str(path), f"{wanted} (one is damaged or cut short)")
    return found[0]


def _private_key(where: str, path: Path, octets: bytes, wanted: str) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(octets, None)
    except TypeError:
        why = "it has a passphrase"
    except UnsupportedAlgorithm:
        why = "it is of a kind that is not known here"
    except ValueError:
        why = "it is damaged or cut short" if b"PRIVATE KEY-----" in octets else "it has no key"
    raise ConfigError(where, str(path), f"{wanted} ({why})")


def _identity(leaf: x509.Certificate, chain: bytes, key: bytes) -> Identity:
    names, addresses = alternative_names(leaf)
    return Identity(
        chain, key, names, addresses,
        leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp(),
        "sha256/" + base64.b64encode(key_digest(leaf)).decode(),
    )  # fmt: skip


def serving_quic(identities: Sequence[Identity]) -> Identity | None:
    """The one that clients over QUIC are shown; None where its library signs with no such key.

    The first on an elliptic curve, else the first: one is all that can be shown.
    """
    fit: list[Identity] = []
    for identity in identities:
        key = serialization.load_pem_private_key(identity.key, None)
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return identity
        if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _QUIC_CURVES:
            return identity
        if isinstance(key, rsa.RSAPrivateKey):
            fit.append(identity)
    return fit[0] if fit else None


def load_into(context: ssl.SSLContext, identity: Identity) -> None:
    """Have *context* show *identity*. Raises ssl.SSLError."""
    with _as_file(identity.chain + b"\n" + identity.key) as path:
        context.load_cert_chain(path, password=_no_passphrase)


def _no_passphrase() -> bytes:
    return b""  # never ask at the terminal


@contextmanager
def _as_file(octets: bytes) -> Iterator[str]:
    """*octets* under a path, which the interface of `ssl` wants: memory, where the system can."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("tls", os.MFD_CLOEXEC), "wb") as memory:
            memory.write(octets)
            memory.flush()
            yield f"/proc/self/fd/{memory.fileno()}"
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(octets)
        file.flush()
        yield file.name


# --- our own -------------------------------------------------------------------------------------


class Subject(NamedTuple):
    """For whom a certificate of ours is made."""

    names: tuple[str, ...]
    addresses: tuple[str, ...]


def make(subject: Subject, *, wall: float, key: bytes = b"") -> Identity:
    """A certificate for *subject*, from Unix time *wall* on; *key*: of an earlier one, in PEM.

    Raises ValueError for a *key* that is none, or none to sign with.
    """
    private = serialization.load_pem_private_key(key, None) if key else _new_key()
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise ValueError("not a key of ours")  # noqa: TRY004  # what is in a file is a value
    leaf = _signed_by_itself(subject, private, wall)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    secret = key or private.private_bytes(serialization.Encoding.PEM, form, plain)
    return _identity(leaf, leaf.public_bytes(serialization.Encoding.PEM), secret)


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _signed_by_itself(
    subject: Subject, private: CertificateIssuerPrivateKeyTypes, wall: float
) -> x509.Certificate:
    own_name = (*subject.names, *subject.addresses)[0][:_LONGEST_NAME]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, own_name)])
    public = private.public_key()
    begins = dt.datetime.fromtimestamp(wall - CERTIFICATE_SKEW_SECONDS, dt.UTC)
    alternative = [
        *map(x509.DNSName, subject.names),
        *(x509.IPAddress(ipaddress.ip_address(each)) for each in subject.addresses),
    ]
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    )
    return built.sign(private, hashes.SHA256())


def read_own(chain: bytes, key: bytes) -> Identity:
    """What we made earlier. Raises ValueError where that is damaged."""
    try:
        leaf = x509.load_pem_x509_certificate(chain)
        private = serialization.load_pem_private_key(key, None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from None
    if public_octets(private.public_key()) != public_octets(leaf.public_key()):
        raise ValueError("the key is another's")
    return _identity(leaf, chain, key)


def is_due(identity: Identity, subject: Subject, wall: float) -> bool:
    """Should one of ours be made anew: soon over, dated in another time, or for others?"""
    days_left = (identity.valid_until - wall) / _DAY
    return (
        not CERTIFICATE_RENEWAL_DAYS <= days_left <= CERTIFICATE_DAYS + 1
        or not set(subject.names) <= set(identity.names)
        or not set(subject.addresses) <= set(identity.addresses)
    )
