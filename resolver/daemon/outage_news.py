"""Several workers, one link: what one of them finds of a way out, the others need not find out.

Each tells when it has found a way cut off, or whole again, in memory that all see, and rings. Who
hears of it believes it, unless an answer came to it since. Each looks for the end by itself as
before: the first that finds it tells. A worker that is started in an outage knows of it.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator

    from resolver.runtime.clock import Clock
    from resolver.telemetry.shared_counters import Slot
    from resolver.upstream.way import Way
    from resolver.upstream.ways import Ways

_ENTRY: Final = struct.Struct("=Qd?7x")  # which way, since when, is it cut off


class OutageTable:
    """What was said of each way last, in *memory*; of as many as there is room for."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        self._places = len(memory) // _ENTRY.size

    def __repr__(self) -> str:
        return f"<OutageTable of {self._places}>"

    def say(self, way: int, since: float, *, is_cut: bool) -> bool:
        """False if there is no room."""
        for at in self._chain(way):
            whose, _, _ = _ENTRY.unpack_from(self._memory, at)
            if whose in (0, way):
                _ENTRY.pack_into(self._memory, at, way, since, is_cut)
                return True
        return False

    def said(self, way: int) -> tuple[float, bool] | None:
        """Since when, and is it cut off? None: nobody has said anything."""
        for at in self._chain(way):
            whose, since, is_cut = _ENTRY.unpack_from(self._memory, at)
            if whose == way:
                return since, is_cut
            if not whose:
                return None
        return None

    def _chain(self, way: int) -> Iterator[int]:
        for step in range(self._places):
            yield (way + step) % self._places * _ENTRY.size


class OutageNews:
    """Of the worker in *slot*, whose ways out these are."""

    def __init__(self, slot: Slot, ways: Ways, clock: Clock) -> None:
        self._slot = slot
        self._ways = ways
        self._clock = clock
        self._table = OutageTable(slot.outages)

    def __repr__(self) -> str:
        return f"<OutageNews {self._table}>"

    async def run(self) -> None:
        """Tell and hear, until cancelled."""
        self._ways.tell = self._tell
        while True:
            self._look()
            await self._slot.outage_bells.heard(self._slot.number)

    def _tell(self, way: Way, is_cut: bool, since: float) -> None:  # noqa: FBT001
        since += self._clock.now() - trio.current_time()  # as all of them count
        if self._table.say(number_of(way), since, is_cut=is_cut):
            self._slot.outage_bells.ring(self._slot.number)

    def _look(self) -> None:
        now = trio.current_time()
        ahead_s = self._clock.now() - now
        for way in list(self._ways):
            said = self._table.said(number_of(way))
            if said is not None:
                since, is_cut = said
                self._ways.believe(way, is_cut=is_cut, since=since - ahead_s, now=now)


def number_of(way: Way) -> int:
    """The same in all workers, another for each way; never 0. That of a way whose servers a reload
    changes is another one from then on."""
    servers = () if way.zone is None else way.servers
    told = repr((way.zone, way.is_forward, servers)).encode()
    return int.from_bytes(blake2b(told, digest_size=8).digest(), "big") or 1
