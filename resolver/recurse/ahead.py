"""What validation will want, fetched beside what is done: keys at a referral, a forwarder's chain.

A fetch that nobody has asked for yet spends the budget of the client whose question made it likely,
and is joined by whoever comes to need it. A failure says nothing here: who needs it hears of it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from resolver.errors import ResolutionFailed
from resolver.model import Question
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.budget import Share
    from resolver.model import Delegation, Link
    from resolver.recurse.known import Known
    from resolver.runtime.clock import Clock


class Finder(Protocol):
    """Who fetches (`recurse.resolver`)."""

    memory: Known

    async def find(self, question: Question, budget: Share) -> Link | None: ...


class Ahead:
    """Fetches DS and DNSKEY sets in the background, unless memory has them."""

    def __init__(self, resolver: Finder, *, clock: Clock, spawn: Callable[..., None]) -> None:
        self._resolver = resolver
        self._clock = clock
        self._spawn = spawn

    def fetch(self, question: Question, budget: Share) -> None:
        """Never waits."""
        if self._resolver.memory.recall(question, self._clock.now()) is None:
            self._spawn(self._find, question, budget)

    async def _find(self, question: Question, budget: Share) -> None:
        with suppress(ResolutionFailed):
            await self._resolver.find(question, budget)

    def on_referral(self, delegation: Delegation, budget: Share) -> None:
        """A signed child's keys (`iterate.walk.ReferralHook`)."""
        if delegation.is_signed:
            self.fetch(Question(delegation.zone, RRType.DNSKEY), budget)


def nothing_ahead(delegation: Delegation, budget: Share) -> None:
    """Nothing is asked ahead of need."""
    del delegation, budget
