"""Question → Answer (RFC 1034 §5.3.3, RFC 2308, RFC 6672, RFC 9520).

`resolve` chases aliases; `resolve_link` settles each link: recalled or fetched, then validated.
`fetch` is one walk, joined by all who ask the same; `addresses` serves the walker's sub-queries.
Every step spends the one budget that came with the client's query.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import trio

from resolver.budget import Share
from resolver.errors import ResolutionFailed, Withheld, WorkExceeded, drop_frames
from resolver.limits import (
    FAILURE_TTL_SECONDS,
    STALE_RECHECK_SECONDS,
    SUBQUERY_DEPTH,
    UNATTENDED_RESOLUTIONS,
)
from resolver.model import Answer, Ede, Link, Question, RRset, Server, Source, Status, Verdict
from resolver.protocol.codes import EdeCode
from resolver.recurse.alias_chain import (
    AliasChain,
    answer_of,
    drop_unproven,
    leads_on,
)
from resolver.recurse.at_hand import AtHand
from resolver.recurse.from_disk import recall_from_disk
from resolver.recurse.from_shared import sooner
from resolver.recurse.jobs import Jobs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from resolver.iterate.walk import Walker
    from resolver.recurse.jobs import Job
    from resolver.recurse.known import Known
    from resolver.recurse.validation import Validation
    from resolver.runtime.clock import Clock

    Done = Callable[[int], None]
    Work = Callable[[Question, Share], Awaitable[object]]

_CYCLE = (Ede(EdeCode.NO_REACHABLE_AUTHORITY, "delegations depend on each other"),)
_FROM_MEMORY = Server("", 0)  # "not that one again" for findings that no longer know their server
Scratch = dict[Question, Link]


class Resolver(AtHand):
    """The recursive resolver without its listeners.

    *trust* is None when validation is off, *stale* (and its *silent_cuts*) when what is over is
    never told.
    """

    COUNTS: ClassVar = {"refreshes": "Answers that were renewed though no client waited."}

    def __init__(
        self, memory: Known, *, clock: Clock, spawn: Callable[..., None], query_seconds: float
    ) -> None:
        self.memory = memory
        self.jobs = Jobs()
        self.refreshes = 0
        self.unattended = 0  # of them, those on their way
        self._spawn = spawn
        self._query_seconds = query_seconds
        self.trust = None
        self.stale = None
        self.silent_cuts: Mapping[bytes, None] = {}
        self._clock = clock
        self._walker = None

    def attach(self, walker: Walker, trust: Validation | None) -> None:
        """The walker and the validator call back into this object; `daemon.wiring` does it once."""
        self._walker = walker
        self.trust = trust

    # --- whole answers ---------------------------------------------------------------------

    async def resolve(
        self, question: Question, budget: Share, *, checking: bool = True, renews: bool = False
    ) -> Answer:
        """The answer, aliases followed to their end (RFC 6604: rcode is the last name's).

        *checking* False is CD=1: data as it came. *renews*: the caches are passed over. A link that
        cannot be had is told though it is over, to clients, if it may be. Raises ResolutionFailed.
        """
        scratch: Scratch = {}
        chain: AliasChain | None = None
        asked = question
        while True:
            try:
                outcome = await self.resolve_link(
                    asked, budget, checking=checking, scratch=scratch, renews=renews
                )
            except ResolutionFailed as error:
                told = self._instead(asked, error, budget, renews=renews)
                if told is None:
                    error.way = chain.rrsets if chain is not None else ()
                    raise
                outcome = told
            if chain is None:
                if not leads_on(outcome):
                    return answer_of(outcome)
                chain = AliasChain(question)
            target = chain.add(outcome)
            if target is None:
                return chain.answer()
            asked = Question(target, question.qtype, question.qclass)

    def _instead(
        self, question: Question, error: ResolutionFailed, budget: Share, *, renews: bool
    ) -> Link | None:
        """What a client is told in the place of *error*, if anything is."""
        if self.stale is None or renews or budget.ancestors:
            return None
        link = self.stale.instead(question, error)
        if link is not None:
            drop_frames(error)
        return link

    def _at_once(self, question: Question, budget: Share, *, renews: bool) -> Link | None:
        """What a client is told where its zone's servers are silent; renewed beside that."""
        if self.stale is None or renews or budget.ancestors:
            return None
        link = self.stale.at_once(question)
        if link is not None and self.memory.failures.get(question, self._clock.now()) is None:
            self.refresh(question)
        return link

    def refresh(
        self, question: Question, done: Done | None = None, *, work: Work | None = None
    ) -> bool:
        """Renew what is known of *question*, with a budget of its own, while no client waits.

        Who asks meanwhile has what is known still, or joins; a failure or bogus data changes
        nothing. False if it is not begun: somebody asks already, or UNATTENDED_RESOLUTIONS are on
        their way. Never waits. *done* hears what packets it took, *work* is done instead.
        """
        if self.unattended >= UNATTENDED_RESOLUTIONS or self.jobs.running(question):
            return False
        self.refreshes += 1
        self.unattended += 1
        self._spawn(self._refresh, question, done, work or partial(self.resolve, renews=True))
        return True

    async def _refresh(self, question: Question, done: Done | None, work: Work) -> None:
        budget = Share.for_client(trio.current_time() + self._query_seconds)
        try:
            await work(question, budget)
        except ResolutionFailed as error:
            drop_frames(error)
        finally:
            self.unattended -= 1
            if done is not None:
                done(budget.whole.sent)

    # --- one link ----------------------------------------------------------------------------

    async def resolve_link(
        self,
        question: Question,
        budget: Share,
        *,
        checking: bool,
        scratch: Scratch,
        renews: bool = False,
    ) -> Link:
        """One link: from memory or the network, validated unless the client said not to."""
        now = self._clock.now()
        trust = self.trust if checking else None
        bad = None if trust is None else trust.known_bogus(question, now)
        if bad is not None:
            raise ResolutionFailed("known to be bogus", ede=bad.ede)
        memory, outcome = self.memory, None
        if not renews:
            outcome = memory.recall(question, now, synthesise=checking)
            if outcome is None and memory.disk is not None:
                outcome = await recall_from_disk(memory, question, now, synthesise=checking)
        beside: Sequence[RRset] = ()
        if scratch and question in scratch:
            outcome, beside = self._beside(scratch.pop(question), outcome, trust)
        if outcome is None:
            told = self._at_once(question, budget, renews=renews) if self.silent_cuts else None
            if told is not None:
                return told
            if memory.shared is not None and not renews:
                outcome = await self._sooner(question, budget, scratch, trust)
            else:
                links = await self.fetch(question, budget)
                outcome = self._first(links, question, budget, scratch, trust, renews=renews)
        if trust is not None and outcome.status is Status.UNCHECKED:
            outcome = await trust.validate(outcome, budget, beside, renews=renews, then=scratch)
        if scratch and not self.is_forwarded(question):
            drop_unproven(scratch, outcome)
        return outcome

    async def _sooner(
        self, question: Question, budget: Share, scratch: Scratch, trust: Validation | None
    ) -> Link:
        """What another machine knows, or the network says: what comes first."""
        fetch = partial(self.fetch, question, budget)
        known, links = await sooner(
            self.memory, question, budget, fetch, synthesise=trust is not None
        )
        if known is not None:
            return known
        return self._first(links or await fetch(), question, budget, scratch, trust)

    def _first(
        self,
        links: tuple[Link, ...],
        question: Question,
        budget: Share,
        scratch: Scratch,
        trust: Validation | None,
        *,
        renews: bool = False,
    ) -> Link:
        """Of what was fetched what was asked for; the rest is for later."""
        known = None
        if trust is not None and not renews:
            known = self._judged_meanwhile(question, budget)
        outcome = known or self._received(links[0], trust)
        for link in links[1:]:
            scratch[link.question] = link
        return outcome

    def _judged_meanwhile(self, question: Question, budget: Share) -> Link | None:
        """What memory has by now, for who only waited: of many, the first has it validated."""
        if budget.whole.sent:
            return None
        known = self.memory.recall(question, self._clock.now())
        return None if known is None or known.status is Status.UNCHECKED else known

    def _beside(
        self, along: Link, outcome: Link | None, trust: Validation | None
    ) -> tuple[Link | None, Sequence[RRset]]:
        """*outcome* of memory or what came *along* behind an alias, and RRsets beside it.

        Nothing if its name is at home with other servers: those of a known cut, a stub or forward
        zone are asked (RFC 2181 §5.4.1). It may lack its own proof (NSD's, behind a DNAME): its
        server is none to be excluded, the question was never put to it.
        """
        if along.verdict is Verdict.REFERRAL:
            return outcome, along.authority
        assert self._walker is not None  # noqa: S101  # by daemon.wiring, first of all
        if outcome is None and self._walker.closest(along.question).zone == along.zone:
            outcome = self._received(replace(along, server=None), trust)
        return outcome, ()

    def is_forwarded(self, question: Question) -> bool:
        """A forwarder follows aliases for us, across zones: asked again, it says the same."""
        return self._walker is not None and self._walker.closest(question).is_forward

    def fetch(
        self,
        question: Question,
        budget: Share,
        *,
        excluded: frozenset[str] = frozenset(),
        is_fresh: bool = False,
    ) -> Awaitable[tuple[Link, ...]]:
        """Ask the network, joining whoever asks already. Nothing is validated here.

        *excluded* servers gave bogus data: their zone's others are asked. *is_fresh*: what came
        before was bogus, so nobody is joined and a failure says nothing new.
        """
        if question in budget.ancestors:
            budget.whole.was_cut_short = True
            raise ResolutionFailed("the question depends on itself", ede=_CYCLE)
        now = self._clock.now()
        failure = self.memory.failures.get(question, now)
        if failure is not None:
            ede = (*failure.ede, Ede(EdeCode.CACHED_ERROR))
            raise ResolutionFailed("failed a moment ago", ede=ede)
        running = None if is_fresh else self.jobs.running(question)
        if running is None or running.reaches(budget.ancestors):
            return self._walk(question, budget, excluded, is_fresh=is_fresh)
        return self._join(running, budget, excluded)

    async def _join(
        self, running: Job, budget: Share, excluded: frozenset[str]
    ) -> tuple[Link, ...]:
        """What another's walk brings; a walk of our own if that was cut short."""
        with trio.move_on_at(budget.deadline):
            await self.jobs.join(running, budget.ancestors)
        if running.links is not None and (budget.glue_will_do or not running.is_glue):
            return running.links
        if running.error is not None:
            raise running.error.again()
        return await self._walk(running.question, budget, excluded, is_fresh=False)

    async def _walk(
        self, question: Question, budget: Share, excluded: frozenset[str], *, is_fresh: bool
    ) -> tuple[Link, ...]:
        assert self._walker is not None  # noqa: S101  # by daemon.wiring, first of all
        job = self.jobs.begin(question, budget.ancestors)
        try:
            inner = budget.deeper(question, limit=SUBQUERY_DEPTH + 1)
            links = await self._walker.walk(
                question, inner, excluded=excluded, glue_will_do=budget.glue_will_do
            )
            job.links = links
        except WorkExceeded:
            raise
        except Withheld as error:
            job.error = error.again()
            raise
        except ResolutionFailed as error:
            ran_out = trio.current_time() >= budget.deadline  # our time, not the zone's fault
            is_cyclic = budget.whole.was_cut_short and budget.ancestors
            if not (is_fresh or ran_out or is_cyclic):
                self._note_failure(question, error, is_inner=bool(budget.ancestors))
                job.error = error.again()
            raise
        finally:
            self.jobs.end(job)
        return links

    def _note_failure(self, question: Question, error: ResolutionFailed, *, is_inner: bool) -> None:
        """RFC 9520 §3.2. A forwarder remembers failures itself, and may be well again by now.

        Where clients are told what is over, there is time until it is tried again (RFC 8767 §5).
        *is_inner*: a sub-query's, whom nothing is told that is over.
        """
        is_told = not is_inner and self.stale is not None and self.stale.has(question)
        self.memory.failures.note(
            question, error.ede, self._clock.now(), grows=not self.is_forwarded(question),
            least_s=STALE_RECHECK_SECONDS if is_told else FAILURE_TTL_SECONDS,
        )  # fmt: skip

    def _received(self, outcome: Link, trust: Validation | None) -> Link:
        """Keep what nobody is going to judge; what is judged is kept with its status, once.

        Only the link that was asked for: what came along is kept when the chase gets there.
        """
        if trust is not None and outcome.status is Status.UNCHECKED:
            return outcome
        if outcome.verdict is Verdict.REFERRAL or outcome.source is Source.BLOCKED:
            return outcome
        if not self.memory.is_checked:
            outcome.status = Status.INSECURE
        return self.memory.keep(outcome, self._clock.now())

    # --- for the walker and the validator ------------------------------------------------------

    async def addresses(self, question: Question, budget: Share) -> Sequence[bytes]:
        """Rdata of one address set, aliases followed, glue included; empty if there is none."""
        if question in budget.ancestors:
            budget.whole.was_cut_short = True
            raise ResolutionFailed("the nameserver depends on itself", ede=_CYCLE)
        if budget.depth > SUBQUERY_DEPTH:
            raise WorkExceeded("SUBQUERY_DEPTH")
        answer = await self.resolve(question, budget.for_address(), checking=False)
        for rrset in reversed(answer.answer):
            if rrset.rtype == question.qtype:
                return rrset.rdatas
        return ()

    async def find(
        self,
        question: Question,
        budget: Share,
        *,
        excluded: frozenset[str] = frozenset(),
        is_fresh: bool = False,
    ) -> Link | None:
        """One unvalidated link for the validator (a DS or DNSKEY set), None if it cannot be had.

        Raises WorkExceeded and Withheld, which say nothing about the zone.
        *is_fresh* passes memory over: what it holds took part in something bogus.
        """
        known: Link | None = None
        if not is_fresh:
            now = self._clock.now()
            known = self.memory.recall(question, now, proof_only=True)
            known = known or await recall_from_disk(self.memory, question, now, proof_only=True)
            if known is not None:
                return replace(known, server=_FROM_MEMORY)
        fetch = partial(self.fetch, question, budget, excluded=excluded, is_fresh=is_fresh)
        links: tuple[Link, ...] = ()
        try:
            if self.memory.shared is not None and not is_fresh:
                known, links = await sooner(self.memory, question, budget, fetch, proof_only=True)
            if known is not None:
                return replace(known, server=_FROM_MEMORY)
            links = links or await fetch()
        except (WorkExceeded, Withheld):
            raise
        except ResolutionFailed:
            return None
        return self._received(links[0], None)
