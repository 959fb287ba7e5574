"""Queries over TCP on behalf of pursuits: a task each, for these few may wait in their own way."""

from __future__ import annotations

import errno
import math
from typing import TYPE_CHECKING

import trio

from resolver import limits
from resolver.errors import WireError
from resolver.upstream.edns_fallback import Arrived
from resolver.upstream.query import Match, read_untrusted

if TYPE_CHECKING:
    from resolver.model import Server
    from resolver.upstream.cut_query import Pursuit
    from resolver.upstream.query import Sent
    from resolver.upstream.server_state import AddressState
    from resolver.upstream.tcp import TcpPool

_SECONDS = float(limits.TCP_SECONDS)
_CASE_BROKEN = float(limits.CASE_BROKEN_SECONDS)


class Streams:
    """Starts them in the exchange's nursery; the pursuit hears of the end, unless it is done."""

    def __init__(self, *, pool: TcpPool, nursery: trio.Nursery) -> None:
        self.pool = pool
        self._nursery = nursery

    def __repr__(self) -> str:
        return f"<Streams {self.pool!r}>"

    def start(self, pursuit: Pursuit, server: Server, state: AddressState, sent: Sent) -> None:
        """Ask *server* over TCP; `pursuit.streams` holds the scope that ends it."""
        deadline = min(trio.current_time() + _SECONDS, pursuit.give_up)
        scope = pursuit.streams[server[:2]] = trio.CancelScope(deadline=deadline)
        state.streams += 1
        self._nursery.start_soon(self._ask, pursuit, server, state, sent, scope)

    @staticmethod
    def _extend(pursuit: Pursuit, scope: trio.CancelScope) -> None:
        """Something came: who drips is not mute, and is waited for as long as the asker waits."""
        scope.deadline = min(trio.current_time() + _SECONDS, pursuit.give_up)

    async def _ask(
        self,
        pursuit: Pursuit,
        server: Server,
        state: AddressState,
        sent: Sent,
        scope: trio.CancelScope,
    ) -> None:
        started = trio.current_time()
        outcome: tuple[bytes, Match] | None = None
        reason = "no reply over TCP"
        try:
            with scope:
                outcome = await self.pool.ask(server, sent, lambda: self._extend(pursuit, scope))
        except OSError as error:
            reason = f"TCP: {errno.errorcode.get(error.errno or 0, 'failed')}"
        finally:
            state.streams -= 1
        now = trio.current_time()
        if pursuit.streams.pop(server[:2], None) is None or pursuit.is_done:
            return
        if outcome is None:
            state.tcp_failed_at = now
            pursuit.on_tcp_failure(server, reason, now)
            return
        data, match = outcome
        state.note_alive(now)
        state.tcp_failed_at = -math.inf
        pursuit.desk.note_alive(pursuit.way, state, now)
        if match is Match.DOUBTFUL:  # nobody forges into a connection: the server folds case
            state.case_broken_until = now + _CASE_BROKEN
        try:
            message = read_untrusted(data, sent, pursuit.inquiry.question)
        except WireError as error:
            pursuit.on_malformed(server, state, "tcp", error, now)
            return
        pursuit.on_reply(Arrived(server, state, message, "tcp", now - started, sent), now)
