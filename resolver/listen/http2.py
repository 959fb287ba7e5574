"""The server's end of HTTP/2 (RFC 9113): octets in, requests out; responses in, octets out.

The protocol is h2's, but for requests that come whole (`http2_quick`); ours is what it costs and
what may be asked of it. Header fields are checked here, for h2's checks take half of its time: what
is malformed resets its own stream only (§8.1.1).
Responses are written without the dynamic table: two dozen octets more each, and nothing to compute.
What has come of a body is acknowledged once the request is whole, so that unfinished ones never
hold more than the connection's window. Priorities are read over. `http2_guard` counts what floods.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from h2.connection import ConnectionState
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import H2Error

from resolver.errors import drop_frames
from resolver.limits import HTTPS_BODY_OCTETS, HTTPS_FRAME_OCTETS, HTTPS_HEADER_OCTETS
from resolver.listen.doh_request import LONG_HEADER, TOO_LARGE, Request
from resolver.listen.http2_gather import gathered, is_apart
from resolver.listen.http2_guard import PREFACE_OCTETS, Guard
from resolver.listen.http2_header import block_of, read_header
from resolver.listen.http2_quick import Connection
from resolver.listen.http_engine import FAULTS
from resolver.runtime.http2_frame import end_of_others

if TYPE_CHECKING:
    from collections.abc import Sequence

    from h2.events import Event

    from resolver.listen.doh_request import Response

_ANY_HEADERS: Final = ((":status", "200"),)  # sent is the block that `PreparedEncoder` was given


class _Coming:
    """A request that is not whole yet."""

    __slots__ = ("began_at", "body", "fields", "method", "target", "unacknowledged")

    def __init__(
        self, method: bytes, target: bytes, fields: dict[bytes, bytes], began_at: float
    ) -> None:
        self.method = method
        self.target = target
        self.fields = fields
        self.began_at = began_at
        self.body = bytearray()
        self.unacknowledged = 0


class Http2:
    """One connection; see `http_engine.Engine`."""

    def __init__(self) -> None:
        self.asked: deque[tuple[int, Request]] = deque()
        self.is_over = False
        self.fault = ""
        self.held_octets = 0
        self._now = 0.0
        self._guard = Guard()
        self._out = b""
        self._coming: dict[int, _Coming] = {}  # the oldest first
        self._open: set[int] = set()  # streams that have no response yet
        self._held: dict[int, bytes] = {}  # what is left of bodies
        self._waiting: dict[int, tuple[bytes, bytes]] = {}  # whole responses: header block, body
        self._rest = b""  # of a frame that is not whole yet
        self._preface = PREFACE_OCTETS  # of which so many are still to come
        self._cuts: list[int] = []  # where responses end in what is to be sent
        self._h2 = Connection()
        self._whole = self._h2.whole

    def __repr__(self) -> str:
        return f"<Http2 {len(self._open) + len(self._whole)} streams>"

    @property
    def began_at(self) -> float | None:
        for coming in self._coming.values():
            return coming.began_at
        return self._guard.began_at

    @property
    def useful_octets(self) -> int:
        return self._guard.useful_octets

    @useful_octets.setter
    def useful_octets(self, octets: int) -> None:
        self._guard.useful_octets = octets

    # --- requests ----------------------------------------------------------------------------

    def receive(self, chunk: bytes | bytearray, now: float) -> None:
        if self.is_over:
            return
        self._now = now
        end = self._guard.come(chunk, now)
        if end is None:
            try:
                self._read(chunk)
            except (H2Error, *FAULTS) as error:
                drop_frames(error)
                if self._h2.state_machine.state is not ConnectionState.CLOSED:  # no GOAWAY yet
                    self._h2.close_connection(ErrorCodes.PROTOCOL_ERROR)
                self._end("ended_protocol")
                return
            self._out += self._h2.data_to_send()
            end = self._guard.sent(self._out)
        if end is not None:
            self._h2.close_connection(end.code)
            self._end(end.counter)

    def _read(self, chunk: bytes | bytearray) -> None:
        """Frame by frame: whole requests at once, the others by h2."""
        h2 = self._h2
        frames = self._rest + chunk if self._rest else bytes(chunk)
        at, has_gathered = 0, False
        while not self.is_over:
            at = h2.read_whole(frames, at, self.asked)
            if not has_gathered and not self._preface and is_apart(frames, at):
                frames, has_gathered = gathered(frames, at), True
                continue
            if (end := h2.read_room(frames, at)) > at:
                at = end
                self._pump()
                continue
            end = self._end_of_others(frames, at)
            if end == at:
                break
            for event in h2.receive_data(frames[at:end]):
                self._heed(event)
            at = end
        self._rest = frames[at:]

    def _end_of_others(self, frames: bytes, at: int) -> int:
        """Of the frames for h2: the next, and more until one begins a request. O(frames)."""
        if self._preface:
            end = min(len(frames), at + self._preface)
            self._preface -= end - at
            return end
        return end_of_others(frames, at, self._whole, self._give_up)

    def _give_up(self, number: int) -> None:
        self._open.add(number)
        self._h2.give_up(number)

    def _end(self, fault: str) -> None:
        self.is_over, self.fault = True, fault
        self.asked.clear()

    def _heed(self, event: Event) -> None:
        kind = type(event)
        if kind is RequestReceived:
            self._begin(event)  # type: ignore[arg-type]
        elif kind is DataReceived:
            self._add(event)  # type: ignore[arg-type]
        elif kind is StreamEnded:
            self._complete(event.stream_id)  # type: ignore[attr-defined]
        elif kind is TrailersReceived:
            self._heed_trailers(event)  # type: ignore[arg-type]
        elif kind is StreamReset:
            self._forget(event.stream_id)  # type: ignore[attr-defined]
        elif kind in (WindowUpdated, RemoteSettingsChanged):
            self._pump()
        elif kind is ConnectionTerminated:
            self.is_over = True

    def _begin(self, event: RequestReceived) -> None:
        number: int = event.stream_id
        self._open.add(number)
        read = read_header(event.headers)
        if read is None:
            self._reset(number, ErrorCodes.PROTOCOL_ERROR)
            return
        method, target, fields, size = read
        if size > HTTPS_HEADER_OCTETS:
            self._refuse(number, LONG_HEADER)
        elif int(fields.get(b"content-length", b"0")) > HTTPS_BODY_OCTETS:  # h2 has read it
            self._refuse(number, TOO_LARGE)
        else:
            self._coming[number] = _Coming(method, target, fields, self._now)

    def _add(self, event: DataReceived) -> None:
        number: int = event.stream_id
        octets: int = event.flow_controlled_length
        coming = self._coming.get(number)
        if coming is None:
            self._h2.acknowledge_received_data(octets, number)
            return
        coming.body += event.data
        coming.unacknowledged += len(event.data)
        if padding := octets - len(event.data):
            self._h2.acknowledge_received_data(padding, number)
        if len(coming.body) > HTTPS_BODY_OCTETS:
            self._refuse(number, TOO_LARGE)
        elif len(coming.body) == HTTPS_BODY_OCTETS and event.stream_ended is None:
            self._h2.increment_flow_control_window(HTTPS_FRAME_OCTETS, number)  # to see if it ends

    def _heed_trailers(self, event: TrailersReceived) -> None:
        """They tell us nothing, but have to be trailers (§8.1)."""
        if any(name[:1] == b":" for name, _ in event.headers):
            self._reset(event.stream_id, ErrorCodes.PROTOCOL_ERROR)

    def _complete(self, number: int) -> None:
        coming = self._drop_coming(number)
        if coming is None:
            return
        if not coming.body and int(coming.fields.get(b"content-length", b"0")):
            self._reset(number, ErrorCodes.PROTOCOL_ERROR)  # h2 counts what comes as DATA only
            return
        request = Request(coming.method, coming.target, coming.fields, coming.body)
        self.asked.append((number, request))

    def _drop_coming(self, number: int) -> _Coming | None:
        coming = self._coming.pop(number, None)
        if coming is not None and coming.unacknowledged:
            self._h2.acknowledge_received_data(coming.unacknowledged, number)
        return coming

    def _forget(self, number: int) -> None:
        """The client has given it up, or we have."""
        self._drop_coming(number)
        self._open.discard(number)
        self.held_octets -= len(self._held.pop(number, b""))
        self.held_octets -= len(self._waiting.pop(number, (b"", b""))[1])
        if self.asked:
            self.asked = deque(one for one in self.asked if one[0] != number)

    def _reset(self, number: int, code: ErrorCodes) -> None:
        self._forget(number)
        self._h2.reset_stream(number, code)

    def _refuse(self, number: int, response: Response) -> None:
        """Not even looked at. What is still to come of it is read over: a reset would be in order
        (§8.1), but curl then shows no response; `Guard` ends it where it is too much.
        """
        self.respond(number, response)
        self._drop_coming(number)

    # --- responses ---------------------------------------------------------------------------

    def respond(self, number: int, response: Response) -> None:
        if self.is_over:
            return
        status, fields, body = response
        self._say(number, block_of(status, fields), body)

    def _say(self, number: int, block: bytes, body: bytes) -> None:
        """Now, or as soon as the client makes room; in part only where there is room for that."""
        h2 = self._h2
        if number in self._whole:
            if h2.respond_whole(number, block, body):
                self._cuts.append(len(self._out) + h2.unsent_octets)
                return
            if h2.outbound_flow_control_window <= 0:
                self._waiting[number] = block, body
                self.held_octets += len(body)
                return
            h2.give_up(number)
        elif number in self._open:
            self._open.remove(number)
        else:
            return
        h2.prepared.block = block
        h2.send_headers(number, _ANY_HEADERS, end_stream=not body)
        if not body:
            self._cuts.append(len(self._out) + h2.unsent_octets)
        elif left := self._send_part(number, body):
            self._held[number] = left
            self.held_octets += len(left)

    def _send_part(self, number: int, body: bytes) -> bytes:
        """As much as the client has made room for; returns the rest."""
        h2 = self._h2
        room = h2.local_flow_control_window(number)
        while body and room > 0:
            size = min(len(body), room, h2.max_outbound_frame_size)
            h2.send_data(number, body[:size], end_stream=size == len(body))
            body, room = body[size:], room - size
        if not body:
            self._cuts.append(len(self._out) + h2.unsent_octets)
        return body

    def _pump(self) -> None:
        """There may be room for what is held."""
        for number, body in list(self._held.items()):
            left = self._send_part(number, body)
            self.held_octets -= len(body) - len(left)
            if left:
                self._held[number] = left
            else:
                del self._held[number]
        for number in list(self._waiting):
            if self._h2.outbound_flow_control_window <= 0:
                break
            block, body = self._waiting.pop(number)
            self.held_octets -= len(body)
            self._say(number, block, body)

    def octets(self) -> bytes:
        octets, self._out = self._out, b""
        return octets + self._h2.data_to_send() if vars(self._h2) else b""

    def cuts(self, octets: bytes) -> Sequence[int]:
        cuts, self._cuts = self._cuts, []
        if cuts and cuts[-1] >= len(octets):
            del cuts[-1]
        return cuts

    def part(self) -> None:
        if not self.is_over:
            self.is_over = True
            self._h2.close_connection(ErrorCodes.NO_ERROR)

    def let_go(self) -> None:
        """h2 holds itself by bound methods: 36 kB a connection until a collector came."""
        self.is_over = True
        self.asked.clear()
        self._coming.clear()
        self._held.clear()
        self._waiting.clear()
        self._whole.clear()
        self._cuts.clear()
        self.held_octets = 0
        vars(self._h2).clear()
