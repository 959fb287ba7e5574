"""Bells among the workers of one machine, hung before the fork: any of them wakes all the others.

A ring says only that there is something to look at; who hears it sees for itself what. Of several
rings before a look one is heard. Without eventfd nothing rings: who waits looks by the clock too.
"""

from __future__ import annotations

import os
from contextlib import suppress

import trio


class Bells:
    """One bell for each of *count* processes, numbered from 0; they live as long as these do."""

    def __init__(self, count: int) -> None:
        self._descriptors = [
            os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            for _ in range(count if hasattr(os, "eventfd") else 0)
        ]
        self._hearing = [trio.Lock() for _ in range(count)]

    def __repr__(self) -> str:
        return f"<Bells of {len(self._descriptors)}>"

    def ring(self, ringer: int) -> None:
        """Wake every process but the *ringer*. Never waits."""
        for number, descriptor in enumerate(self._descriptors):
            if number != ringer:
                os.eventfd_write(descriptor, 1)

    async def heard(self, number: int) -> None:
        """Returns when another process rings, at once if one has since *number* last heard it."""
        if not self._descriptors:
            await trio.sleep_forever()
        descriptor = self._descriptors[number]
        async with self._hearing[number]:  # at a reload who begins meets who is about to end
            await trio.lowlevel.wait_readable(descriptor)
            with suppress(BlockingIOError):
                os.eventfd_read(descriptor)
