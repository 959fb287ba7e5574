"""What all connections of one client address may have in flight together.

A stream has its own way to say "not yet": what is not read waits at the client. So one address
never needs thousands of questions in progress here, through which everybody else's would have to
find their way: two hundred keep any upstream busy. (Over UDP a query that is not taken is lost.)
"""

from __future__ import annotations

from typing import Protocol


class Waiter(Protocol):
    """A connection that has a query and no place for it."""

    def wake(self) -> None:
        """Look again."""


class FairShare:
    """*most* queries in flight; who finds it full waits in line."""

    __slots__ = ("_line", "connections", "in_flight", "most")

    def __init__(self, most: int) -> None:
        self.most = most
        self.in_flight = 0
        self.connections = 0
        self._line: dict[Waiter, None] = {}

    def __repr__(self) -> str:
        return f"<FairShare {self.in_flight} of {self.most}, {len(self._line)} waiting>"

    def is_full_for(self, waiter: Waiter) -> bool:
        """If so, *waiter* is woken when its turn has come."""
        if self.in_flight < self.most:
            return False
        self._line[waiter] = None
        return True

    def enter(self) -> None:
        """One more is in flight; the caller has looked."""
        self.in_flight += 1

    def leave(self) -> None:
        """One less; the next in line looks again, all of them once nothing is left to wait for."""
        self.in_flight -= 1
        while self._line:
            waiter = next(iter(self._line))
            del self._line[waiter]
            waiter.wake()
            if self.in_flight:
                break

    def forget(self, waiter: Waiter) -> None:
        """It is gone."""
        self._line.pop(waiter, None)
