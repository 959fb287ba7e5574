"""Opening a session over QUIC: handshake, and is it who was meant? One round trip, and the query's.

The handshake proves that the server has the key of the certificate that it shows; whether that is
whose we wanted is judged before anything is asked. RFC 9001, RFC 9250 §4.1.
"""

from __future__ import annotations

import base64
import dataclasses
import errno
import ssl
from functools import partial
from typing import TYPE_CHECKING, Final

import trio
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import HandshakeCompleted
from aioquic.tls import AlertDescription, SessionTicket
from cryptography.hazmat.primitives.serialization import Encoding

from resolver.errors import CertificateRefused, drop_frames
from resolver.limits import SESSION_HELD_OCTETS, SESSION_IDLE_SECONDS, SESSION_STREAM_OCTETS
from resolver.upstream.quic_link import QuicLink
from resolver.upstream.quic_session import QuicSession, code_text
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
    from collections.abc import Callable

    from aioquic.quic.events import QuicEvent

    from resolver.model import Server
    from resolver.upstream.network import Network, UdpPort
    from resolver.upstream.session import Host
    from resolver.upstream.session_counters import SessionCounters
    from resolver.upstream.tls_terms import Terms

_ALPN: Final = "doq"
_ALERTS: Final = 0x100  # a TLS alert as a code of QUIC's (RFC 9001 §4.8)
_BAD_CERTIFICATE: Final = _ALERTS + AlertDescription.bad_certificate


class QuicConnect:
    """`Connect` for servers on *terms*. *carriers*: who takes what comes to a port."""

    def __init__(
        self,
        terms: Terms,
        *,
        network: Network,
        carriers: dict[UdpPort, Callable[[bytes | OSError], None]],
        counters: SessionCounters,
        believes_clock: Callable[[], bool],
    ) -> None:
        self._terms = terms
        self._network = network
        self._carriers = carriers
        self._counters = counters
        self._believes_clock = believes_clock

    async def __call__(self, server: Server, host: Host, ticket: object | None) -> QuicSession:
        tickets: list[object] = []
        quic = QuicConnection(
            configuration=_configuration(server, ticket),
            session_ticket_handler=partial(_keep, tickets),
        )
        port = self._network.open_udp(server)
        link = QuicLink(quic, port, (server.host, server.port))
        self._carriers[port] = link.take_untrusted
        let_go = partial(self._let_go, port)
        try:
            await self._shake_hands(link)
            self._judge(server, quic)
        except BaseException as error:
            is_refused = isinstance(error, SessionFailed) and error.is_unproven
            self._counters.unproven += is_refused
            link.close(_BAD_CERTIFICATE if is_refused else 0)
            let_go()
            raise
        self._counters.resumed += quic.tls.session_resumed
        return QuicSession(link, host, tickets=tickets, let_go=let_go)

    def _let_go(self, port: UdpPort) -> None:
        self._carriers.pop(port, None)

    async def _shake_hands(self, link: QuicLink) -> None:
        """Raises OSError, SessionFailed among them."""
        done = trio.Event()
        link.hear = partial(_on_event, done)
        link.quic.connect(link.address, trio.current_time())
        link.pump()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.run)
            await done.wait()
            nursery.cancel_scope.cancel()
        if link.error is not None:
            raise SessionFailed(errno.errorcode.get(link.error.errno or 0, "no connection"))
        if link.end is not None:
            raise SessionFailed(f"QUIC: {_ended(link.end.error_code)}")

    def _judge(self, server: Server, quic: QuicConnection) -> None:
        """Raises SessionFailed if it is not who was meant."""
        tls, terms = quic.tls, self._terms
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
                    is_clock_believed=self._believes_clock(),
                )
            except CertificateRefused as error:
                drop_frames(error)
                raise SessionFailed(_why(server, error, octets), is_unproven=True) from None


def _configuration(server: Server, ticket: object | None) -> QuicConfiguration:
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


def _keep(tickets: list[object], ticket: SessionTicket) -> None:
    tickets[:] = [dataclasses.replace(ticket, max_early_data_size=None)]


def _on_event(done: trio.Event, event: QuicEvent | None) -> None:
    if event is None or isinstance(event, HandshakeCompleted):
        done.set()


def _ended(code: int) -> str:
    """How a handshake ended: in TLS's words, where they are its alert."""
    if _ALERTS <= code < _ALERTS + 0x100:
        try:
            alert = AlertDescription(code - _ALERTS).name.replace("_", " ")
        except ValueError:
            alert = str(code - _ALERTS)
        return f"handshake failed ({alert})"
    return f"no connection ({code_text(code)})"


def _why(server: Server, error: CertificateRefused, certificate: bytes) -> str:
    """In OpenSSL's words, or for whom the certificate is."""
    if error.code in NOT_ITS_NAME:
        return another_name(server, names_of_untrusted(certificate))
    return f"certificate of {server.host}: {error.text}"
