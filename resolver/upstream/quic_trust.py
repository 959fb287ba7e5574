"""Who is believed over QUIC: the rules of `tls_terms`, for a library that is no OpenSSL connection.

OpenSSL judges the chain all the same, with the same issuers, dates and words; the name is held
against subjectAltName alone (RFC 8310 §8.1). Loaded where a server is asked over QUIC only.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)

from resolver.errors import CertificateRefused, drop_frames
from resolver.protocol.ip_addresses import is_address
from resolver.upstream.tls_terms import NO_CHECK_TIME, NOT_ITS_NAME, store_stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

_WRONG_PURPOSE: Final = 26  # X509_V_ERR_INVALID_PURPOSE
_FOR_SERVERS: Final = frozenset(
    {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
)


class Shown(NamedTuple):
    """What a server shows: its own *certificate*, and the *chain* behind it."""

    certificate: x509.Certificate
    chain: Sequence[x509.Certificate]


def verify_untrusted(
    shown: Shown, name: str, authorities: str | None, *, is_clock_believed: bool
) -> None:
    """Raises CertificateRefused unless it proves *name* to who believes *authorities*.

    None: the issuers that the system believes.
    """
    store = _issuers(authorities, is_clock_believed=is_clock_believed)
    try:
        leaf = crypto.X509.from_cryptography(shown.certificate)
        chain = [crypto.X509.from_cryptography(one) for one in shown.chain]
        crypto.X509StoreContext(store, leaf, chain).verify_certificate()
        is_for_servers = _is_for_servers(shown.certificate)
    except crypto.X509StoreContextError as error:
        code, _, text = error.errors
        drop_frames(error)
        raise CertificateRefused(code, text) from None
    except (ValueError, TypeError, crypto.Error) as error:
        drop_frames(error)
        raise CertificateRefused(1, "it cannot be read") from None
    if not is_for_servers:
        raise CertificateRefused(_WRONG_PURPOSE, "unsuitable certificate purpose")
    _prove(shown.certificate, name)


def prepare(authorities: str | None) -> None:
    """Read who is believed now, rather than while a question waits: tens of milliseconds."""
    _issuers(authorities, is_clock_believed=True)


def _issuers(authorities: str | None, *, is_clock_believed: bool) -> crypto.X509Store:
    return _store(authorities, 0 if authorities else store_stamp(), is_clock_believed)


def _prove(certificate: x509.Certificate, name: str) -> None:
    try:
        if is_address(name):
            verify_certificate_ip_address(certificate, name)
        else:
            verify_certificate_hostname(certificate, name)
    except (VerificationError, CertificateError, ValueError) as error:
        drop_frames(error)
        raise CertificateRefused(min(NOT_ITS_NAME), "hostname mismatch") from None


def _is_for_servers(certificate: x509.Certificate) -> bool:
    """Raises ValueError."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return not _FOR_SERVERS.isdisjoint(usage)


@lru_cache(maxsize=8)
def _store(authorities: str | None, _stamp: int, is_clock_believed: bool) -> crypto.X509Store:  # noqa: FBT001
    """Issuers to believe. *_stamp*: of the system's."""
    store = crypto.X509Store()
    flags = 0 if is_clock_believed else NO_CHECK_TIME
    if authorities is None:
        paths = ssl.get_default_verify_paths()
        if paths.cafile or paths.capath:  # else nobody is believed
            store.load_locations(paths.cafile, paths.capath)
    else:
        flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        for one in x509.load_pem_x509_certificates(authorities.encode()):
            store.add_cert(crypto.X509.from_cryptography(one))
    if flags:
        store.set_flags(flags)
    return store
