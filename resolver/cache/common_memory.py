"""What workers have learnt, in memory that all of them see: records by number, the newest first.

Each worker writes into a ring of its own, and nobody else does; an index that all share leads from
a name to the newest record, and each record to the one before it. No lock is taken. What two put
under one place of the index at the same moment may hide one of the two, and what a writer has
begun to write over is seen as such by who reads: then something is not found, never found wrong.
What is in a record is sealed (`record`); whoever reads it trusts nothing.

It lives as long as the supervisor. A worker that follows one that died writes on where that ended.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.cache.store import key_of
from resolver.limits import (
    COMMON_CHAIN,
    COMMON_INDEX_SLOTS,
    COMMON_RECORD_OCTETS,
    COMMON_RING_OCTETS,
)

if TYPE_CHECKING:
    import mmap

_PAGE: Final = 4096
_EPOCH: Final = struct.Struct("=I")
_END: Final = struct.Struct("=Q")  # of a ring: how much was ever written there
_HEAD: Final = struct.Struct("=qQII")  # number, the one before in its chain, epoch, octets
_AT_BITS: Final = 48
_AT: Final = (1 << _AT_BITS) - 1
_INDEX_AT: Final = _PAGE
_SLOT: Final = struct.Struct("=Q")
_TOGETHER: Final = 256  # numbers of one name
_MASK: Final = COMMON_INDEX_SLOTS - 1
_ENDS_AT: Final = 64  # in the first page: a line of the processor's cache for each
_ENDS_STEP: Final = 8


class Kept(NamedTuple):
    """A record as it lies: its number, and what is sealed."""

    number: int
    octets: bytes


def octets_for(workers: int) -> int:
    """How much memory *workers* take at most; pages that nobody has filled are none."""
    return _PAGE + COMMON_INDEX_SLOTS * _SLOT.size + workers * COMMON_RING_OCTETS


class CommonMemory:
    """What worker *number* sees of *memory*: `octets_for` all of them, zeros at the start."""

    __slots__ = ("_end", "_end_at", "_index", "_me", "_memory", "_ring_at")

    def __init__(self, memory: mmap.mmap, number: int) -> None:
        self._memory = memory
        ends_at = _INDEX_AT + COMMON_INDEX_SLOTS * _SLOT.size
        self._index = memoryview(memory)[_INDEX_AT:ends_at].cast("Q")
        self._me = (number + 1) << _AT_BITS
        self._end_at = _ENDS_AT + number * _ENDS_STEP
        self._ring_at = _ring_at(number)
        self._end: int = _END.unpack_from(memory, self._end_at)[0]

    def __repr__(self) -> str:
        return f"<CommonMemory, {self._end} octets written>"

    @property
    def octets(self) -> int:
        """How much of all workers' is filled."""
        memory, rings = self._memory, (len(self._memory) - _ring_at(0)) // COMMON_RING_OCTETS
        ends = (_END.unpack_from(memory, _ENDS_AT + at * _ENDS_STEP)[0] for at in range(rings))
        filled = sum(min(end, COMMON_RING_OCTETS) for end in ends)
        return _ring_at(0) + filled if filled else 0

    def put(self, number: int, octets: bytes) -> None:
        """Have *octets* found under *number* by all. Costs two microseconds."""
        size = (_HEAD.size + len(octets) + 7) & ~7
        if size > COMMON_RECORD_OCTETS:
            return
        memory, at = self._memory, self._end
        place = at % COMMON_RING_OCTETS
        if place + size > COMMON_RING_OCTETS:
            at += COMMON_RING_OCTETS - place
            place = 0
        self._end = at + size
        _END.pack_into(memory, self._end_at, self._end)  # from here on what lay there is gone
        slot = key_of(number) & _MASK
        before = self._index[slot]
        (epoch,) = _EPOCH.unpack_from(memory)
        start = self._ring_at + place
        _HEAD.pack_into(memory, start, number, before, epoch, len(octets))
        start += _HEAD.size
        memory[start : start + len(octets)] = octets
        self._index[slot] = self._me | at

    def newest(self, key: int) -> int:
        """Where the newest record is that may be of the numbers of *key* (`store.key_of`); 0:
        nowhere. It is another place whenever there is something new. Costs 0.1 µs."""
        return self._index[key & _MASK]

    def found(self, base: int, place: int) -> list[Kept]:
        """From *place* on, what is of the 256 numbers from *base* on: the newest of each."""
        memory = self._memory
        (epoch,) = _EPOCH.unpack_from(memory)
        kept: dict[int, Kept] = {}
        for _ in range(COMMON_CHAIN):
            worker, at = (place >> _AT_BITS) - 1, place & _AT
            if worker < 0:
                break
            end_at = _ENDS_AT + worker * _ENDS_STEP
            start = _ring_at(worker) + at % COMMON_RING_OCTETS
            if start + _HEAD.size > len(memory):
                break
            number, place, since, size = _HEAD.unpack_from(memory, start)
            start += _HEAD.size
            octets = memory[start : start + size] if size <= COMMON_RECORD_OCTETS else b""
            (end,) = _END.unpack_from(memory, end_at)
            if not at < end <= at + COMMON_RING_OCTETS:
                break  # written over, before or while it was read
            if since == epoch and 0 <= number - base < _TOGETHER and number not in kept:
                kept[number] = Kept(number, octets)
        return list(kept.values())

    def forget(self) -> None:
        """Have nobody find what was put up to now."""
        (epoch,) = _EPOCH.unpack_from(self._memory)
        _EPOCH.pack_into(self._memory, 0, (epoch + 1) & 0xFFFFFFFF)


def _ring_at(worker: int) -> int:
    return _INDEX_AT + COMMON_INDEX_SLOTS * _SLOT.size + worker * COMMON_RING_OCTETS
