"""A DNS server of a few lines on loopback, in threads: it says what a function makes of a query."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from resolver.protocol import wire
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.message import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.protocol.edns import Option
    from resolver.protocol.message import Message

    Says = Callable[[Message, str], bytes | None]  # the query, "udp" or "tcp" → the reply


def reply(
    query: Message,
    *records: Record,
    rcode: int = Rcode.NOERROR,
    flags: int = 0,
    options: tuple[Option, ...] = (),
) -> bytes:
    """A reply with *records* as its answer."""
    return wire.build(
        id=query.id,
        flags=Flag.QR | Flag.RA | query.flags & Flag.RD | flags | rcode,
        question=query.question,
        answer=records,
        edns=Edns(options=options) if query.edns is not None else None,
    )


def address(query: Message, text: str = "192.0.2.1") -> Record:
    """An A record for what was asked."""
    return Record(query.qname, RRType.A, query.qclass, 300, socket.inet_aton(text))


@contextmanager
def serving(says: Says, host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """The port where it is served over UDP and TCP, until the block ends."""
    with (
        socket.socket(type=socket.SOCK_STREAM) as stream,
        socket.socket(type=socket.SOCK_DGRAM) as udp,
    ):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stream.bind((host, port))
        where = stream.getsockname()
        udp.bind(where)
        stream.listen()
        threads = [
            threading.Thread(target=_datagrams, args=(udp, says)),
            threading.Thread(target=_connections, args=(stream, says)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield where[1]
        finally:
            with socket.socket(type=socket.SOCK_DGRAM) as end:
                end.sendto(b"", where)
            with suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)


def _datagrams(udp: socket.socket, says: Says) -> None:
    while True:
        data, client = udp.recvfrom(65_535)
        if not data:
            return
        said = says(wire.parse_untrusted(data), "udp")
        if said is not None:
            udp.sendto(said, client)


def _connections(stream: socket.socket, says: Says) -> None:
    with suppress(OSError):
        while True:
            connection, _ = stream.accept()
            with connection, suppress(OSError):
                connection.settimeout(10)
                size = int.from_bytes(connection.recv(2, socket.MSG_WAITALL), "big")
                data = connection.recv(size, socket.MSG_WAITALL)
                said = says(wire.parse_untrusted(data), "tcp")
                if said is not None:
                    connection.sendall(len(said).to_bytes(2, "big") + said)
