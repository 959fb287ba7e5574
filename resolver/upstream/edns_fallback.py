"""When a server does not bear EDNS or cookies: ask it with less, and remember what worked.

A ladder for each server: all options; EDNS and DO without options; no EDNS at all. One step down
after a reply that says so. After silence too, but a signed zone's servers are asked with EDNS every
time, for without it there are no signatures: their last try goes over TCP, where other boxes stand
in the way. Nor is one asked without the cookie that has shown its own: else who can make packets
vanish could take the cookie away. A server that never answered a name in mixed case is asked in
lower case too, after silence, an error or a denial. What is learnt is kept only after the query
with less was answered. RFC 6891 §6.2.2, §7; RFC 7873 §5.3; RFC 8906; RFC 4343 (case).
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from resolver.limits import CASE_BROKEN_SECONDS, EDNS_SILENCES
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.nsec import Span
from resolver.protocol.rdata_fields import nsec
from resolver.protocol.transport import Transport
from resolver.upstream.query import Match, match_cookie, server_cookie
from resolver.upstream.query_form import BARE, FULL, LEAST, LOWER, PLAIN
from resolver.upstream.server_state import EdnsState

if TYPE_CHECKING:
    from resolver.delegation import Key
    from resolver.model import Server
    from resolver.protocol.wire import Message
    from resolver.upstream.query import Sent
    from resolver.upstream.query_form import Form
    from resolver.upstream.server_state import ServerState

_EDNS_RCODES = frozenset({Rcode.FORMERR, Rcode.NOTIMP, Rcode.BADVERS})
_COOKIE_RCODES = _EDNS_RCODES | {Rcode.REFUSED, Rcode.SERVFAIL}
_CASE_RCODES = _COOKIE_RCODES | {Rcode.NXDOMAIN}
_SAYING = frozenset({Rcode.NOERROR, Rcode.NXDOMAIN})
_NOTHING: dict[Key, Form] = {}
_NONE: frozenset[Key] = frozenset()


class Arrived(NamedTuple):
    """A reply that matched, with the query it answers."""

    server: Server
    state: ServerState
    message: Message
    transport: Transport
    rtt_s: float
    sent: Sent


class Again(enum.Enum):
    """What a reply leads to, before anybody looks at what it says."""

    NO = "no"
    UDP = "udp"
    TCP = "tcp"


class Fallback:
    """What one cut_query found out about its servers and EDNS."""

    __slots__ = ("_bad_cookie", "_forms", "_is_signed", "_lowered", "_over_tcp", "_silent")

    def __init__(self, *, is_signed: bool) -> None:
        self._is_signed = is_signed
        self._forms = _NOTHING
        self._silent = _NONE
        self._bad_cookie = _NONE
        self._over_tcp = _NONE
        self._lowered = _NONE

    def form(self, state: ServerState, now: float, *, tries: int) -> Form:
        """How to ask, the query to be sent being number *tries* of this question."""
        form = self._forms.get(state.key, FULL) if self._forms else FULL
        if not form.edns:
            return form
        works = state.edns is EdnsState.WORKS
        if not (self._is_signed or works or state.knows_edns(now)):
            return PLAIN
        if tries < 2:  # noqa: PLR2004
            return form
        self._silent |= {state.key}
        if tries > 2 and not self._is_signed and not works:  # noqa: PLR2004
            return PLAIN if state.bears_mixing else LEAST
        if state.server_cookie:
            return form
        return BARE if state.bears_mixing else LOWER

    def wants_tcp(self, state: ServerState, now: float) -> bool:
        """Should the last try go over TCP, rather than over UDP without EDNS?"""
        return (self._is_signed or state.edns is EdnsState.WORKS) and state.may_bear_tcp(now)

    def asks_again(self, arrived: Arrived) -> Again:
        """An odd rcode, or a reply without OPT: should the same server be asked once more?"""
        state, message, sent = arrived.state, arrived.message, arrived.sent
        rcode = message.rcode
        if sent.edns is None:
            return self._unmixed(arrived)
        if rcode == Rcode.BADCOOKIE or _blames_nsid(arrived):
            return self._with_other_options(arrived)
        is_ignored = message.edns is None and self._is_signed and rcode in _SAYING
        if sent.edns.options and (
            is_ignored or (rcode in _COOKIE_RCODES and not state.bears_cookies)
        ):
            return self._down(state, BARE)
        if is_ignored:
            return self._once_over_tcp(arrived)
        if rcode in _EDNS_RCODES:
            again = self._once_over_tcp(arrived) if self._is_signed else Again.NO
            return self._down(state, PLAIN) if again is Again.NO else again
        return self._unmixed(arrived)

    def _unmixed(self, arrived: Arrived) -> Again:
        """Some servers know names in lower case only, and deny or refuse all others.

        A denial that brings its proof is the validator's matter.
        """
        state, sent = arrived.state, arrived.sent
        if not sent.is_mixed or state.bears_mixing or arrived.message.rcode not in _CASE_RCODES:
            return Again.NO
        if arrived.transport is not Transport.UDP or state.key in self._lowered:
            return Again.NO
        if arrived.message.rcode == Rcode.NXDOMAIN and _brings_proof(arrived.message):
            return Again.NO
        self._lowered |= {state.key}
        return self._down(state, LEAST if sent.edns is None else LOWER)

    def _down(self, state: ServerState, form: Form) -> Again:
        self._forms = {**self._forms, state.key: form}
        return Again.UDP

    def _with_other_options(self, arrived: Arrived) -> Again:
        if arrived.message.rcode == Rcode.BADCOOKIE:
            return self._after_bad_cookie(arrived)
        arrived.state.watch.refuse()
        return Again.UDP

    def _after_bad_cookie(self, arrived: Arrived) -> Again:
        """With the server's cookie; a second time without any (RFC 7873 §5.3)."""
        key = arrived.state.key
        if key in self._bad_cookie:
            return self._down(arrived.state, BARE)
        self._bad_cookie |= {key}
        arrived.state.server_cookie = server_cookie(arrived.message)
        arrived.state.edns = EdnsState.WORKS
        return Again.UDP

    def _once_over_tcp(self, arrived: Arrived) -> Again:
        """It may be a box on the way that does not bear EDNS, and none over TCP."""
        key = arrived.state.key
        if arrived.transport is not Transport.UDP or key in self._over_tcp:
            return Again.NO
        self._over_tcp |= {key}
        return Again.TCP

    def learn(self, arrived: Arrived, now: float) -> None:
        """What this reply, to a query with or without EDNS, says about its server."""
        state, sent = arrived.state, arrived.sent
        if not state.bears_mixing:
            self._learn_about_case(arrived, now)
        if sent.edns is None:
            self._learn_from_plain(arrived, now)
            return
        edns = arrived.message.edns
        if edns is not None and (state.edns_silences or state.edns is not EdnsState.WORKS):
            state.note_edns(EdnsState.WORKS, now)
        if sent.cookie:
            self._learn_about_cookie(arrived, now)
        elif self._forms or self._silent:
            self._learn_from_bare(arrived, now)

    def _learn_about_case(self, arrived: Arrived, now: float) -> None:
        """A name that was found as spelt; or only in lower case, where the mix was denied."""
        if arrived.message.rcode != Rcode.NOERROR:
            return
        if arrived.sent.is_mixed:
            arrived.state.bears_mixing = True
        elif arrived.state.key in self._lowered:
            arrived.state.case_broken_until = now + CASE_BROKEN_SECONDS

    def _learn_about_cookie(self, arrived: Arrived, now: float) -> None:
        state, message = arrived.state, arrived.message
        if arrived.transport is not Transport.UDP:
            if match_cookie(arrived.sent, message) is Match.NO:  # nobody forges into a connection
                state.note_no_cookies(now)
                return
            state.server_cookie = server_cookie(message)
        elif message.edns is not None:
            state.server_cookie = server_cookie(message)
        if message.rcode in _SAYING:
            state.bears_cookies = True
            state.cookie_silences = 0

    def _learn_from_bare(self, arrived: Arrived, now: float) -> None:
        """An answer without the cookie: that was to blame if a reply said so, or twice."""
        state = arrived.state
        if arrived.message.rcode not in _SAYING:
            return
        if self._forms.get(state.key) is BARE:
            state.note_no_cookies(now)
        elif state.key in self._silent:
            state.cookie_silences += 1
            if state.cookie_silences >= EDNS_SILENCES:
                state.note_no_cookies(now)

    def _learn_from_plain(self, arrived: Arrived, now: float) -> None:
        state = arrived.state
        if self._is_signed or arrived.message.rcode in _EDNS_RCODES:
            return
        if self._forms.get(state.key) in {PLAIN, LEAST}:
            state.note_edns(EdnsState.BROKEN, now)
        elif state.key in self._silent and state.edns is EdnsState.UNKNOWN:
            state.edns_silences += 1
            if state.edns_silences >= EDNS_SILENCES:
                state.note_edns(EdnsState.BROKEN, now)


def _blames_nsid(arrived: Arrived) -> bool:
    """No EDNS, it says, and all else that was in the query it has borne before."""
    sent = arrived.sent
    is_new = arrived.state.bears_cookies or not sent.cookie
    return sent.asks_instance and is_new and arrived.message.rcode in _EDNS_RCODES


def _brings_proof(denial: Message) -> bool:
    """Does it look proven that the name is not there? (NSEC3 tells only to who hashes.)"""
    authority, qname = denial.authority, denial.qname
    apex = next((one.owner for one in authority if one.rtype == RRType.SOA), qname)
    return any(
        one.rtype == RRType.NSEC3
        or (one.rtype == RRType.NSEC and Span(apex, one.owner, *nsec(one.rdata)).covers(qname))
        for one in authority
    )
