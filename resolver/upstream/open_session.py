"""What all encrypted sessions have in common: who waits on one, silence, and how long it rests.

`tls_session`, `https_session` and `quic_session` say what goes over the wire.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import trio

from resolver.limits import SESSION_MUTE_SECONDS, UPSTREAM_TCP_STRAYS
from resolver.upstream.padding import question_end

if TYPE_CHECKING:
    from resolver.upstream.session import Host, Number, SessionPort

_HEADER_OCTETS = 12


class Waiting(NamedTuple):
    """A query on its way, what it asks as octets, and when it was sent."""

    port: SessionPort
    asked: bytes
    sent_at: float


class OpenSession:
    """The half of `session.Session` that is bookkeeping; *serve* and *send* are for others."""

    def __init__(self, host: Host) -> None:
        self.is_open = True
        self.has_served = False
        self.reason = ""
        self._host = host
        self._waiting: dict[Number, Waiting] = {}
        self._scope = trio.CancelScope()
        self._strays = 0
        self._heard_at = trio.current_time()
        self._unheard_since = math.inf  # the first query since then that was given up
        self._granted_s = math.inf

    def __repr__(self) -> str:
        return f"<{type(self).__name__} waiting={len(self._waiting)}>"

    @property
    def is_lost(self) -> bool:
        """True if it ended since nobody is there any more, as far as can be told."""
        return False

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def is_mute(self, now: float) -> bool:
        since = self._unheard_since
        for one in self._waiting.values():
            since = min(since, one.sent_at)
            break  # they are in the order of their sending
        return now - max(since, self._heard_at) >= SESSION_MUTE_SECONDS

    def leave(self, port: SessionPort) -> None:
        one = self._waiting.get(port.number)
        if one is not None and one.port is port:
            self._unheard_since = min(self._unheard_since, one.sent_at)
            del self._waiting[port.number]
            self._forget(port.number)
            self._rest()

    def orphans(self) -> list[SessionPort]:
        left, self._waiting = self._waiting, {}
        return [one.port for one in left.values()]

    def shut(self) -> None:
        self.is_open = False
        self._scope.cancel()

    # --- for what speaks ---------------------------------------------------------------------

    def _await(self, port: SessionPort, number: Number) -> None:
        """From now on a reply to *port* is waited for."""
        query = port.query
        asked = query[_HEADER_OCTETS : question_end(query)]
        port.number = number
        self._waiting[number] = Waiting(port, asked, trio.current_time())
        self._scope.deadline = math.inf

    def _forget(self, number: Number) -> None:
        """Nobody waits for that reply any more."""

    def _note_heard(self) -> None:
        """Something came, whatever it is."""
        self._heard_at = trio.current_time()
        self._unheard_since = math.inf

    def _replied(self, one: Waiting, message: bytes) -> None:
        """*message* is the reply; with the id of the query as it was asked."""
        self._host.heard(self, one.port, one.port.query[:2] + message[2:])  # type: ignore[arg-type]
        self.has_served = True
        self._rest()

    @property
    def _babbles(self) -> bool:
        """True if more came that answers nothing than a server in its senses would send."""
        return self._strays > UPSTREAM_TCP_STRAYS

    def _rest(self) -> None:
        """Nothing is asked any more: not for ever."""
        if self._waiting:
            return
        if not self.is_open:
            self._scope.cancel()
            return
        idle_s = self._host.idle_s(self, self._granted_s)  # type: ignore[arg-type]
        self._scope.deadline = trio.current_time() + idle_s


def answers(message: bytes, asked: bytes) -> bool:
    """Is it a reply, to this question or without any (an error)?"""
    if len(message) < _HEADER_OCTETS or not message[2] & 0x80:
        return False
    said = message[_HEADER_OCTETS : _HEADER_OCTETS + len(asked)]
    return message[4:6] == b"\0\0" or said.lower() == asked.lower()
