"""DNS over QUIC towards a server: a connection, and a stream of it for each query. RFC 9250.

Id 0 (§4.2.1), no keepalive option (§5.5.2), padding (RFC 8467), no early data (RFC 9250 §4.5 lets
it be replayed). A reply counts as one over HTTPS does. PING keeps the connection while the server
is in use (§5.5.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aioquic.quic.events import (
    StopSendingReceived,
    StreamDataReceived,
    StreamReset,
)

from resolver.errors import drop_frames
from resolver.limits import (
    SESSION_HELD_OCTETS,
    SESSION_MUTE_SECONDS,
    SESSION_PING_SECONDS,
    SESSION_PROBES,
    SESSION_STREAMS,
)
from resolver.protocol.framing import frame
from resolver.upstream.open_session import OpenSession, answers
from resolver.upstream.padding import padded
from resolver.upstream.quic_handshake import CANCELLED, code_text
from resolver.upstream.session import SessionFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from aioquic.quic.events import QuicEvent

    from resolver.upstream.quic_link import QuicLink
    from resolver.upstream.session import Host, Number, SessionPort

_LENGTH_OCTETS: Final = 2
_IDLE: Final = "Idle timeout"  # aioquic's own words, with no code of their own
_STREAM_STEP: Final = 4  # between streams of one kind (RFC 9000 §2.1)


class QuicSession(OpenSession):
    """`Session` over *link*, whose handshake is done. *tickets*: what the server gave, one a time.

    *let_go* is called at the end, once the port is closed.
    """

    def __init__(
        self, link: QuicLink, host: Host, *, tickets: list[object], let_go: Callable[[], None]
    ) -> None:
        super().__init__(host)
        self._link = link
        self._tickets = tickets
        self._let_go = let_go
        self._bodies: dict[int, bytearray] = {}
        self._taken_octets = 0
        link.hear = self._hear_untrusted
        link.keepalive_s = SESSION_PING_SECONDS
        link.probes = SESSION_PROBES

    @property
    def ticket(self) -> object | None:
        return self._tickets[-1] if self._tickets else None

    @property
    def is_lost(self) -> bool:
        return self._link.is_lost

    def is_mute(self, now: float) -> bool:
        self._heard_at = max(self._heard_at, self._link.heard_at)
        return self._link.is_over or self._link.is_unheard or super().is_mute(now)

    # --- queries -----------------------------------------------------------------------------

    def send(self, port: SessionPort) -> None:
        """On a connection that has only just shaken hands probes are due after two round trips, and
        again after four: a server in the next room that pauses for 10 ms is not gone.
        """
        quic = self._link.quic
        number = quic.get_next_available_stream_id()
        if number > _STREAM_STEP * SESSION_STREAMS:
            self.is_open = False  # the next is asked on another
        is_rested = self._link.silent_s >= SESSION_MUTE_SECONDS
        self._link.probes = 1 if is_rested else SESSION_PROBES  # it may be long gone
        is_new = not (is_rested or self.has_served)
        self._link.patience_s = SESSION_MUTE_SECONDS if is_new else 0.0
        message = padded(b"\0\0" + port.query[2:])
        self._bodies[number] = bytearray()
        self._await(port, number)
        quic.send_stream_data(number, frame(message), end_stream=True)
        self._link.pump()

    def _forget(self, number: Number) -> None:
        """RFC 9250 §4.3.1: the server may stop, too."""
        assert isinstance(number, int)  # noqa: S101 - a stream's
        self._stop(number)
        self._link.pump()

    def _stop(self, number: int) -> None:
        self._bodies.pop(number, None)
        if self._link.is_over:
            return
        try:
            self._link.quic.stop_stream(number, CANCELLED)
        except ValueError as error:
            drop_frames(error)  # it has ended already

    # --- replies -----------------------------------------------------------------------------

    async def serve(self) -> None:
        self._rest()
        try:
            with self._scope:
                await self._link.run()
            self._explain()
        finally:
            self.is_open = False
            self._bodies.clear()
            self._link.close()
            self._let_go()

    def _explain(self) -> None:
        """Why it ended, if that is the server's fault."""
        end = self._link.end
        if end is not None and end.error_code and end.reason_phrase != _IDLE:
            self.reason = f"QUIC: connection ended ({code_text(end.error_code)})"

    def _hear_untrusted(self, event: QuicEvent | None) -> None:
        """Never raises."""
        match event:
            case StreamDataReceived():
                self._on_data(event)
            case StreamReset() | StopSendingReceived():
                text = f"QUIC: stream reset ({code_text(event.error_code)})"
                self._fail(event.stream_id, text)
            case None:
                self.is_open = False
            case _:
                pass
        if self._babbles:
            self.reason = "QUIC: it babbles"
            self.shut()

    def _on_data(self, event: StreamDataReceived) -> None:
        number = event.stream_id
        body = self._bodies.get(number)
        self._taken_octets += len(event.data)
        if body is None:
            self._strays += bool(event.data)
            return
        body.extend(event.data)
        size = int.from_bytes(body[:_LENGTH_OCTETS], "big") + _LENGTH_OCTETS
        if len(body) >= _LENGTH_OCTETS and len(body) == size:
            self._on_message(number, bytes(body[_LENGTH_OCTETS:]))
        elif event.end_stream or (len(body) > _LENGTH_OCTETS and len(body) > size):
            self._fail(number, "QUIC: no message, or more than one")
        elif self._link.quic._local_max_data.used - self._taken_octets > SESSION_HELD_OCTETS:  # noqa: SLF001
            self.reason = "QUIC: too much at a time"
            self.shut()

    def _on_message(self, number: int, message: bytes) -> None:
        one = self._waiting.get(number)
        if one is None:
            return
        if message[:2] != b"\0\0" or not answers(message, one.asked):
            self._fail(number, "answers something else")
            return
        del self._bodies[number], self._waiting[number]
        self._strays = 0
        self._replied(one, message)

    def _fail(self, number: int, reason: str) -> None:
        """This query has come to nothing; the others go on."""
        one = self._waiting.pop(number, None)
        self._stop(number)
        if one is not None:
            self._host.failed(self, one.port, SessionFailed(reason))
            self._rest()
