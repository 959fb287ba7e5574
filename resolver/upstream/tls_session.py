"""DNS over TLS towards a server: one connection, queries side by side, replies in any order.

An id of its own for each query on the connection, padding, and replies that are held against what
was asked as datagrams are: id, QR and question. RFC 7858, RFC 7766 §6.2.1.1 and §7, RFC 8467.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from resolver.errors import WireError
from resolver.protocol.edns import OPT_KEEPALIVE
from resolver.protocol.framing import Splitter, frame
from resolver.protocol.wire import parse_untrusted
from resolver.upstream.open_session import answers
from resolver.upstream.padding import padded
from resolver.upstream.stream_session import StreamSession

if TYPE_CHECKING:
    from random import Random

    import trio

    from resolver.runtime.tls_stream import TlsStream
    from resolver.upstream.session import Host, SessionPort

_A_SECOND = 10  # in the option's units


class TlsSession(StreamSession):
    """`Session` over an established *stream*. *rng* draws ids."""

    def __init__(
        self, stream: TlsStream, host: Host, *, rng: Random, nursery: trio.Nursery
    ) -> None:
        super().__init__(stream, host, nursery=nursery)
        self._rng = rng
        self._splitter = Splitter()

    def send(self, port: SessionPort) -> None:
        query = port.query
        number = query[:2]
        while number in self._waiting:
            number = self._rng.randbytes(2)
        self._await(port, number)
        message = padded(query, asks_keepalive=not self._has_asked)
        self._write(frame(number + message[2:]))

    def _take_untrusted(self, data: bytes) -> bool:
        self._splitter.push(data)
        while (message := self._splitter.take()) is not None:
            self._deliver_untrusted(message)
        return self._babbles

    def _deliver_untrusted(self, message: bytes) -> None:
        """Octets that answer nothing asked here are counted, and else ignored. Never raises."""
        one = self._waiting.get(message[:2])
        if one is None or not answers(message, one.asked):
            self._strays += 1
            return
        del self._waiting[message[:2]]
        if not self.has_served:
            self._granted_s = _granted_s_untrusted(message)
        self._replied(one, message)


def _granted_s_untrusted(message: bytes) -> float:
    """How long the server keeps a connection without queries, if it says (RFC 7828 §3.1)."""
    try:
        edns = parse_untrusted(message).edns
    except WireError:
        return math.inf
    data = edns.option(OPT_KEEPALIVE) if edns is not None else None
    return int.from_bytes(data, "big") / _A_SECOND if data else math.inf
