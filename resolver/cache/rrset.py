"""The RRset cache: the truth behind the packet cache (RFC 1035 §7.4, RFC 2181 §5).

An RRset is one entry: kept, replaced and expired as a whole. Data of lower rank never replaces data
of higher rank that is still alive (RFC 2181 §5.4.1), nor does bogus data replace what was proven.
TTLs are clamped here, counted down on the way out, and TTL 0 is not kept. What came under CD=1 is
kept as UNCHECKED and validated on demand. Does not validate and does not fetch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from resolver.cache.shards import Shards
from resolver.limits import MAX_TTL_SECONDS
from resolver.model import Name, Rank, RRset, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ENTRY_OCTETS = 370  # entry, tuples, key and the dict slots of two A records, measured in bench/
_PROVEN = (Status.SECURE, Status.INSECURE)


class Entry(msgspec.Struct, gc=False):
    """One cached RRset. *zone* answered it; *proof* holds the wildcard's NSEC or NSEC3 RRsets.

    Its fields are the RRset's own: one object less for each, and none that the collector walks.
    """

    owner: Name
    rtype: int
    rdatas: tuple[bytes, ...]
    signatures: tuple[bytes, ...]
    rank: Rank
    status: Status
    expires_at: float
    zone: Name
    proof: tuple[RRset, ...] = ()

    def octets(self) -> int:
        rdatas, signatures = self.rdatas, self.signatures
        size = _ENTRY_OCTETS + 2 * len(self.owner) + 40 * len(rdatas) + sum(map(len, rdatas))
        if signatures:
            size += 40 * len(signatures) + sum(map(len, signatures))
        return size

    def current(self, now: float) -> RRset:
        """The RRset with what is left of its TTL; at least 0."""
        left = max(int(self.expires_at - now), 0)
        return RRset(self.owner, self.rtype, left, self.rdatas, self.signatures)


class RRsetCache:
    """RRsets by (owner, type), at most *octets* of them."""

    def __init__(self, octets: int, *, min_ttl: int = 0, max_ttl: int = MAX_TTL_SECONDS) -> None:
        self.entries: Shards[Entry] = Shards(octets)
        self._shards, self._mask = self.entries.table
        self.min_ttl = min_ttl
        self.max_ttl = max_ttl

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def octets(self) -> int:
        return self.entries.octets

    def clamp(self, ttl: int) -> int:
        """TTLs with the top bit set are large, then capped (RFC 8767 §4)."""
        if self.min_ttl <= ttl <= self.max_ttl:
            return ttl
        return min(max(ttl, self.min_ttl), self.max_ttl)

    def get(self, owner: Name, rtype: int, now: float) -> Entry | None:
        key = (owner, rtype)
        shard = self._shards[hash(key) & self._mask]
        entry: Entry | None = shard.get(key)
        if entry is None or entry.expires_at <= now:
            return None
        shard.move_to_end(key)
        return entry

    def peek(self, owner: Name, rtype: int) -> Entry | None:
        """What is kept, though its time be over; that it was looked at changes nothing."""
        key = (owner, rtype)
        entry: Entry | None = self._shards[hash(key) & self._mask].get(key)
        return entry

    def put(
        self,
        rrset: RRset,
        *,
        rank: Rank,
        now: float,
        zone: Name,
        status: Status = Status.UNCHECKED,
        proof: tuple[RRset, ...] = (),
    ) -> Entry | None:
        """Keep *rrset* if what is there does not outrank it. Returns the new entry, or None."""
        owner, rtype, ttl, rdatas, signatures = rrset
        ttl = self.clamp(ttl)
        if ttl <= 0:
            return None
        key = (owner, rtype)
        old: Entry | None = self._shards[hash(key) & self._mask].get(key)
        if old is not None and old.expires_at > now and _outranks(old, rank, status):
            return None
        entry = Entry(owner, rtype, rdatas, signatures, rank, status, now + ttl, zone, proof)
        self.entries.put(key, entry)
        return entry

    def drop(self, owner: Name, rtype: int) -> None:
        self.entries.pop((owner, rtype))

    def clear(self) -> None:
        self.entries.clear()

    def purge(self, is_wrong: Callable[[Name], bool]) -> Iterator[None]:
        """Forget, for good, all names that *is_wrong*; see `Shards.purge`."""
        return self.entries.purge(lambda key: is_wrong(key[0]))

    def drain(self) -> Iterator[None]:
        """Forget everything; see `Shards.drain`."""
        return self.entries.drain()

    def take_over(self, old: RRsetCache) -> None:
        """Have all that *old* keeps. Who still works with *old* finds and leaves nothing here."""
        self.entries.take_over(old.entries)


def _outranks(old: Entry, rank: Rank, status: Status) -> bool:
    if old.rank != rank:
        return old.rank > rank
    return old.status in _PROVEN and status is Status.BOGUS
