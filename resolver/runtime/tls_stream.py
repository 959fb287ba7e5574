"""TLS over any stream, both ends: what DoT and DoH, in and out, are spoken through.

A thin layer over OpenSSL's memory buffers. trio's own holds session tickets back until something is
sent (45 ms more for each connection of many clients), knows no half-close, takes a bare end of TCP
for an error, and leaves a reference cycle a connection. Here tickets leave with the handshake;
close_notify ends one direction only (RFC 8446 §6.1), and an end without it is an end as well, that
`is_cut` tells apart; nothing refers to itself; and there is no task but the callers'.

One task may receive while another sends. `send_now` needs no task at all: it encrypts and hands the
system what that takes at once, for replies that are made in the loop. Contexts, certificates and
who is to be believed are the caller's: this file checks nothing by itself and logs nothing.
"""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Final

import trio

from resolver.errors import CertificateRefused, TlsFailed, drop_frames
from resolver.limits import TLS_CHUNK_OCTETS, TLS_FAREWELL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Turn = Callable[[], Awaitable[None]]

_GONE: Final = (trio.BrokenResourceError, trio.ClosedResourceError)


class TlsStream(trio.abc.HalfCloseableStream):
    """One end of a TLS connection over *transport*, which it owns. `handshake` comes first.

    *server_hostname*: the client's: what SNI says and what the context verifies. *session*: an
    earlier one of a client's, to resume. *is_server*: the other end.
    """

    def __init__(
        self,
        transport: trio.abc.Stream,
        context: ssl.SSLContext,
        *,
        is_server: bool = False,
        server_hostname: str | None = None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        self.transport = transport
        self.is_cut = False  # the other end stopped without saying so
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=is_server,
            server_hostname=server_hostname,
            session=session,
        )
        self._unsent = b""  # encrypted, not yet taken by the transport
        self._sending = trio.Lock()
        self._fd = transport.socket.fileno() if isinstance(transport, trio.SocketStream) else -1
        self._is_torn = False  # half a record may have been sent: nothing may follow it
        self._is_broken = False  # no more is encrypted; an alert may still have to leave
        self._is_ended = False  # close_notify was sent
        self._has_heard_all = False  # and was received
        self._is_mid_record = False  # of a record that was read in part, more is decrypted
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<TlsStream {self.version or 'before its handshake'}>"

    # --- what was agreed ---------------------------------------------------------------------

    @property
    def alpn(self) -> str | None:
        """The protocol that both named (RFC 7301); None if there was none."""
        return self._tls.selected_alpn_protocol()

    @property
    def version(self) -> str:
        """Of the protocol: "TLSv1.3"; "" before the handshake."""
        return self._tls.version() or ""

    @property
    def is_resumed(self) -> bool:
        """True if an earlier session went on: no certificate was sent."""
        return bool(self._tls.session_reused)

    @property
    def session(self) -> ssl.SSLSession | None:
        """To be resumed later; of TLS 1.3 only after something was received (RFC 8446 §4.6.1)."""
        return self._tls.session

    @property
    def peer_certificate(self) -> bytes | None:
        """The other end's, in DER; None if it sent none."""
        return self._tls.getpeercert(binary_form=True)

    # --- the handshake -----------------------------------------------------------------------

    async def handshake(self, within_s: float, turn: Turn | None = None) -> None:
        """All of it, tickets sent. Raises TlsFailed, CertificateRefused among them.

        *turn* is waited for before each step that computes, if there are others who want one.
        After a failure only `aclose` is left, with which the alert leaves that says why.
        """
        with trio.move_on_after(within_s) as patience:
            await self._shake_hands(turn)
        if patience.cancelled_caught:
            raise TlsFailed("timed out")

    async def _shake_hands(self, turn: Turn | None) -> None:
        try:
            while not self._steps():
                await self._flush()
                if not await self._feed():
                    raise TlsFailed("closed by the other end")
                if turn is not None:
                    await turn()
            await self._flush()
        except _GONE as error:
            drop_frames(error)
            raise TlsFailed("connection lost") from None

    def _steps(self) -> bool:
        """One step of the handshake; True once it is done. Raises TlsFailed."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLCertVerificationError as error:
            drop_frames(error)
            raise CertificateRefused(error.verify_code, error.verify_message) from None
        except ssl.SSLError as error:
            drop_frames(error)
            raise TlsFailed(_reason(error)) from None
        return True

    # --- receiving ---------------------------------------------------------------------------

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What has come, *max_bytes* at most; b"" is the end, of which `is_cut` says how.

        Waits only if nothing is here. Raises BrokenResourceError, ClosedResourceError.
        """
        if self._is_closed:
            raise trio.ClosedResourceError
        size = TLS_CHUNK_OCTETS if max_bytes is None else max_bytes
        while True:
            data = self._decrypted(size)
            if self._outgoing.pending:
                await self._flush()  # what it asks of us (RFC 8446 §4.6.3): never hoarded
            if data is not None:
                return data
            if not await self._feed():
                self.is_cut = True
                return b""

    def receive_now(self, max_bytes: int) -> tuple[bytes, bool]:
        """What is here, b"" if nothing; and whether the next has to be `receive_some`.

        That sends what is due, and tells the end, which this does not. Never waits; only over a
        socket, and not once that is closed. Raises BrokenResourceError.
        """
        has_some = self._incoming.pending or self._is_mid_record or self._has_heard_all
        data = self._decrypted(max_bytes) if has_some else None
        if data is None:
            try:
                octets = os.read(self._fd, TLS_CHUNK_OCTETS)
            except BlockingIOError:
                return b"", self._outgoing.pending > 0
            except OSError as error:
                raise trio.BrokenResourceError(error.strerror) from None
            if not octets:
                return b"", True
            self._incoming.write(octets)
            data = self._decrypted(max_bytes) or b""
        is_left = self._outgoing.pending > 0 or self._has_heard_all or len(data) >= max_bytes
        return data, is_left

    def _decrypted(self, size: int) -> bytes | None:
        """What is here, b"" once the other end has said its last, None if more has to come."""
        parts: list[bytes] = []
        try:
            while size and (self._incoming.pending or self._is_mid_record):
                part = self._tls.read(size)
                if not part:
                    self._has_heard_all = True
                    break
                parts.append(part)
                self._is_mid_record = len(part) == size
                size -= len(part)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._has_heard_all = True
        except ssl.SSLError as error:
            if not parts:  # else it is said again
                raise self._broken(error) from None
        return b"".join(parts) if parts or self._has_heard_all else None

    async def _feed(self) -> bool:
        """More from the transport; False at its end."""
        data = await self.transport.receive_some(TLS_CHUNK_OCTETS)
        self._incoming.write(data)
        return bool(data)

    # --- sending -----------------------------------------------------------------------------

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Returns when the transport has taken all of it, and what `send_now` had left."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self._encrypt(data)
        await self._flush()

    def send_now(self, data: bytes, cuts: Sequence[int] = ()) -> int:
        """Send *data* as far as the system takes it at once; returns the encrypted octets left.

        A record of its own from each offset in *cuts* on: dnsperf takes one reply of each record
        and waits for the next, which lies there already.

        If any are left they go with the next `send_all`, which may be one of b"". Never waits,
        never raises: what is wrong shows there.
        """
        try:
            at = 0
            for cut in cuts:
                self._encrypt(data[at:cut])
                at = cut
            self._encrypt(data[at:] if at else data)
        except _GONE as error:
            drop_frames(error)
            return 1
        return self._write_now()

    async def send_eof(self) -> None:
        """Say that no more will come from here; what comes from the other end can still be read."""
        if self._is_ended:
            return
        self._say_farewell()
        await self._flush()

    async def wait_send_all_might_not_block(self) -> None:
        await self.transport.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Say so as far as that takes no patience, and close the transport. Idempotent."""
        if self._is_closed:
            await trio.lowlevel.checkpoint()
            return
        try:
            self._say_farewell()
            if self._write_now():
                with trio.move_on_after(TLS_FAREWELL_SECONDS):
                    await self._flush()
        except _GONE as error:
            drop_frames(error)
        finally:
            self._is_closed, self._fd = True, -1
            await self.transport.aclose()

    def _say_farewell(self) -> None:
        """Put close_notify behind what is to be sent (RFC 8446 §6.1)."""
        if self._is_ended or self._is_broken or not self.version:
            return
        self._is_ended = True
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            pass  # the other end has not said so yet
        except ssl.SSLError as error:
            drop_frames(error)  # between two steps of a handshake, or after a failure

    def _encrypt(self, data: bytes | bytearray | memoryview) -> None:
        """Into the buffer. Raises BrokenResourceError, ClosedResourceError."""
        if self._is_broken or self._is_ended:
            raise trio.ClosedResourceError if self._is_closed else trio.BrokenResourceError
        try:
            while data:
                done = self._tls.write(data)
                if done == len(data):
                    return
                data = memoryview(data)[done:]
        except ssl.SSLError as error:
            raise self._broken(error) from None

    def _write_now(self) -> int:
        """What the system takes at once of what is encrypted; returns what is left."""
        if self._sending.locked() or self._is_torn:
            return self._outgoing.pending + len(self._unsent) or 1
        octets = self._outgoing.read()
        if self._unsent:
            octets = self._unsent + octets
        try:
            taken = os.write(self._fd, octets) if self._fd >= 0 and octets else 0
        except OSError:  # full, or gone: `send_all` waits, or finds out
            taken = 0
        self._unsent = octets[taken:]
        return len(self._unsent)

    async def _flush(self) -> None:
        """Hand the transport all that is encrypted. Cut short, nothing may ever follow."""
        async with self._sending:
            if self._is_torn:
                raise trio.BrokenResourceError("a write was cut short")
            while octets := self._unsent + self._outgoing.read():
                self._unsent = b""
                try:
                    await self.transport.send_all(octets)
                except BaseException as error:
                    self._is_torn = True
                    drop_frames(error)  # those below this one
                    raise

    def _broken(self, error: ssl.SSLError) -> trio.BrokenResourceError:
        drop_frames(error)
        self._is_broken = True
        return trio.BrokenResourceError(_reason(error))


def _reason(error: ssl.SSLError) -> str:
    """OpenSSL's own words, of which there is a fixed number: "wrong version number"."""
    return (error.reason or type(error).__name__).replace("_", " ").lower()
