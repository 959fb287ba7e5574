"""Which names the second level may know of: one that it cannot know costs no look-up on disk.

A Bloom filter with an octet for each slot and two slots for each name, in memory that all workers
share. Who writes a record fills its slots, before and, if something has changed since, after; an
octet that is set loses nobody else's. A name with an empty slot is not in the file; one with two
full ones may be. Nothing here can make an answer wrong: at worst a look-up is in vain, or somebody
is asked who need not be.

There are two areas. One counts; the other is filled anew from the file, at the start and where too
many slots are full. Until the first is whole, every name may be known.
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

from resolver.limits import (
    STORE_FILTER_FILL,
    STORE_FILTER_OCTETS,
    STORE_SLOT_OCTETS,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from resolver.protocol.names import Name

_CURRENT, _FILLING, _TURN = 0, 1, 2  # octets of the head
_HEAD: Final = 1 << 16  # a page of any machine
_LEAST_BITS: Final = 16
_MOST_BITS: Final = ((STORE_FILTER_OCTETS - _HEAD) // 2).bit_length() - 1
_SECOND: Final = 128  # added to an area's bits where it is the second one
_SAMPLE: Final = 1 << _LEAST_BITS
CUT_SEED: Final = 1
DATA: Final = 1
CUT: Final = 2


class State(NamedTuple):
    """Which areas are to be filled: the one that counts, the one that will, and its turn."""

    current: int
    filling: int
    turn: int


def data_key(name: Name) -> int:
    """Under which what is kept of *name* is found; 32 bits."""
    return crc32(name)


def cut_key(zone: Name) -> int:
    """Under which the delegation of *zone* is found; 32 bits."""
    return crc32(zone, CUT_SEED)


class Filter:
    """The filter in *shared* memory; without any, in this process' own.

    That is STORE_FILTER_OCTETS, zeros at the start. Pages that nobody has filled are none.
    """

    __slots__ = ("_memory", "_most_bits")

    def __init__(self, shared: mmap.mmap | None = None) -> None:
        self._memory = mmap.mmap(-1, STORE_FILTER_OCTETS) if shared is None else shared
        self._most_bits = _MOST_BITS

    def __repr__(self) -> str:
        return f"<Filter {self.state}>"

    def bound(self, octets: int) -> None:
        """Have both areas take no more than *octets* together when they are filled next."""
        self._most_bits = min(max((octets // 2).bit_length() - 1, _LEAST_BITS), _MOST_BITS)

    @property
    def octets(self) -> int:
        """What the areas that are filled, or being filled, take."""
        found = [which & ~_SECOND for which in self._memory[: _FILLING + 1] if which]
        return sum(1 << bits for bits in found)

    @property
    def state(self) -> State:
        return State(*self._memory[: len(State._fields)])

    @property
    def is_whole(self) -> bool:
        return self._memory[_CURRENT] != 0

    def lacks(self, key: int) -> bool:
        """True if nothing of that *key* is in the file."""
        memory = self._memory
        which = memory[_CURRENT]
        if not which:
            return False
        start, mask = _AREAS[which]
        return not (memory[start + (key & mask)] and memory[start + (key >> 8 & mask)])

    def lacks_data(self, name: Name) -> bool:
        """As `lacks`, of `data_key`."""
        memory = self._memory
        which = memory[_CURRENT]
        if not which:
            return False
        start, mask = _AREAS[which]
        key = crc32(name)
        return not (memory[start + (key & mask)] and memory[start + (key >> 8 & mask)])

    def may_know(self, name: Name) -> int:
        """What the file may know of *name*: DATA, a CUT, both, or nothing, which is 0."""
        memory = self._memory
        which = memory[_CURRENT]
        if not which:
            return DATA | CUT
        start, mask = _AREAS[which]
        key = crc32(name)
        found = DATA if memory[start + (key & mask)] and memory[start + (key >> 8 & mask)] else 0
        key = crc32(name, CUT_SEED)
        if memory[start + (key & mask)] and memory[start + (key >> 8 & mask)]:
            found |= CUT
        return found

    def add(self, keys: Collection[int]) -> State:
        """Fill the slots of *keys*, wherever they are to be full. Returns what `state` was."""
        state, memory = self.state, self._memory
        for which in filter(None, state[:2]):
            start, mask = _AREAS[which]
            for key in keys:
                memory[start + (key & mask)] = 1
                memory[start + (key >> 8 & mask)] = 1
        return state

    # --- one of the workers --------------------------------------------------------------------

    def begin(self, octets: int) -> State:
        """Have the other area filled anew, for a file of *octets*. Returns `state`.

        From now on whoever writes fills it too; what is in the file already is `add`ed then.
        """
        memory = self._memory
        memory[_FILLING] = 0
        which = self._bits_for(octets) | (~memory[_CURRENT] & _SECOND)
        self._clear(which)
        memory[_TURN] = (memory[_TURN] + 1) & 0xFF
        memory[_FILLING] = which
        return self.state

    def finish(self) -> None:
        """The area that was filled counts from now on."""
        memory = self._memory
        before, memory[_CURRENT] = memory[_CURRENT], memory[_FILLING]
        memory[_FILLING] = 0
        if before:
            self._clear(before)  # who reads it at this moment finds nothing, and asks

    def is_full(self) -> bool:
        """True if too many slots are full to be of use; as one stretch of it has them."""
        which = self._memory[_CURRENT]
        if not which:
            return False
        start, _ = _AREAS[which]
        empty = self._memory[start : start + _SAMPLE].count(0)
        return 1 - empty / _SAMPLE > STORE_FILTER_FILL

    def may_grow(self, octets: int) -> bool:
        """Would one for a file of *octets* have more slots?"""
        return self._bits_for(octets) > self._memory[_CURRENT] & ~_SECOND

    def _bits_for(self, octets: int) -> int:
        """How many slots a file of *octets* needs, as a power of two."""
        return min(max((octets // STORE_SLOT_OCTETS).bit_length(), _LEAST_BITS), self._most_bits)

    def _clear(self, which: int) -> None:
        start, size = _AREAS[which][0], 1 << _MOST_BITS
        with suppress(OSError, AttributeError):  # Linux: pages given back are zero
            self._memory.madvise(mmap.MADV_REMOVE, start, size)
            return
        self._memory[start : start + size] = bytes(size)


_AREAS: Final = {
    bits | second: (_HEAD + (second != 0) * (1 << _MOST_BITS), (1 << bits) - 1)
    for bits in range(_LEAST_BITS, _MOST_BITS + 1)
    for second in (0, _SECOND)
}
