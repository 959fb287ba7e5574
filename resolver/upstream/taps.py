"""Who wants the octets themselves that go to servers and come back: dnstap, as a rule nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.protocol.transport import Transport
from resolver.upstream.server_events import Crossed

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.model import Name, Server
    from resolver.upstream.transmission import Transmission


class Taps:
    """Look whether *listeners* has anybody before anything here is called."""

    __slots__ = ("listeners",)

    def __init__(self) -> None:
        self.listeners: list[Callable[[Crossed], None]] = []

    def __repr__(self) -> str:
        return f"<Taps {len(self.listeners)}>"

    def packet(
        self, packet: Transmission, reply: bytes | None = None, since_s: float = 0.0
    ) -> None:
        """The query went out; or *reply* came, whatever becomes of it."""
        server, waiters = packet.server, packet.waiters
        zone = waiters[0].query.zone if waiters else b""
        event = Crossed(server, server.transport, zone, packet.sent.data, reply, since_s)
        for listener in self.listeners:
            listener(event)

    def stream(
        self, server: Server, zone: Name, query: bytes, reply: bytes | None = None,
        since_s: float = 0.0,
    ) -> None:  # fmt: skip
        """The same over TCP."""
        for listener in self.listeners:
            listener(Crossed(server, Transport.TCP, zone, query, reply, since_s))
