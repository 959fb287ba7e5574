"""What one client query may cost: packets, look-ups, signatures, time, depth.

A `Purse` is the allowance of the whole query, a `Budget` its view from one depth of it. That,
no counter of calls, bounds the work (RFC 1034 §5.3.3; NXNSAttack, KeyTrap).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.errors import WorkExceeded

if TYPE_CHECKING:
    from resolver.protocol.message import Question


class Purse:
    """The allowance of one client query, shared by all its sub-queries: it only ever shrinks.

    *entangled* once a sub-query was cut short, by a bound or because it would have waited for its
    own ancestor: what fails from then on another query may well have, so only the whole is kept.
    """

    __slots__ = ("crypto", "deadline", "entangled", "hashes", "ns_lookups", "queries", "sent")

    def __init__(
        self, *, queries: int, ns_lookups: int, crypto: int, hashes: int, deadline: float
    ) -> None:
        self.queries = queries
        self.ns_lookups = ns_lookups
        self.crypto = crypto
        self.hashes = hashes
        self.deadline = deadline
        self.sent = 0
        self.entangled = False


class Budget:
    """A view of a `Purse` from one depth of sub-query: that, no counter of calls, bounds work."""

    __slots__ = ("ancestors", "depth", "glue_will_do", "purse")

    def __init__(
        self,
        purse: Purse,
        *,
        depth: int = 0,
        ancestors: frozenset[Question] = frozenset(),
        glue_will_do: bool = False,
    ) -> None:
        self.purse = purse
        self.depth = depth
        self.ancestors = ancestors
        self.glue_will_do = glue_will_do

    @property
    def deadline(self) -> float:
        return self.purse.deadline

    def for_address(self) -> Budget:
        """The same, for a nameserver's address: a referral's glue is as good as an answer."""
        return Budget(self.purse, depth=self.depth, ancestors=self.ancestors, glue_will_do=True)

    def deeper(self, question: Question, *, limit: int) -> Budget:
        """For a sub-query asked on behalf of *question*. Raises WorkExceeded below *limit*."""
        if self.depth >= limit:
            raise WorkExceeded("SUBQUERY_DEPTH")
        return Budget(self.purse, depth=self.depth + 1, ancestors=self.ancestors | {question})

    def spend_query(self) -> None:
        if self.purse.queries <= 0:
            raise WorkExceeded("UPSTREAM_QUERIES")
        self.purse.queries -= 1
        self.purse.sent += 1

    def refund_query(self) -> None:
        """The packet never went out."""
        self.purse.queries += 1
        self.purse.sent -= 1

    def spend_ns_lookup(self) -> None:
        if self.purse.ns_lookups <= 0:
            raise WorkExceeded("NS_LOOKUPS")
        self.purse.ns_lookups -= 1
