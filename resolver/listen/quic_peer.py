"""One client's QUIC connection: between the socket, its timers, and what is spoken on it.

Knows nothing of DNS: what comes on streams goes to a `Spoken` (`listen.doq`), which is chosen by
the protocol that both ends named (ALPN). Nothing here waits. All that the library may raise for
what a stranger sent is dealt with here, by the end of that one connection.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from aioquic.quic import events

from resolver.errors import drop_frames
from resolver.limits import QUIC_HANDSHAKE_DATAGRAMS, QUIC_HANDSHAKE_SECONDS
from resolver.listen.quic_transport import NO_APPLICATION_PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.listen.listen_network import Peer
    from resolver.listen.quic_places import QuicPlaces
    from resolver.listen.quic_transport import ServerConnection

_log = logging.getLogger(__name__)
_NO_ERROR: Final = 0
_REFUSED: Final = 2  # RFC 9000 §20.1


class Path(NamedTuple):
    """Where the client is, and, on a wildcard socket, the address of ours that it knows."""

    peer: Peer
    local: object | None = None


class Codes(NamedTuple):
    """How what is spoken says why it ends: a connection, or a stream."""

    nothing: int
    misuse: int
    given_up: int
    excess: int
    fault: int


class Spoken(Protocol):
    """What is spoken on a connection."""

    CODES: Codes

    @property
    def is_idle(self) -> bool:
        """True if the client waits for nothing."""

    @property
    def held_octets(self) -> int:
        """What it holds besides the connection itself."""

    def on_event(self, event: events.QuicEvent) -> None: ...

    def on_time(self, now: float) -> None:
        """Called when it is `due`, and at other times."""

    def on_room(self) -> None:
        """Something was acknowledged: there may be room for more replies."""

    @property
    def due(self) -> float: ...

    def finish_up(self) -> None:
        """Take on nothing more."""

    def gone(self) -> None:
        """The client is gone, with all that it waits for."""


class Owner(Protocol):
    """Who has the socket (`listen.quic.QuicService`)."""

    places: QuicPlaces

    def send(self, data: bytes, path: Path) -> None: ...

    def new_id(self) -> bytes:
        """A connection id to give out."""

    def touch(self, connection: QuicPeer) -> None:
        """It may have something to send; it is flushed soon."""

    def know(self, connection: QuicPeer, identifier: bytes) -> None:
        """What has that connection id is its own."""

    def unknow(self, connection: QuicPeer, identifier: bytes) -> None:
        """And no longer."""

    def forget(self, connection: QuicPeer) -> None:
        """It is no more."""

    def speak(self, alpn: str, connection: QuicPeer) -> Spoken | None: ...


class QuicPeer:
    """*is_proven*: the client has shown that the address is its own."""

    def __init__(
        self,
        owner: Owner,
        transport: ServerConnection,
        *,
        host: str,
        is_proven: bool,
        now: Callable[[], float],
    ) -> None:
        self.transport = transport
        self.host = host
        self.octets = 0
        self.active_at = now()
        self.is_open = False
        self.is_over = False
        self.due = math.inf  # of the timer that is set
        self.identifiers: set[bytes] = set()
        self.spoken: Spoken | None = None
        self._now = now
        self._owner = owner
        self._is_proven = is_proven
        self._patience_ends = self.active_at + QUIC_HANDSHAKE_SECONDS
        self._is_ending = False
        self._greetings = 0  # datagrams of the handshake
        self.share = owner.places.take(self, is_proven=is_proven)

    def __repr__(self) -> str:
        return f"<QuicPeer of {self.host}, {self.octets} octets>"

    @property
    def is_idle(self) -> bool:
        """True if the client waits for nothing."""
        return self.spoken is None or self.spoken.is_idle

    @property
    def path(self) -> Path:
        """Where it is now: clients move."""
        path = self.transport.get_peer_address()
        assert isinstance(path, Path)  # noqa: S101  # it has sent something
        return path

    # --- what comes ------------------------------------------------------------------------------

    def awaits_more_from(self, host: str) -> bool:
        """True if one more datagram from *host* may belong to the handshake that is under way.

        Addresses stay until it is done (RFC 9000 §9), and who sends the same again and again, under
        whatever address, has us decrypt it each time.
        """
        if host != self.host:
            return False
        self._greetings += 1
        return self._greetings < QUIC_HANDSHAKE_DATAGRAMS

    def receive(self, data: bytes, path: Path) -> None:
        """A datagram for this connection. Never raises on bad data."""
        if self._is_done():
            return
        try:
            self.transport.receive_datagram(data, path, self._now())
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  # a library's, for a stranger's octets
            self._break_off(error)
        self._heed()
        if self._is_done():
            return
        if not self.transport.has_begun:
            self._leave()
        elif self.transport.is_in_pieces():
            self.count_overuse()
            self.end(self._code(is_excessive=True))

    def on_time(self) -> None:
        """A timer is due: the library's, the handshake's, or that of what is spoken."""
        now = self._now()
        if self.is_over:
            return
        timer = self.transport.get_timer()
        if timer is not None and timer <= now:
            try:
                self.transport.handle_timer(now)
            except Exception as error:  # noqa: BLE001  # as above
                self._break_off(error)
        self._heed()
        if self.spoken is not None and not self._is_ending:
            self.spoken.on_time(now)
        elif not self.is_open and now >= self._patience_ends and not self.is_over:
            self._owner.places.timed_out += 1
            self._leave()

    def _heed(self) -> None:
        """Everything that has happened."""
        while not self.is_over and (event := self.transport.next_event()) is not None:
            if isinstance(event, events.ConnectionTerminated):
                self._leave()
            elif isinstance(event, events.HandshakeCompleted):
                self._come_about(event.alpn_protocol or "")
            elif isinstance(event, events.ConnectionIdIssued):
                self._owner.know(self, event.connection_id)
            elif isinstance(event, events.ConnectionIdRetired):
                self._owner.unknow(self, event.connection_id)
            elif self.spoken is not None and not self._is_ending:
                self.spoken.on_event(event)
        if not self.is_over and self.transport.is_over:
            self._leave()

    def _is_done(self) -> bool:
        """True if it is gone, or will be as soon as that is said."""
        return self.is_over or self._is_ending

    def _come_about(self, alpn: str) -> None:
        places = self._owner.places
        self.is_open = True
        places.handshakes += 1
        places.come_about(self, was_proven=self._is_proven)
        self.transport.calm_down()
        self.spoken = self._owner.speak(alpn, self)
        if self.spoken is None:
            self.end(NO_APPLICATION_PROTOCOL)

    def _break_off(self, error: Exception) -> None:
        """Nobody knows what state it is in: nothing more is said on it."""
        _log.debug("a QUIC connection ended by a fault", exc_info=error)
        drop_frames(error)
        self._owner.places.faults += 1
        self._leave()

    # --- what leaves -----------------------------------------------------------------------------

    def flush(self) -> None:
        """Send what there is to send, set the timer, and count what is held."""
        if self.is_over:
            return
        now = self._now()
        try:
            datagrams = self.transport.datagrams_to_send(now)
        except Exception as error:  # noqa: BLE001  # as above
            self._break_off(error)
            return
        for data, path in datagrams:
            self._owner.send(data, path)
        self._heed()
        if self._is_done():
            return
        held = self.transport.held_octets()
        if self.spoken is not None:
            self.spoken.on_room()
            held += self.spoken.held_octets
        self._owner.places.count(self, held)

    def next_due(self) -> float:
        """When `on_time` has something to do."""
        timer = self.transport.get_timer()
        due = math.inf if timer is None else timer
        if self.spoken is not None:
            return min(due, self.spoken.due)
        return due if self.is_open else min(due, self._patience_ends)

    def wants_flush(self) -> None:
        """There is something to send."""
        self._owner.touch(self)

    def count_misuse(self) -> None:
        """What came was not what is spoken here."""
        self._owner.places.misused += 1

    def count_overuse(self) -> None:
        """The client takes more than its part."""
        self._owner.places.overused += 1

    def finish_up(self) -> None:
        """Take on nothing more, and end when all that was asked is answered."""
        if self.spoken is not None:
            self.spoken.finish_up()
        else:
            self.let_go(is_excessive=False)

    # --- the end ---------------------------------------------------------------------------------

    def end(self, code: int, reason: str = "") -> None:
        """Close it, with *code* of the protocol that is spoken, and say so. Idempotent."""
        if self.is_over or self._is_ending:
            return
        if not self.transport.has_begun:  # nobody is there to be told
            self._leave()
            return
        self._is_ending = True
        self._abandon()
        self.transport.close(code, reason_phrase=reason)
        self._owner.touch(self)

    def let_go(self, *, is_excessive: bool) -> None:
        """End it from outside, at once."""
        self.end(self._code(is_excessive=is_excessive))
        self.flush()
        self._leave()

    def _code(self, *, is_excessive: bool) -> int:
        """In the words of what is spoken; the handshake has its own."""
        if self.spoken is None:
            return _REFUSED if is_excessive else _NO_ERROR
        return self.spoken.CODES.excess if is_excessive else self.spoken.CODES.nothing

    def _abandon(self) -> None:
        """Nobody waits for the answers any more."""
        if self.spoken is not None:
            self.spoken.gone()

    def _leave(self) -> None:
        """Give back all that it holds. The library's own state goes when nobody is in it."""
        if self.is_over:
            return
        self.is_over = True
        self._abandon()
        places = self._owner.places
        if not self.is_open:
            places.failed += 1
            places.come_about(self, was_proven=self._is_proven)
        places.give_back(self)
        self._owner.forget(self)
        self.spoken = None
        self.transport.dismantle()
