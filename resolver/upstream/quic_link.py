"""One QUIC connection over one UDP port: aioquic's protocol, driven by datagrams and by the clock.

Datagrams are taken and sent in the loop's own turn, no task waits for them; the one task, `run`,
sees to what is due by the clock: losses, delayed acknowledgements, keep-alive, the end (RFC 9000,
9002). What the library says goes to *hear*, and None once
it is over.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import trio
from aioquic.quic.events import ConnectionTerminated
from aioquic.quic.packet import QuicErrorCode

from resolver.errors import drop_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from aioquic.quic.connection import QuicConnection
    from aioquic.quic.events import QuicEvent

    from resolver.upstream.network import UdpPort

# What aioquic lets through where a packet was encrypted by the other end, and is nonsense.
BROKEN: Final = (ValueError, AssertionError, LookupError, TypeError, ArithmeticError)


class QuicLink:
    """*address*: the other end's. *keepalive_s*: after so much silence a PING is sent.

    *probes*: in vain, one after the other (RFC 9002 §6.2), after which nobody is believed to be
    there any more: a server that was started anew knows no connection, and may not say so. Not
    before *patience_s* of silence. *is_lost* then, and where the kernel says so.
    """

    def __init__(self, quic: QuicConnection, port: UdpPort, address: tuple[str, int]) -> None:
        self.quic = quic
        self.hear: Callable[[QuicEvent | None], None] = _ignore
        self.heard_at = trio.current_time()
        self.keepalive_s = math.inf
        self.probes = math.inf
        self.patience_s = 0.0
        self.is_lost = False
        self.error: OSError | None = None
        self.is_over = False
        self.end: ConnectionTerminated | None = None
        self._port = port
        self.address = address
        self._wake = trio.Event()
        self._sleeps_until = math.inf
        self._pinged_at = -math.inf

    def __repr__(self) -> str:
        return f"<QuicLink to {self.address[0]}>"

    @property
    def is_unheard(self) -> bool:
        """True if what was sent is not acknowledged, though it was asked for again."""
        probes = self.quic._loss._pto_count  # noqa: SLF001 - of which it says nothing
        return probes >= self.probes and self.silent_s >= self.patience_s

    @property
    def silent_s(self) -> float:
        """Seconds since something was heard."""
        return trio.current_time() - self.heard_at

    def take_untrusted(self, data: bytes | OSError) -> None:
        """A datagram, or what the kernel says of the way. Never raises."""
        if self.is_over:
            return
        if isinstance(data, OSError):
            self.error, self.is_lost = data, True
            self._stop()
            return
        now = self.heard_at = trio.current_time()
        try:
            self.quic.receive_datagram(data, self.address, now)
        except BROKEN as error:
            drop_frames(error)
            self._hang_up(QuicErrorCode.PROTOCOL_VIOLATION)
        self._listen()
        self._wake.set()  # what is to be said of it can wait for a turn of the loop; a reply cannot

    def pump(self) -> None:
        """Hear what the library has to say, and send what it has to send."""
        self._listen()
        self._send()
        if not self.is_over and self._due() < self._sleeps_until:
            self._wake.set()

    def _listen(self) -> None:
        while not self.is_over and (event := self.quic.next_event()) is not None:
            if isinstance(event, ConnectionTerminated):
                self.end = event
                self._stop()
            else:
                self.hear(event)

    def _send(self) -> None:
        if self.is_over:
            return
        for data, _ in self.quic.datagrams_to_send(trio.current_time()):
            try:
                self._port.send(data)
            except BlockingIOError:
                return  # as if it were lost
            except OSError as error:
                self.error = error.with_traceback(None)
                self._stop()
                return

    def _due(self) -> float:
        timer = self.quic.get_timer()
        quiet = max(self.heard_at, self._pinged_at) + self.keepalive_s
        return min(quiet, math.inf if timer is None else timer)

    async def run(self) -> None:
        """Until the end of the connection: see to what is due."""
        self.pump()
        while not self.is_over:
            self._sleeps_until = self._due()
            with trio.move_on_at(self._sleeps_until):
                await self._wake.wait()
            self._wake = trio.Event()
            now = trio.current_time()
            timer = self.quic.get_timer()
            if timer is not None and now >= timer:
                self.quic.handle_timer(now)
                if self.is_unheard:
                    self.is_lost = True
                    self._hang_up()
                    return
            if now >= max(self.heard_at, self._pinged_at) + self.keepalive_s:
                self._pinged_at = now
                self.quic.send_ping(0)
            self.pump()

    def close(self, code: int = 0) -> None:
        """Tell the other end, and let go of everything. Idempotent.

        aioquic refers to itself: 530 objects that only a collector would end.
        """
        quic = self.quic
        if not self.is_over:
            self._hang_up(code)
        self._port.close()
        self.hear = _ignore
        tls = getattr(quic, "tls", None)
        if tls is not None:
            vars(tls).clear()
        vars(quic).clear()

    def _hang_up(self, code: int = 0) -> None:
        self.quic.close(code)
        self._send()
        self._stop()

    def _stop(self) -> None:
        self.is_over = True
        self._wake.set()
        self.hear(None)


def _ignore(_: object) -> None:
    """Nobody listens."""
