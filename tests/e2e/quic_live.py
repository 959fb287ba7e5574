"""A QUIC client on a real socket, which moves, offers early data, or stays half open."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING, Self

import dns.message
from aioquic._buffer import Buffer
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicPacketType, pull_quic_header

from resolver.protocol.framing import frame
from tests.e2e.test_dot import HOST, PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from aioquic.tls import SessionTicket

_LEAST_S = 0.0001  # a timeout of 0 would not wait at all
_ID_OCTETS = 8


class LiveClient:
    """One connection to *port* of HOST; nothing happens unless it is told to."""

    def __init__(self, port: int, *, ticket: SessionTicket | None = None) -> None:
        asked = QuicConfiguration(
            is_client=True, alpn_protocols=["doq"], verify_mode=ssl.CERT_NONE,
            server_name="localhost", session_ticket=ticket,
        )  # fmt: skip
        self.tickets: list[SessionTicket] = []
        self.quic = QuicConnection(configuration=asked, session_ticket_handler=self.tickets.append)
        self.kinds: list[QuicPacketType] = []
        self.answers: dict[int, bytes] = {}
        self.finished: set[int] = set()
        self.greeted: events.HandshakeCompleted | None = None
        self.closed: events.ConnectionTerminated | None = None
        self._server = (HOST, port)
        self._socket = self._bound(HOST)

    def _bound(self, source: str) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((source, 0))
        made.connect(self._server)
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.greeted is not None:
            self.quic.close()
            self.flush()
        self.leave()

    def leave(self) -> None:
        """Without a word."""
        self._socket.close()

    def move(self, source: str = HOST, *, knows: bool) -> None:
        """To another port of *source*; *knows*: the client, which takes another connection id."""
        self._socket.close()
        self._socket = self._bound(source)
        if knows:
            self.quic.change_connection_id()

    def begin(self) -> None:
        self.quic.connect(self._server, time.monotonic())
        self.flush()

    def connect(self) -> None:
        """Until the server has confirmed it: nobody may move before (RFC 9000 §9)."""
        self.begin()
        self.until(lambda: self.quic._handshake_confirmed)

    def flush(self) -> None:
        for data, _ in self.quic.datagrams_to_send(time.monotonic()):
            self._socket.send(data)

    def ask(self, name: str) -> int:
        """Begin a question, and say on which stream."""
        stream = self.quic.get_next_available_stream_id()
        query = dns.message.make_query(name, "A", id=0).to_wire()
        self.quic.send_stream_data(stream, frame(query), end_stream=True)
        return stream

    def answer(self, stream: int) -> dns.message.Message:
        self.until(lambda: stream in self.finished)
        return dns.message.from_wire(self.answers[stream][2:])

    def until(self, is_so: Callable[[], bool]) -> None:
        """Send, receive and let timers run until it is so."""
        ends_at = time.monotonic() + PATIENCE_S
        self.flush()
        while not is_so():
            assert self.closed is None, self.closed
            assert time.monotonic() < ends_at, "nothing was heard"
            self._take_one(ends_at)
            while (event := self.quic.next_event()) is not None:
                self._heed(event)
            self.flush()

    def _take_one(self, ends_at: float) -> None:
        """A datagram, or a timer's time."""
        timer = self.quic.get_timer()
        due = ends_at if timer is None else min(ends_at, timer)
        self._socket.settimeout(max(_LEAST_S, due - time.monotonic()))
        try:
            data = self._socket.recv(65_536)
        except TimeoutError:
            if timer is not None and timer <= time.monotonic():
                self.quic.handle_timer(time.monotonic())
            return
        head = pull_quic_header(Buffer(data=data), host_cid_length=_ID_OCTETS)
        self.kinds.append(head.packet_type)
        self.quic.receive_datagram(data, self._server, time.monotonic())

    def _heed(self, event: events.QuicEvent) -> None:
        if isinstance(event, events.StreamDataReceived):
            known = self.answers.get(event.stream_id, b"")
            self.answers[event.stream_id] = known + event.data
            if event.end_stream:
                self.finished.add(event.stream_id)
        elif isinstance(event, events.HandshakeCompleted):
            self.greeted = event
        elif isinstance(event, events.ConnectionTerminated):
            self.closed = event
