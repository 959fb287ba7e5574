"""Tokens that client networks have left, of one length of prefix: in this process, or in common.

Several workers have one level for each network, in memory that all see: who asks now one of them,
now another, has as much as who asks one alone. No lock is taken: of two charges at the same moment
one may be lost, and a level is asked a few times a second only, since addresses are leased some
tokens at a time. A place belongs to whom it was last used for: where two networks share both of
their places, who was met longer ago is forgotten, and has all its tokens again.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.limits import RATE_BURST_SECONDS, RATE_COMMON_PLACES, RATE_NETWORKS

if TYPE_CHECKING:
    import mmap

_PLACE: Final = struct.Struct("=Qdd")  # whose, tokens, when
_KEY_MASK: Final = (1 << 64) - 1
COMMON_OCTETS: Final = RATE_COMMON_PLACES * _PLACE.size


class CommonTokens(NamedTuple):
    """Where *workers* keep the levels of all networks: *memory* of COMMON_OCTETS from *start* on,
    zeros to begin with. *salt*: nobody outside can tell which networks share a place."""

    memory: mmap.mmap
    start: int
    salt: int
    workers: int


class TokenLevels:
    """The tokens of all networks of one length: *full* at most. *octets* of an address are barred
    where one is empty."""

    __slots__ = ("_levels", "_shift", "full", "octets")

    def __init__(self, shift: int, full: float, octets: int) -> None:
        self._shift = shift
        self.full = full
        self.octets = octets
        self._levels: dict[int, tuple[float, float]] = {}  # tokens, and when

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, address: int, tokens: float, now: float, *, least: float) -> float:
        """What is left of the tokens of the network that holds *address*; at *least* that."""
        levels, full, network = self._levels, self.full, address >> self._shift
        known = levels.pop(network, None)
        if known is None:
            level = full
            if len(levels) >= RATE_NETWORKS:
                del levels[next(iter(levels))]
        else:
            level = _refilled(known[0], known[1], now, full)
        level = max(min(level, least * full), level - tokens)
        levels[network] = level, now
        return level


class CommonLevels(TokenLevels):
    """The same, for all workers together."""

    __slots__ = ("_common", "_kind")

    def __init__(
        self, shift: int, full: float, octets: int, *, kind: int, common: CommonTokens
    ) -> None:
        super().__init__(shift, full, octets)
        self._common = common
        self._kind = kind, common.salt  # networks of two lengths are never the same one

    def take(self, address: int, tokens: float, now: float, *, least: float) -> float:
        memory, start, full = self._common.memory, self._common.start, self.full
        key = hash((address >> self._shift, *self._kind)) & _KEY_MASK or 1
        first = start + key % RATE_COMMON_PLACES * _PLACE.size
        second = start + (key >> 24) % RATE_COMMON_PLACES * _PLACE.size
        place, level, oldest = first, full, float("inf")
        for at in (first, second):
            whose, left, since = _PLACE.unpack_from(memory, at)
            if whose == key:
                place, level = at, _refilled(left, since, now, full)
                break
            since = since if whose else float("-inf")
            if since < oldest:
                place, oldest = at, since
        level = max(min(level, least * full), level - tokens)
        _PLACE.pack_into(memory, place, key, level, now)
        return level


def _refilled(level: float, since: float, now: float, full: float) -> float:
    return min(full, level + max(now - since, 0.0) * full / RATE_BURST_SECONDS)
