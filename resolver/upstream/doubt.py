"""Replies that may be forged: the question goes over TCP, and if that fails over UDP once more.

A server that folds case, forgets its cookie or sends ids of its own looks like a forger, and TCP
tells them apart: nobody forges into a connection (RFC 5452 §9, RFC 7873 §5.3). Where there is no
TCP, or it is later than UDP was by far, one query more goes out over UDP, without what the server
does not bear, but with an id and a port of its own. So a forger who had guessed id and port (2^32
for each try) gains one packet that he has to guess id and port of again; with wrong ids alone he
gains nothing but a bounded number of guesses at one more port. Counted as `last_resorts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import CASE_BROKEN_SECONDS, LAST_RESORT_SECONDS, LAST_RESORTS_CONFIRMED
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from resolver.delegation import Key, Server
    from resolver.upstream.cut_query import CutQuery
    from resolver.upstream.edns_fallback import Arrived
    from resolver.upstream.query_form import Form
    from resolver.upstream.server_state import ServerState
    from resolver.upstream.timers import Timer

_TCP_ROUNDS = 3  # connecting and asking take two


class Doubt:
    """About one server of one question. *form* is what it is asked with in the end."""

    __slots__ = ("form", "is_settled", "server", "state", "timer")

    def __init__(self, server: Server, state: ServerState, form: Form) -> None:
        self.server = server
        self.state = state
        self.form = form
        self.is_settled = False
        self.timer: Timer | None = None


class Doubts:
    """The doubts of one cut_query, one for each server at most."""

    __slots__ = ("_of", "_pursuit")

    def __init__(self, cut_query: CutQuery) -> None:
        self._pursuit = cut_query
        self._of: dict[Key, Doubt] = {}

    def add(
        self, server: Server, state: ServerState, form: Form, *, rtt_s: float, now: float
    ) -> None:
        """Ask over TCP; over UDP in *form* as soon as that fails, or takes too long."""
        cut_query = self._pursuit
        if cut_query.is_done or state.key in self._of:
            return
        doubt = self._of[state.key] = Doubt(server, state, form)
        if state.may_bear_tcp(now):
            cut_query.go_tcp(server, state, now, None if form.edns else form)
        if state.key not in cut_query.streams:
            self._settle(doubt, now)
            return
        when = now + max(LAST_RESORT_SECONDS, _TCP_ROUNDS * rtt_s)
        doubt.timer = cut_query.dispatcher.timers.at(when, lambda at: self._settle(doubt, at))

    def on_tcp_failure(self, key: Key, now: float) -> bool:
        """True if UDP takes the place of the connection that failed."""
        doubt = self._of.get(key)
        if doubt is None:
            return False
        self._settle(doubt, now)
        return any(copy.state.key == key for copy in self._pursuit.copies)

    def on_reply(self, arrived: Arrived, now: float) -> None:
        """The last resort was answered: after some such answers the server is taken as it is."""
        doubt = self._of.get(arrived.state.key)
        if doubt is None or arrived.transport is not Transport.UDP or not doubt.is_settled:
            return
        state = doubt.state
        state.doubts += 1
        if state.doubts >= LAST_RESORTS_CONFIRMED:
            state.doubts = 0
            if not doubt.form.mixed:
                state.case_broken_until = now + CASE_BROKEN_SECONDS
            if not doubt.form.options:
                state.note_no_cookies(now)

    def borne(self, key: Key, form: Form) -> Form:
        """*form* without what this server did not bear, once the last resort is under way."""
        doubt = self._of.get(key)
        return form if doubt is None or not doubt.is_settled else form.without(doubt.form)

    def close(self) -> None:
        """Nothing more is sent."""
        for doubt in self._of.values():
            self._disarm(doubt)
            doubt.is_settled = True

    def _disarm(self, doubt: Doubt) -> None:
        if doubt.timer is not None:
            self._pursuit.dispatcher.timers.cancel(doubt.timer)
            doubt.timer = None

    def _settle(self, doubt: Doubt, now: float) -> None:
        """Once: the query over UDP. Who waits for the same joins it (RFC 5452 §5)."""
        self._disarm(doubt)
        if doubt.is_settled or self._pursuit.is_done:
            return
        doubt.is_settled = True
        if self._pursuit.send_again(doubt.server, doubt.state, doubt.form, now):
            self._pursuit.dispatcher.counters.last_resorts += 1
