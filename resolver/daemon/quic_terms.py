"""What clients over QUIC are served with: the certificate in use, in the library's own form.

Made anew where another certificate is in use; connections keep what they began with. QUIC is TLS
1.3 always, whatever `tls.min_version` allows elsewhere.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from aioquic.quic.configuration import QuicConfiguration
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from resolver.daemon.certificates import serving_quic
from resolver.limits import QUIC_IDLE_SECONDS, QUIC_WINDOW_OCTETS
from resolver.listen.quic_kit import DOQ, QuicKit
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resolver.daemon.certificates import Identity
    from resolver.daemon.tls_contexts import TlsContexts
    from resolver.listen.http3 import Spawn
    from resolver.listen.quic_kit import Begin
    from resolver.listen.quic_served import Served
    from resolver.listen.site import Site

H3: Final = "h3"  # RFC 9114 §3.1


def quic_kit(tls: TlsContexts, served: Served, site: Site, spawn: Spawn) -> QuicKit:
    """What a listener is made with on which *served* is: DNS over QUIC, or HTTP/3 for *site*."""
    sessions: Mapping[str, Begin] = DOQ
    if served.transport is Transport.HTTP3:
        from resolver.listen.http3 import Http3Session  # noqa: PLC0415 - and HTTP/3 where it is

        sessions = {H3: partial(Http3Session, site=site, spawn=spawn)}
    return QuicKit(QuicTerms(tls, tuple(sessions)), served, sessions)


class QuicTerms:
    """Those of one kind of listener; *alpn*: the protocols spoken there."""

    def __init__(self, tls: TlsContexts, alpn: tuple[str, ...]) -> None:
        self._tls = tls
        self._alpn = alpn
        self._made: QuicConfiguration | None = None
        self._of: tuple[Identity, ...] = ()

    def __repr__(self) -> str:
        return f"<QuicTerms {self._alpn} {self._tls}>"

    def __call__(self) -> QuicConfiguration:
        """For a connection that begins now."""
        identities = self._tls.identities
        if self._made is None or identities is not self._of:
            self._made, self._of = configuration(identities, self._alpn), identities
        return self._made


def configuration(identities: Sequence[Identity], alpn: tuple[str, ...]) -> QuicConfiguration:
    """Of the one of *identities* that can be shown, of which there is one."""
    identity = serving_quic(identities)
    assert identity is not None  # noqa: S101  # a configuration without one is refused
    chain = x509.load_pem_x509_certificates(identity.chain)
    made = QuicConfiguration(
        is_client=False,
        alpn_protocols=list(alpn),
        idle_timeout=QUIC_IDLE_SECONDS,
        max_data=QUIC_WINDOW_OCTETS,
        max_stream_data=QUIC_WINDOW_OCTETS,
    )
    made.certificate, made.certificate_chain = chain[0], chain[1:]
    made.private_key = serialization.load_pem_private_key(identity.key, None)
    return made
