"""The store under every cache: `cachetools.LRUCache` in shards, bounded in octets.

Shards keep the pause short when a dict grows (one dict of a million entries stalls 75–164 ms).
Expiry lives in the values: nothing is swept, an expired entry may still be served stale, and the
least recently used goes first. Octets are counted here rather than by `getsizeof`, which would keep
a third dict with a size per key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from cachetools import LRUCache

from resolver.limits import CACHE_SHARD_ENTRIES

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator


class Sized(Protocol):
    """A cached value that knows its own weight."""

    def octets(self) -> int: ...


V = TypeVar("V", bound=Sized)


class Shard(LRUCache[Any, Any]):
    """One LRU of at most CACHE_SHARD_ENTRIES values, whose octets are counted."""

    def __init__(self) -> None:
        super().__init__(maxsize=int(CACHE_SHARD_ENTRIES))
        self.weight = 0

    def __setitem__(self, key: Any, value: Any, **_: Any) -> None:
        if key in self:
            self.weight -= LRUCache.__getitem__(self, key).octets()
        LRUCache.__setitem__(self, key, value)
        self.weight += value.octets()

    def __delitem__(self, key: Any, **_: Any) -> None:
        self.weight -= LRUCache.__getitem__(self, key).octets()
        LRUCache.__delitem__(self, key)


class Shards(Generic[V]):
    """A cache of at most *octets*, spread over as many shards as that needs.

    get and put cost one dict look-up each, amortised; eviction is from the shard that overflows.
    """

    def __init__(self, octets: int, *, typical_octets: int = 512) -> None:
        shard_octets = int(CACHE_SHARD_ENTRIES) * typical_octets
        count = 1
        while count * shard_octets < octets:
            count *= 2
        self._mask = count - 1
        self._limit = max(1, octets // count)
        self._shards = [Shard() for _ in range(count)]

    def __len__(self) -> int:
        return sum(len(shard) for shard in self._shards)

    @property
    def octets(self) -> int:
        return sum(shard.weight for shard in self._shards)

    @property
    def table(self) -> tuple[list[Shard], int]:
        """The shards, and the mask that picks one by hash, for who cannot afford a call per hit."""
        return self._shards, self._mask

    def get(self, key: Hashable) -> V | None:
        shard = self._shards[hash(key) & self._mask]
        found: V | None = shard[key] if key in shard else None  # noqa: SIM401  # get() looks up twice
        return found

    def put(self, key: Hashable, value: V) -> None:
        shard = self._shards[hash(key) & self._mask]
        shard[key] = value
        while shard.weight > self._limit and len(shard) > 1:
            shard.popitem()

    def pop(self, key: Hashable) -> None:
        shard = self._shards[hash(key) & self._mask]
        if key in shard:
            del shard[key]

    def clear(self) -> None:
        for shard in self._shards:
            shard.clear()
            shard.weight = 0

    def items(self) -> Iterator[tuple[Any, V]]:
        """A snapshot shard by shard; safe while others write between two items of two shards."""
        for shard in self._shards:
            yield from [(key, LRUCache.__getitem__(shard, key)) for key in list(shard)]
