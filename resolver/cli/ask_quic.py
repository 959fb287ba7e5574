"""A question over QUIC (RFC 9250), on a connection of its own."""

from __future__ import annotations

import socket
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import (
    ConnectionTerminated,
    HandshakeCompleted,
    StopSendingReceived,
    StreamDataReceived,
    StreamReset,
)

from resolver.cli import ask_tls
from resolver.cli.ask import NoReply, Stream, numeric
from resolver.config import endpoints
from resolver.limits import STREAM_OCTETS
from resolver.model import Server
from resolver.protocol.framing import frame
from resolver.upstream import quic_handshake, tls_terms
from resolver.upstream.padding import padded
from resolver.upstream.quic_link import BROKEN
from resolver.upstream.session import SessionFailed
from resolver.upstream.tls_terms import Terms

if TYPE_CHECKING:
    from aioquic.quic.events import QuicEvent

    from resolver.cli.ask import Trust
    from resolver.config.endpoints import Endpoint

_LENGTH_OCTETS: Final = 2


def stream(name: str, trust: Trust) -> Stream:
    """How to ask whoever proves *name*, or else its address."""
    context = ask_tls.context_of(trust, tls_terms.DOT)  # what is no issuer is found out here
    terms = Terms(context, name, is_strict=trust.is_proven, authorities=trust.authorities)
    return Stream(partial(_exchange, terms), "quic")


def _exchange(terms: Terms, place: Endpoint, query: bytes, timeout_s: float) -> bytes:
    family, address = numeric(place)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        asking = _Asking(sock, place, terms, query)
        try:
            reply = asking.run(time.monotonic() + timeout_s)
        except SessionFailed as error:
            hint = " (--insecure asks all the same)" if error.is_unproven else ""
            raise NoReply(f"{endpoints.show(place)}: {error.reason}{hint}") from None
        except BROKEN:
            raise NoReply(f"{endpoints.show(place)}: QUIC: it breaks the protocol") from None
    return query[:2] + reply[2:]


class _Asking:
    """One connection, and the one question on it."""

    def __init__(self, sock: socket.socket, place: Endpoint, terms: Terms, query: bytes) -> None:
        self._sock = sock
        self._terms = terms
        self._server = Server(*place, auth_name=terms.name)
        self._message = padded(b"\0\0" + query[2:])
        self._body = bytearray()
        self._is_whole = False
        self._quic = QuicConnection(configuration=quic_handshake.configuration(self._server, None))
        self._address = place

    def run(self, deadline: float) -> bytes:
        """The reply. Raises TimeoutError, other OSError, SessionFailed among them."""
        quic = self._quic
        quic.connect(self._address, time.monotonic())
        try:
            while not self._is_whole:
                self._turn(deadline)
        except SessionFailed as error:
            quic.close(quic_handshake.BAD_CERTIFICATE if error.is_unproven else 0)
            raise
        finally:
            quic.close()
            self._send()
        return self._reply()

    def _turn(self, deadline: float) -> None:
        """Send, wait for what comes or is due, and hear what the library makes of it."""
        self._send()
        now, timer = time.monotonic(), self._quic.get_timer()
        if now >= deadline:
            raise TimeoutError
        until = deadline if timer is None else min(deadline, timer)
        self._sock.settimeout(max(0.001, until - now))
        try:
            data = self._sock.recv(STREAM_OCTETS)
        except TimeoutError:
            data = b""
        now = time.monotonic()
        if data:
            self._quic.receive_datagram(data, self._address, now)
        elif timer is not None and now >= timer:
            self._quic.handle_timer(now)
        while (event := self._quic.next_event()) is not None:
            self._hear(event)

    def _send(self) -> None:
        for data, _ in self._quic.datagrams_to_send(time.monotonic()):
            self._sock.send(data)

    def _hear(self, event: QuicEvent) -> None:
        match event:
            case HandshakeCompleted():
                quic_handshake.judge(
                    self._server, self._quic.tls, self._terms, is_clock_believed=True
                )
                number = self._quic.get_next_available_stream_id()
                self._quic.send_stream_data(number, frame(self._message), end_stream=True)
            case StreamDataReceived():
                self._body += event.data
                self._is_whole = event.end_stream
                if len(self._body) > STREAM_OCTETS + _LENGTH_OCTETS:
                    raise SessionFailed("QUIC: more than a message can hold")
            case StreamReset() | StopSendingReceived():
                text = quic_handshake.code_text(event.error_code)
                raise SessionFailed(f"QUIC: stream reset ({text})")
            case ConnectionTerminated():
                raise SessionFailed(f"QUIC: {quic_handshake.ended(event.error_code)}")
            case _:
                pass

    def _reply(self) -> bytes:
        size = int.from_bytes(self._body[:_LENGTH_OCTETS], "big")
        message = bytes(self._body[_LENGTH_OCTETS:])
        if len(message) != size or message[:2] != b"\0\0":
            raise SessionFailed("QUIC: it is no reply to what was asked")
        return message
