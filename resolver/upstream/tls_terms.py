"""Who is believed over TLS, and what is said of who is not. RFC 8310 (profiles), RFC 7858 §4.2.

Strict: the certificate leads to an issuer of the system's, or of a file of the operator's, and
proves the name, or else the address; or its key is one that was pinned. OpenSSL judges, by the
machine's clock, whose word is not taken for dates where other evidence is against it: without the
time there would be no name of a time server. Opportunistic: whoever answers.
"""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography import x509

from resolver.limits import TOLD_NAMES
from resolver.runtime import certificate_facts

if TYPE_CHECKING:
    from resolver.model import Server

NO_CHECK_TIME: Final = 0x200000  # X509_V_FLAGNO_CHECK_TIME, which Python's ssl has no name for
_ANOTHER_HOST, _ANOTHER_ADDRESS = 62, 64  # X509_V_ERR_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH
NOT_ITS_NAME: Final = frozenset({_ANOTHER_HOST, _ANOTHER_ADDRESS})
DOT: Final = "dot"  # RFC 7858's name in ALPN
H2: Final = "h2"  # RFC 9113's
HTTPS_PORT: Final = 443
_TELLABLE = re.compile(r"[A-Za-z0-9_.:*-]{1,80}", re.ASCII)


class Terms(NamedTuple):
    """On which a server is asked. *name*: what its certificate must prove, if *context* looks.

    *pins*: SHA-256 of keys, one of which it must have; none: any that the context believes.
    *path*: HTTPS'. QUIC knows no context: *is_strict*, and *authorities* as `proving` takes them.
    """

    context: ssl.SSLContext
    name: str
    pins: frozenset[bytes] = frozenset()
    path: str = ""
    is_strict: bool = True
    authorities: str | None = None


def name_to_prove(server: Server) -> str:
    """The name, or the address without its interface."""
    return server.auth_name or server.host.partition("%")[0]


def proving(authorities: str | None = None, *, alpn: str = DOT) -> ssl.SSLContext:
    """Believes the system's issuers, or the *authorities* (PEM). Raises ssl.SSLError, ValueError.

    Reads the system's store: milliseconds, once for all servers.
    """
    context = _context(alpn)
    if authorities is not None:
        context.load_verify_locations(cadata=authorities)
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    else:
        context.load_default_certs()
    return context


def store_stamp() -> int:
    """Changes when the system's issuers do."""
    paths = ssl.get_default_verify_paths()
    try:
        return Path(paths.cafile or paths.openssl_cafile).stat().st_mtime_ns
    except OSError:
        return 0


def believing_anybody(*, alpn: str = DOT) -> ssl.SSLContext:
    """For the opportunistic profile, and for keys that are pinned."""
    context = _context(alpn)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _context(alpn: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # RFC 8310 §8.1: subjectAltName, nothing else
    context.set_alpn_protocols([alpn])
    return context


def heed_dates(context: ssl.SSLContext, *, is_clock_believed: bool) -> None:
    """From the next handshake on."""
    flags = context.verify_flags & ~NO_CHECK_TIME
    context.verify_flags = ssl.VerifyFlags(flags | (0 if is_clock_believed else NO_CHECK_TIME))


def key_digest(certificate: bytes) -> bytes:
    """SHA-256 of the public key (SPKI) of a certificate in DER, or of nothing if that is none."""
    try:
        return certificate_facts.key_digest(x509.load_der_x509_certificate(certificate))
    except (ValueError, TypeError):
        return b""


def names_of_untrusted(certificate: bytes) -> list[str]:
    """What a certificate in DER is for, as far as that can be told; [] if for nothing."""
    try:
        parsed = x509.load_der_x509_certificate(certificate)
    except (ValueError, TypeError):
        return []
    names, addresses = certificate_facts.alternative_names(parsed)
    told = (*names, *addresses)
    return [name for name in told if _TELLABLE.fullmatch(name)]


def another_name(server: Server, names: list[str]) -> str:
    """Why its certificate is of no use: it is for somebody else."""
    wanted = name_to_prove(server)
    if not names:
        return f"certificate of {server.host} is for no name (no subjectAltName), not {wanted}"
    told = ", ".join(names[:TOLD_NAMES])
    if len(names) > TOLD_NAMES:
        told += f" and {len(names) - TOLD_NAMES} more"
    return f"certificate of {server.host} is for {told}, not for {wanted}"
