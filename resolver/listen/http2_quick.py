"""HTTP/2's common case past h2: a request that comes whole, and the response that fits.

Of such a request h2 makes two frames, a stream with two automata and three events, which is nine
tenths of what it costs. Here it is a number in a set. h2 stays the protocol: whatever is not just
that case (padding, priority, CONTINUATION, a body in pieces, a header that is not well, a stream
too many, a window too small) is h2's from its first octet; and with the first other frame for it,
a stream of the set becomes one of h2's, as h2 would have made it (`give_up`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from h2.config import H2Configuration
from h2.connection import ConnectionState
from h2.settings import SettingCodes, Settings
from h2.stream import StreamClosedBy, StreamInputs

from resolver.limits import (
    HTTPS_BODY_OCTETS,
    HTTPS_CLOSED_STREAMS,
    HTTPS_FRAME_OCTETS,
    HTTPS_HEADER_OCTETS,
    HTTPS_STREAMS,
)
from resolver.listen.doh_request import Request
from resolver.listen.http2_decoder import RememberingDecoder
from resolver.listen.http2_header import PreparedEncoder
from resolver.runtime.http2_frame import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEAD,
    HEAD_OCTETS,
    HEADERS,
    WRITE_HEAD,
)
from resolver.runtime.http2_whole import WholeStreams

if TYPE_CHECKING:
    from collections import deque

_HIGH: Final = 16
_LOW: Final = 0xFFFF
_MOST_STREAM: Final = 0x7FFF_FFFF


class Connection(WholeStreams):
    """h2's, with our limits, and streams that it does not know of."""

    MAX_CLOSED_STREAMS = HTTPS_CLOSED_STREAMS

    def __init__(self) -> None:
        super().__init__(
            H2Configuration(
                client_side=False,
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self.prepared = PreparedEncoder()
        self.encoder = self.prepared  # type: ignore[assignment]
        self.remembering = RememberingDecoder(2 * HTTPS_HEADER_OCTETS)  # above it, no 431
        self.decoder = self.remembering
        self.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: HTTPS_STREAMS,
                SettingCodes.MAX_HEADER_LIST_SIZE: HTTPS_HEADER_OCTETS,
                SettingCodes.MAX_FRAME_SIZE: HTTPS_FRAME_OCTETS,
                SettingCodes.INITIAL_WINDOW_SIZE: HTTPS_BODY_OCTETS,
            },
        )
        self.initiate_connection()
        self.increment_flow_control_window(HTTPS_BODY_OCTETS)

    @property
    def unsent_octets(self) -> int:
        """Octets of what `data_to_send` gives next."""
        return len(self._data_to_send)

    @property
    def open_inbound_streams(self) -> int:
        return super().open_inbound_streams + len(self.whole)

    # --- requests ----------------------------------------------------------------------------

    def read_whole(self, frames: bytes, at: int, asked: deque[tuple[int, Request]]) -> int:
        """Add the requests that are whole in *frames* from *at* on; where those end. O(octets)."""
        is_open = self.state_machine.state is ConnectionState.SERVER_OPEN
        if not is_open or self.incoming_buffer._headers_buffer:  # noqa: SLF001
            return at
        window = self._inbound_flow_control_window_manager
        room = window.current_window_size
        consumed, head_of = 0, self.remembering.head_of
        while (parts := _request_at(frames, at, self.highest_inbound_stream_id)) is not None:
            number, block, body, end = parts
            size = len(body)
            if consumed + size > room or not self._has_place():
                break
            head = head_of(block, size)
            if head is None:
                break
            consumed += size
            self.highest_inbound_stream_id = number
            self.whole.add(number)
            asked.append((number, Request(head.method, head.target, head.fields, body)))
            at = end
        if consumed:
            window.window_consumed(consumed)
            self._make_room(consumed)
        return at

    def _has_place(self) -> bool:
        at_most = len(self.streams) + len(self.whole)  # h2 counts closed ones until it looks
        return at_most < HTTPS_STREAMS or self.open_inbound_streams < HTTPS_STREAMS

    def give_up(self, number: int) -> None:
        """Make the stream h2's."""
        self._adopt(number, StreamInputs.RECV_HEADERS, StreamInputs.RECV_END_STREAM)

    # --- responses ---------------------------------------------------------------------------

    def respond_whole(self, number: int, block: bytes, body: bytes) -> bool:
        """End a stream past h2; False if the response does not fit: it has to be h2's."""
        size, most = len(body), self.max_outbound_frame_size
        room = min(most, self.outbound_flow_control_window)
        if size and (size > room or size > self.remote_settings.initial_window_size):
            return False
        self.prepared.block = block
        block = self.prepared.encode(())
        if (block_size := len(block)) > most:
            return False
        flags = END_HEADERS if size else END_HEADERS | END_STREAM
        out = self._data_to_send
        out += WRITE_HEAD(block_size >> _HIGH, block_size & _LOW, HEADERS, flags, number)
        out += block
        if size:
            out += WRITE_HEAD(size >> _HIGH, size & _LOW, DATA, END_STREAM, number)
            out += body
            self.outbound_flow_control_window -= size
        self.whole.remove(number)
        self._closed_streams[number] = StreamClosedBy.SEND_END_STREAM
        return True


def _request_at(frames: bytes, at: int, highest: int) -> tuple[int, bytes, bytes, int] | None:
    """Stream, header block, body and end of the request at *at*, if that is all there is to it."""
    size = len(frames)
    if size - at < HEAD_OCTETS:
        return None
    high, low, kind, flags, number = HEAD(frames, at)
    is_new = highest < number <= _MOST_STREAM and number & 1
    begin = at + HEAD_OCTETS
    end = begin + (high << _HIGH | low)
    if kind != HEADERS or not is_new or end > size:
        return None
    block = frames[begin:end]
    if flags == END_HEADERS | END_STREAM:
        return number, block, b"", end
    if flags != END_HEADERS or size - end < HEAD_OCTETS:
        return None
    high, low, kind, flags, other = HEAD(frames, end)
    begin = end + HEAD_OCTETS
    end = begin + (high << _HIGH | low)
    if kind != DATA or flags != END_STREAM or other != number or end > size:
        return None
    return number, block, frames[begin:end], end
