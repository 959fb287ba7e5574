"""What waits for its turn, by whose it is: each has one of it taken in turn.

In one line, who asks for a new name would wait behind all that a flood has put there. Who had
nothing here yet does not stand behind all who have, who may be many: newcomers come first, but
FAIR_NEWCOMERS in a row (RFC 8290 §4.2 has all of them first: many would starve who is none).
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from resolver.limits import FAIR_NEWCOMERS

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Items by owner, those of one in the order that they came. O(1)."""

    __slots__ = ("_by_owner", "_newcomers", "_row", "_size", "_turns")

    def __init__(self) -> None:
        self._by_owner: dict[bytes, deque[T]] = {}
        self._turns: deque[bytes] = deque()  # who had something taken and has more, next first
        self._newcomers: deque[bytes] = deque()  # who had not
        self._row = 0  # newcomers who came one after the other
        self._size = 0

    def __repr__(self) -> str:
        return f"<FairQueue {self._size} of {len(self._by_owner)}>"

    def __len__(self) -> int:
        return self._size

    def put(self, owner: bytes, item: T) -> None:
        """One more of *owner*'s."""
        items = self._by_owner.get(owner)
        if items is None:
            self._by_owner[owner] = deque((item,))
            self._newcomers.append(owner)
        else:
            items.append(item)
        self._size += 1

    def take(self) -> T:
        """The first of whose turn it is. Raises IndexError where nothing waits."""
        newcomers, turns = self._newcomers, self._turns
        if newcomers and (self._row < FAIR_NEWCOMERS or not turns):
            owner, self._row = newcomers.popleft(), self._row + 1
        else:
            owner, self._row = turns.popleft(), 0
        items = self._by_owner[owner]
        item = items.popleft()
        if items:
            self._turns.append(owner)
        else:
            del self._by_owner[owner]
        self._size -= 1
        return item
