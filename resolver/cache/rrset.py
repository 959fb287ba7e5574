"""The RRset cache: the truth behind the packet cache (RFC 1035 §7.4, RFC 2181 §5).

An RRset is one entry: kept, replaced and expired as a whole. Data of lower rank never replaces data
of higher rank that is still alive (RFC 2181 §5.4.1), nor does bogus data replace what was proven.
TTLs are clamped here, counted down on the way out, and TTL 0 is not kept. What came under CD=1 is
kept as UNCHECKED and validated on demand, but never in the place of what was judged and may still
be told though it is over (`recurse.stale`). Does not validate and does not fetch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from resolver.cache.shards import Shards
from resolver.limits import MAX_TTL_SECONDS
from resolver.model import NOT_JUDGED, Name, Rank, RRset, Status
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.cache.learning import Learning

_ENTRY_OCTETS = 370  # entry, tuples, key and the dict slots of two A records, measured in bench/
_PROVEN = (Status.SECURE, Status.INSECURE)
_FOR_VALIDATION = (RRType.DS, RRType.DNSKEY)  # judged wherever they are used, and needed fresh


class Entry(msgspec.Struct, gc=False):
    """One cached RRset. *zone* answered it; *proof* holds the wildcard's NSEC or NSEC3 RRsets.
    It was kept for *ttl* seconds.

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
    ttl: int = 0

    @property
    def learnt_at(self) -> float:
        return self.expires_at - self.ttl

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
    """RRsets by (owner, type), at most *octets* of them.

    For *stale_s* seconds after its time an RRset may be told still, if it was judged.
    """

    def __init__(
        self,
        octets: int,
        *,
        min_ttl: int = 0,
        max_ttl: int = MAX_TTL_SECONDS,
        stale_s: float = 0.0,
    ) -> None:
        self.entries: Shards[Entry] = Shards(octets)
        self._shards, self._mask = self.entries.table
        self.min_ttl = min_ttl
        self.max_ttl = max_ttl
        self.learnt: Learning | None = None  # what is put, for who keeps it on disk
        self.stale_s = stale_s

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

    def take_back(self, entry: Entry) -> None:
        """Keep what was kept on disk, unless there is what lasts longer."""
        key = (entry.owner, entry.rtype)
        old: Entry | None = self._shards[hash(key) & self._mask].get(key)
        if old is None or old.expires_at < entry.expires_at:
            self.entries.put(key, entry)

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
        if old is not None:
            if old.expires_at > now:
                if _outranks(old, rank, status):
                    return None
            elif status in NOT_JUDGED and self._may_be_told(old, now):
                return None
        entry = Entry(owner, rtype, rdatas, signatures, rank, status, now + ttl, zone, proof, ttl)
        self.entries.put(key, entry)
        if self.learnt is not None:
            self.learnt.append(entry)
        return entry

    def end(self, rrset: RRset, *, now: float, zone: Name, status: Status) -> None:
        """*rrset* is for this moment only: what is kept of it is over, and is not told again.

        An entry that is over as it comes, with a TTL of 0, says so, on disk too.
        """
        owner, rtype, _, rdatas, signatures = rrset
        entry = Entry(owner, rtype, rdatas, signatures, Rank.AUTH_ANSWER, status, now, zone)
        self.entries.put((owner, rtype), entry)
        if self.learnt is not None:
            self.learnt.append(entry)

    def _may_be_told(self, old: Entry, now: float) -> bool:
        """Though it is over, *old* is worth more than what nobody has judged."""
        is_kept = now - old.expires_at < self.stale_s and old.status not in NOT_JUDGED
        return is_kept and old.rtype not in _FOR_VALIDATION

    def drop(self, owner: Name, rtype: int) -> None:
        self.entries.pop((owner, rtype))

    def clear(self) -> None:
        self.entries.clear()

    def purge(self, is_wrong: Callable[[Name], bool]) -> Iterator[int]:
        """Forget, for good, all names that *is_wrong*; see `Shards.purge`."""
        return self.entries.purge(lambda key: is_wrong(key[0]))

    def drain(self) -> Iterator[int]:
        """Forget everything; see `Shards.drain`."""
        return self.entries.drain()

    def take_over(self, old: RRsetCache) -> None:
        """Have all that *old* keeps. Who still works with *old* finds and leaves nothing here."""
        self.entries.take_over(old.entries)


def _outranks(old: Entry, rank: Rank, status: Status) -> bool:
    if old.rank != rank:
        return old.rank > rank
    return old.status in _PROVEN and status is Status.BOGUS
