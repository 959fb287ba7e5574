"""Many wait for one thing, and go on a few at a turn of the loop once it is there.

An event wakes all who wait in one turn: a hundred of them, each with a fifth of a millisecond to
do, keep everybody else waiting for twenty. Here each who goes on lets the next one follow, so that
the sockets are looked at in between.
"""

from __future__ import annotations

import trio


class Gate:
    """Shut at first; opened once."""

    __slots__ = ("_lot", "is_open")

    def __init__(self) -> None:
        self.is_open = False
        self._lot = trio.lowlevel.ParkingLot()

    def __repr__(self) -> str:
        return f"<Gate {'open' if self.is_open else 'shut'}, {len(self._lot)} waiting>"

    def __len__(self) -> int:
        return len(self._lot)

    async def wait(self) -> None:
        """Until it is open, and all who came before have gone on, or are about to."""
        if self.is_open:
            await trio.lowlevel.checkpoint()
            return
        await self._lot.park()
        self._lot.unpark()

    def open(self, *, width: int) -> None:
        """Let them go on, so many at a turn."""
        self.is_open = True
        self._lot.unpark(count=width)
