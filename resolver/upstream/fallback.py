"""When a server does not bear EDNS or cookies: ask it with less, and remember what worked.

What is learnt is kept only after the plain query was answered; a signed zone's servers are asked
with EDNS every time, for without it there are no signatures. RFC 6891 §6.2.2, §7; RFC 7873 §5.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.protocol.codes import Rcode
from resolver.upstream.address import EdnsState
from resolver.upstream.query import server_cookie

if TYPE_CHECKING:
    from resolver.model import Server
    from resolver.protocol.wire import Message
    from resolver.upstream.address import AddressState, Key
    from resolver.upstream.query import Sent

_EDNS_RCODES = frozenset({Rcode.FORMERR, Rcode.NOTIMP, Rcode.BADVERS})
_NONE: frozenset[Key] = frozenset()
_SILENCES = 2  # one may be loss: RFC 6891 §6.2.2 wants some certainty before EDNS is given up


class Arrived(NamedTuple):
    """A reply that matched, with the query it answers."""

    server: Server
    state: AddressState
    message: Message
    transport: str
    rtt_s: float
    sent: Sent

    @property
    def had_cookie(self) -> bool:
        return self.sent.edns is not None and bool(self.sent.edns.options)


class Fallback:
    """What one pursuit found out about its servers and EDNS."""

    __slots__ = ("_is_signed", "_plain", "_silent")

    def __init__(self, *, is_signed: bool) -> None:
        self._is_signed = is_signed
        self._plain = _NONE
        self._silent = _NONE

    def wants_edns(self, state: AddressState, now: float, *, is_last_try: bool) -> bool:
        """Not towards servers that EDNS breaks; nor in the last try where it may be to blame."""
        if self._plain and state.key in self._plain:
            return False
        if self._is_signed or state.edns is EdnsState.WORKS:
            return True
        if not state.knows_edns(now):
            return False
        if not is_last_try:
            return True
        self._silent |= {state.key}
        return False

    def asks_again(self, arrived: Arrived) -> bool:
        """FORMERR, NOTIMP, BADVERS, BADCOOKIE: should the same server be asked once more?"""
        if arrived.sent.edns is None:
            return False
        state, message = arrived.state, arrived.message
        rcode = message.rcode
        if rcode == Rcode.BADCOOKIE:
            state.server_cookie = server_cookie(message)
            return True
        if rcode not in _EDNS_RCODES:
            return False
        if message.edns is not None and arrived.had_cookie:
            state.cookies_broken = True
        else:
            self._plain |= {state.key}
        return True

    def learn(self, arrived: Arrived, now: float) -> None:
        """What this reply, to a query with or without EDNS, says about its server."""
        state, message = arrived.state, arrived.message
        if arrived.sent.edns is not None:
            edns = message.edns
            if edns is not None and (state.edns_silences or state.edns is not EdnsState.WORKS):
                state.note_edns(EdnsState.WORKS, now)
            if edns is not None or arrived.transport == "tcp":
                state.server_cookie = server_cookie(message)
            return
        if self._is_signed or message.rcode in _EDNS_RCODES:
            return
        if state.key in self._plain:
            state.note_edns(EdnsState.BROKEN, now)
        elif state.key in self._silent and state.edns is EdnsState.UNKNOWN:
            state.edns_silences += 1
            if state.edns_silences >= _SILENCES:
                state.note_edns(EdnsState.BROKEN, now)
