"""Who wants the octets themselves that go to servers and come back: dnstap, as a rule nobody."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from resolver.errors import WireError
from resolver.protocol.transport import Transport
from resolver.upstream.instance import said, text_of
from resolver.upstream.query import read_untrusted
from resolver.upstream.server_events import Crossed

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.model import Name, Question, Server
    from resolver.upstream.query import Sent
    from resolver.upstream.server_state import ServerState
    from resolver.upstream.stream_queries import StreamEnd
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
        instance = ""
        if reply is not None:
            instance = _instance(packet.state, packet.sent, packet.slot[1], reply)
        event = Crossed(server, server.transport, zone, packet.sent.data, reply, since_s, instance)
        for listener in self.listeners:
            listener(event)

    def stream(self, server: Server, zone: Name, query: bytes) -> None:
        """The query goes over TCP."""
        for listener in self.listeners:
            listener(Crossed(server, Transport.TCP, zone, query))

    def streamed(self, end: StreamEnd, zone: Name, question: Question) -> None:
        """Its reply came."""
        if end.reply is None or not self.listeners:
            return
        octets, _ = end.reply
        instance = _instance(end.state, end.sent, question, octets)
        query = end.sent.data
        event = Crossed(end.server, Transport.TCP, zone, query, octets, end.took_s, instance)
        for listener in self.listeners:
            listener(event)


def _instance(state: ServerState, sent: Sent, question: Question, reply: bytes) -> str:
    """Which instance it is of: by its own word, if that was asked for, else as last heard of."""
    if sent.asks_instance:
        with suppress(WireError):
            octets = said(read_untrusted(reply, sent, question))
            if octets:
                return text_of(octets)
    instances = state.watch.instances
    return "" if instances is None else instances.current.text
