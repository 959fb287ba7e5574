"""DNS over HTTPS towards a server: HTTP/2 over one TLS connection, a stream a query. RFC 8484.

POST, id 0 (§4.1), padding (RFC 8467). A reply counts if its status is 200, its type and length are
those of a DNS message, and it is the one to what was asked on its stream: who has the connection
may still be broken (GHSA-4qjf). Its TTLs count; `max-age` says nothing more (§5.1). Redirects are
refused, there is nowhere else to ask. What breaks HTTP/2 (RFC 9113) ends the connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import H2Error

from resolver.errors import drop_frames
from resolver.limits import SESSION_HELD_OCTETS, SESSION_STREAMS, STREAM_OCTETS
from resolver.runtime.http2_frame import end_of_others
from resolver.upstream.http2_quick import Connection
from resolver.upstream.https_words import objection
from resolver.upstream.open_session import answers
from resolver.upstream.padding import padded
from resolver.upstream.session import SessionFailed
from resolver.upstream.stream_session import StreamSession

if TYPE_CHECKING:
    import trio
    from h2.events import Event

    from resolver.runtime.tls_stream import TlsStream
    from resolver.upstream.https_words import Place
    from resolver.upstream.session import Host, Number, SessionPort

_LENGTH_OCTETS: Final = 3  # before each frame (RFC 9113 §4.1)
_BROKEN: Final = "HTTP/2: it breaks the protocol"


class _Response:
    """What has come on one stream."""

    __slots__ = ("body", "wrong")

    def __init__(self) -> None:
        self.body = bytearray()
        self.wrong = "no response"


class HttpsSession(StreamSession):
    """`Session` over an established *stream* that agreed on HTTP/2."""

    def __init__(
        self, stream: TlsStream, host: Host, *, place: Place, nursery: trio.Nursery
    ) -> None:
        super().__init__(stream, host, nursery=nursery)
        self._responses: dict[int, _Response] = {}
        self._held: dict[SessionPort, None] = {}  # until the server allows another stream
        self._held_octets = 0
        self._begun = b""  # of a frame, or of a response, that is not whole yet
        self._is_ended = False
        self._http = Connection(place.headers())

    @property
    def waiting(self) -> int:
        return len(self._waiting) + len(self._held)

    # --- queries -----------------------------------------------------------------------------

    def send(self, port: SessionPort) -> None:
        if not self._begin(port):
            self._held[port] = None
        self._flush_http()

    def _begin(self, port: SessionPort) -> bool:
        """The request on a stream of its own; False if the server allows none now."""
        number = self._http.ask(padded(b"\0\0" + port.query[2:]))
        if number is None:
            return False
        if number > 2 * SESSION_STREAMS:
            self.is_open = False  # the next is asked on another
        self._responses[number] = _Response()
        self._await(port, number)
        return True

    def _flush_http(self) -> None:
        if not self._is_ended and (data := self._http.data_to_send()):
            self._write(data)

    def leave(self, port: SessionPort) -> None:
        if port in self._held:
            del self._held[port]
            self._rest()
            return
        super().leave(port)

    def _forget(self, number: Number) -> None:
        """The server may stop, too (RFC 9113 §8.1)."""
        assert isinstance(number, int)  # noqa: S101 - a stream's
        self._let_go(number)
        self._reset(number)
        self._flush_http()

    def orphans(self) -> list[SessionPort]:
        held, self._held = self._held, {}
        return [*super().orphans(), *held]

    # --- replies -----------------------------------------------------------------------------

    async def serve(self) -> None:
        self._flush_http()
        await super().serve()

    def _take_untrusted(self, data: bytes) -> bool:
        try:
            self._read_untrusted(data)
            while self._held and self.is_open:
                port = next(iter(self._held))
                if not self._begin(port):
                    break
                del self._held[port]
        except H2Error as error:
            drop_frames(error)
            self.reason = _BROKEN
        if self._is_overlong():
            self.reason = _BROKEN
        self._flush_http()
        if self._babbles:
            self.reason = "HTTP/2: it babbles"
        return bool(self.reason) or (not self.is_open and not self.waiting)

    def _read_untrusted(self, data: bytes) -> None:
        """Frame by frame: whole responses at once, the others by h2. Raises H2Error."""
        http = self._http
        frames, at = self._begun + data if self._begun else data, 0
        while True:
            at = http.read_whole(frames, at, self._on_whole)
            if http.is_incomplete(frames, at):
                break
            end = end_of_others(frames, at, http.whole, http.give_up)
            if end == at:
                break
            for event in http.receive_data(frames[at:end]):
                self._hear_untrusted(event)
            at = end
        self._begun = frames[at:]

    def _is_overlong(self) -> bool:
        """Has a frame begun that is longer than we take? Nobody waits for all of its 16 MiB."""
        begun = self._begun[:_LENGTH_OCTETS]
        is_known = len(begun) == _LENGTH_OCTETS
        return is_known and int.from_bytes(begun, "big") > self._http.max_inbound_frame_size

    def _on_whole(self, number: int, wrong: str, message: bytes) -> None:
        self._let_go(number)
        self._judge(number, wrong, message)

    def _hear_untrusted(self, event: Event) -> None:
        """Raises H2Error."""
        match event:
            case ResponseReceived():
                self._on_headers(event)
            case DataReceived():
                self._on_data(event)
            case StreamEnded():
                self._on_end(event.stream_id)
            case StreamReset():
                self._on_reset(event)
            case ConnectionTerminated():
                self._on_goaway(event)
            case _:
                self._strays += 1

    def _on_headers(self, event: ResponseReceived) -> None:
        response = self._responses.get(event.stream_id)
        if response is not None:
            response.wrong = objection(dict(event.headers))

    def _on_data(self, event: DataReceived) -> None:
        number, size = event.stream_id, event.flow_controlled_length
        response = self._responses.get(number)
        self._http.acknowledge_received_data(size, number)
        if response is None or not event.data:
            self._strays += 1
            return
        if response.wrong:
            return  # nobody reads what an error page says
        response.body.extend(event.data)
        self._held_octets += len(event.data)
        if len(response.body) > STREAM_OCTETS:
            self._fail(number, "sends more than a message can hold")
        elif self._held_octets > SESSION_HELD_OCTETS:
            self.reason = "HTTP/2: too much at a time"

    def _on_end(self, number: int) -> None:
        response = self._let_go(number)
        if response is not None:
            self._judge(number, response.wrong, bytes(response.body))

    def _judge(self, number: int, wrong: str, message: bytes) -> None:
        """All of a response is there."""
        one = self._waiting.get(number)
        if one is None:
            return
        self._strays = 0
        if wrong:
            self._fail(number, wrong)
        elif message[:2] != b"\0\0" or not answers(message, one.asked):
            self._fail(number, "answers something else")
        else:
            del self._waiting[number]
            self._replied(one, message)

    def _on_reset(self, event: StreamReset) -> None:
        code = event.error_code
        if code == ErrorCodes.REFUSED_STREAM:  # it was not looked at (RFC 9113 §8.7)
            self._give_back([event.stream_id])
        else:
            self._fail(event.stream_id, f"HTTP/2: stream reset ({_named(code)})")

    def _on_goaway(self, event: ConnectionTerminated) -> None:
        """No more streams here; those it has not looked at go elsewhere (RFC 9113 §6.8)."""
        self.is_open = False
        if event.error_code != ErrorCodes.NO_ERROR:
            self.reason = f"HTTP/2: connection ended ({_named(event.error_code)})"
        last = event.last_stream_id or 0
        self._give_back([number for number in self._responses if number > last])

    def _give_back(self, numbers: list[int]) -> None:
        held, self._held = ({}, self._held) if self.is_open else (self._held, {})
        ports = [*held]
        for number in numbers:
            self._let_go(number)
            self._http.whole.discard(number)
            one = self._waiting.pop(number, None)
            if one is not None:
                ports.append(one.port)
        for port in ports:
            self._host.returned(self, port)
        self._rest()

    def _fail(self, number: int, reason: str) -> None:
        """This query has come to nothing; the others go on."""
        self._let_go(number)
        self._reset(number)
        one = self._waiting.pop(number, None)
        if one is not None:
            self._host.failed(self, one.port, SessionFailed(reason))
            self._rest()

    def _let_go(self, number: int) -> _Response | None:
        response = self._responses.pop(number, None)
        if response is not None:
            self._held_octets -= len(response.body)
        return response

    def _reset(self, number: int) -> None:
        if self._is_ended:
            return
        if number in self._http.whole:
            self._http.give_up(number)
        stream = self._http.streams.get(number)
        if stream is not None and not stream.closed:
            self._http.reset_stream(number, ErrorCodes.CANCEL)

    def _end(self) -> None:
        """h2 refers to itself: 57 objects that only a collector would end."""
        self._is_ended = True
        self._responses.clear()
        vars(self._http).clear()


def _named(code: object) -> str:
    """HTTP/2's word for an error code."""
    return code.name if isinstance(code, ErrorCodes) else "unknown"
