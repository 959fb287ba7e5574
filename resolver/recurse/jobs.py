"""Identical questions in flight are one job (RFC 5452 §5: equal queries invite forgery).

A job belongs to nobody: who joins it is not harmed when the first asker's budget or time runs
out, but tries once on its own. When it is done they go on a few at a time: of a large answer each
has much to do. `Resolver.fetch` decides who joins; nobody joins a job that waits
for the joiner's own ancestors: A would wait for B and B for A (docs/architecture.md, rule 11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from resolver.limits import JOINED_TURN, JOINED_TURN_OCTETS
from resolver.model import Verdict
from resolver.runtime.clock import trio_clock
from resolver.runtime.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from resolver.errors import ResolutionFailed
    from resolver.model import Link, Question


class Job:
    """One walk in progress. *links* or *error* once done; neither if it ran out of budget.

    *begun_at*: on trio's clock; *joined*: how many wait for it besides who began it.
    """

    __slots__ = ("begun_at", "error", "gate", "joined", "links", "needs", "question")

    def __init__(self, question: Question, now: float) -> None:
        self.question = question
        self.begun_at = now
        self.joined = 0
        self.links: tuple[Link, ...] | None = None
        self.error: ResolutionFailed | None = None
        self.needs: list[Job] = []
        self.gate: Gate | None = None

    def __repr__(self) -> str:
        return f"<Job {self.question} needs={len(self.needs)}>"

    @property
    def is_glue(self) -> bool:
        """Good enough to ask a server, never to answer a client or be kept (RFC 2181 §5.4.1)."""
        return self.links is not None and self.links[0].verdict is Verdict.REFERRAL

    async def wait(self) -> None:
        if self.gate is None:
            self.gate = Gate()
        await self.gate.wait()

    def reaches(self, wanted: frozenset[Question]) -> bool:
        """True if this job waits, directly or not, for one of *wanted*."""
        seen: set[int] = set()
        stack: list[Job] = [self]
        while stack:
            job = stack.pop()
            if job.question in wanted:
                return True
            if id(job) not in seen:
                seen.add(id(job))
                stack += job.needs
        return False


class Jobs:
    """The walks in progress, by question."""

    COUNTS: ClassVar = {"joined": "Questions that joined one on its way already."}

    def __init__(self) -> None:
        self._running: dict[Question, Job] = {}
        self._time = trio_clock()
        self.running: Callable[[Question], Job | None] = self._running.get
        self.joined = 0

    def __len__(self) -> int:
        return len(self._running)

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._running.values()))

    def begin(self, question: Question, ancestors: frozenset[Question]) -> Job:
        """A new job, known as the need of those it is done for."""
        job = Job(question, self._time())
        self._running.setdefault(question, job)
        if ancestors:
            self._link(job, ancestors)
        return job

    def _link(self, job: Job, ancestors: frozenset[Question]) -> None:
        for ancestor in ancestors:
            above = self._running.get(ancestor)
            if above is not None:
                above.needs.append(job)

    def end(self, job: Job) -> None:
        running = self._running.pop(job.question, job)
        if running is not job:
            self._running[job.question] = running
        job.needs.clear()
        if job.gate is not None:
            job.gate.open(width=_width(job.links or ()))

    async def join(self, job: Job, ancestors: frozenset[Question]) -> None:
        """Wait for somebody else's job."""
        self.joined += 1
        job.joined += 1
        self._link(job, ancestors)
        await job.wait()


def _width(links: Iterable[Link]) -> int:
    """How many of those who wait go on at a turn of the loop: fewer, the more there is to tell."""
    rrsets = [rrset for link in links for rrset in (*link.answer, *link.authority)]
    octets = sum(len(rdata) for rrset in rrsets for rdata in (*rrset.rdatas, *rrset.signatures))
    return max(1, min(JOINED_TURN, JOINED_TURN_OCTETS // max(1, octets)))
