"""What HTTP/2's frames look like, for who reads them past h2, at either end (RFC 9113 §4.1, §6)."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Container

_HEAD: Final = Struct("!BHBBI")
HEAD: Final = _HEAD.unpack_from
"""Length (8 and 16 bits), type, flags and stream: of the octets before each frame."""
WRITE_HEAD: Final = _HEAD.pack
HEAD_OCTETS: Final = _HEAD.size
DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4
_HIGH: Final = 16
_STREAM: Final = 0x7FFF_FFFF


def end_of_others(
    frames: bytes, at: int, whole: Container[int], give_up: Callable[[int], None]
) -> int:
    """Where the frames from *at* on that are for h2 end: before a header that may be read past it.

    Those that are not there in full are left. *give_up* is told the streams of *whole* that are
    among them. O(frames).
    """
    begin, size = at, len(frames)
    while size - at >= HEAD_OCTETS:
        high, low, kind, _, number = HEAD(frames, at)
        end = at + HEAD_OCTETS + (high << _HIGH | low)
        if end > size or (kind == HEADERS and at > begin):
            break
        if (number := number & _STREAM) in whole:
            give_up(number)
        at = end
    return at
