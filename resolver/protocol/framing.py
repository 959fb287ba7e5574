"""DNS over a byte stream: two octets of length before each message (RFC 1035 §4.2.2, RFC 7766 §8).

No I/O: octets go in as they arrive, whole messages come out. Used by TCP and TLS, both sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

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

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __repr__(self) -> str:
        return f"<Splitter {len(self._buffer)} octets pending>"

    @property
    def is_mid_message(self) -> bool:
        """True if the stream would end inside a message, were it to end now."""
        return bool(self._buffer)

    @property
    def pending_octets(self) -> int:
        return len(self._buffer)

    def feed(self, octets: bytes | bytearray | memoryview) -> list[bytes]:
        """The messages that *octets* complete, in order. Linear in what is fed."""
        self._buffer += octets
        return list(self._complete())

    def push(self, octets: bytes | bytearray | memoryview) -> None:
        """Keep *octets* for `take`, for a reader who cannot always use all that is complete."""
        self._buffer += octets

    def take(self) -> bytes | None:
        """The next complete message, or None. Linear in the message: what follows stays put."""
        buffer = self._buffer
        if len(buffer) < _PREFIX_OCTETS:
            return None
        end = _PREFIX_OCTETS + (buffer[0] << 8 | buffer[1])
        if end > len(buffer):
            return None
        message = bytes(buffer[_PREFIX_OCTETS:end])
        del buffer[:end]
        return message

    @property
    def has_message(self) -> bool:
        """True if `take` has something to give."""
        buffer = self._buffer
        if len(buffer) < _PREFIX_OCTETS:
            return False
        return len(buffer) >= _PREFIX_OCTETS + (buffer[0] << 8 | buffer[1])

    def _complete(self) -> Iterator[bytes]:
        buffer = self._buffer
        at = 0
        while len(buffer) - at >= 2:
            end = at + 2 + (buffer[at] << 8 | buffer[at + 1])
            if end > len(buffer):
                break
            yield bytes(buffer[at + 2 : end])
            at = end
        if at:
            del buffer[:at]
