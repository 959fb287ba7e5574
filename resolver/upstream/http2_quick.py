"""HTTP/2's common case past h2, for who asks: a request of two frames, a response that comes whole.

As `listen.http2_quick` at the other end, and for the same reason: of both h2 makes four frames, a
stream with two automata and three events, which is nine tenths of what a question costs here. h2
stays the protocol. What is not just that case (padding, trailers, an interim response, a body with
gaps, a header that is not well, a window too small) is h2's from its first octet; and with the
first other frame for it, a stream of the set becomes one of h2's (`give_up`). RFC 9113.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from h2.config import H2Configuration
from h2.connection import (
    ConnectionInputs,
    ConnectionState,
    H2ConnectionStateMachine,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from h2.stream import StreamClosedBy, StreamInputs
from h2.utilities import HeaderValidationFlags, validate_headers

from resolver.errors import drop_frames
from resolver.limits import (
    SESSION_HEADER_OCTETS,
    SESSION_HELD_OCTETS,
    SESSION_KNOWN_BLOCKS,
    SESSION_WINDOW_OCTETS,
    STREAM_OCTETS,
    TLS_CHUNK_OCTETS,
)
from resolver.runtime.header_tables import RememberingEncoder, TableDecoder
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
from resolver.upstream.https_words import objection

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from hpack.struct import HeaderTuple

    from resolver.upstream.https_words import Header

    Heard = Callable[[int, str, bytes], None]

_CONFIG: Final = H2Configuration(
    client_side=True, header_encoding=None, validate_outbound_headers=False
)
# h2 would take nothing more after GOAWAY, not even the replies that it promises (RFC 9113 §6.8).
_LEAVING: Final = ConnectionState.CLIENT_OPEN, ConnectionInputs.RECV_GOAWAY
_TRANSITIONS: Final = {
    **H2ConnectionStateMachine._transitions,  # noqa: SLF001
    _LEAVING: (None, ConnectionState.CLIENT_OPEN),
}
_FLAGS: Final = HeaderValidationFlags(
    is_client=True, is_trailer=False, is_response_header=True, is_push_promise=False
)
_LENGTH: Final = b"content-length"
_INTERIM: Final = b"1"
_PLAIN_OCTETS: Final = 4000
"""Of a request's header fields: above that they may not fit into one frame."""


class _Said(NamedTuple):
    """What a header says, where it is well. *wrong*: why it is no reply; *length*: of the body."""

    wrong: str
    length: int | None


class _Decoder(TableDecoder):
    """hpack's, and what some blocks meant."""

    def __init__(self) -> None:
        super().__init__(SESSION_HEADER_OCTETS)
        self._known: dict[bytes, _Said] = {}

    def _forget(self) -> None:
        self._known.clear()

    def said(self, block: bytes, octets: int) -> _Said | None:
        """Of a response with a body of *octets*. None: *block* has to be given to h2 next."""
        said = self._known.get(block)
        if said is not None:
            return said if said.length in (None, octets) else None
        generation = self.header_table.generation
        headers = self._read(block)
        if headers is None:
            return None
        said = _read(headers)
        if said is None or said.length not in (None, octets):
            self._ahead = block, headers
            return None
        if self.header_table.generation == generation:
            if len(self._known) >= SESSION_KNOWN_BLOCKS:
                self._known.clear()
            self._known[block] = said
        return said


def _read(headers: list[HeaderTuple]) -> _Said | None:
    try:
        fields = dict(validate_headers(headers, _FLAGS))
    except ProtocolError as error:
        drop_frames(error)
        return None
    lengths = {value for name, value in headers if name == _LENGTH}
    if fields[b":status"].startswith(_INTERIM) or len(lengths) > 1:
        return None
    if not lengths:
        return _Said(objection(fields), None)
    told = lengths.pop()
    return _Said(objection(fields), int(told)) if told.isdigit() else None


class Connection(WholeStreams):
    """h2's, with our limits, and streams that it does not know of. *fields*: of each request."""

    def __init__(self, fields: Sequence[Header]) -> None:
        super().__init__(_CONFIG)
        self.state_machine._transitions = _TRANSITIONS  # noqa: SLF001
        self._fields = fields
        self._is_plain = sum(len(name) + len(value) for name, value in fields) <= _PLAIN_OCTETS
        self._remembering = RememberingEncoder(fields)
        self.encoder = self._remembering
        self._reader = _Decoder()
        self.decoder = self._reader
        self.local_settings = Settings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.INITIAL_WINDOW_SIZE: SESSION_WINDOW_OCTETS,
                SettingCodes.MAX_HEADER_LIST_SIZE: SESSION_HEADER_OCTETS,
            },
        )
        self.initiate_connection()
        self.increment_flow_control_window(SESSION_HELD_OCTETS)

    @property
    def open_outbound_streams(self) -> int:
        return super().open_outbound_streams + len(self.whole)

    # --- requests ----------------------------------------------------------------------------

    def ask(self, body: bytes) -> int | None:
        """The stream of a request with *body*; None if the server has no room for it now."""
        size, theirs = len(body), self.remote_settings
        room = min(self.outbound_flow_control_window, theirs.initial_window_size)
        if size > room or self.open_outbound_streams >= theirs.max_concurrent_streams:
            return None
        number = self.get_next_available_stream_id()
        if not self._is_plain or size > self.max_outbound_frame_size:
            self.send_headers(number, [*self._fields, (_LENGTH, b"%d" % size)])
            self.send_data(number, body, end_stream=True)
            return number
        self.state_machine.process_input(ConnectionInputs.SEND_HEADERS)
        block = self._remembering.block_of(size)
        out = self._data_to_send
        out += WRITE_HEAD(0, len(block), HEADERS, END_HEADERS, number)
        out += block
        out += WRITE_HEAD(0, size, DATA, END_STREAM, number)
        out += body
        self.outbound_flow_control_window -= size
        self.highest_outbound_stream_id = number
        self.whole.add(number)
        return number

    def give_up(self, number: int) -> None:
        """Make the stream h2's."""
        stream = self._adopt(number, StreamInputs.SEND_HEADERS, StreamInputs.SEND_END_STREAM)
        stream.request_method = b"POST"

    # --- responses ---------------------------------------------------------------------------

    def read_whole(self, frames: bytes, at: int, heard: Heard) -> int:
        """Have *heard* the responses that are whole in *frames* from *at* on; where those end."""
        if self.incoming_buffer._headers_buffer:  # noqa: SLF001 - a header goes on
            return at
        window = self._inbound_flow_control_window_manager
        consumed, most = 0, self.max_inbound_frame_size
        while (parts := _response_at(frames, at, self.whole, most)) is not None and parts[3]:
            number, block, body, end = parts
            size = len(body)
            if size > min(window.current_window_size, STREAM_OCTETS):
                break
            said = self._reader.said(block, size)
            if said is None:
                break
            window.window_consumed(size)
            consumed += size
            self.whole.remove(number)
            self._closed_streams[number] = StreamClosedBy.RECV_END_STREAM
            at = end
            heard(number, said.wrong, body)
        if consumed:
            self._make_room(consumed)
        return at

    def is_incomplete(self, frames: bytes, at: int) -> bool:
        """Does a response begin there whose rest may come? It is waited for, if it is short."""
        if len(frames) - at > TLS_CHUNK_OCTETS:
            return False
        parts = _response_at(frames, at, self.whole, self.max_inbound_frame_size)
        return parts is not None and not parts[3]


_Parts = tuple[int, bytes, bytes, int]
_MORE: Final[_Parts] = 0, b"", b"", 0


def _response_at(frames: bytes, at: int, whole: Container[int], most: int) -> _Parts | None:
    """Stream, header block, body and end of the response at *at*, if that is all there is to it;

    `_MORE` if it may be once more has come. No frame has more than *most* octets.
    """
    size, end, flags, number = len(frames), at, 0, 0
    block, body = None, b""
    while not flags & END_STREAM:
        if size - end < HEAD_OCTETS:
            return None if block is None else _MORE
        high, low, kind, flags, other = HEAD(frames, end)
        begin = end + HEAD_OCTETS
        end = begin + (length := high << 16 | low)
        if block is None:
            number = other
            is_fit = kind == HEADERS and other in whole and flags & ~END_STREAM == END_HEADERS
        else:
            is_fit = kind == DATA and other == number and not flags & ~END_STREAM
        if not is_fit or length > most:
            return None
        if end > size:
            return _MORE
        if block is None:
            block = frames[begin:end]
        else:
            body += frames[begin:end]
    return number, block or b"", body, end
