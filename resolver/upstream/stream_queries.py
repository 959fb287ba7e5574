"""Queries over streams: a task each, for these few may wait in their own way."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, NamedTuple

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.model import Server
    from resolver.upstream.query import Match, Sent
    from resolver.upstream.server_state import ServerState
    from resolver.upstream.tcp import TcpPool


class StreamEnd(NamedTuple):
    """What became of one: the octets of the *reply* and how they match, else the *reason*."""

    server: Server
    state: ServerState
    sent: Sent
    reply: tuple[bytes, Match] | None
    reason: str
    took_s: float


class StreamQueries:
    """Starts them in the dispatcher's nursery, and says how they ended."""

    def __init__(self, *, pool: TcpPool, nursery: trio.Nursery) -> None:
        self.pool = pool
        self._nursery = nursery

    def __repr__(self) -> str:
        return f"<StreamQueries {self.pool!r}>"

    def start(
        self,
        server: Server,
        state: ServerState,
        sent: Sent,
        *,
        patience: Callable[[], float],
        ended: Callable[[trio.CancelScope, StreamEnd], None],
    ) -> trio.CancelScope:
        """Ask *server*, until *patience* () at most. *ended* is called with what came of it.

        The scope that is returned ends it.
        """
        scope = trio.CancelScope(deadline=self._deadline(patience))
        state.streams += 1
        self._nursery.start_soon(self._ask, server, state, sent, scope, patience, ended)
        return scope

    async def _ask(
        self,
        server: Server,
        state: ServerState,
        sent: Sent,
        scope: trio.CancelScope,
        patience: Callable[[], float],
        ended: Callable[[trio.CancelScope, StreamEnd], None],
    ) -> None:
        def extend() -> None:
            """Something came: who drips is not mute, and is waited for as the asker waits."""
            scope.deadline = self._deadline(patience)

        started = trio.current_time()
        reply: tuple[bytes, Match] | None = None
        reason = "no reply over TCP"
        try:
            with scope:
                reply = await self.pool.ask(server, sent, extend)
        except OSError as error:
            reason = f"TCP: {errno.errorcode.get(error.errno or 0, 'failed')}"
        finally:
            state.streams -= 1
        took_s = trio.current_time() - started
        ended(scope, StreamEnd(server, state, sent, reply, reason, took_s))

    def _deadline(self, patience: Callable[[], float]) -> float:
        return min(trio.current_time() + self.pool.link.tcp_s, patience())
