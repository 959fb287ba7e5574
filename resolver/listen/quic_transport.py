"""One client's QUIC connection as the library keeps it, held within our bounds.

aioquic does the protocol and no I/O. It lets its windows double for as long as a connection is
used, keeps half a megabyte of a handshake that comes out of order, and refers to itself. Here the
windows slide, everything that a client can make it keep is counted (`held_octets`), and its cycles
are ended with the connection (`dismantle`). No ticket is given out, so nothing comes as early data.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from aioquic._buffer import Buffer
from aioquic.quic.connection import QuicConnection, QuicConnectionError, QuicConnectionState
from aioquic.quic.packet import QuicErrorCode

from resolver.errors import drop_frames
from resolver.limits import (
    QUIC_CONNECTION_OCTETS,
    QUIC_GREETING_OCTETS,
    QUIC_HELLO_OCTETS,
    QUIC_ODD_STREAMS,
    QUIC_PACKET_OCTETS,
    QUIC_PIECE_OCTETS,
    QUIC_PIECES,
    QUIC_STREAM_OCTETS,
    QUIC_STREAMS,
    QUIC_WINDOW_OCTETS,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.connection import QuicReceiveContext
    from aioquic.quic.packet_builder import QuicPacketBuilder
    from aioquic.quic.recovery import QuicPacketSpace
    from aioquic.quic.stream import QuicStream, QuicStreamReceiver

NO_APPLICATION_PROTOCOL: Final = 0x178  # RFC 9001 §8.1
_ONE_WAY: Final = 2  # in the number of a stream (RFC 9000 §2.1)
# What strangers do is counted, not logged: they must not be able to fill a disk.
logging.getLogger("quic").setLevel(logging.CRITICAL)


class ServerConnection(QuicConnection):
    """The server's end. *original*, *retried*: the connection ids of `quic_tokens.Proof`; *new_id*
    makes those that are given out."""

    def __init__(
        self,
        configuration: QuicConfiguration,
        original: bytes,
        retried: bytes,
        new_id: Callable[[], bytes],
    ) -> None:
        super().__init__(
            configuration=configuration,
            original_destination_connection_id=original,
            retry_source_connection_id=retried or None,
        )
        for limit, value in (
            (self._local_max_streams_bidi, QUIC_STREAMS),
            (self._local_max_streams_uni, QUIC_ODD_STREAMS),
        ):
            limit.value = limit.sent = value
        self._new_id = new_id
        self.host_cid = self._local_initial_source_connection_id = self._host_cids[0].cid = new_id()
        self.unsent_octets = 0  # of replies that the client has not acknowledged, when last counted

    def __repr__(self) -> str:
        own = self.__dict__.get("host_cid")
        return f"<ServerConnection {own.hex() if own else 'that is over'}>"

    @property
    def has_begun(self) -> bool:
        """True once a packet of the client's could be read."""
        return self._state is not QuicConnectionState.FIRSTFLIGHT

    @property
    def is_over(self) -> bool:
        """True once it was closed, or the other end has closed it."""
        return self._close_event is not None and not self._close_pending

    def calm_down(self) -> None:
        """The handshake is done: give back what only it needed."""
        self._crypto_buffers = {epoch: Buffer(capacity=64) for epoch in self._crypto_buffers}

    def answer(self, stream_id: int, octets: bytes) -> bool:
        """Send *octets* and the end of the stream; False where the client wants no more of it."""
        try:
            self.send_stream_data(stream_id, octets, end_stream=True)
        except (ValueError, RuntimeError):  # what says so has come, and was not looked at yet
            return False
        return True

    def give_up(self, stream_id: int, code: int) -> None:
        """Send nothing on that stream any more, and say why."""
        self.reset_stream(stream_id, code)
        if (stream := self._streams.get(stream_id)) is not None:
            stream.sender._buffer.clear()  # noqa: SLF001

    # --- what it holds -----------------------------------------------------------------------

    def held_octets(self) -> int:
        """What it takes in memory, as reckoned. O(open streams), of which there are few."""
        octets = QUIC_CONNECTION_OCTETS + QUIC_STREAM_OCTETS * len(self._streams)
        unsent = pieces = 0
        for stream in self._streams.values():
            unsent += len(stream.sender._buffer)  # noqa: SLF001
            octets += len(stream.receiver._buffer)  # noqa: SLF001
            pieces += len(stream.receiver._ranges)  # noqa: SLF001
        for crypto in self._crypto_streams.values():
            octets += len(crypto.receiver._buffer) + len(crypto.sender._buffer)  # noqa: SLF001
            pieces += len(crypto.receiver._ranges)  # noqa: SLF001
        for space in self._spaces.values():
            octets += QUIC_PACKET_OCTETS * len(space.sent_packets)
        self.unsent_octets = unsent
        octets += unsent + QUIC_PIECE_OCTETS * pieces
        return octets if self._handshake_complete else octets + QUIC_GREETING_OCTETS

    def is_in_pieces(self) -> bool:
        """True if what came has more gaps than an honest network makes."""
        received = [stream.receiver for stream in self._streams.values()]
        received += [crypto.receiver for crypto in self._crypto_streams.values()]
        return any(_pieces(each) > QUIC_PIECES for each in received)

    def dismantle(self) -> None:
        """It is over: end what refers to itself. Nothing may be asked of it afterwards."""
        dismantle(self)

    # --- the library's own steps, held back ----------------------------------------------------

    def _replenish_connection_ids(self) -> None:
        known = len(self._host_cids)
        super()._replenish_connection_ids()
        for fresh in self._host_cids[known:]:
            fresh.cid = self._new_id()

    def _handle_crypto_frame(
        self, context: QuicReceiveContext, frame_type: int, buf: Buffer
    ) -> None:
        at = buf.tell()
        ends_at = buf.pull_uint_var() + buf.pull_uint_var()
        buf.seek(at)
        receiver = self._crypto_streams[context.epoch].receiver
        if ends_at - receiver.starting_offset() > QUIC_HELLO_OCTETS:
            raise QuicConnectionError(
                QuicErrorCode.CRYPTO_BUFFER_EXCEEDED, frame_type, "too far ahead"
            )
        try:
            super()._handle_crypto_frame(context, frame_type, buf)
        except QuicConnectionError as error:
            drop_frames(error.__context__)  # one of them holds the alert that holds them
            raise

    def _write_connection_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace) -> None:
        data = self._local_max_data
        used = data.used
        if data.value - used < QUIC_WINDOW_OCTETS // 2:
            held = sum(map(_unfinished, self._streams.values()))
            data.value = max(data.value, used - held + QUIC_WINDOW_OCTETS)
        data.used = 0  # else the library doubles the window
        try:
            super()._write_connection_limits(builder, space)
        finally:
            data.used = used

    def _write_stream_limits(
        self, builder: QuicPacketBuilder, space: QuicPacketSpace, stream: QuicStream
    ) -> None:
        """A stream of both directions has room for one message, and never for more."""
        received = stream.receiver
        if not _is_one_way(stream) or received.is_finished:
            return
        if stream.max_stream_data_local - received.highest_offset < QUIC_WINDOW_OCTETS // 2:
            stream.max_stream_data_local = received.starting_offset() + QUIC_WINDOW_OCTETS
        highest = received.highest_offset
        received.highest_offset = 0  # else the library doubles this one, too
        try:
            super()._write_stream_limits(builder, space, stream)
        finally:
            received.highest_offset = highest


def dismantle(connection: QuicConnection) -> None:
    """End the cycles of either end's *connection*, which is of no use afterwards."""
    for space in connection._spaces.values():  # noqa: SLF001
        space.sent_packets.clear()
    if (context := connection.__dict__.get("tls")) is not None:
        context.__dict__.clear()
    connection.__dict__.clear()


def _pieces(receiver: QuicStreamReceiver) -> int:
    return len(receiver._ranges)  # noqa: SLF001


def _unfinished(stream: QuicStream) -> int:
    """Octets of a message that is not whole yet, whoever of us keeps them."""
    received = stream.receiver
    if received.is_finished:
        return 0
    return received.highest_offset - (received.starting_offset() if _is_one_way(stream) else 0)


def _is_one_way(stream: QuicStream) -> bool:
    return stream.stream_id is not None and bool(stream.stream_id & _ONE_WAY)
