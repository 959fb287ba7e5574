"""Drives the validator: fetches what it needs, charges its work, keeps what it decided.

The validator (`dnssec`) is a generator and knows neither network nor cache. Here its needs become
fetches side by side, its work is charged to the client's budget with a checkpoint for the event
loop, and its verdict goes into the caches. Data that turns out bogus is fetched again from other
servers before it is called so (RFC 4035 §5): one broken or lying server must not take a zone down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

import trio

from resolver.dnssec.chain_ahead import chain_ahead
from resolver.dnssec.flaws import Reason
from resolver.dnssec.signature import verify_rrset
from resolver.dnssec.steps import Need, Work
from resolver.dnssec.validator import validate
from resolver.errors import ResolutionFailed, Withheld, WorkExceeded
from resolver.limits import (
    AHEAD_QUESTIONS,
    BOGUS_RETRIES,
    CLOCK_STEP_SECONDS,
    HASHES_PER_CHECKPOINT,
    SIGNATURES_PER_CHECKPOINT,
)
from resolver.model import Ede, Link, Question, Status, Verdict
from resolver.protocol.codes import Rcode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from resolver.budget import Share
    from resolver.cache.failure import Failure
    from resolver.dnssec.context import Context
    from resolver.dnssec.signature import Verified
    from resolver.dnssec.steps import Findings, Validated
    from resolver.model import Name, RRset
    from resolver.recurse.ahead import Ahead
    from resolver.recurse.known import Known
    from resolver.runtime.clock import Clock


_NOTHING: Mapping[Question, Link] = {}
_FORGED = (Reason.RRSIGS_MISSING, Reason.MALFORMED, Reason.BAD_SIGNATURE)


class Finder(Protocol):
    """Who fetches what the validator needs (`recurse.resolver`)."""

    def is_forwarded(self, question: Question) -> bool: ...

    def fetch(
        self,
        question: Question,
        budget: Share,
        *,
        excluded: frozenset[str] = frozenset(),
        is_fresh: bool = False,
    ) -> Awaitable[tuple[Link, ...]]: ...

    async def find(
        self,
        question: Question,
        budget: Share,
        *,
        excluded: frozenset[str] = frozenset(),
        is_fresh: bool = False,
    ) -> Link | None: ...


class Validation:
    """Validation for one resolver. *context* makes the validator's view of now.

    *ahead* fetches what the chains of a forwarder's data will want; None: nothing is asked ahead.
    """

    COUNTS: ClassVar = {"bogus": "Answers that failed validation."}

    def __init__(
        self,
        resolver: Finder,
        memory: Known,
        context: Callable[[], Context],
        *,
        clock: Clock,
        ahead: Ahead | None = None,
    ) -> None:
        self._resolver = resolver
        self._memory = memory
        self._context = context
        self._clock = clock
        self._ahead = ahead
        self._ahead_s: float | None = None  # the wall clock, of the one that counts TTLs
        self.bogus = 0

    def known_bogus(self, question: Question, now: float) -> Failure | None:
        """Was *question* found bogus a moment ago, and would the clock say so still?"""
        bogus = self._memory.bogus
        if bogus.get(question, now) is None:
            return None
        self._look()  # forgets them if the clock was set since
        return bogus.get(question, now)

    def _look(self) -> Context:
        """The validator's view of now. A clock that was set meanwhile: what was bogus may not be.

        Signatures that had ended, or were not in force yet, are what a wrong clock finds.
        """
        context = self._context()
        ahead_s = context.wall - context.now
        if self._ahead_s is not None and abs(ahead_s - self._ahead_s) > CLOCK_STEP_SECONDS:
            self._memory.bogus.clear()
            context.keystore.forget_bogus()
        self._ahead_s = ahead_s
        return context

    def is_forged(self, zone: Name, rrset: RRset) -> bool:
        """Does *rrset* lack the signature that *zone* would have made, as far as can be told?

        For who has no keys to ask for just now: those known last will do, and neither the time nor
        a key that is new says that it was forged.
        """
        context = self._look()
        trust = context.keystore.peek(zone)
        if trust is None or trust.status is not Status.SECURE:
            return False
        steps = verify_rrset(rrset, zone, trust.keys, wall=context.wall)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                verified: Verified = stop.value
                return verified.flaw is not None and verified.flaw.reason in _FORGED

    async def validate(
        self,
        outcome: Link,
        budget: Share,
        beside: Sequence[RRset] = (),
        *,
        renews: bool = False,
        then: Mapping[Question, Link] = _NOTHING,
    ) -> Link:
        """*outcome* with its status, kept in the caches. Raises ResolutionFailed if it is bogus.

        *beside*: denial records that came with the alias which led to it. *renews*: better is known
        perhaps, so that bogus data is not remembered. *then*: links that will be validated next.
        """
        if self._ahead is not None and self._resolver.is_forwarded(outcome.question):
            self._look_ahead((outcome, *then.values()), budget, self._ahead)
        evidence = _Driver(self._resolver, outcome, budget, beside)
        validated = await self._run(evidence, budget)
        for _ in range(BOGUS_RETRIES):
            if validated.status is not Status.BOGUS or not await evidence.ask_others():
                break
            validated = await self._run(evidence, budget)
        return self._conclude(evidence.outcome, validated, renews=renews)

    def _look_ahead(self, links: Iterable[Link], budget: Share, ahead: Ahead) -> None:
        """Have fetched side by side what the chains of *links* will want.

        A forwarder shows no zone cuts; a walk has keys fetched where it meets them.
        """
        context = self._context()
        needs = dict.fromkeys(need for link in links for need in chain_ahead(link, context))
        for need in [*needs][:AHEAD_QUESTIONS]:
            ahead.fetch(Question(need.name, need.rtype), budget)

    def _conclude(self, outcome: Link, validated: Validated, *, renews: bool) -> Link:
        now = self._clock.now()
        denial = self._memory.denial
        if denial is not None and validated.denials:
            # a referral's proof, mostly; it stands, whatever became of what was asked (RFC 8198)
            denial.learn(validated.denials, now)
        if validated.status is Status.BOGUS:
            self.bogus += 1
            ede = self._naming(outcome, validated.ede)
            if not renews:
                self._memory.keep_bogus(outcome, ede, now)
            raise ResolutionFailed(validated.sentence or "bogus", ede=ede)
        proven = _with_proven(outcome, validated)
        if validated.is_nodata:
            self._memory.forget(outcome.question)  # kept as NXDOMAIN when it came
        kept = self._memory.keep(proven, now, ttl_cap=validated.ttl_cap)
        if denial is not None and validated.status is Status.SECURE:
            denial.learn(validated.secure, now)
        return kept

    def _naming(self, outcome: Link, ede: tuple[Ede, ...]) -> tuple[Ede, ...]:
        """A forwarder that strips signatures, or answers for others, is named."""
        if outcome.server is None or not self._resolver.is_forwarded(outcome.question):
            return ede
        by = f"from forwarder {outcome.server.host}"
        return tuple(Ede(code, f"{text} ({by})" if text else by) for code, text in ede)

    async def _run(self, evidence: _Driver, budget: Share) -> Validated:
        """Run the validator once over *evidence*."""
        is_forwarded = self._resolver.is_forwarded
        steps = validate(evidence.outcome, self._look(), evidence.beside, is_forwarded)
        checkpoint = _Checkpoint(budget)
        findings: Findings | None = None
        while True:
            try:
                step = steps.send(findings)
            except StopIteration as stop:
                result: Validated = stop.value
                return result
            findings = None
            if isinstance(step, Work):
                if checkpoint.is_due(step):
                    await trio.lowlevel.checkpoint()
            else:
                findings = await evidence.gather(step)


class _Checkpoint:
    """Charges work to the budget and tells when the event loop should run, between slices of it."""

    def __init__(self, budget: Share) -> None:
        self._whole = budget.whole
        self._signatures = 0
        self._hashes = 0

    def is_due(self, work: Work) -> bool:
        """Charge *work*; True if others should run before it is done. Raises WorkExceeded."""
        whole = self._whole
        whole.signature_checks -= work.signatures
        whole.hashes -= work.hashes
        if whole.signature_checks < 0:
            raise WorkExceeded("SIGNATURE_CHECKS")
        if whole.hashes < 0:
            raise WorkExceeded("HASHES")
        self._signatures += work.signatures
        self._hashes += work.hashes
        if self._signatures < SIGNATURES_PER_CHECKPOINT and self._hashes < HASHES_PER_CHECKPOINT:
            return False
        self._signatures = self._hashes = 0
        return True


class _Driver:
    """The link under validation and the findings about it, fetched once each."""

    def __init__(
        self, resolver: Finder, outcome: Link, budget: Share, beside: Sequence[RRset]
    ) -> None:
        self.outcome = outcome
        self.beside = beside
        self._resolver = resolver
        self._budget = budget
        self._findings: dict[Need, Link | None] = {}
        self._shunned: set[str] = set()
        self._withheld: Withheld | None = None

    async def gather(self, needs: Iterable[Need]) -> Findings:
        """What was asked for, fetched side by side; what is known already is not asked again."""
        wanted = [need for need in needs if need not in self._findings]
        if len(wanted) == 1:
            await self._find(wanted[0])
        elif wanted:
            async with trio.open_nursery() as nursery:
                for need in wanted:
                    nursery.start_soon(self._find_alone, need)
            if self._withheld is not None:
                raise self._withheld.again()
        return {need: self._findings[need] for need in needs}

    async def _find_alone(self, need: Need) -> None:
        try:
            await self._find(need)
        except WorkExceeded:
            self._findings[need] = None  # an error in one task must not arrive as a group
        except Withheld as error:
            self._withheld = error.with_traceback(None)  # else it would hold this frame

    async def _find(self, need: Need) -> None:
        self._findings[need] = await self._resolver.find(
            Question(need.name, need.rtype),
            self._budget,
            excluded=frozenset(server.host for server in need.avoid),
            is_fresh=need.tries > 0,
        )

    async def ask_others(self) -> bool:
        """Fetch the outcome again from a server not heard yet. False if none has one."""
        if self.outcome.server is not None:
            self._shunned.add(self.outcome.server.host)
        try:
            links = await self._resolver.fetch(
                self.outcome.question,
                self._budget,
                excluded=frozenset(self._shunned),
                is_fresh=True,
            )
        except (WorkExceeded, Withheld):
            raise
        except ResolutionFailed:
            return False
        self.outcome = links[0]
        return True


def _with_proven(outcome: Link, validated: Validated) -> Link:
    """The validated link; secure ones keep in AUTHORITY only what was proven."""
    authority = outcome.authority
    if authority and validated.status is Status.SECURE:
        proven = {rrset[:2] for rrset in validated.secure}
        authority = tuple([rrset for rrset in authority if rrset[:2] in proven])
    if validated.cut_proof:
        # who validates what we say needs it too: what it proves is not in the reply itself
        told = {rrset[:2] for rrset in authority}
        authority += tuple([rrset for rrset in validated.cut_proof if rrset[:2] not in told])
    verdict, rcode = outcome.verdict, outcome.rcode
    if validated.is_nodata:
        verdict, rcode = Verdict.NODATA, Rcode.NOERROR
    return Link(
        outcome.question,
        outcome.zone,
        verdict,
        rcode,
        outcome.answer,
        authority,
        outcome.server,
        validated.status,
        outcome.ede + validated.ede,
        outcome.source,
    )
