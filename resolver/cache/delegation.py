"""Delegations by zone cut, as the parent tells them (the child's NS set never prolongs them).

Parent-centric on purpose: a child cannot keep itself alive after its parent let go of it (ghost
domains, CVE-2012-1033), and an expired delegation is learnt again from the parent. None outlives
the one above it: the walker sees to that when it makes one (CVE-2022-30698).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from resolver.cache.shards import Shards
from resolver.limits import DELEGATION_CACHE_OCTETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.cache.learning import Learning
    from resolver.model import Delegation, Name

_NAMESERVER_OCTETS = 650  # with two addresses


class Cut:
    """A cached delegation. Its weight is settled at once, for addresses that will be looked up."""

    __slots__ = ("_octets", "delegation")

    def __init__(self, delegation: Delegation) -> None:
        self.delegation = delegation
        self._octets = 500 + sum(_NAMESERVER_OCTETS + len(name) for name in delegation.nameservers)

    def octets(self) -> int:
        return self._octets


class DelegationCache:
    """Zone cuts; who walks finds the closest one above a name in one look-up per label."""

    def __init__(self, octets: int = DELEGATION_CACHE_OCTETS) -> None:
        self.entries: Shards[Cut] = Shards(octets, typical_octets=1024)
        self._shards, self._mask = self.entries.table
        self.learnt: Learning | None = None  # what is put, for who keeps it on disk

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, zone: Name, now: float) -> Delegation | None:
        shard = self._shards[hash(zone) & self._mask]
        cut: Cut | None = shard.get(zone)
        if cut is None or cut.delegation.expires_at <= now:
            return None
        shard.move_to_end(zone)
        return cut.delegation

    def peek(self, zone: Name) -> Delegation | None:
        """As `get`, though its time be over; that it was looked at changes nothing."""
        cut: Cut | None = self._shards[hash(zone) & self._mask].get(zone)
        return None if cut is None else cut.delegation

    def end_lease(self, zone: Name, now: float) -> None:
        """The parent denies *zone*: if it is over it was not renewed, and counts as long over.

        What is alive its own servers answer for until it is over.
        """
        delegation = self.peek(zone)
        if delegation is not None and delegation.expires_at <= now:
            delegation.expires_at = -math.inf

    def put(self, delegation: Delegation) -> None:
        self.entries.put(delegation.zone, Cut(delegation))
        if self.learnt is not None:
            self.learnt.append(delegation)

    def take_back(self, delegation: Delegation) -> None:
        """Have *delegation* again, which lay on disk."""
        self.entries.put(delegation.zone, Cut(delegation))

    def clear(self) -> None:
        self.entries.clear()

    def purge(self, is_wrong: Callable[[Name], bool]) -> Iterator[int]:
        """Forget, for good, all cuts that *is_wrong*; see `Shards.purge`."""
        return self.entries.purge(is_wrong)

    def drain(self) -> Iterator[int]:
        """Forget everything; see `Shards.drain`."""
        return self.entries.drain()

    def take_over(self, old: DelegationCache) -> None:
        """Have all that *old* keeps. Who still works with *old* finds and leaves nothing here."""
        self.entries.take_over(old.entries)
