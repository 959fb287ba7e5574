"""What one client query may cost: packets, look-ups, signatures, time, depth.

A `QueryBudget` is the allowance of the whole query, a `Share` its view from one depth of it. That,
no counter of calls, bounds the work (RFC 1034 §5.3.3; NXNSAttack, KeyTrap).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.errors import WorkExceeded
from resolver.limits import (
    HASHES,
    NS_LOOKUPS,
    SHARED_HEAD_START_SECONDS,
    SIGNATURE_CHECKS,
    UPSTREAM_QUERIES,
)

if TYPE_CHECKING:
    from resolver.protocol.message import Question


class QueryBudget:
    """The allowance of one client query, shared by all its sub-queries: it only ever shrinks.

    *was_cut_short* once a sub-query was, by a bound or because it would have waited for its
    own ancestor: what fails from then on another query may well have, so only the whole is kept.
    *asked*: the servers asked, in order, where somebody wants to know; else None. *answered_by*:
    the last one that answered for the name itself, *instance* which of its instances, if that is
    known. *steps*: all, each with what came of it. *head_start_s*: seconds that it may wait still
    for what other machines know. *source*: whose query it is, by its raw address; b"": ours.
    """

    __slots__ = (
        "answered_by",
        "asked",
        "deadline",
        "hashes",
        "head_start_s",
        "instance",
        "ns_lookups",
        "queries",
        "sent",
        "signature_checks",
        "source",
        "steps",
        "was_cut_short",
    )

    def __init__(
        self,
        *,
        deadline: float,
        queries: int = UPSTREAM_QUERIES,
        ns_lookups: int = NS_LOOKUPS,
        signature_checks: int = SIGNATURE_CHECKS,
        hashes: int = HASHES,
        source: bytes = b"",
    ) -> None:
        self.queries = queries
        self.ns_lookups = ns_lookups
        self.signature_checks = signature_checks
        self.hashes = hashes
        self.deadline = deadline
        self.source = source
        self.head_start_s = SHARED_HEAD_START_SECONDS
        self.sent = 0
        self.was_cut_short = False
        self.asked: list[str] | None = None
        self.answered_by = ""
        self.instance: str | None = None
        self.steps: list[object] | None = None


class Share:
    """A `QueryBudget` seen from one depth of sub-query: that, no count of calls, is the bound."""

    __slots__ = ("ancestors", "depth", "glue_will_do", "whole")

    def __init__(
        self,
        whole: QueryBudget,
        *,
        depth: int = 0,
        ancestors: frozenset[Question] = frozenset(),
        glue_will_do: bool = False,
    ) -> None:
        self.whole = whole
        self.depth = depth
        self.ancestors = ancestors
        self.glue_will_do = glue_will_do

    @classmethod
    def for_client(cls, deadline: float, source: bytes = b"") -> Share:
        """The full allowance of one client query, to be spent until *deadline*, on trio's clock.

        *source*: its raw address.
        """
        return cls(QueryBudget(deadline=deadline, source=source))

    @property
    def deadline(self) -> float:
        return self.whole.deadline

    def for_address(self) -> Share:
        """The same, for a nameserver's address: a referral's glue is as good as an answer."""
        return Share(self.whole, depth=self.depth, ancestors=self.ancestors, glue_will_do=True)

    def deeper(self, question: Question, *, limit: int) -> Share:
        """For a sub-query asked on behalf of *question*. Raises WorkExceeded below *limit*."""
        if self.depth >= limit:
            raise WorkExceeded("SUBQUERY_DEPTH")
        return Share(self.whole, depth=self.depth + 1, ancestors=self.ancestors | {question})

    def spend_query(self) -> None:
        if self.whole.queries <= 0:
            raise WorkExceeded("UPSTREAM_QUERIES")
        self.whole.queries -= 1
        self.whole.sent += 1

    def refund_query(self) -> None:
        """The packet never went out."""
        self.whole.queries += 1
        self.whole.sent -= 1

    def spend_ns_lookup(self) -> None:
        if self.whole.ns_lookups <= 0:
            raise WorkExceeded("NS_LOOKUPS")
        self.whole.ns_lookups -= 1
