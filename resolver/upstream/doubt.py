"""Replies that may be forged: the question goes over TCP, and if that fails over UDP once more.

A server that folds case, forgets its cookie or sends ids of its own looks like a forger, and TCP
tells them apart: nobody forges into a connection (RFC 5452 §9, RFC 7873 §5.3). Where there is no
TCP, or it is later than UDP was by far, one query more goes out over UDP, without what the server
does not bear, but with an id and a port of its own. So a forger who had guessed id and port (2^32
for each try) gains one packet that he has to guess id and port of again; with wrong ids alone he
gains nothing but a bounded number of guesses at one more port. Counted as `last_resorts`.
Pure: who sends and waits is `cut_query`'s matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import (
    CASE_BROKEN_SECONDS,
    LAST_RESORT_ROUNDS,
    LAST_RESORT_SECONDS,
    LAST_RESORTS_CONFIRMED,
)
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from resolver.delegation import Key
    from resolver.model import Server
    from resolver.upstream.edns_fallback import Arrived
    from resolver.upstream.query_form import Form
    from resolver.upstream.server_state import ServerState


def patience_s(rtt_s: float) -> float:
    """How long TCP may take where a reply over UDP took *rtt_s*."""
    return max(LAST_RESORT_SECONDS, LAST_RESORT_ROUNDS * rtt_s)


class Doubt:
    """About one server of one question. *form* is what it is asked with in the end.

    *is_settled*: the last resort was taken, or there is no need of it. *is_timed*: it is due at a
    moment.
    """

    __slots__ = ("form", "is_settled", "is_timed", "server", "state")

    def __init__(self, server: Server, state: ServerState, form: Form) -> None:
        self.server = server
        self.state = state
        self.form = form
        self.is_settled = False
        self.is_timed = False


class Doubts:
    """The doubts of one cut query, one for each server at most."""

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of: dict[Key, Doubt] = {}

    def add(self, server: Server, state: ServerState, form: Form) -> Doubt | None:
        """A new one; None if there is one about that server."""
        if state.key in self._of:
            return None
        doubt = self._of[state.key] = Doubt(server, state, form)
        return doubt

    def of(self, key: Key) -> Doubt | None:
        return self._of.get(key)

    def note_reply(self, arrived: Arrived, now: float) -> None:
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

    def settle_all(self) -> list[Key]:
        """Nothing more is sent. Returns whose moment need not come."""
        timed = [key for key, doubt in self._of.items() if doubt.is_timed]
        for doubt in self._of.values():
            doubt.is_settled = True
            doubt.is_timed = False
        return timed
