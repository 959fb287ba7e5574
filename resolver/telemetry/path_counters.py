"""What the pipeline counts: what became of the queries that came to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from resolver.model import Source
from resolver.protocol.codes import Rcode, RRClass

if TYPE_CHECKING:
    from resolver.model import Answer


@dataclass(slots=True)
class PathCounters:
    """Queries that the packet cache could not answer, since the start."""

    COUNTS: ClassVar = {
        "queries": "Queries that the packet cache could not answer.",
        "malformed": "Queries that were no DNS message.",
        "refused": "Queries that policy refused: the access list, the rules of RFC 8906.",
        "blocked": "Queries answered by a list or a policy zone, or by a forwarder that filters.",
        "local": "Queries answered from local zones.",
        "chaos": "Queries in class CHAOS, about this server: looks at its own listeners, mostly.",
        "recalled": "Queries answered from the caches behind, without a packet to a server.",
        "resolved": "Queries for whose answer servers were asked, blocked and failed ones apart.",
        "failed": "Queries that could not be resolved (SERVFAIL).",
        "crashed": "Queries that failed by a fault of this program.",
    }

    queries: int = 0
    malformed: int = 0
    refused: int = 0
    blocked: int = 0
    local: int = 0
    chaos: int = 0
    recalled: int = 0
    resolved: int = 0
    failed: int = 0
    crashed: int = 0

    def note_policy(self, answer: Answer) -> None:
        """Policy answered in the place of resolution."""
        source = answer.source
        if source is Source.REFUSED:
            self.refused += 1
        elif answer.question.qclass == RRClass.CH:
            self.chaos += 1
        elif source is Source.BLOCKED:
            self.blocked += 1
        else:
            self.local += 1

    def note_answer(self, answer: Answer, *, is_new: bool) -> None:
        """What resolution, and what policy made of it, came to; *is_new*: a server was asked."""
        if answer.rcode == Rcode.SERVFAIL:
            self.failed += 1
        elif Source.BLOCKED in answer.sources:
            self.blocked += 1
        elif is_new:
            self.resolved += 1
        else:
            self.recalled += 1
