"""Who takes in the replies of servers: a task of its own, or `idle_loop` between two turns.

Whoever waits for a reply is woken, and runs at the next turn of the loop. Taken in between two,
that is the one that begins now; by a task, the one after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.upstream.network import Network
    from resolver.upstream.server_events import UpstreamCounters


class Replies:
    """Of all ports together; see `idle_loop.Watched`. *take_in* is one turn's."""

    is_serving = False

    def __init__(
        self, network: Network, take_in: Callable[[], int], counters: UpstreamCounters
    ) -> None:
        self.queries = 0  # replies that came
        self._network = network
        self._take_in = take_in
        self._counters = counters
        self._is_new = False  # tasks may have been woken, timers set: the loop is to see

    def __repr__(self) -> str:
        return f"<Replies of {self._network!r}>"

    async def run(self) -> None:
        """Take them in until cancelled."""
        while True:
            await self._network.wait()
            self.is_serving = True
            while self.drain():
                await trio.lowlevel.checkpoint()
            self.is_serving = False

    @property
    def watched(self) -> dict[int, Replies]:
        """This, by the descriptor that is readable while there are any; nothing without one."""
        descriptor = self._network.descriptor
        return {descriptor: self} if descriptor >= 0 else {}

    @property
    def has_waiting(self) -> bool:
        """True if some wait for their turn, or the loop has to have its own."""
        return self._is_new or self._network.has_waiting

    def take_one(self) -> None:
        self.take()

    def take(self) -> bool:
        """Take in one turn's; are there more?"""
        try:
            came = self._take_in()
        except MemoryError:  # what came is lost, as packets are; its question asks again
            self._counters.out_of_memory += 1
            came = 1
        self.queries += came
        self._is_new = came > 0
        return self._network.has_waiting

    def begin_ahead(self) -> None:
        """Nothing is left to begin: whom they concern has been woken."""
        self._is_new = False

    def drain(self) -> bool:
        """As `take`, by a task."""
        is_more = self.take()
        self._is_new = False
        return is_more
