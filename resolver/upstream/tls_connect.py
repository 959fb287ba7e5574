"""Opening a session over TLS, of DoT or of DoH: TCP, handshake, and is it who was meant?

What fails is told in one sentence that may go to a client as an extended error. A certificate for
somebody else is read once more, over a connection on which nothing is asked, to say for whom.
"""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING

import trio

from resolver.errors import CertificateRefused, TlsFailed, drop_frames
from resolver.protocol.transport import Transport
from resolver.runtime.tls_stream import TlsStream
from resolver.upstream.https_words import place_of
from resolver.upstream.session import SessionFailed
from resolver.upstream.tls_session import TlsSession
from resolver.upstream.tls_terms import (
    DOT,
    H2,
    NOT_ITS_NAME,
    another_name,
    believing_anybody,
    heed_dates,
    key_digest,
    name_to_prove,
    names_of_untrusted,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from resolver.model import Server
    from resolver.upstream.link_profile import LinkProfile
    from resolver.upstream.network import Network
    from resolver.upstream.session import Host, Session
    from resolver.upstream.session_counters import SessionCounters
    from resolver.upstream.tls_terms import Terms


class TlsConnect:
    """`Connect` for servers on *terms*. *believes_clock*: is the machine's time to be believed?"""

    def __init__(
        self,
        terms: Terms,
        *,
        network: Network,
        nursery: trio.Nursery,
        rng: Random,
        counters: SessionCounters,
        believes_clock: Callable[[], bool],
        link: LinkProfile,
    ) -> None:
        self._terms = terms
        self._network = network
        self._nursery = nursery
        self._rng = rng
        self._counters = counters
        self._believes_clock = believes_clock
        self._link = link

    async def __call__(self, server: Server, host: Host, ticket: object | None) -> Session:
        context = self._terms.context
        heed_dates(context, is_clock_believed=self._believes_clock())
        session = ticket if isinstance(ticket, ssl.SSLSession) else None
        try:
            stream = await self._shake_hands(server, context, session)
        except CertificateRefused as error:
            drop_frames(error)
            self._counters.unproven += 1
            raise SessionFailed(await self._why(server, error), is_unproven=True) from None
        except TlsFailed as error:
            drop_frames(error)
            raise SessionFailed(f"TLS: {error.reason}") from None
        wrong = self._wrong_key(server, stream)
        if wrong:
            self._counters.unproven += 1
            await trio.aclose_forcefully(stream)
            raise SessionFailed(wrong, is_unproven=True)
        if server.transport is Transport.HTTPS:
            if stream.alpn != H2:
                await trio.aclose_forcefully(stream)
                raise SessionFailed("speaks no HTTP/2")
            self._counters.resumed += stream.is_resumed
            return self._https(server, stream, host)
        self._counters.resumed += stream.is_resumed
        return TlsSession(stream, host, rng=self._rng, nursery=self._nursery)

    def _https(self, server: Server, stream: TlsStream, host: Host) -> Session:
        from resolver.upstream import https_session  # noqa: PLC0415 - loads h2, where it is wanted

        place = place_of(name_to_prove(server), server.port, self._terms.path)
        return https_session.HttpsSession(stream, host, place=place, nursery=self._nursery)

    async def _shake_hands(
        self, server: Server, context: ssl.SSLContext, session: ssl.SSLSession | None = None
    ) -> TlsStream:
        """Raises OSError, TlsFailed."""
        tcp = await self._network.connect_tcp(server)
        name = name_to_prove(server)
        stream = TlsStream(tcp, context, server_hostname=name, session=session)
        try:
            await stream.handshake(self._link.connect_s)
        except BaseException:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(stream)
            raise
        return stream

    def _wrong_key(self, server: Server, stream: TlsStream) -> str:
        """What is wrong with its key, if it must be one of those pinned."""
        pins = self._terms.pins
        if not pins:
            return ""
        digest = key_digest(stream.peer_certificate or b"")
        if digest in pins:
            return ""
        shown = base64.b64encode(digest).decode()
        return f"key of {server.host} is sha256/{shown}, which is not pinned"

    async def _why(self, server: Server, error: CertificateRefused) -> str:
        """In OpenSSL's words, or for whom the certificate is."""
        if error.code not in NOT_ITS_NAME:
            return f"certificate of {server.host}: {error.text}"
        try:
            alpn = H2 if server.transport is Transport.HTTPS else DOT
            stream = await self._shake_hands(server, believing_anybody(alpn=alpn))
        except (OSError, TlsFailed) as other:
            drop_frames(other)
            return f"certificate of {server.host}: {error.text}"
        certificate = stream.peer_certificate or b""
        await trio.aclose_forcefully(stream)
        return another_name(server, names_of_untrusted(certificate))
