"""Listeners asked for health: does each answer, and how soon? As `self_probe` asks, more often.

Those of plain UDP at each look, for that is how soon a client hears something that is known; the
others more seldom while they answer. One that goes on serving others is flooded, and one that has
heard us and says nothing obeys (`answer = "drop"` of a view): neither is silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import trio

from resolver.daemon.self_probe import Verdict, heard_at, probe
from resolver.limits import (
    HEALTH_LATENCY_SECONDS,
    HEALTH_PROBE_SECONDS,
    HEALTH_STREAM_SECONDS,
    LEAVING_LOOK_SECONDS,
)
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from resolver.daemon.bind import ListeningSockets, Wish
    from resolver.daemon.listeners import Listeners

_OTHERS = 2  # queries that came meanwhile, of which one may be ours


class Probed(Protocol):
    """The process, as far as it is looked at here (`run.Daemon`)."""

    sockets: ListeningSockets
    listeners: Listeners


class Probes:
    """What the listeners of one process said last."""

    def __init__(self, daemon: Probed) -> None:
        self._daemon = daemon
        self._due: dict[Wish, float] = {}
        self._took: dict[Wish, float | None] = {}

    async def look(self) -> dict[str, float | None]:
        """Ask who is due; what all of them took, in seconds, None for one that is silent. One whose
        address this machine does not have now is none."""
        now = trio.current_time()
        there = [wish for wish in self._daemon.sockets.open if wish.transport is not None]
        async with trio.open_nursery() as nursery:
            for wish in there:
                if self._due.get(wish, now) <= now:
                    nursery.start_soon(self._ask, wish)
        self._due = {wish: self._due[wish] for wish in there if wish in self._due}
        return {str(wish): self._took[wish] for wish in there if wish in self._took}

    async def _ask(self, wish: Wish) -> None:
        service = self._daemon.listeners.services.get(wish)
        before, began = heard_at(service), trio.current_time()
        verdict = await probe(wish, HEALTH_PROBE_SECONDS)
        after_s = trio.current_time() - began
        if verdict is Verdict.FAILED and not wish.is_udp:
            await trio.sleep(LEAVING_LOOK_SECONDS)  # streams are counted when they have ended
        came = heard_at(service) - before
        took_s: float | None = after_s
        if verdict is Verdict.FAILED:
            took_s = 0.0 if came else None
        elif after_s > HEALTH_LATENCY_SECONDS and came >= _OTHERS:
            took_s = 0.0  # it serves as many as it can
        if verdict is Verdict.NOT_HERE:
            self._took.pop(wish, None)
        else:
            self._took[wish] = took_s
        is_seldom = took_s is not None and wish.transport is not Transport.UDP
        self._due[wish] = trio.current_time() + (HEALTH_STREAM_SECONDS if is_seldom else 0)
