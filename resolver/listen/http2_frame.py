"""What HTTP/2's frames look like, for who reads them past h2 (RFC 9113 §4.1, §6)."""

from __future__ import annotations

from struct import Struct
from typing import Final

_HEAD: Final = Struct("!BHBBI")
HEAD: Final = _HEAD.unpack_from
"""Length (8 and 16 bits), type, flags and stream: of the octets before each frame."""
WRITE_HEAD: Final = _HEAD.pack
HEAD_OCTETS: Final = _HEAD.size
DATA, HEADERS, RST_STREAM, SETTINGS, PING, CONTINUATION = 0, 1, 3, 4, 6, 9
END_STREAM, END_HEADERS = 1, 4
