"""Replies that TCP clients have not taken yet, counted over all connections.

A query of forty octets can ask for sixty-five thousand: who asks and does not read holds our memory
with his own hands. Each connection stops taking on queries at TCP_UNSENT_OCTETS; what is already
under way may still come to a hundred replies, and there are many connections. So there is a bound
for all of them too, and beyond it the connection that holds most is let go (Unbound drops the reply
at hand, whoever holds the rest).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from resolver.limits import TCP_UNSENT_TOTAL_OCTETS

if TYPE_CHECKING:
    from collections.abc import Collection


class Holder(Protocol):
    """A connection, as far as its unsent replies go."""

    unsent_octets: int

    def let_go(self) -> None:
        """End it; its octets are given back when it has ended."""


class Backlog:
    """The sum, and who is to pay when it is too large."""

    COUNTS: ClassVar = {
        "dropped": "Connections closed because all together had too many replies unread.",
    }

    def __init__(self, *, most: int = TCP_UNSENT_TOTAL_OCTETS) -> None:
        self.octets = 0
        self.dropped = 0
        self._most = most
        self._holders: dict[Holder, None] = {}

    def __repr__(self) -> str:
        return f"<Backlog {self.octets} octets of {len(self._holders)}, {self.dropped} dropped>"

    def add(self, holder: Holder, octets: int) -> None:
        """*holder* keeps so many octets more."""
        holder.unsent_octets += octets
        self.octets += octets
        self._holders[holder] = None
        if self.octets > self._most:
            self._drop_largest(self._holders)

    def remove(self, holder: Holder, octets: int) -> None:
        """So many of them have left, or nobody wants them any more."""
        holder.unsent_octets -= octets
        self.octets -= octets
        if not holder.unsent_octets:
            self._holders.pop(holder, None)

    def _drop_largest(self, holders: Collection[Holder]) -> None:
        """`let_go` empties it at once: the next reply must not find the sum as large as before."""
        self.dropped += 1
        max(holders, key=lambda each: each.unsent_octets).let_go()
