"""Walks of zones whose servers the operator named, where more than those servers is wanted.

`first`: where they all fail, the answer is what the walk finds as if the zone were not configured.
`prime`: a stub's servers are only hints, asked for the zone's own NS set, which is asked from then
on (as Unbound's stub-prime; RFC 9609 does so for the root).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.errors import ResolutionFailed, ResolverError, WorkExceeded
from resolver.iterate.priming import prime

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from collections.abc import Set as AbstractSet

    from resolver.budget import Share
    from resolver.model import Delegation, Link, Name, Question
    from resolver.runtime.clock import Clock
    from resolver.upstream.request import Ask

    Closest = Callable[[Question, AbstractSet[Name]], Delegation]
    WalkFrom = Callable[[Delegation], Awaitable[tuple[Link, ...]]]


class Configured:
    """What is special about some zones: *yielding* ones have `first`, *primed* ones `prime`.

    *expects_signatures*: as in `walk.WalkSettings`.
    """

    def __init__(
        self,
        ask: Ask,
        clock: Clock,
        *,
        yielding: AbstractSet[Name],
        primed: AbstractSet[Name],
        expects_signatures: Callable[[Name, bool], bool],
    ) -> None:
        self._expects_signatures = expects_signatures
        self._ask = ask
        self._clock = clock
        self._yielding = yielding
        self._primed = primed
        self._own: dict[Name, Delegation] = {}
        self.zones = yielding | primed

    def __repr__(self) -> str:
        return f"<Configured {len(self._yielding)} first, {len(self._primed)} primed>"

    async def walk(
        self, question: Question, budget: Share, *, closest: Closest, walk_from: WalkFrom
    ) -> tuple[Link, ...]:
        """The links of the answer: from the servers named, and where they fail from others.

        *closest* gives the cut to start from when these zones are passed over.
        """
        passed: set[Name] = set()
        while True:
            delegation = closest(question, passed)
            try:
                return await walk_from(await self._start(delegation, budget))
            except WorkExceeded:
                raise
            except ResolutionFailed:
                if delegation.zone not in self._yielding - passed:
                    raise
            passed.add(delegation.zone)

    async def _start(self, delegation: Delegation, budget: Share) -> Delegation:
        """The zone's own servers if it is primed, and can be."""
        zone = delegation.zone
        if zone not in self._primed or delegation.is_forward:
            return delegation
        own = self._own.get(zone)
        if own is None or own.expires_at <= self._clock.now():
            try:
                is_signed = self._expects_signatures(zone, False)  # noqa: FBT003 - no DS was shown
                own = self._own[zone] = await prime(
                    self._ask, delegation, self._clock.now, budget, is_signed=is_signed
                )
            except WorkExceeded:
                raise
            except ResolverError:
                return delegation
        return own
