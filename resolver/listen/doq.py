"""DNS over one client's QUIC connection (RFC 9250): a stream for each question and its answer.

A stream holds exactly one message behind its length, with id 0, and ends; whatever else comes ends
the connection (§4.3.3). The rest is `quic_session`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio
from aioquic.quic import events

from resolver.errors import WireError
from resolver.listen.quic_peer import Codes
from resolver.listen.quic_session import OVERHEAD, Session
from resolver.protocol.edns import OPT_KEEPALIVE
from resolver.protocol.framing import frame
from resolver.protocol.wire import parse_untrusted

if TYPE_CHECKING:
    from resolver.listen.quic_peer import QuicPeer
    from resolver.listen.quic_served import Served

_NOT_A_QUESTION: Final = 3  # bits of a stream's number: begun by the server, or one way only
_HEADER: Final = 12
_LENGTH: Final = 2


class DoqSession(Session[bytes]):
    """What waits is the message."""

    CODES = Codes(nothing=0, fault=1, misuse=2, given_up=3, excess=4)  # RFC 9250 §4.3

    def __init__(self, service: Served, peer: QuicPeer) -> None:
        super().__init__(service, peer)
        self._parts: dict[int, bytearray] = {}

    def on_event(self, event: events.QuicEvent) -> None:
        if isinstance(event, events.StreamDataReceived):
            self._received(event.stream_id, event.data, is_end=event.end_stream)
        elif isinstance(event, events.StreamReset | events.StopSendingReceived):
            if event.stream_id & _NOT_A_QUESTION:
                self._misused()
            else:
                self._given_up(event.stream_id)

    def _received(self, stream: int, data: bytes, *, is_end: bool) -> None:
        """Keep it until its stream ends; the length says at once if there is too much of it."""
        if stream & _NOT_A_QUESTION:
            self._misused()
            return
        part = self._parts.get(stream)
        if part is None and not is_end:
            part = self._parts[stream] = bytearray()
            self._began[stream] = trio.current_time()
            self.held_octets += OVERHEAD
        if part is not None:
            part += data
            self.held_octets += len(data)
        whole = data if part is None else part
        size = _LENGTH + int.from_bytes(whole[:_LENGTH], "big")
        if len(whole) > max(size, _LENGTH) or (is_end and len(whole) < size):
            self._misused()
        elif is_end:
            message = bytes(whole[_LENGTH:])
            self._drop_part(stream)
            if len(message) < _HEADER or message[:2] != b"\0\0" or message[2] & 0x80:
                self._misused()
            else:
                self._take_on(stream, message, len(message))

    def _drop_part(self, stream: int) -> None:
        part = self._parts.pop(stream, None)
        if part is not None:
            super()._drop_part(stream)
            self.held_octets -= len(part) + OVERHEAD

    def _query(self, item: bytes) -> bytes:
        return item

    def _reply(self, stream: int, item: bytes, reply: bytes) -> None:
        del item
        self._send(stream, frame(reply))

    def _refuse(self, stream: int, *, is_rate: bool) -> None:
        del is_rate
        self._reset(stream, self.CODES.excess)

    def _may_begin(self, query: bytes) -> bool:
        if _tells_to_keep_alive(query):
            self._misused()
            return False
        return True

    def gone(self) -> None:
        super().gone()
        self._parts.clear()


def _tells_to_keep_alive(message: bytes) -> bool:
    """True if it has the option of a stream that is kept open (RFC 9250 §5.5.2 forbids it)."""
    try:
        edns = parse_untrusted(message).edns
    except WireError:
        return False  # FORMERR says what is wrong
    return edns is not None and edns.option(OPT_KEEPALIVE) is not None
