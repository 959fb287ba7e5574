"""The store under the caches: least-recently-used order in shards, bounded in octets.

Shards keep the pause short when a dict grows (one dict of a million entries stalls 75–164 ms).
Expiry lives in the values: nothing is swept, an expired entry may still be served stale, and the
least recently used goes first. A shard is an `OrderedDict` in order of use, all in C: half the
memory of `cachetools.LRUCache`, which keeps a dict beside one, and a third of its time.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from resolver.limits import CACHE_PURGE_ENTRIES, CACHE_SHARD_ENTRIES

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator


class Sized(Protocol):
    """A cached value that knows its own weight."""

    def octets(self) -> int: ...


V = TypeVar("V", bound=Sized)


class Shard(OrderedDict[Any, Any]):
    """Values by key, the least recently used first; *weight* is their octets."""

    __slots__ = ("weight",)

    def __init__(self) -> None:
        super().__init__()
        self.weight = 0


class Shards(Generic[V]):
    """A cache of at most *octets*, spread over as many shards as that needs.

    get and put cost one dict look-up each, amortised; eviction is from the shard that overflows.
    """

    COUNTS: ClassVar = {"evicted": "Entries that had to leave to make room for others."}

    def __init__(self, octets: int, *, typical_octets: int = 512) -> None:
        shard_octets = CACHE_SHARD_ENTRIES * typical_octets
        count = 1
        while count * shard_octets < octets:
            count *= 2
        self._mask = count - 1
        self._limit = max(1, octets // count)
        self._shards = [Shard() for _ in range(count)]
        self.evicted = 0
        self._refuses: Callable[[Any], bool] | None = None

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
        found: V | None = shard.get(key)
        if found is not None:
            shard.move_to_end(key)
        return found

    def put(self, key: Hashable, value: V) -> None:
        if self._refuses is not None and self._refuses(key):
            return
        shard = self._shards[hash(key) & self._mask]
        old: V | None = shard.get(key)
        shard[key] = value
        if old is None:
            shard.weight += value.octets()
        else:
            shard.weight += value.octets() - old.octets()
            shard.move_to_end(key)
        while (shard.weight > self._limit or len(shard) > CACHE_SHARD_ENTRIES) and len(shard) > 1:
            shard.weight -= shard.popitem(last=False)[1].octets()
            self.evicted += 1

    def pop(self, key: Hashable) -> None:
        shard = self._shards[hash(key) & self._mask]
        found: V | None = shard.pop(key, None)
        if found is not None:
            shard.weight -= found.octets()

    def clear(self) -> None:
        for shard in self._shards:
            shard.clear()
            shard.weight = 0

    def purge(self, is_wrong: Callable[[Any], bool]) -> Iterator[int]:
        """Drop every key that *is_wrong*, some at each step, and take on no such key any more.

        Yields how many went. The caller lets others run between the steps: a whole cache at once
        would stall them.
        """
        self._refuses = is_wrong
        return self.forget(is_wrong)

    def forget(self, is_meant: Callable[[Any], bool]) -> Iterator[int]:
        """Drop every key that *is_meant*, some at each step; it may come back the moment after.

        Yields how many went.
        """
        for shard in self._shards:
            keys = list(dict.keys(shard))  # in order of use it would look each of them up
            for start in range(0, len(keys), CACHE_PURGE_ENTRIES):
                meant = list(filter(is_meant, keys[start : start + CACHE_PURGE_ENTRIES]))
                for key in meant:
                    self.pop(key)  # unless it was evicted since
                yield len(meant)

    def drain(self) -> Iterator[int]:
        """Forget everything, some at each step. Yields how many went."""
        for shard in self._shards:
            while shard:
                some = min(CACHE_PURGE_ENTRIES, len(shard))
                for _ in range(some):
                    shard.weight -= shard.popitem(last=False)[1].octets()
                yield some

    def take_over(self, old: Shards[V]) -> None:
        """Have what *old* has, which goes on with what was here. Both are of one size.

        `table` of either stays what it is: the lists are the same, the shards in them change place.
        """
        mine, theirs = self._shards, old.table[0]
        if len(mine) != len(theirs):
            raise ValueError("caches of one size only")
        mine[:], theirs[:] = theirs[:], mine[:]

    @property
    def most(self) -> int:
        """Octets that it may have."""
        return self._limit * len(self._shards)

    def bound(self, octets: int) -> Iterator[int]:
        """Have at most *octets* from now on. What is over leaves first, the least recently used of
        each shard, some at each step. Yields how many went."""
        limit = max(1, octets // len(self._shards))
        for shard in self._shards:
            while shard.weight > limit and len(shard) > 1:
                before = len(shard)
                least = max(1, before - CACHE_PURGE_ENTRIES)
                while shard.weight > limit and len(shard) > least:
                    shard.weight -= shard.popitem(last=False)[1].octets()
                self.evicted += before - len(shard)
                yield before - len(shard)
        self._limit = limit

    def items(self) -> Iterator[tuple[Any, V]]:
        """A snapshot shard by shard, in no order; safe while others write between two shards."""
        for shard in self._shards:
            yield from list(dict.items(shard))  # see `forget`
