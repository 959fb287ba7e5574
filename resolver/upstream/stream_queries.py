"""Queries over TCP on behalf of pursuits: a task each, for these few may wait in their own way."""

from __future__ import annotations

import errno
import math
from typing import TYPE_CHECKING

import trio

from resolver.errors import WireError
from resolver.limits import CASE_BROKEN_SECONDS, TCP_SECONDS
from resolver.protocol.transport import Transport
from resolver.upstream.edns_fallback import Arrived
from resolver.upstream.query import Match, read_untrusted

if TYPE_CHECKING:
    from resolver.model import Server
    from resolver.upstream.cut_query import CutQuery
    from resolver.upstream.query import Sent
    from resolver.upstream.server_state import ServerState
    from resolver.upstream.tcp import TcpPool


class Streams:
    """Starts them in the exchange's nursery; the cut_query hears of the end, unless it is done."""

    def __init__(self, *, pool: TcpPool, nursery: trio.Nursery) -> None:
        self.pool = pool
        self._nursery = nursery

    def __repr__(self) -> str:
        return f"<Streams {self.pool!r}>"

    def start(self, cut_query: CutQuery, server: Server, state: ServerState, sent: Sent) -> None:
        """Ask *server* over TCP; `cut_query.streams` holds the scope that ends it."""
        deadline = min(trio.current_time() + TCP_SECONDS, cut_query.give_up)
        scope = cut_query.streams[server.key] = trio.CancelScope(deadline=deadline)
        state.streams += 1
        self._nursery.start_soon(self._ask, cut_query, server, state, sent, scope)

    @staticmethod
    def _extend(cut_query: CutQuery, scope: trio.CancelScope) -> None:
        """Something came: who drips is not mute, and is waited for as long as the asker waits."""
        scope.deadline = min(trio.current_time() + TCP_SECONDS, cut_query.give_up)

    async def _ask(
        self,
        cut_query: CutQuery,
        server: Server,
        state: ServerState,
        sent: Sent,
        scope: trio.CancelScope,
    ) -> None:
        started = trio.current_time()
        outcome: tuple[bytes, Match] | None = None
        reason = "no reply over TCP"
        try:
            with scope:
                outcome = await self.pool.ask(server, sent, lambda: self._extend(cut_query, scope))
        except OSError as error:
            reason = f"TCP: {errno.errorcode.get(error.errno or 0, 'failed')}"
        finally:
            state.streams -= 1
        now = trio.current_time()
        if cut_query.streams.pop(server.key, None) is None or cut_query.is_done:
            return
        if outcome is None:
            state.tcp_failed_at = now
            cut_query.on_tcp_failure(server, reason, now)
            return
        data, match = outcome
        state.note_alive(now)
        state.tcp_failed_at = -math.inf
        cut_query.dispatcher.note_alive(cut_query.way, state, now)
        if match is Match.DOUBTFUL:  # nobody forges into a connection: the server folds case
            state.case_broken_until = now + CASE_BROKEN_SECONDS
        try:
            message = read_untrusted(data, sent, cut_query.request.question)
        except WireError as error:
            cut_query.on_malformed(server, state, Transport.TCP, error, now)
            return
        cut_query.on_reply(Arrived(server, state, message, Transport.TCP, now - started, sent), now)
