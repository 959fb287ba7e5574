"""An HTTP/2 connection with streams past h2, at either end: what both have to keep right.

Such a stream is a number in a set: a request that came or went whole, and has no response yet. h2
stays the protocol, by its own windows; with the first other frame for it, a stream of the set
becomes one of h2's, as h2 would have made it. RFC 9113.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from h2.connection import ConnectionState, H2Connection
from h2.stream import H2Stream
from hyperframe.frame import WindowUpdateFrame

from resolver.runtime.http2_frame import HEAD, HEAD_OCTETS, WINDOW_UPDATE

_OPEN: Final = (ConnectionState.SERVER_OPEN, ConnectionState.CLIENT_OPEN)
_MOST_WINDOW: Final = 0x7FFF_FFFF
_INCREMENT: Final = Struct("!I").unpack_from
_INCREMENT_OCTETS: Final = 4

if TYPE_CHECKING:
    from h2.config import H2Configuration
    from h2.stream import StreamInputs


class WholeStreams(H2Connection):
    """h2's, and streams that it does not know of."""

    def __init__(self, config: H2Configuration) -> None:
        super().__init__(config)
        self.whole: set[int] = set()
        """Streams past h2 that have no response yet."""

    def _adopt(self, number: int, *inputs: StreamInputs) -> H2Stream:
        """Make the stream h2's: half closed, by a whole request, which *inputs* stand for."""
        self.whole.remove(number)
        stream = H2Stream(
            number,
            config=self.config,
            inbound_window_size=self.local_settings.initial_window_size,
            outbound_window_size=self.remote_settings.initial_window_size,
        )
        stream.max_outbound_frame_size = self.max_outbound_frame_size
        for one in inputs:
            stream.state_machine.process_input(one)
        self.streams[number] = stream
        return stream

    def read_room(self, frames: bytes, at: int) -> int:
        """Where the frames from *at* on end that say no more than that the connection has room.

        Of an increment that is none, or too much, h2 has to hear (RFC 9113 §6.9).
        """
        size = len(frames)
        is_open = self.state_machine.state in _OPEN and not self.incoming_buffer._headers_buffer  # noqa: SLF001
        while is_open and size - at >= HEAD_OCTETS + _INCREMENT_OCTETS:
            high, low, kind, _, number = HEAD(frames, at)
            if kind != WINDOW_UPDATE or number or high or low != _INCREMENT_OCTETS:
                break
            (increment,) = _INCREMENT(frames, at + HEAD_OCTETS)
            increment &= _MOST_WINDOW
            room = self.outbound_flow_control_window + increment
            if not increment or room > _MOST_WINDOW:
                break
            self.outbound_flow_control_window = room
            at += HEAD_OCTETS + _INCREMENT_OCTETS
        return at

    def _make_room(self, octets: int) -> None:
        """So many of bodies were consumed: of the connection's window; the streams' are over."""
        if increment := self._inbound_flow_control_window_manager.process_bytes(octets):
            update = WindowUpdateFrame(0)
            update.window_increment = increment
            self._prepare_for_sending([update])
