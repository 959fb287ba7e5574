"""A server of DNS over QUIC to forward to, for want of one in Debian. Answers as `upstreams` says.

    python -m bench.forwarding.doq_server HOST CERTIFICATE KEY

`DoqServer` has no sockets and no clock: datagrams go in, datagrams come out. What it does with a
question is a function's, which may break every rule.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import trio
from aioquic.buffer import Buffer  # type: ignore[attr-defined]
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import (
    ConnectionTerminated,
    HandshakeCompleted,
    StreamDataReceived,
    StreamReset,
)
from aioquic.quic.packet import QuicPacketType, pull_quic_header

from bench.forwarding import upstreams
from resolver.errors import WireError
from resolver.protocol import wire
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.message import Record
from resolver.protocol.names import from_text, is_subdomain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aioquic.tls import SessionTicket

Address: TypeAlias = "tuple[str, int]"
_CID_OCTETS = 8


class Stream:
    """One question, to be answered in whatever way *respond* likes."""

    def __init__(self, quic: QuicConnection, number: int) -> None:
        self.quic = quic
        self.number = number
        self.data = b""

    @property
    def query(self) -> bytes:
        return self.data[2:]

    def reply(self, message: bytes, *, is_last: bool = True) -> None:
        framed = len(message).to_bytes(2, "big") + message
        self.quic.send_stream_data(self.number, framed, end_stream=is_last)


Respond: TypeAlias = Callable[[Stream], object]


class DoqServer:
    """All connections of one address. *handshakes*, *resumed*: how many came about."""

    def __init__(self, certificate: str, key: str, respond: Respond, *, alpn: str = "doq") -> None:
        self.configuration = QuicConfiguration(is_client=False, alpn_protocols=[alpn])
        self.configuration.load_cert_chain(certificate, key)
        self.respond = respond
        self.handshakes = 0
        self.resumed = 0
        self.stopped = 0
        self.early = 0
        self.has_tickets = True
        self._by_cid: dict[bytes, QuicConnection] = {}
        self._peers: dict[QuicConnection, Address] = {}
        self._streams: dict[tuple[int, int], Stream] = {}
        self._tickets: dict[bytes, SessionTicket] = {}

    @property
    def open(self) -> list[QuicConnection]:
        return list(self._peers)

    def take(self, data: bytes, peer: Address, now: float) -> Iterator[tuple[bytes, Address]]:
        """What is to be sent for a datagram that came."""
        quic = self._connection(data)
        if quic is None:
            return
        self._peers[quic] = peer
        quic.receive_datagram(data, peer, now)
        yield from self.flush(quic, now)

    def flush(self, quic: QuicConnection, now: float) -> Iterator[tuple[bytes, Address]]:
        """What one connection has to send."""
        while (event := quic.next_event()) is not None:
            self._hear(quic, event)
        yield from quic.datagrams_to_send(now)

    def due(self) -> float | None:
        """When `tick` has something to do."""
        timers = [timer for one in self._peers if (timer := one.get_timer()) is not None]
        return min(timers, default=None)

    def tick(self, now: float) -> Iterator[tuple[bytes, Address]]:
        for quic in list(self._peers):
            timer = quic.get_timer()
            if timer is not None and now >= timer:
                quic.handle_timer(now)
                yield from self.flush(quic, now)

    def _connection(self, data: bytes) -> QuicConnection | None:
        try:
            header = pull_quic_header(Buffer(data=data), host_cid_length=_CID_OCTETS)
        except ValueError:
            return None
        quic = self._by_cid.get(header.destination_cid)
        if quic is None and header.packet_type == QuicPacketType.INITIAL:
            quic = QuicConnection(
                configuration=self.configuration,
                original_destination_connection_id=header.destination_cid,
                session_ticket_fetcher=self._tickets.get if self.has_tickets else None,
                session_ticket_handler=self._keep if self.has_tickets else None,
            )
            self._by_cid[header.destination_cid] = quic
        if quic is not None:
            self._by_cid[quic.host_cid] = quic
        return quic

    def _keep(self, ticket: SessionTicket) -> None:
        self._tickets[ticket.ticket] = ticket

    def _hear(self, quic: QuicConnection, event: object) -> None:
        if isinstance(event, HandshakeCompleted):
            self.handshakes += 1
            self.resumed += event.session_resumed
            self.early += event.early_data_accepted
        elif isinstance(event, StreamDataReceived):
            place = id(quic), event.stream_id
            stream = self._streams.setdefault(place, Stream(quic, event.stream_id))
            stream.data += event.data
            if event.end_stream:
                del self._streams[place]
                self.respond(stream)
        elif isinstance(event, StreamReset):
            self.stopped += 1
        elif isinstance(event, ConnectionTerminated):
            self._peers.pop(quic, None)
            self._by_cid = {cid: one for cid, one in self._by_cid.items() if one is not quic}


def answer(query: bytes) -> bytes:
    """As the other forwarders answer."""
    asked = wire.parse_untrusted(query)
    none, big = from_text("no.bench"), from_text("big.bench")
    records: list[Record] = []
    rcode = Rcode.NXDOMAIN if is_subdomain(asked.qname, none) else Rcode.NOERROR
    if asked.qname == big and asked.qtype == RRType.TXT:
        texts = [bytes([len(text)]) + text.encode() for text in upstreams.BIG]
        records = [Record(asked.qname, RRType.TXT, 1, 300, text) for text in texts]
    elif not rcode and asked.qtype == RRType.A:
        octets = bytes(map(int, upstreams.ADDRESS.split(".")))
        records = [Record(asked.qname, RRType.A, 1, 300, octets)]
    soa = from_text("bench") * 2 + (1).to_bytes(4, "big") + (3600).to_bytes(4, "big") * 4
    denial = [] if records else [Record(from_text("bench"), RRType.SOA, 1, 300, soa)]
    return wire.build(
        id=asked.id,
        flags=Flag.QR | Flag.RD | Flag.RA | rcode,
        question=(asked.qname_raw, asked.qtype, asked.qclass),
        answer=records,
        authority=denial,
        additional=[],
        edns=None,
        max_size=65_535,
    )


def _respond(stream: Stream) -> None:
    try:
        stream.reply(answer(stream.query))
    except WireError:
        stream.quic.reset_stream(stream.number, 2)


async def _wave(stream: trio.SocketStream) -> None:
    """Whoever waits for this server looks for a TCP port that accepts."""
    await stream.aclose()


async def main(server: DoqServer, host: str) -> None:
    """Serve, for ever."""
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, server, host)
        nursery.start_soon(partial(trio.serve_tcp, _wave, 853, host=host))


async def serve(
    server: DoqServer,
    host: str,
    port: int = 853,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """On a real socket, for ever."""
    sock = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)
    with sock:
        await sock.bind((host, port))
        task_status.started()
        while True:
            with trio.move_on_at(server.due() or trio.current_time() + 3600):
                data, peer = await sock.recvfrom(65_535)
                for out, to in server.take(data, peer, trio.current_time()):
                    await sock.sendto(out, to)
            for out, to in server.tick(trio.current_time()):
                await sock.sendto(out, to)


if __name__ == "__main__":
    trio.run(main, DoqServer(sys.argv[2], sys.argv[3], _respond), sys.argv[1])
