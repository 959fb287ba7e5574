"""Requests whose bodies stand behind others' headers, put together again. Pure.

nghttp2 (h2load, dnsperf, many clients' library) writes the headers of all the requests that it has,
and then their bodies. Each would be one in pieces, at five times the cost of one that comes whole
(`http2_quick`). Frames of one stream keep their order, and so do header blocks (RFC 9113 §4.3);
that is all that order means between streams.
"""

from __future__ import annotations

from typing import Final

from resolver.runtime.http2_frame import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEAD,
    HEAD_OCTETS,
    HEADERS,
    WINDOW_UPDATE,
)

_HIGH: Final = 16
_MOVED_PAST: Final = (HEADERS, DATA, WINDOW_UPDATE)


def is_apart(frames: bytes, at: int) -> bool:
    """True if at *at* is the header of a request with a body, whole, and something behind it."""
    if len(frames) - at < HEAD_OCTETS:
        return False
    high, low, kind, flags, _ = HEAD(frames, at)
    end = at + HEAD_OCTETS + (high << _HIGH | low)
    return bool(kind == HEADERS and flags == END_HEADERS and end + HEAD_OCTETS <= len(frames))


def gathered(frames: bytes, at: int) -> bytes:
    """*frames*, each body from *at* on right behind its header, where both are there in whole.

    Nothing is moved from behind what is neither header, body nor room. O(octets).
    """
    pieces, size = [frames[:at]], len(frames)
    headers: dict[int, int] = {}  # where in *pieces* that of a stream is, if that was its last
    while size - at >= HEAD_OCTETS:
        high, low, kind, flags, number = HEAD(frames, at)
        end = at + HEAD_OCTETS + (high << _HIGH | low)
        if end > size or kind not in _MOVED_PAST or (kind == HEADERS and not flags & END_HEADERS):
            break
        header = headers.pop(number, None)
        if header is not None and kind == DATA and flags == END_STREAM:
            pieces[header] += frames[at:end]
        else:
            if kind == HEADERS:
                headers[number] = len(pieces)
            pieces.append(frames[at:end])
        at = end
    pieces.append(frames[at:])
    return b"".join(pieces)
