"""The path of one client query: read → policy → caches or network → policy → reply.

The packet cache has had its look before (in the listener's loop). What comes here is parsed; its
client's view says which policy it meets, a step of which may answer at once. Else the query is
given a task and a budget of its own in the daemon's nursery, which looks into the caches first: a
client that goes away harms nobody who joined. Without RD, the caches alone are asked.
The only place where any exception is caught: a bug costs one SERVFAIL.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from resolver.budget import Share
from resolver.errors import Ede, ResolutionFailed, WireError
from resolver.model import DROPPED, Answer, Query, Source, Status
from resolver.policy.onward import alone, ask_policy, at_once, carried_on, joined
from resolver.protocol.codes import EdeCode, Flag, Rcode
from resolver.protocol.ip_addresses import address_octets
from resolver.protocol.wire import Message, parse_untrusted
from resolver.reply import Outgoing, malformed
from resolver.runtime.clock import trio_clock
from resolver.telemetry import answered
from resolver.telemetry.events import Answered, Resolved
from resolver.telemetry.path_counters import PathCounters

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.budget import QueryBudget
    from resolver.model import Question, RRset
    from resolver.policy.fast_paths import FastPaths
    from resolver.policy.onward import Told
    from resolver.policy.path import PolicyPath
    from resolver.protocol.transport import Client
    from resolver.recurse.early import EarlyAnswers
    from resolver.recurse.error_reports import ErrorReports
    from resolver.recurse.prefetch import Prefetch
    from resolver.recurse.resolver import Resolver
    from resolver.reply import Replies, Respond
    from resolver.runtime.shortage import Shortage
    from resolver.telemetry.events import Bus, Step

_log = logging.getLogger(__name__)
_new = tuple.__new__  # for what is made for each query: half the constructor's cost


class Look(Protocol):
    """What has an answer at once, or None."""

    def __call__(self, question: Question, *, checking: bool) -> Answer | None: ...


class Pipeline:
    """Takes queries from listeners, gives replies to them.

    *early*, *prefetch*, *reports*: see there; None: there is none.
    """

    def __init__(
        self,
        resolver: Resolver,
        replies: Replies,
        fast_paths: FastPaths,
        *,
        spawn: Callable[..., None],
        query_seconds: float,
        shortage: Shortage,
        bus: Bus,
        counters: PathCounters | None = None,
        early: EarlyAnswers | None = None,
        prefetch: Prefetch | None = None,
        reports: ErrorReports | None = None,
    ) -> None:
        self.counters = counters or PathCounters()
        self.shortage = shortage
        self.early = early
        self.prefetch = prefetch
        self.reports = reports
        self._resolver = resolver
        self._fast_paths = fast_paths
        self._replies = replies
        self._spawn = spawn
        self._query_seconds = query_seconds
        self._bus = bus
        self._time = trio_clock()
        self.waiting: dict[str, int] = {}
        """How many queries of each view are being resolved."""
        self.fast_path = fast_paths.open

    def __repr__(self) -> str:
        return f"<Pipeline {self.counters}>"

    # --- the path ----------------------------------------------------------------------------

    def start(self, data: bytes, client: Client, respond: Respond) -> None:
        """The whole path; *respond* is called once, now or from a task."""
        self.counters.queries += 1
        try:
            self._start(data, client, respond)
        except MemoryError:
            self.shortage.note()
            respond(None)

    def _start(self, data: bytes, client: Client, respond: Respond) -> None:
        try:
            message = parse_untrusted(data)
        except WireError:
            self.counters.malformed += 1
            self._send_octets(malformed(data), data, client, respond)
            return
        if message.flags & Flag.QR:
            self._send_octets(None, data, client, respond)
            return
        source = address_octets(client.host)
        views = self._fast_paths.views
        where = source, client.listener, client.transport
        policy = views.only or views.lately.get(where) or views.of(*where)
        query = _new(Query, (message, data, client, source, policy.view))
        outgoing = Outgoing(self._replies, query, respond)
        if policy.tells_apart:
            outgoing.is_for_all = policy.admits(source)
        if self._bus.heard:
            outgoing.began = self._time()
        self._answer(policy, outgoing)

    def _answer(self, policy: PolicyPath, outgoing: Outgoing) -> None:
        """Everything that needs no waiting; else a task."""
        query = outgoing.query
        told = ask_policy(policy, query)
        answer = told.answer
        if answer is DROPPED:
            self.counters.refused += 1
            outgoing.drop()
        elif answer is not None:
            self.counters.note_policy(answer)
            self._send(outgoing, joined(told.aliases, answer))
        elif query.message.flags & Flag.RD:
            self._spawn(self._resolve, policy, outgoing, told)  # looks into caches, and only once
        else:
            answer = self._known(told)
            self._send(outgoing, self._by_policy_now(policy, query, answer, self._resolver.recall))

    def _known(self, told: Told) -> Answer:
        """Without recursion: what the caches have, or the closest servers known."""
        question, checking = told.asked.question, not told.asked.message.cd
        answer = self._resolver.recall(question, checking=checking)
        if answer is None:
            if told.aliases:
                return alone(told.aliases)
            return self._resolver.refer(question, checking=checking)
        self.counters.recalled += 1
        return joined(told.aliases, answer)

    async def _resolve(self, policy: PolicyPath, outgoing: Outgoing, told: Told) -> None:
        """Resolve within the deadline, and answer whatever happens."""
        query, waiting = outgoing.query, self.waiting
        view = query.view.name
        now = self._time()
        budget = self._budget(policy, query, now)
        if self._bus.heard:
            budget.whole.asked = []
            if Resolved in self._bus.heard:
                budget.whole.steps = []
        early = None if told.aliases else self.early
        waiting[view] = waiting.get(view, 0) + 1
        if early is not None:
            early.begin(outgoing, self._send_early, now)
        try:
            answer = await self._within_time(told.asked, budget)
            if self.prefetch is not None:
                answer.renew_after_s = self.prefetch.heard(answer, self._time() - now)
            if told.aliases:
                answer = joined(told.aliases, answer)
            if policy.changes_answers:
                meant = policy.after(query, answer)
                is_final = meant is answer and not policy.looks_beside  # spares a coroutine
                answer = (
                    answer
                    if is_final
                    else await self._by_policy(policy, query, answer, meant, budget)
                )
            self.counters.note_answer(answer, is_new=budget.whole.sent > 0)
            self._send(outgoing, answer, budget.whole)
        except MemoryError:
            self.shortage.note()
            outgoing.drop()
        except Exception:  # noqa: BLE001  # the one boundary: a bug costs one SERVFAIL
            self.counters.crashed += 1
            _log.exception("a query failed by a fault of ours")
            outgoing.send(_failed(query.question, (Ede(EdeCode.OTHER, "internal error"),)))
        finally:
            waiting[view] -= 1
            if early is not None:
                early.end(outgoing)

    async def _within_time(self, query: Query, budget: Share) -> Answer:
        """The answer, SERVFAIL at the latest when the client's time is up.

        Every wait below ends by the budget's deadline, so no cancel scope is opened here.
        """
        message = query.message
        question, checking = message.question, not message.flags & Flag.CD
        try:
            answer = await self._resolver.resolve(question, budget, checking=checking)
        except ResolutionFailed as error:
            if self.reports is not None:
                self.reports.failed(question, error.ede)
            failed = _failed(question, error.ede or (Ede(EdeCode.OTHER, str(error)),))
            failed.way = cast("tuple[RRset, ...]", error.way)
            return failed
        return answer

    # --- what policy makes of it -------------------------------------------------------------

    def _budget(self, policy: PolicyPath, query: Query, now: float) -> Share:
        """Half of the time only, where another question may be asked then."""
        seconds = self._query_seconds
        if policy.changes_answers and policy.asks_beside(query):
            seconds /= 2
        return Share.for_client(now + seconds, query.source)

    async def _by_policy(
        self, policy: PolicyPath, query: Query, answer: Answer, told: Answer, budget: Share
    ) -> Answer:
        """What policy, which makes *told* of *answer*, makes of it once whatever else it needs has
        been asked too."""
        if told.onward is None and (told is not answer or not policy.looks_beside):
            return told
        if policy.asks_beside(query):
            budget.whole.deadline = budget.deadline + self._query_seconds / 2
        return await carried_on(
            policy, query, answer, told, partial(self._within_time, budget=budget)
        )

    def _by_policy_now(
        self, policy: PolicyPath, query: Query, answer: Answer, look: Look
    ) -> Answer:
        """The same at once, as far as *look* knows of what else is asked."""

        async def ask(asked: Query) -> Answer | None:
            return look(asked.question, checking=not asked.message.cd)

        told = policy.after(query, answer)
        return at_once(carried_on(policy, query, answer, told, ask))

    # --- questions that came without a client --------------------------------------------------

    async def answer(self, question: Question, *, checking: bool = True) -> Answer:
        """The answer; a failure is an answer too."""
        policy, query = self._fast_paths.views.default, _of_ours(question, checking=checking)
        aliases, asked, told = ask_policy(policy, query)
        if told is not None:
            return joined(aliases, told)
        budget = self._budget(policy, query, self._time())
        found = joined(aliases, await self._within_time(asked, budget))
        return await self._by_policy(policy, query, found, policy.after(query, found), budget)

    def before(self, question: Question, view: str = "") -> Answer | None:
        """What policy answers clients of *view* in the place of resolution, if it does."""
        views = self._fast_paths.views
        policy = views.named(view) or views.default
        return policy.before(_of_ours(question, checking=True))

    def at_once(self, question: Question, *, checking: bool = True) -> Answer | None:
        """What nobody needs to be asked for: local zones, caches. None if that is not enough."""
        policy, query = self._fast_paths.views.default, _of_ours(question, checking=checking)
        aliases, asked, told = ask_policy(policy, query)
        if told is not None:
            return joined(aliases, told)
        known = self._resolver.recall(asked.question, checking=checking)
        if known is None:
            return None
        found = joined(aliases, known)
        return self._by_policy_now(policy, query, found, self._resolver.recall)

    # --- what leaves -------------------------------------------------------------------------

    def _send(
        self,
        outgoing: Outgoing,
        answer: Answer,
        spent: QueryBudget | None = None,
        *,
        keeps: bool = True,
    ) -> None:
        if answer is DROPPED:
            outgoing.drop()
            return
        reply, heard = outgoing.send(answer, keeps=keeps), self._bus.heard
        if reply is None or not heard or not (Answered in heard or Resolved in heard):
            return
        now = self._time()
        event = answered.of_answer(outgoing.query, answer, reply, now - outgoing.began, spent)
        self._bus.emit(event)
        if spent is not None and spent.steps is not None:
            self._bus.emit(Resolved(event, now, tuple(cast("list[Step]", spent.steps))))

    def _send_early(self, outgoing: Outgoing, answer: Answer) -> None:
        """What the client is told that has waited for long, as policy is now; nobody else's."""
        query, views = outgoing.query, self._fast_paths.views
        client = query.client
        policy = views.only or views.of(query.source, client.listener, client.transport)
        told = self._by_policy_now(policy, query, answer, self._resolver.meanwhile)
        self._send(outgoing, told, keeps=False)

    def _send_octets(self, out: bytes | None, data: bytes, client: Client, send: Respond) -> None:
        """The way back for what is no query."""
        send(out)
        if Answered in self._bus.heard:
            self._bus.emit(answered.of_octets(data, out, client))


def _of_ours(question: Question, *, checking: bool) -> Query:
    return Query(Message.asking(question, Flag.RD if checking else Flag.RD | Flag.CD))


def _failed(question: Question, ede: tuple[Ede, ...]) -> Answer:
    return Answer(
        question, Rcode.SERVFAIL, status=Status.INDETERMINATE, ede=ede, sources=(Source.NETWORK,)
    )
