"""What waits for its turn, by whose it is: each has one of it taken in turn.

In one line, who asks for a new name would wait behind all that a flood has put there.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Items by owner, those of one in the order that they came. O(1)."""

    __slots__ = ("_by_owner", "_size", "_turns")

    def __init__(self) -> None:
        self._by_owner: dict[bytes, deque[T]] = {}
        self._turns: deque[bytes] = deque()  # who has something here, next comes first
        self._size = 0

    def __repr__(self) -> str:
        return f"<FairQueue {self._size} of {len(self._turns)}>"

    def __len__(self) -> int:
        return self._size

    def put(self, owner: bytes, item: T) -> None:
        """One more of *owner*'s."""
        items = self._by_owner.get(owner)
        if items is None:
            self._by_owner[owner] = deque((item,))
            self._turns.append(owner)
        else:
            items.append(item)
        self._size += 1

    def take(self) -> T:
        """The first of whose turn it is. Raises IndexError where nothing waits."""
        owner = self._turns.popleft()
        items = self._by_owner[owner]
        item = items.popleft()
        if items:
            self._turns.append(owner)
        else:
            del self._by_owner[owner]
        self._size -= 1
        return item
