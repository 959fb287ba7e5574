"""What a listener of QUIC is made with: the library's part, and the protocols spoken there.

Loaded where there is such a listener, and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import QuicErrorCode, QuicFrameType, QuicPacketType, encode_quic_retry
from aioquic.quic.packet_builder import QuicPacketBuilder

from resolver.limits import QUIC_INITIAL_OCTETS
from resolver.listen.doq import DoqSession
from resolver.listen.quic_peer import Path, QuicPeer
from resolver.listen.quic_transport import ServerConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aioquic.quic.configuration import QuicConfiguration

    from resolver.listen.listen_network import Datagram, Handler
    from resolver.listen.quic_packets import Head
    from resolver.listen.quic_peer import Owner, Spoken
    from resolver.listen.quic_served import Served
    from resolver.listen.quic_tokens import Proof
    from resolver.protocol.transport import Transport
    from resolver.runtime.shortage import Shortage

    Configured = Callable[[], QuicConfiguration]
    Begin = Callable[[Served, QuicPeer], Spoken]

DOQ: Final = {"doq": DoqSession}  # RFC 9250 §4.1.1
_CLOSE_OCTETS: Final = 32  # room for the frame below


class QuicKit:
    """*configured* gives what a connection that begins now is served with; *sessions*: what is
    spoken on it, by the name that both ends agree on."""

    def __init__(
        self, configured: Configured, served: Served, sessions: Mapping[str, Begin]
    ) -> None:
        self._configured = configured
        self._served = served
        self._sessions = sessions

    def __repr__(self) -> str:
        return f"<QuicKit {self._served}>"

    @property
    def transport(self) -> Transport:
        """What is counted as one."""
        return self._served.transport

    @property
    def queries(self) -> int:
        """All that were asked, over whatever is spoken."""
        return self._served.queries

    @property
    def shortage(self) -> Shortage:
        """Who is told that memory has run out."""
        return self._served.handler.shortage

    def hand_to(self, handler: Handler) -> None:
        """What comes from now on goes to *handler*."""
        self._served.hand_to(handler)

    def begin(self, owner: Owner, host: str, proof: Proof) -> QuicPeer:
        """A connection with a client at *host*, who has come with *proof*."""
        transport = ServerConnection(self._configured(), *proof, owner.new_id)
        is_proven = bool(proof.retried)
        return QuicPeer(owner, transport, host=host, is_proven=is_proven, now=trio.current_time)

    def speak(self, alpn: str, peer: QuicPeer) -> Spoken | None:
        """What is spoken where both ends have named *alpn*."""
        begin = self._sessions.get(alpn)
        return None if begin is None else begin(self._served, peer)

    @staticmethod
    def path(datagram: Datagram) -> Path:
        """Where *datagram* came from, and to."""
        return Path(datagram.peer, datagram.local)

    @staticmethod
    def retry(head: Head, proof: Proof, token: bytes) -> bytes:
        """A Retry packet (RFC 9000 §17.2.5)."""
        return encode_quic_retry(
            version=head.version,
            source_cid=proof.retried,
            destination_cid=head.source,
            original_destination_cid=proof.original,
            retry_token=token,
        )

    @staticmethod
    def invalid_token(head: Head) -> bytes:
        """The end of a connection that has not begun, with INVALID_TOKEN (RFC 9000 §8.1.3)."""
        crypto = CryptoPair()
        crypto.setup_initial(cid=head.destination, is_client=False, version=head.version)
        builder = QuicPacketBuilder(
            host_cid=head.destination,
            is_client=False,
            max_datagram_size=QUIC_INITIAL_OCTETS,
            peer_cid=head.source,
            version=head.version,
        )
        builder.start_packet(QuicPacketType.INITIAL, crypto)
        buffer = builder.start_frame(QuicFrameType.TRANSPORT_CLOSE, capacity=_CLOSE_OCTETS)
        buffer.push_uint_var(QuicErrorCode.INVALID_TOKEN)
        buffer.push_uint_var(QuicFrameType.PADDING)
        buffer.push_uint_var(0)
        datagrams, _ = builder.flush()
        return datagrams[0]
