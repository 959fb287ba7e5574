"""TLS for clients: from an accepted connection to one that is encrypted, within limits.

A handshake costs us a signature (a third of a millisecond) and the client next to nothing. So each
client network may begin only so many a second, each has its time, and of all that are under way at
once the oldest makes room for one more: who is slow on purpose keeps nobody out. They take their
steps one after the other, one in a turn of the loop: a crowd of them makes no query wait. What
fails is counted by reason and logged nowhere: a stranger must not be able to fill a disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import trio

from resolver.errors import TlsFailed, drop_frames
from resolver.limits import (
    THIS_MACHINE_CLIENTS,
    TLS_CONNECTS_PER_SECOND,
    TLS_HANDSHAKE_SECONDS,
    TLS_HANDSHAKES,
)
from resolver.listen.admission import Buckets, raw_address
from resolver.protocol.ip_addresses import is_loopback, network_of
from resolver.runtime.tls_stream import TlsStream

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from resolver.runtime.shortage import Shortage

    Contexts = Callable[[tuple[str, ...]], ssl.SSLContext]

_REASONS: Final = {
    "timed out": "timed_out",
    "closed by the other end": "left",
    "connection lost": "left",
    "http request": "not_tls",
    "https proxy request": "not_tls",
    "wrong version number": "not_tls",
    "packet length too long": "not_tls",
    "unexpected message": "not_tls",
    "unsupported protocol": "no_common",
    "no shared cipher": "no_common",
    "no suitable signature algorithm": "no_common",
    "no suitable key share": "no_common",
}


class Handshakes:
    """Those of all encrypted listeners of a process. *contexts* gives the one for an ALPN list."""

    COUNTS: ClassVar = {
        "handshakes": "TLS connections of clients that came about.",
        "resumed": "Of those, with a ticket of an earlier one.",
        "failed_timed_out": "TLS handshakes that took too long.",
        "failed_left": "TLS handshakes that the client broke off.",
        "failed_not_tls": "Connections to encrypted listeners on which no TLS was spoken.",
        "failed_no_common": "TLS handshakes without a version or a cipher in common.",
        "failed_refused": "TLS handshakes that the client ended by an alert: it may not trust us.",
        "failed_crowded": "TLS handshakes that made room for newer ones.",
        "failed_other": "TLS handshakes that failed otherwise.",
        "limited": "Connections over the rate of their network, closed at once.",
    }

    def __init__(self, contexts: Contexts, shortage: Shortage) -> None:
        self.handshakes = 0
        self.resumed = 0
        self.failed_timed_out = 0
        self.failed_left = 0
        self.failed_not_tls = 0
        self.failed_no_common = 0
        self.failed_refused = 0
        self.failed_crowded = 0
        self.failed_other = 0
        self.limited = 0
        self._contexts = contexts
        self._shortage = shortage
        self._line = trio.Lock()
        self._going: dict[trio.CancelScope, None] = {}  # the oldest first
        self._clients = Buckets(TLS_CONNECTS_PER_SECOND, trio.current_time)
        self._own = Buckets(TLS_CONNECTS_PER_SECOND * THIS_MACHINE_CLIENTS, trio.current_time)

    def __repr__(self) -> str:
        return f"<Handshakes {len(self)} under way, {self.handshakes} done>"

    def __len__(self) -> int:
        return len(self._going)

    async def secured(
        self, stream: trio.abc.Stream, host: str, alpn: tuple[str, ...]
    ) -> TlsStream | None:
        """*stream* of a client at *host*, encrypted; None if that came to nothing: it is closed."""
        buckets = self._own if is_loopback(host) else self._clients
        if not buckets.take(network_of(raw_address(host))):
            self.limited += 1
            await trio.aclose_forcefully(stream)
            return None
        secured = TlsStream(stream, self._contexts(alpn), is_server=True)
        is_done = False
        try:
            is_done = await self._shaken(secured)
        except TlsFailed as error:
            drop_frames(error)
            self._count(error.reason)
        except MemoryError:
            self._shortage.note()
        finally:
            if not is_done:
                await trio.aclose_forcefully(secured)
        return secured if is_done else None

    async def _shaken(self, secured: TlsStream) -> bool:
        """False if another one needed the place. Raises TlsFailed."""
        if len(self._going) >= TLS_HANDSHAKES:
            oldest = next(iter(self._going))
            del self._going[oldest]
            oldest.cancel()
        scope = trio.CancelScope()
        self._going[scope] = None
        try:
            with scope:
                await secured.handshake(TLS_HANDSHAKE_SECONDS, self._turn)
        finally:
            self._going.pop(scope, None)
        if scope.cancelled_caught:
            self.failed_crowded += 1
            return False
        self.handshakes += 1
        self.resumed += secured.is_resumed
        return True

    async def _turn(self) -> None:
        """The next turn of the loop that is no other handshake's."""
        async with self._line:  # which waits for a turn, for one at a time
            pass

    def _count(self, reason: str) -> None:
        kind = "refused" if " alert " in f" {reason} " else _REASONS.get(reason, "other")
        field = f"failed_{kind}"
        setattr(self, field, getattr(self, field) + 1)
