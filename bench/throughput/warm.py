"""Warm connections as a client has them: DNS over HTTPS by HTTP/2, and over QUIC.

Each sends a round of questions and waits for all of their answers. Certificates are not looked at:
what is measured is the other end.
"""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING

import h2.config
import h2.connection
import h2.events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, StreamDataReceived

from resolver.protocol.framing import frame
from resolver.protocol.transport import DOH_PATH
from resolver.upstream import https_words

if TYPE_CHECKING:
    from collections.abc import Callable

_HOST = "127.0.0.1"
_WAIT_S = 10.0


class Https:
    """One HTTP/2 connection. Questions are POSTed with ID 0 (RFC 8484 §4.1)."""

    def __init__(self, port: int) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        sock = socket.create_connection((_HOST, port), timeout=_WAIT_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = context.wrap_socket(sock, server_hostname="localhost")
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
        self._h2.initiate_connection()
        self._headers = https_words.Place("localhost", DOH_PATH).headers()

    def ask(self, questions: list[bytes]) -> None:
        """Have all of them answered. Raises OSError, also for another status than 200."""
        http = self._h2
        for question in questions:
            stream = http.get_next_available_stream_id()
            http.send_headers(stream, [*self._headers, https_words.length_of(question)])
            http.send_data(stream, question, end_stream=True)
        self._sock.sendall(http.data_to_send())
        left = len(questions)
        while left:
            data = self._sock.recv(65_536)
            if not data:
                raise ConnectionResetError
            for event in http.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    if dict(event.headers)[b":status"] != b"200":
                        raise OSError(f"answered {event.headers}")
                elif isinstance(event, h2.events.DataReceived):
                    http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    left -= 1
                elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                    raise ConnectionResetError(repr(event))
            self._sock.sendall(http.data_to_send())


class Quic:
    """One QUIC connection, a stream a question (RFC 9250 §4.2)."""

    def __init__(self, port: int) -> None:
        configuration = QuicConfiguration(alpn_protocols=["doq"], is_client=True)
        configuration.verify_mode = ssl.CERT_NONE
        self._quic = QuicConnection(configuration=configuration)
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.connect((_HOST, port))
        self._sock.settimeout(0.05)
        self._peer = (_HOST, port)
        self._quic.connect(self._peer, now=time.monotonic())
        self._is_up = False
        self._answered = 0
        self._until(lambda: self._is_up)

    def ask(self, questions: list[bytes]) -> None:
        """Have all of them answered. Raises OSError."""
        quic, goal = self._quic, self._answered + len(questions)
        for question in questions:
            stream = quic.get_next_available_stream_id()
            quic.send_stream_data(stream, frame(question), True)  # noqa: FBT003
        self._until(lambda: self._answered >= goal)

    def _until(self, is_done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _WAIT_S
        while not is_done():
            if time.monotonic() > deadline:
                raise TimeoutError
            self._turn()

    def _turn(self) -> None:
        quic = self._quic
        for data, _ in quic.datagrams_to_send(now=time.monotonic()):
            self._sock.send(data)
        try:
            quic.receive_datagram(self._sock.recv(65_536), self._peer, now=time.monotonic())
        except TimeoutError:
            quic.handle_timer(now=time.monotonic())
        while (event := quic.next_event()) is not None:
            if isinstance(event, HandshakeCompleted):
                self._is_up = True
            elif isinstance(event, StreamDataReceived):
                self._answered += event.end_stream
            elif isinstance(event, ConnectionTerminated):
                raise ConnectionResetError(event.reason_phrase)
