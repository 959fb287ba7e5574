"""DNS over HTTPS by HTTP/3 (RFC 9114): requests from a client's streams, responses on them.

The frames are aioquic's; what is asked, and what is said, is `doh_request`'s, as over HTTP/2. No
dynamic table, in either direction (RFC 9204 §3.2.3): nothing to keep, and no request waits for
another's packets. The library keeps what is not whole yet, bounded by its stream's window, or here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import pylsqpack
import trio
from aioquic.h3 import connection as h3
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic import events

from resolver.errors import drop_frames
from resolver.limits import (
    HTTPS_BODY_OCTETS,
    HTTPS_HEADER_OCTETS,
    HTTPS_JSON_SLICE,
    QUIC_WINDOW_OCTETS,
)
from resolver.listen.doh_request import (
    LONG_HEADER,
    TOO_LARGE,
    Asked,
    Form,
    Request,
    Response,
    Written,
    busy,
    limited,
    read_untrusted,
    response,
)
from resolver.listen.http2_header import read_header
from resolver.listen.http_engine import FAULTS
from resolver.listen.quic_peer import Codes
from resolver.listen.quic_session import OVERHEAD, Session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aioquic.h3.events import H3Event

    from resolver.listen.doh_request import Fields
    from resolver.listen.quic_peer import QuicPeer
    from resolver.listen.quic_served import Served
    from resolver.listen.site import Site

    Spawn = Callable[[Callable[..., Awaitable[None]], int, Written], None]

_ONE_WAY: Final = 2  # bit of a stream's number
_FAULTY: Final = 400
_LONGEST_SECTION: Final = 6  # the setting MAX_FIELD_SECTION_SIZE (RFC 9114 §7.2.4.1)
_RECORD_OCTETS: Final = 12  # of the shortest record in a reply
_ENCODER: Final = pylsqpack.Encoder()  # without settings: it has no dynamic table
_MOST_OF_A_BODY: Final = min(HTTPS_BODY_OCTETS, QUIC_WINDOW_OCTETS - 1024)


class _Server(h3.H3Connection):
    """The library's part, without a dynamic table."""

    def _init_connection(self) -> None:
        self._max_table_capacity = self._blocked_streams = 0
        self._decoder = pylsqpack.Decoder(0, 0)
        super()._init_connection()

    def _get_local_settings(self) -> dict[int, int]:
        return {
            h3.Setting.QPACK_MAX_TABLE_CAPACITY: 0,
            h3.Setting.QPACK_BLOCKED_STREAMS: 0,
            _LONGEST_SECTION: HTTPS_HEADER_OCTETS,
        }

    def _handle_control_frame(self, frame_type: int, frame_data: bytes) -> None:
        if frame_type != h3.FrameType.SETTINGS:
            super()._handle_control_frame(frame_type, frame_data)
            return
        settings = h3.parse_settings(frame_data)
        self._validate_settings(settings)
        self._received_settings = settings
        self._settings_received = True  # how large the client's table may be is no matter

    @property
    def is_done(self) -> bool:
        """True once the client has broken the protocol: the connection is being closed."""
        return self._is_done

    def held_octets(self) -> int:
        """What is kept of frames that are not whole."""
        return sum(len(stream.buffer) for stream in self._stream.values())

    def is_hoarding(self) -> bool:
        """True if a client's own stream holds more than any honest frame of it has."""
        return any(
            stream.stream_id & _ONE_WAY and len(stream.buffer) > HTTPS_HEADER_OCTETS
            for stream in self._stream.values()
        )

    def forget(self, stream_id: int) -> None:
        """Its request has been read; the response is not the library's."""
        self._stream.pop(stream_id, None)


class _Coming:
    """A request that is not whole yet. *is_answered*: what comes is read over."""

    __slots__ = ("body", "fields", "is_answered", "method", "target")

    def __init__(self, method: bytes, target: bytes, fields: dict[bytes, bytes]) -> None:
        self.method = method
        self.target = target
        self.fields = fields
        self.body = bytearray()
        self.is_answered = False


class Http3Session(Session[Asked]):
    """*site*: what is served; *spawn* begins a task."""

    CODES = Codes(  # RFC 9114 §8.1
        nothing=h3.ErrorCode.H3_NO_ERROR,
        fault=h3.ErrorCode.H3_INTERNAL_ERROR,
        misuse=h3.ErrorCode.H3_GENERAL_PROTOCOL_ERROR,
        given_up=h3.ErrorCode.H3_REQUEST_CANCELLED,
        excess=h3.ErrorCode.H3_EXCESSIVE_LOAD,
    )

    def __init__(self, service: Served, peer: QuicPeer, *, site: Site, spawn: Spawn) -> None:
        super().__init__(service, peer)
        self._http = _Server(peer.transport)
        self._site = site
        self._spawn = spawn
        self._coming: dict[int, _Coming] = {}
        self._buffered = 0
        self._writing = 0  # long answers in the making
        site.http3 += 1
        peer.wants_flush()

    @property
    def is_idle(self) -> bool:
        return not self._writing and super().is_idle

    # --- what comes ----------------------------------------------------------------------------

    def on_event(self, event: events.QuicEvent) -> None:
        if isinstance(event, events.StreamDataReceived):
            self._received(event)
        elif isinstance(event, events.StreamReset | events.StopSendingReceived):
            self._hear(event)
            if self._peer is not None and not event.stream_id & _ONE_WAY:
                self._given_up(event.stream_id)

    def _received(self, event: events.StreamDataReceived) -> None:
        stream = event.stream_id
        if not stream & _ONE_WAY and not event.end_stream:
            self._began.setdefault(stream, trio.current_time())
        for heard in self._hear(event):
            if isinstance(heard, HeadersReceived):
                self._begun(stream, heard)
            elif isinstance(heard, DataReceived):
                self._continued(stream, heard.data)
            if self._peer is None:
                return
        if event.end_stream and not stream & _ONE_WAY:
            self._whole(stream)
        self._count()

    def _hear(self, event: events.QuicEvent) -> list[H3Event]:
        """What the library makes of *event*, whose faults end this connection only."""
        try:
            heard = self._http.handle_event(event)
        except FAULTS as error:
            drop_frames(error)
            self._misused()
            return []
        if self._http.is_done and self._peer is not None:
            self._peer.count_misuse()
        return heard

    def _count(self) -> None:
        if self._peer is None:
            return
        buffered = self._http.held_octets()
        self.held_octets += buffered - self._buffered
        self._buffered = buffered
        if self._http.is_hoarding():
            self._peer.count_overuse()
            self._peer.end(self.CODES.excess)

    def _begun(self, stream: int, heard: HeadersReceived) -> None:
        if stream in self._coming:
            return  # trailers
        header = read_header(heard.headers)
        method, target, fields, size = header or (b"", b"", {}, 0)
        coming = self._coming[stream] = _Coming(method, target, fields)
        self.held_octets += OVERHEAD
        if header is None:
            self._misused()
        elif size > HTTPS_HEADER_OCTETS:
            self._answer_early(stream, coming, LONG_HEADER)
        elif _length(fields) > _MOST_OF_A_BODY:
            self._answer_early(stream, coming, TOO_LARGE)

    def _continued(self, stream: int, data: bytes) -> None:
        coming = self._coming.get(stream)
        if coming is None or coming.is_answered:
            return
        coming.body += data
        self.held_octets += len(data)
        if len(coming.body) > _MOST_OF_A_BODY:
            self._answer_early(stream, coming, TOO_LARGE)

    def _answer_early(self, stream: int, coming: _Coming, answer: Response) -> None:
        """Before the request is whole: what is left of it is not wanted (RFC 9114 §4.1)."""
        self.held_octets -= len(coming.body)
        coming.body.clear()
        coming.is_answered = True
        if self._peer is not None and self._began.pop(stream, None) is not None:
            self._peer.transport.stop_stream(stream, self.CODES.nothing)
        self._respond(stream, answer)

    def _whole(self, stream: int) -> None:
        coming = self._coming.get(stream)
        self._drop_part(stream)
        self._http.forget(stream)
        if coming is None or coming.is_answered or self._peer is None:
            return
        request = Request(coming.method, coming.target, coming.fields, coming.body)
        asked = read_untrusted(request, self._site)
        if isinstance(asked, Response):
            self._respond(stream, asked)
        else:
            self._site.json += asked.form is Form.JSON
            self._take_on(stream, asked, len(asked.query))

    def _drop_part(self, stream: int) -> None:
        super()._drop_part(stream)
        coming = self._coming.pop(stream, None)
        if coming is not None:
            self.held_octets -= len(coming.body) + OVERHEAD

    # --- answers -------------------------------------------------------------------------------

    def _query(self, item: Asked) -> bytes:
        return item.query

    def _reply(self, stream: int, item: Asked, reply: bytes) -> None:
        if item.form is Form.JSON and len(reply) > HTTPS_JSON_SLICE * _RECORD_OCTETS:
            self._writing += 1
            self._spawn(self._write_slowly, stream, Written(item, reply, self._site))
        else:
            self._respond(stream, response(item, reply, self._site))

    async def _write_slowly(self, stream: int, written: Written) -> None:
        """A long JSON answer, others having their turn between its slices."""
        for _ in written:
            await trio.lowlevel.checkpoint()
        self._writing -= 1
        self._respond(stream, written.response)
        self.wake()

    def _refuse(self, stream: int, *, is_rate: bool) -> None:
        self._respond(stream, limited(self._site) if is_rate else busy(self._site))

    def _fail(self, stream: int) -> None:
        self._respond(stream, busy(self._site))

    def _respond(self, stream: int, answer: Response) -> None:
        self._site.refused += answer.status >= _FAULTY
        octets = h3.encode_frame(h3.FrameType.HEADERS, block_of(answer.status, answer.fields))
        if answer.body:
            octets += h3.encode_frame(h3.FrameType.DATA, answer.body)
        self._send(stream, octets)

    def gone(self) -> None:
        super().gone()
        self._coming.clear()
        self._buffered = 0


def _length(fields: dict[bytes, bytes]) -> int:
    """Of the body, as it was said; 0 where nothing was."""
    text = fields.get(b"content-length", b"")
    return int(text) if text.isdigit() and len(text) < _MANY_DIGITS else 0


_MANY_DIGITS: Final = 10


@lru_cache(maxsize=1024)
def block_of(status: int, fields: Fields) -> bytes:
    """A response's header, without the dynamic table (RFC 9204 §4.5)."""
    _, block = _ENCODER.encode(0, [(b":status", b"%d" % status), *fields])
    return block
