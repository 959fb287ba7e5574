"""One QUIC connection between two ends without a network: what goes out, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import HandshakeCompleted, StreamDataReceived

from resolver.upstream.quic_handshake import configuration
from resolver.upstream.quic_link import QuicLink
from tests.support import trio_test
from tests.upstream.quic_servers import QuicScript, over_quic
from tests.upstream.tls_servers import HOST, NAME, certificate

if TYPE_CHECKING:
    from aioquic.quic.events import QuicEvent

    from bench.forwarding.doq_server import Stream


class Port:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None: ...


class Wire:
    """A link and a server; `carry` brings the server what was sent, and what it says to that."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.server = QuicScript(certificate(NAME), _echo).server
        self.port = Port()
        self.quic = QuicConnection(configuration=configuration(over_quic(), None))
        self.link = QuicLink(self.quic, self.port, (HOST, 853))
        self.events: list[QuicEvent | None] = []
        self.link.hear = self.events.append
        self.quic.connect(self.link.address, trio.current_time())
        nursery.start_soon(self.link.run)

    def carry(self) -> list[bytes]:
        sent, self.port.sent = self.port.sent, []
        now = trio.current_time()
        return [data for one in sent for data, _ in self.server.take(one, ("192.0.2.9", 1), now)]

    async def settle(self) -> None:
        """Until neither has anything to say."""
        for _ in range(10):
            await trio.sleep(0.01)
            for data in self.carry():
                self.link.take_untrusted(data)


def _echo(stream: Stream) -> None:
    stream.quic.send_stream_data(stream.number, stream.data, end_stream=True)


@trio_test
async def test_a_reply_is_heard_at_once_and_acknowledged_later() -> None:
    """Who asked goes on before a packet is made of what nobody waits for."""
    async with trio.open_nursery() as nursery:
        wire = Wire(nursery)
        await wire.settle()
        assert any(isinstance(event, HandshakeCompleted) for event in wire.events)
        wire.events.clear()
        wire.quic.send_stream_data(0, b"question", end_stream=True)
        wire.link.pump()
        (reply,) = wire.carry()
        wire.link.take_untrusted(reply)
        heard = [event.data for event in wire.events if isinstance(event, StreamDataReceived)]
        assert (heard, wire.port.sent) == ([b"question"], [])
        await trio.sleep(0.01)
        assert len(wire.port.sent) == 1
        nursery.cancel_scope.cancel()
