"""Resolution failures (RFC 9520): remembered for 1 s, doubling to 5 min while they go on.

Only failures that say something about the zone or its servers come here; a budget that ran out, or
a link that is down, says nothing and is never kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cache.shards import Shards
from resolver.limits import FAILURE_CACHE_OCTETS, FAILURE_TTL_MAX_SECONDS, FAILURE_TTL_SECONDS
from resolver.protocol.names import ROOT, is_subdomain

if TYPE_CHECKING:
    from resolver.model import Ede, Name, Question


class Failure:
    """A failed question: not asked again before *until*; *wait_s* is what the next one doubles."""

    __slots__ = ("ede", "until", "wait_s")

    def __init__(self, until: float, wait_s: float, ede: tuple[Ede, ...]) -> None:
        self.until = until
        self.wait_s = wait_s
        self.ede = ede

    def octets(self) -> int:
        return 400


class FailureCache:
    """Failures by question."""

    def __init__(self, octets: int = FAILURE_CACHE_OCTETS) -> None:
        self.entries: Shards[Failure] = Shards(octets)

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, question: Question, now: float) -> Failure | None:
        failure = self.entries.get(question)
        return failure if failure is not None and failure.until > now else None

    def note(
        self,
        question: Question,
        ede: tuple[Ede, ...],
        now: float,
        *,
        grows: bool = True,
        least_s: float = FAILURE_TTL_SECONDS,
    ) -> Failure:
        """Record one more failure. The wait, *least_s* at first, doubles if the last one ended not
        long ago.

        *grows* False: it does not, for somebody else remembers (a forwarder).
        """
        old = self.entries.get(question)
        wait_s = least_s
        if grows and old is not None and now < old.until + old.wait_s:
            wait_s = min(max(old.wait_s * 2, least_s), FAILURE_TTL_MAX_SECONDS)
        failure = Failure(now + wait_s, wait_s, ede)
        self.entries.put(question, failure)
        return failure

    def forgive(self, zone: Name) -> None:
        """Forget what failed in *zone* and below: it was our link's doing."""
        if zone == ROOT:
            self.entries.clear()
            return
        below = [key for key, _ in self.entries.items() if is_subdomain(key.qname, zone)]
        for question in below:
            self.entries.pop(question)

    def clear(self) -> None:
        self.entries.clear()

    def take_over(self, old: FailureCache) -> None:
        """Have all that *old* remembers; it goes on with nothing."""
        self.entries.take_over(old.entries)
