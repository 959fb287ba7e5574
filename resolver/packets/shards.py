"""Where packets lie: plain dicts in order of arrival, and a second chance for what was asked for.

A hit writes one number into the packet and moves nothing: keeping exact order of use touched five
more cache lines per hit, each of them a wait for memory once there are a million packets. Eviction
looks at the oldest few: what was hit since it came, or since it was last looked at, goes behind
the newest; the rest leaves (CLOCK). Expired packets are not swept, they grow old like the others.
So this is not `cachetools.LRUCache`, whose every hit is a write to two linked lists.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Final

from resolver.limits import CACHE_SHARD_ENTRIES, PACKET_PURGE, PACKET_SWEEP
from resolver.packets.packet import NEVER_HIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.packets.packet import Packet

_OVERHEAD_OCTETS: Final = 190
_TYPICAL_OCTETS: Final = 256


def weight(key: bytes, packet: Packet) -> int:
    """Octets of memory, by measurement: a number holds 30 bits in every 32."""
    return _OVERHEAD_OCTETS + len(key) + packet.layout.octets * 16 // 15


class PacketShards:
    """At most *octets* of packets by key, in as many dicts as keep each one's growth short."""

    COUNTS: ClassVar = {"evicted": "Replies that had to leave to make room for others."}

    def __init__(self, octets: int) -> None:
        count = 1
        while count * CACHE_SHARD_ENTRIES * _TYPICAL_OCTETS < octets:
            count *= 2
        self._mask = count - 1
        self._limit = max(1, octets // count)
        self._shards: list[dict[bytes, Packet]] = [{} for _ in range(count)]
        self._weights = [0] * count
        self._retired: list[dict[bytes, Packet]] = []
        self.evicted = 0

    def __len__(self) -> int:
        return sum(map(len, self._shards))

    @property
    def octets(self) -> int:
        return sum(self._weights)

    @property
    def table(self) -> tuple[list[dict[bytes, Packet]], int]:
        """The shards, and the mask that picks one by hash, for who cannot afford a call per hit.

        Until `retire`.
        """
        return self._shards, self._mask

    def clear(self) -> None:
        """Give back the memory, which takes as long as there are packets."""
        for at, shard in enumerate(self._shards):
            shard.clear()
            self._weights[at] = 0
        self._retired.clear()

    def retire(self) -> None:
        """Begin anew, in constant time: the memory is given back with each packet that comes."""
        self._retired.extend(filter(None, self._shards))
        self._shards = [{} for _ in self._shards]
        self._weights = [0] * len(self._shards)

    def put(self, key: bytes, packet: Packet) -> Packet | None:
        """Keep *packet*; the one that it replaces, if any."""
        if self._retired:
            self._give_back()
        at = hash(key) & self._mask
        shard = self._shards[at]
        old = shard.pop(key, None)
        shard[key] = packet
        self._weights[at] += weight(key, packet) - (weight(key, old) if old else 0)
        if self._is_full(at):
            self._make_room(at, gives_chances=True)
            while self._is_full(at):
                self._make_room(at, gives_chances=False)
        return old

    def drop(self, key: bytes) -> None:
        """Keep what lies under *key* no longer, if anything does."""
        at = hash(key) & self._mask
        old = self._shards[at].pop(key, None)
        if old is not None:
            self._weights[at] -= weight(key, old)

    def purge(self, is_wrong: Callable[[bytes, Packet], bool]) -> Iterator[int]:
        """Drop what *is_wrong*, some at each step. Yields how many went.

        Who calls lets others run between the steps.
        """
        for shard in self._shards:
            keys = list(shard)
            for start in range(0, len(keys), PACKET_PURGE):
                gone = 0
                for key in keys[start : start + PACKET_PURGE]:
                    packet = shard.get(key)  # it may have left since
                    if packet is not None and is_wrong(key, packet):
                        self.drop(key)
                        gone += 1
                yield gone

    @property
    def most(self) -> int:
        """Octets that they may have."""
        return self._limit * len(self._shards)

    def bound(self, octets: int) -> Iterator[int]:
        """Have at most *octets* from now on. What is over leaves first, the oldest of each shard,
        some at each step; and what is retired. Yields how many went."""
        limit = max(1, octets // len(self._shards))
        while self._retired:
            before = sum(map(len, self._retired))
            self._give_back()
            yield before - sum(map(len, self._retired))
        for at, shard in enumerate(self._shards):
            while self._weights[at] > limit and len(shard) > 1:
                before = len(shard)
                self._make_room(at, gives_chances=False)
                yield before - len(shard)
        self._limit = limit

    def _give_back(self) -> None:
        """Some of what is retired: more of it goes than comes."""
        shard = self._retired[-1]
        for _ in range(min(PACKET_SWEEP, len(shard))):
            shard.popitem()
        if not shard:
            self._retired.pop()

    def _is_full(self, at: int) -> bool:
        count = len(self._shards[at])
        return count > 1 and (count > CACHE_SHARD_ENTRIES or self._weights[at] > self._limit)

    def _make_room(self, at: int, *, gives_chances: bool) -> None:
        """Look at the oldest: so few that nobody waits, so many that finding them is cheap."""
        shard = self._shards[at]
        for key in list(islice(shard, min(PACKET_SWEEP, len(shard) - 1))):
            packet = shard.pop(key)
            if gives_chances and packet.hit != NEVER_HIT:
                packet.hit = NEVER_HIT
                shard[key] = packet
            else:
                self._weights[at] -= weight(key, packet)
                self.evicted += 1
