"""What a client may ask of HTTP/2 itself, judged by the heads of its frames, before they are read.

HTTP/2 lets a client have work done that asks nothing: streams opened and given up (CVE-2023-44487),
or so used that we give them up (CVE-2025-8671, "MadeYouReset"), header blocks that never end
(CVE-2024-27316 and others), pings and settings to be acknowledged (CVE-2019-9512, -9515), frames of
no use (CVE-2019-9518). h2 bounds none of these by number, and keeps a frame of 16 MB until it is
whole before it finds it too long. BIND's test of what is read for what is asked is taken over.
Pure: octets and the time go in, the reason to end the connection comes out.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from resolver.limits import (
    HTTPS_CONTINUATIONS,
    HTTPS_CONTROL_FRAMES,
    HTTPS_FRAME_OCTETS,
    HTTPS_GRACE_OCTETS,
    HTTPS_IDLE_OCTETS,
    HTTPS_OCTETS_PER_USEFUL,
    HTTPS_OPENED_UNASKED,
    HTTPS_RESET_PART,
    HTTPS_RESET_SECONDS,
    HTTPS_RESETS,
)
from resolver.runtime.http2_frame import (
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    HEAD,
    HEAD_OCTETS,
    HEADERS,
    PING,
    RST_STREAM,
    SETTINGS,
)

PREFACE_OCTETS: Final = 24
_FRAME_SIZE_ERROR, _ENHANCE_YOUR_CALM = 6, 11  # RFC 9113 §7


class End(NamedTuple):
    """Why a connection is to end: an error code, and the counter that it is counted by."""

    code: int
    counter: str


TOO_LONG: Final = End(_FRAME_SIZE_ERROR, "ended_protocol")
FLOOD: Final = End(_ENHANCE_YOUR_CALM, "ended_flood")
RESETS: Final = End(_ENHANCE_YOUR_CALM, "ended_resets")


class Guard:
    """One connection's counts."""

    __slots__ = (
        "_continuations", "_control", "_control_at", "_has_asked", "_head", "_in_header", "_opened",
        "_read", "_resets", "_skip", "_streams", "_window_at", "began_at", "useful_octets",
    )  # fmt: skip

    def __init__(self) -> None:
        self.useful_octets = 0
        """Of DNS queries."""
        self.began_at: float | None = None
        """Since when a frame or a header block has been in part here."""
        self._skip = PREFACE_OCTETS
        self._head = b""
        self._in_header = False
        self._continuations = 0
        self._read = 0
        self._opened = 0
        self._has_asked = False  # a whole request, as far as the client says
        self._control = float(HTTPS_CONTROL_FRAMES)  # tokens
        self._control_at = 0.0
        self._window_at = 0.0
        self._streams = 0  # opened in this window of time
        self._resets = 0

    def __repr__(self) -> str:
        return f"<Guard {self._read} octets, {self._opened} streams, {self._resets} resets>"

    def come(self, chunk: bytes | bytearray, now: float) -> End | None:
        """Look at what has come. O(frames)."""
        self._read += len(chunk)
        if now - self._window_at >= HTTPS_RESET_SECONDS:
            self._window_at, self._streams, self._resets = now, 0, 0
        at, size = self._skip, len(chunk)
        if self._head and not at:
            chunk, at, size = self._head + chunk, 0, size + len(self._head)
        while size - at >= HEAD_OCTETS:
            high, low, kind, flags, _ = HEAD(chunk, at)
            length = high << 16 | low
            if length > HTTPS_FRAME_OCTETS:
                return TOO_LONG
            if kind <= HEADERS and flags & END_STREAM:
                self._has_asked = True
            if kind and (end := self._frame(kind, flags, now)):
                return end
            at += HEAD_OCTETS + length
        self._skip = max(0, at - size)
        self._head = bytes(chunk[at:]) if at < size else b""
        if not (self._skip or self._head or self._in_header):
            self.began_at = None
        elif self.began_at is None:
            self.began_at = now
        return self._flood()

    def _frame(self, kind: int, flags: int, now: float) -> End | None:
        """One that is not DATA."""
        if kind == HEADERS:
            self._opened += 1
            self._streams += 1
            self._continuations = 0
            self._in_header = not flags & END_HEADERS
        elif kind == CONTINUATION:
            self._continuations += 1
            self._in_header = not flags & END_HEADERS
            if self._continuations > HTTPS_CONTINUATIONS:
                return FLOOD
        elif kind == RST_STREAM:
            return self._reset()
        elif kind in (PING, SETTINGS):
            return self._controlled(now)
        return None

    def _controlled(self, now: float) -> End | None:
        """What has to be acknowledged: so many at once, and so many a second."""
        passed = now - self._control_at
        most = float(HTTPS_CONTROL_FRAMES)
        self._control = min(most, self._control + passed * most) - 1
        self._control_at = now
        return FLOOD if self._control < 0 else None

    def _reset(self) -> End | None:
        self._resets += 1
        allowed = HTTPS_RESETS + self._streams // HTTPS_RESET_PART
        return RESETS if self._resets > allowed else None

    def sent(self, octets: bytes) -> End | None:
        """Look at what we have to say to it: streams that we give up count as well."""
        at, end = 0, None
        while len(octets) - at >= HEAD_OCTETS:
            high, low, kind, _, _ = HEAD(octets, at)
            at += HEAD_OCTETS + (high << 16 | low)
            if kind == RST_STREAM:
                end = self._reset() or end
        return end

    def _flood(self) -> End | None:
        """BIND's test: what is read, for what is asked."""
        if not self._opened:
            return FLOOD if self._read > HTTPS_IDLE_OCTETS else None
        if not self._has_asked and self._opened > HTTPS_OPENED_UNASKED:
            return FLOOD
        if self._read <= HTTPS_GRACE_OCTETS:
            return None
        return FLOOD if self._read > self.useful_octets * HTTPS_OCTETS_PER_USEFUL else None
