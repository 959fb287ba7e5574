"""What a handshake over QUIC is to be, and whether the other end is who was meant. RFC 9001.

The library looks at no certificate; `judge` does, before anything is asked.
"""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING, Final

from aioquic.quic.configuration import QuicConfiguration
from aioquic.tls import AlertDescription, SessionTicket
from cryptography.hazmat.primitives.serialization import Encoding

from resolver.errors import CertificateRefused, drop_frames
from resolver.limits import SESSION_HELD_OCTETS, SESSION_IDLE_SECONDS, SESSION_STREAM_OCTETS
from resolver.upstream.quic_trust import Shown, verify_untrusted
from resolver.upstream.session import SessionFailed
from resolver.upstream.tls_terms import (
    NOT_ITS_NAME,
    another_name,
    key_digest,
    name_to_prove,
    names_of_untrusted,
)

if TYPE_CHECKING:
    from aioquic.tls import Context

    from resolver.model import Server
    from resolver.upstream.tls_terms import Terms

_ALPN: Final = "doq"
_ALERTS: Final = 0x100  # a TLS alert as a code of QUIC's (RFC 9001 §4.8)
BAD_CERTIFICATE: Final = _ALERTS + AlertDescription.bad_certificate
CANCELLED: Final = 3  # DOQ_REQUEST_CANCELLED (RFC 9250 §8.4)
_CODES: Final = {
    1: "DOQ_INTERNAL_ERROR",
    2: "DOQ_PROTOCOL_ERROR",
    CANCELLED: "DOQ_REQUEST_CANCELLED",
    4: "DOQ_EXCESSIVE_LOAD",
    5: "DOQ_UNSPECIFIED_ERROR",
}


def configuration(server: Server, ticket: object | None) -> QuicConfiguration:
    """Certificates are judged by `quic_trust`; a ticket is one that allows no early data."""
    return QuicConfiguration(
        alpn_protocols=[_ALPN],
        idle_timeout=SESSION_IDLE_SECONDS,
        max_data=SESSION_HELD_OCTETS,
        max_stream_data=SESSION_STREAM_OCTETS,
        server_name=name_to_prove(server),
        session_ticket=ticket if isinstance(ticket, SessionTicket) else None,
        verify_mode=ssl.CERT_NONE,
    )


def judge(server: Server, tls: Context, terms: Terms, *, is_clock_believed: bool) -> None:
    """Raises SessionFailed if it is not who was meant."""
    if tls.session_resumed:
        return  # it went on from one that was
    certificate = tls._peer_certificate  # noqa: SLF001
    if certificate is None:
        raise SessionFailed("shows no certificate", is_unproven=True)
    octets = certificate.public_bytes(Encoding.DER)
    if terms.pins:
        digest = key_digest(octets)
        if digest not in terms.pins:
            shown = base64.b64encode(digest).decode()
            text = f"key of {server.host} is sha256/{shown}, which is not pinned"
            raise SessionFailed(text, is_unproven=True)
    elif terms.is_strict:
        try:
            verify_untrusted(
                Shown(certificate, tls._peer_certificate_chain),  # noqa: SLF001
                name_to_prove(server),
                terms.authorities,
                is_clock_believed=is_clock_believed,
            )
        except CertificateRefused as error:
            drop_frames(error)
            raise SessionFailed(_why(server, error, octets), is_unproven=True) from None


def ended(code: int) -> str:
    """How a handshake ended: in TLS's words, where they are its alert."""
    if _ALERTS <= code < _ALERTS + 0x100:
        try:
            alert = AlertDescription(code - _ALERTS).name.replace("_", " ")
        except ValueError:
            alert = str(code - _ALERTS)
        return f"handshake failed ({alert})"
    return f"no connection ({code_text(code)})"


def code_text(code: int) -> str:
    """An error code of DoQ's, or else its number."""
    return _CODES.get(code, f"0x{code:x}")


def _why(server: Server, error: CertificateRefused, certificate: bytes) -> str:
    """In OpenSSL's words, or for whom the certificate is."""
    if error.code in NOT_ITS_NAME:
        return another_name(server, names_of_untrusted(certificate))
    return f"certificate of {server.host}: {error.text}"
