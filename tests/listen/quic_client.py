"""A QUIC client for tests, which can break every rule; and a listener for it, in virtual time."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from random import Random
from typing import TYPE_CHECKING, Final

import trio
from aioquic import tls
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from resolver.daemon.certificates import Identity, Subject, make
from resolver.daemon.quic_terms import configuration
from resolver.lab.virtual_network import VirtualNetwork
from resolver.listen.admission import Admission
from resolver.listen.quic import QuicService
from resolver.listen.quic_kit import DOQ, QuicKit
from resolver.listen.quic_places import QuicPlaces, QuicRates
from resolver.listen.quic_served import Served
from resolver.protocol.framing import frame
from resolver.protocol.transport import Transport
from tests.listen.echo import Handler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from resolver.lab.virtual_sockets import VirtualClient
    from resolver.listen.quic_kit import Begin

HERE: Final = ("192.0.2.53", 853)
CLIENT: Final = "198.51.100.7"
ROUND_TRIP_S: Final = 1.0  # more than enough for what is under way


@lru_cache
def identity() -> Identity:
    return make(Subject(("localhost",), (HERE[0],)), wall=1.8e9)


@lru_cache
def served_with(alpn: str = "doq") -> QuicConfiguration:
    return configuration([identity()], (alpn,))


class Client:
    """One connection of a client at *end*; nothing happens unless it is told to."""

    def __init__(
        self, end: VirtualClient, *, alpn: tuple[str, ...] = ("doq",), version: int | None = None
    ) -> None:
        asked = QuicConfiguration(
            is_client=True, alpn_protocols=list(alpn) or None, verify_mode=ssl.CERT_NONE
        )
        if version is not None:
            asked.original_version = version
        self.end = end
        self.quic = QuicConnection(configuration=asked)
        self.events: list[events.QuicEvent] = []
        self.answers: dict[int, bytes] = {}
        self.finished: set[int] = set()
        self.resets: dict[int, int] = {}
        self.closed: events.ConnectionTerminated | None = None
        self.received: list[bytes] = []
        self.drops_until = 0.0  # what comes earlier is not seen

    @property
    def is_open(self) -> bool:
        return any(isinstance(each, events.HandshakeCompleted) for each in self.events)

    def connect(self) -> None:
        self.quic.connect(HERE, trio.current_time())
        self.flush()

    def flush(self) -> None:
        for data, _ in self.quic.datagrams_to_send(trio.current_time()):
            self.end.send_udp(HERE, data)

    def ask(self, data: bytes, *, ends: bool = True, stream: int | None = None) -> int:
        """Put *data* on a stream of its own, as it is."""
        if stream is None:
            stream = self.quic.get_next_available_stream_id()
        self.quic.send_stream_data(stream, data, end_stream=ends)
        return stream

    async def run(self, seconds: float = ROUND_TRIP_S) -> None:
        """Send, receive and let timers run, for so long."""
        ends_at = trio.current_time() + seconds
        while True:
            self.flush()
            timer = self.quic.get_timer()
            due = min(ends_at, timer) if timer is not None else ends_at
            with trio.move_on_at(due):
                data = await self.end.receive()
                self.received.append(data)
                if trio.current_time() >= self.drops_until:
                    self.quic.receive_datagram(data, HERE, trio.current_time())
            now = trio.current_time()
            if timer is not None and timer <= now and self.closed is None:
                self.quic.handle_timer(now)
            while (event := self.quic.next_event()) is not None:
                self._heed(event)
            if now >= ends_at:
                self.flush()
                return

    def _heed(self, event: events.QuicEvent) -> None:
        self.events.append(event)
        if isinstance(event, events.StreamDataReceived):
            known = self.answers.get(event.stream_id, b"")
            self.answers[event.stream_id] = known + event.data
            if event.end_stream:
                self.finished.add(event.stream_id)
        elif isinstance(event, events.StreamReset):
            self.resets[event.stream_id] = event.error_code
        elif isinstance(event, events.ConnectionTerminated):
            self.closed = event


class Listener:
    """A service in virtual time, and what it is made of."""

    def __init__(
        self,
        network: VirtualNetwork,
        places: QuicPlaces,
        admission: Admission,
        *,
        transport: Transport,
        sessions: Mapping[str, Begin],
    ) -> None:
        self.network = network
        self.places = places
        self.admission = admission
        self.handler = Handler()
        served = Served(self.handler, admission, HERE[0], transport)
        (self.alpn,) = sessions
        kit = QuicKit(partial(served_with, self.alpn), served, sessions)
        self.service = QuicService(network.bind_udp(*HERE), kit, host=HERE[0], places=places)

    def client(
        self, host: str = CLIENT, *, alpn: tuple[str, ...] = ("doq",), version: int | None = None
    ) -> Client:
        return Client(self.network.client(host), alpn=alpn, version=version)

    async def connected(self, host: str = CLIENT) -> Client:
        client = self.client(host, alpn=(self.alpn,))
        client.connect()
        await client.run()
        assert client.is_open
        return client

    def is_empty(self) -> bool:
        """True if nobody holds anything."""
        places, service = self.places, self.service
        return not (
            len(service)
            or len(places)
            or places.octets
            or places.half_open
            or places._unproven
            or places._by_host
            or service._by_id
            or service._dirty
            or self.admission.in_flight
        )


@asynccontextmanager
async def listening(
    *,
    rates: QuicRates | None = None,
    admission: Admission | None = None,
    transport: Transport = Transport.QUIC,
    sessions: Mapping[str, Begin] = DOQ,
) -> AsyncIterator[Listener]:
    """*rates*: the real ones, or so many that they are no matter."""
    network = VirtualNetwork(rng=Random(0))
    places = QuicPlaces(rates or QuicRates(1e6, 1e6))
    it = Listener(network, places, admission or Admission(), transport=transport, sessions=sessions)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(it.service.run)
        yield it
        assert places.faults == 0
        nursery.cancel_scope.cancel()


def asked(message: bytes) -> bytes:
    """What is put on a stream: *message* with id 0, behind its length."""
    return frame(b"\0\0" + message[2:])


def hello_of(client: Client, frames: bytes) -> bytes:
    """A first packet of the client's with these frames, as they are."""
    crypto = client.quic._cryptos[tls.Epoch.INITIAL]
    payload = frames + bytes(1200)
    length = (0x4000 | len(payload) + 2 + 16).to_bytes(2, "big")
    peer, own = client.quic._peer_cid.cid, client.quic.host_cid
    ids = bytes([len(peer)]) + peer + bytes([len(own)]) + own
    header = b"\xc1\0\0\0\1" + ids + b"\0" + length + b"\0\0"
    return crypto.encrypt_packet(header, payload, 0)


def sealed(client: Client, frames: bytes) -> bytes:
    """A packet of the client's with these frames, as they are."""
    crypto = client.quic._cryptos[tls.Epoch.ONE_RTT]
    number = client.quic._packet_number
    client.quic._packet_number += 1
    header = b"\x41" + client.quic._peer_cid.cid + (number & 0xFFFF).to_bytes(2, "big")
    return crypto.encrypt_packet(header, frames + bytes(20), number)
