"""DNS over a byte stream: two octets of length before each message (RFC 1035 §4.2.2, RFC 7766 §8).

No I/O: octets go in as they arrive, whole messages come out. Used by TCP and TLS, both sides.
"""

from __future__ import annotations

from typing import Final

_MAX_MESSAGE_OCTETS: Final = 65535
_PREFIX_OCTETS: Final = 2


def frame(message: bytes) -> bytes:
    """*message* behind its length, to be sent in one piece. Raises ValueError if too long."""
    if len(message) > _MAX_MESSAGE_OCTETS:
        raise ValueError(f"a message of {len(message)} octets cannot be framed")
    return len(message).to_bytes(2, "big") + message


class Splitter:
    """Cuts one direction of a stream into messages. Holds at most one incomplete message.

    A length of zero is a message of no octets: it is handed on, and is not a DNS message.
    """

    __slots__ = ("_at", "_buffer")

    def __init__(self) -> None:
        self._buffer: bytes | bytearray = b""  # a bytearray where a message came in pieces
        self._at = 0

    def __repr__(self) -> str:
        return f"<Splitter {self.pending_octets} octets pending>"

    @property
    def is_mid_message(self) -> bool:
        """True if the stream would end inside a message, were it to end now."""
        return bool(self._buffer)

    @property
    def pending_octets(self) -> int:
        return len(self._buffer) - self._at

    def feed(self, octets: bytes | bytearray | memoryview) -> list[bytes]:
        """The messages that *octets* complete, in order. Linear in what is fed."""
        self.push(octets)
        return list(iter(self.take, None))

    def push(self, octets: bytes | bytearray | memoryview) -> None:
        """Keep *octets* for `take`, for a reader who cannot always use all that is complete."""
        buffer = self._buffer
        if not buffer:
            self._buffer = bytes(octets)  # which bytes are already
            return
        if isinstance(buffer, bytes):
            buffer = self._buffer = bytearray(buffer)
        del buffer[: self._at]
        self._at = 0
        buffer += octets

    def take(self) -> bytes | None:
        """The next complete message, or None. Linear in the message."""
        buffer, at = self._buffer, self._at
        start, size = at + _PREFIX_OCTETS, len(buffer)
        if start > size:
            return None
        end = start + (buffer[at] << 8 | buffer[at + 1])
        if end < size:
            self._at = end
        elif end == size:
            self._buffer, self._at = b"", 0
        else:
            return None
        return bytes(buffer[start:end])

    @property
    def has_message(self) -> bool:
        """True if `take` has something to give."""
        buffer, at = self._buffer, self._at
        start = at + _PREFIX_OCTETS
        return start <= len(buffer) and start + (buffer[at] << 8 | buffer[at + 1]) <= len(buffer)
