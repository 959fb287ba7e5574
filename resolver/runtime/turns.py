"""How much work is done at one turn: little while hits are served, much while nobody waits for one.

A hit costs two microseconds and is felt when it waits behind fifty misses of fifty microseconds
each; so turns are short as long as hits come. With misses alone, long turns cost an eighth less
CPU: what one step has loaded into the processor's caches serves the next query's same step.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import trio

from resolver.limits import TCP_ROUND_HITS, TCP_ROUND_HITS_IDLE, TURNS_IDLE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable


class Turns:
    """Shared by the listeners, who see the hits, and by all who take turns.

    *is_behind*: more replies of servers have come than one turn takes. What is begun meanwhile
    stands behind them, and so does whoever asks then: what is under way is finished first.
    *number*: of this turn of the loop; 0 where nobody counts them. *ending*: what is to be called
    before the loop looks at its sockets, by who counts. *prompt*: tasks that are run as soon as
    they are woken, where somebody sees to that: clients wait for them.
    """

    __slots__ = (
        "_any_hits_until",
        "_hits_until",
        "_now",
        "ending",
        "is_behind",
        "number",
        "prompt",
    )

    def __init__(self) -> None:
        self.is_behind = False
        self.number = 0
        self.ending: list[Callable[[], None]] = []
        self.prompt: set[trio.lowlevel.Task] = set()
        self._hits_until = -math.inf
        self._any_hits_until = -math.inf
        self._now: Callable[[], float] | None = None

    def __repr__(self) -> str:
        return f"<Turns {'short' if self.is_short else 'long'} turns>"

    def end(self) -> None:
        """Call what is to be called at the end of a turn."""
        ending, self.ending = self.ending, []
        for each in ending:
            try:
                each()
            except MemoryError:  # what was gathered is lost, as packets are
                continue

    def note_hits(self) -> None:
        """Somebody was just served from the packet cache."""
        self._hits_until = self._any_hits_until = self.time() + TURNS_IDLE_SECONDS

    def note_flood(self) -> None:
        """Somebody asks for more than he gets: whoever else asks is not to wait for long turns."""
        self.note_hits()

    def note_stream_hits(self, now: float) -> None:
        """The same over a stream, where others' turns are bounded by `Rounds` alone."""
        self._any_hits_until = now + TURNS_IDLE_SECONDS

    def time(self) -> float:
        """As `trio.current_time`, at a third of its cost: looked at for every hit."""
        if self._now is None:
            self._now = trio.lowlevel.current_clock().current_time
        return self._now()

    @property
    def is_short(self) -> bool:
        """True while hits come."""
        return self.time() < self._hits_until

    @property
    def are_hits(self) -> bool:
        """True while hits come, over whatever."""
        return self.time() < self._any_hits_until


class Rounds:
    """What many tasks together may do before the loop looks at its sockets again.

    The loop runs every task that is ready before it looks: a hundred connections, each content with
    half a millisecond, would keep a datagram waiting for fifty. Who finds *left* used up pauses.
    """

    __slots__ = ("_number", "_turns", "left")

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._number = 0
        self.left = TCP_ROUND_HITS

    def __repr__(self) -> str:
        return f"<Rounds {self.left} left>"

    async def pause(self) -> None:
        """Until the loop has looked; the first to come back begins a new round for all."""
        number = self._number
        await trio.lowlevel.checkpoint()
        if number == self._number:
            self.renew()

    def renew(self) -> None:
        """A new round, for all: the sockets were just looked at."""
        self._number += 1
        self.left = TCP_ROUND_HITS if self._turns.is_short else TCP_ROUND_HITS_IDLE

    def note_hits(self, now: float) -> None:
        """Some were just answered."""
        self._turns.note_stream_hits(now)
