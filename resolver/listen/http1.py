"""The server's end of HTTP/1.1 (RFC 9112): octets in, requests out; responses in, octets out.

The protocol is h11's, which takes one request at a time: the next is read, pipelined or not, once
the last is answered. What is no HTTP ends the connection, told why where that can be told.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import h11

from resolver.errors import drop_frames
from resolver.limits import HTTPS_BODY_OCTETS, HTTPS_HEADER_OCTETS
from resolver.listen.doh_request import LONG_HEADER, MALFORMED, TOO_LARGE, Request
from resolver.listen.http_engine import FAULTS, WANTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resolver.listen.doh_request import Response

_REASONS: Final = {
    200: b"OK",
    204: b"No Content",
    400: b"Bad Request",
    404: b"Not Found",
    405: b"Method Not Allowed",
    413: b"Content Too Large",
    415: b"Unsupported Media Type",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    501: b"Not Implemented",
    503: b"Service Unavailable",
}
_TOO_LONG: Final = 431
_VERSIONS: Final = (b"1.0", b"1.1")
_CLOSE: Final = (b"connection", b"close")
_CAN_SAY: Final = (h11.IDLE, h11.SEND_RESPONSE)


def _octets_of(request: h11.Request) -> int:
    """Of its header, the target among it: what HTTP/2 counts too."""
    return len(request.target) + sum(len(name) + len(value) for name, value in request.headers)


def _has_two_ends(version: bytes, fields: Mapping[bytes, bytes]) -> bool:
    """True if a proxy on the way may have seen it end elsewhere (RFC 9112 §6.1, §11.2)."""
    is_chunked = b"transfer-encoding" in fields
    return is_chunked and (version == b"1.0" or b"content-length" in fields)


class Http1:
    """One connection; see `http_engine.Engine`. Requests are numbered from 1."""

    def __init__(self) -> None:
        self.asked: deque[tuple[int, Request]] = deque()
        self.is_over = False
        self.fault = ""
        self.useful_octets = 0
        self.held_octets = 0
        self._number = 0
        self._begun_at: float | None = None
        self._now = 0.0
        self._request: h11.Request | None = None
        self._is_head = False
        self._body = bytearray()
        self._out = bytearray()
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=HTTPS_HEADER_OCTETS)

    def __repr__(self) -> str:
        return f"<Http1 {self._number} requests>"

    @property
    def began_at(self) -> float | None:
        return self._begun_at

    # --- requests ----------------------------------------------------------------------------

    def receive(self, chunk: bytes | bytearray, now: float) -> None:
        if self.is_over:
            return
        self._now = now
        if self._begun_at is None:
            self._begun_at = now
        self._h11.receive_data(bytes(chunk))
        self._read()

    def _read(self) -> None:
        """The next request, if it is whole."""
        try:
            while not self.is_over and self._step():
                pass
        except h11.RemoteProtocolError as error:
            status = error.error_status_hint
            drop_frames(error)
            self._fail(LONG_HEADER if status == _TOO_LONG else MALFORMED)
        except FAULTS as error:
            drop_frames(error)
            self._fail(MALFORMED)

    def _step(self) -> bool:
        """One event; False if there is none for now. Raises RemoteProtocolError."""
        event = self._h11.next_event()
        if event is h11.NEED_DATA:
            if self._h11.they_are_waiting_for_100_continue:
                self._say(h11.InformationalResponse(status_code=100, headers=[]))
            return False
        if event is h11.PAUSED:
            return False
        if isinstance(event, h11.Request):
            self._begin(event)
        elif isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > HTTPS_BODY_OCTETS:
                self._fail(TOO_LARGE)
        elif isinstance(event, h11.EndOfMessage):
            self._complete()
            return False
        else:  # the client's side is closed
            self.is_over = True
        return True

    def _begin(self, request: h11.Request) -> None:
        self._request, self._is_head = request, request.method == b"HEAD"
        fields = dict(request.headers)
        if request.http_version not in _VERSIONS or _has_two_ends(request.http_version, fields):
            self._fail(MALFORMED)
        elif _octets_of(request) > HTTPS_HEADER_OCTETS:
            self._fail(LONG_HEADER)
        elif int(fields.get(b"content-length", b"0")) > HTTPS_BODY_OCTETS:
            self._fail(TOO_LARGE)

    def _complete(self) -> None:
        request, self._request, self._begun_at = self._request, None, None
        assert request is not None  # noqa: S101  # it came before its end
        fields: dict[bytes, bytes] = {}
        for name, value in request.headers:
            if name in WANTED:
                fields.setdefault(name, value)
        body, self._body = self._body, bytearray()
        self._number += 1
        self.asked.append((self._number, Request(request.method, request.target, fields, body)))

    def _fail(self, response: Response) -> None:
        """Nothing that follows can be made sense of, or is wanted."""
        if self._h11.our_state in _CAN_SAY:
            self._write(response._replace(fields=(*response.fields, _CLOSE)))
        self.is_over, self.fault = True, "ended_protocol"
        self.asked.clear()

    # --- responses ---------------------------------------------------------------------------

    def respond(self, number: int, response: Response) -> None:
        if self.is_over or number != self._number:
            return
        self._write(response)
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
            if self._h11.trailing_data[0]:
                self._begun_at = self._now
            self._read()
        else:
            self.is_over = True

    def _write(self, response: Response) -> None:
        status, fields, body = response
        self._say(
            h11.Response(status_code=status, headers=list(fields), reason=_REASONS.get(status, b""))
        )
        if body and not self._is_head:
            self._say(h11.Data(data=body))
        self._say(h11.EndOfMessage())

    def _say(self, event: h11.Event) -> None:
        self._out += self._h11.send(event) or b""

    def octets(self) -> bytes:
        octets, self._out = bytes(self._out), bytearray()
        return octets

    def cuts(self, _: bytes) -> Sequence[int]:
        return ()

    def part(self) -> None:
        self.is_over = True

    def let_go(self) -> None:
        self.is_over = True
        self.asked.clear()
        self._body = bytearray()
        self._out = bytearray()
