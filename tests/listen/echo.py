"""A handler for listener tests: knows nothing at first, learns what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.packets.cache import PacketCache
from resolver.packets.fast_path import FastPath
from resolver.packets.options import ClientOptions
from resolver.protocol.wire import qname_end
from resolver.runtime.shortage import Shortage

if TYPE_CHECKING:
    from resolver.listen.listen_network import Respond
    from resolver.protocol.transport import Client, Transport


def question(name: bytes = b"\x03www\x07example\x03com\0", *, id: int = 7) -> bytes:
    """A plain A query."""
    return id.to_bytes(2, "big") + b"\x01\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1"


def answered(data: bytes) -> bytes:
    """A reply with one address."""
    end = qname_end(data) + 5
    record = b"\xc0\x0c\0\1\0\1\0\0\x01\x2c\0\4\x01\2\3\4"
    return data[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + data[12:end] + record


class Still:
    """A clock that stands: no second begins between two replies that are to be the same."""

    def now(self) -> float:
        return 1000.0

    def wall(self) -> float:
        return 1.8e9


class Handler:
    """Answers each query at once, unless its name is held back; keeps what it answered."""

    def __init__(self) -> None:
        self.packets = PacketCache(Still())
        self.shortage = Shortage()
        self.started: list[tuple[bytes, Client]] = []
        self.held: dict[bytes, Respond] = {}
        self.holds = False

    def fast_path(self, transport: Transport, listener: str = "") -> FastPath:
        del listener
        return FastPath(self.packets, transport, ClientOptions())

    def start(self, data: bytes, client: Client, respond: Respond) -> None:
        self.started.append((data, client))
        if qname_end(data) < 0:
            respond(None)
        elif self.holds:
            self.held[data] = respond
        else:
            reply = answered(data)
            self.packets.store(data, reply, transport=client.transport, lifetime_s=60)
            respond(reply)
