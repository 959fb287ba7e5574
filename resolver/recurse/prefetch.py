"""Renewal ahead of need: what is used is renewed before it expires, so that no client waits.

`heard` is told of each answer that went the long way (a hit in the packet cache costs nothing, but
for one near the end of its TTL, which is sent the long way too); `tick` renews what is due, and
says when to come again. What is due: a question that was asked in the last part of its TTL, one
that is asked so often, or so evenly, that its renewal will be of use (`warm`), one that the
operator named, and the zone cuts above them. Each renewal is paid for (`renewal_budget`), one at a
time; there are none in an outage, for what fails, or while we are busy. Never waits, and does no
I/O itself.

Unbound renews on a hit in the last tenth of the TTL, which in a house with few clients nearly never
comes (NLnetLabs/unbound#984); Technitium counts hits of an hour, and forgets the house overnight.
"""

from __future__ import annotations

from functools import partial
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, ClassVar, Final, Protocol, TypeAlias

from resolver.limits import (
    GEO_PATIENCE,
    PREFETCH_LEAST_TTL,
    PREFETCH_RETRY_SECONDS,
    PREFETCH_SECONDS,
    PREFETCH_WINDOW_RTTS,
    PREFETCH_WINDOW_SECONDS,
    WARM_DAYS_SECONDS,
    WARM_QUESTIONS,
    WARM_RETRY_SECONDS,
)
from resolver.model import Source
from resolver.protocol.codes import Rcode
from resolver.recurse.renewal_budget import RenewalBudget
from resolver.recurse.warm import Kept, WarmList, window_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.model import Answer, Question
    from resolver.recurse.warm import Warmth
    from resolver.runtime.clock import Clock

    Done = Callable[[int], None]  # how many packets it took
    Renew = Callable[[Done], bool]

NEVER: Final = float("inf")
Snapshot: TypeAlias = tuple[list[Kept], list[tuple[int, int, int, int, int]]]
_NETWORK, _STALE = Source.NETWORK, Source.STALE
_TOLD = (Rcode.NOERROR, Rcode.NXDOMAIN)
# Answered within it: no server is so far as to matter, by satellite either.
_NEAR_S = PREFETCH_WINDOW_SECONDS / PREFETCH_WINDOW_RTTS / GEO_PATIENCE
_SAME_S = 1.5  # TTLs are whole seconds


class Renewals(Protocol):
    """What is known, and how it is renewed (`recurse.renewals.Renewals`)."""

    def left(self, question: Question, now: float) -> tuple[float, Question]:
        """Seconds that the answer lasts, 0 if there is none; its link that ends first."""

    def begin(self, question: Question, done: Done) -> bool:
        """Renew a link; *done* is told how it ended. False if it may not be asked."""

    def above(self, question: Question, now: float) -> Iterable[Renew]:
        """What renews the zone cuts above *question* that are due, the highest first."""

    def rtt_s(self, question: Question) -> float:
        """How far the servers are that are asked for it; 0 if that is not known."""

    def is_barred(self, question: Question) -> bool:
        """Is it never to be kept warm?"""

    @property
    def sent(self) -> int:
        """Packets that went to servers since the start."""

    @property
    def is_busy(self) -> bool:
        """Is there no room for what no client waits for?"""


class Prefetch:
    """What is renewed ahead of need, in one process; it outlives every configuration.

    *renewals* is None while the configuration wants none. *wake* is called when `tick` is due
    earlier than it said, *forget* with a question of which something newer may be known.
    """

    COUNTS: ClassVar = {
        "prefetches": "Answers that were renewed ahead of need.",
        "prefetch_hits": "Of those, the ones that a client was answered by.",
        "prefetch_wasted": "Of those, the ones that expired before anybody asked.",
    }

    def __init__(self, clock: Clock) -> None:
        self.prefetches = 0
        self.prefetch_hits = 0
        self.prefetch_wasted = 0
        self.warm = WarmList()
        self.budget = RenewalBudget()
        self.renewals: Renewals | None = None
        self.is_late = False
        self.next_at = NEVER
        self.wake: Callable[[], None] = lambda: None
        self.forget: Callable[[Question], None] = lambda _: None
        self._clock = clock
        self._due: list[tuple[float, Question]] = []
        self._cuts: list[Renew] = []

    def __repr__(self) -> str:
        return f"<Prefetch {len(self.warm)} warm, {self.prefetches} renewed>"

    # --- what is used ------------------------------------------------------------------------

    def heard(self, answer: Answer, elapsed_s: float) -> float:
        """A client got *answer* after *elapsed_s*. Seconds after which a hit is to come here."""
        records, renewals = answer.answer or answer.authority, self.renewals
        if not records or renewals is None or answer.rcode not in _TOLD or _STALE in answer.sources:
            return NEVER
        left = float(records[0].ttl if len(records) == 1 else min([one.ttl for one in records]))
        question, is_fresh = answer.question, _NETWORK in answer.sources
        now = self._clock.now()
        known = self.warm.entries.get(question)
        if known is None:
            if left < PREFETCH_LEAST_TTL and is_fresh:
                return NEVER
            known = self.warm.admit(question, left, now + left, now)
            if known is None:
                rtt_s = renewals.rtt_s(question) if elapsed_s > _NEAR_S else 0.0
                return left - window_s(left, rtt_s)
            if renewals.is_barred(question):
                del self.warm.entries[question]
                return left - window_s(left)
            known.rtt_s = renewals.rtt_s(question)
        return self._used(question, known, left, now, is_fresh=is_fresh)

    def _used(
        self, question: Question, known: Warmth, left: float, now: float, *, is_fresh: bool
    ) -> float:
        """One more use of what is *known*: settle its renewal, and see when the next is due."""
        is_over = is_fresh or now >= known.ends_at
        was_used = known.is_used
        known.note_use(now, self._clock.wall(), is_over=is_over)
        if known.cost >= 0:
            if is_over:
                self._settle(known, now, was_used=was_used)
            elif known.is_used and not was_used:
                self.prefetch_hits += 1
                self.budget.note_used(known.cost, now)
        if is_fresh:
            known.ttl = max(left, 1.0)
        known.ttl = max(known.ttl, left)
        if known.is_renewing:
            return NEVER
        if known.ttl < PREFETCH_LEAST_TTL:
            known.ends_at = now + left
            return NEVER
        if abs(now + left - known.ends_at) > _SAME_S:
            known.ends_at = now + left
        return self._due_again(question, known, left, now, is_fresh=is_fresh)

    def _due_again(
        self, question: Question, known: Warmth, left: float, now: float, *, is_fresh: bool
    ) -> float:
        """When *known* is to be looked at, and when a hit is to come here."""
        expected_from = known.expected_from
        if expected_from is not None:
            self._push(question, known, expected_from)
            return NEVER
        if left <= known.window_s:
            if now >= known.rest_until:
                known.is_asked = not is_fresh
                known.rest_until = now + PREFETCH_RETRY_SECONDS - _SAME_S
                self._push(question, known, now)
            return max(known.rest_until - now, 1.0)
        self._push(question, known, known.renew_at)
        return min(left - known.window_s, max(known.alone_until - now, 1.0))

    def _settle(self, known: Warmth, now: float, *, was_used: bool) -> None:
        """The term that a renewal has bought is over."""
        known.cost = -1
        if not was_used:
            self.prefetch_wasted += 1
            self.budget.note_wasted(now)

    def _push(self, question: Question, known: Warmth, due_at: float) -> None:
        if abs(due_at - known.due_at) <= _SAME_S and due_at >= known.due_at:
            return
        known.due_at = due_at
        heappush(self._due, (due_at, question))
        if len(self._due) > 2 * WARM_QUESTIONS + 2 * len(self.warm):
            self._due = [(one.due_at, asked) for asked, one in self.warm.entries.items()]
            heapify(self._due)
        if due_at < self.next_at:
            self.wake()

    # --- what is due -------------------------------------------------------------------------

    def tick(self) -> float:
        """Renew what is due. Returns when to come again (`Clock.now()`'s scale)."""
        self.next_at = self._tick(self._clock.now())
        return self.next_at

    def _tick(self, now: float) -> float:
        renewals = self.renewals
        if renewals is None:
            return NEVER
        self.budget.note_sent(renewals.sent, now)
        while self._cuts or (self._due and self._due[0][0] <= now):
            if now < self.budget.next_at:
                return self.budget.next_at
            if self.is_late or renewals.is_busy:
                self.is_late = False
                return now + PREFETCH_SECONDS
            if self._cuts:
                renew = self._cuts.pop(0)
                if self.budget.may_spend(now) and renew(self._cut_done):
                    self.budget.note_begun(now)
                continue
            due_at, question = heappop(self._due)
            known = self.warm.entries.get(question)
            if known is not None and known.due_at == due_at:
                known.due_at = NEVER
                self._see_to(question, known, now)
        return self._due[0][0] if self._due else NEVER

    def _see_to(self, question: Question, known: Warmth, now: float) -> None:
        """Renew *question*, if it is worth it and may be done."""
        renewals = self.renewals
        assert renewals is not None  # noqa: S101  # `_tick` looked
        if now - known.used_at > WARM_DAYS_SECONDS and not known.by_hand:
            del self.warm.entries[question]
            return
        if not known.is_wanted(now, self._clock.wall(), strain=self.budget.strain):
            self._let_end(question, known, now)
            return
        left, link = renewals.left(question, now)
        if now + left > known.ends_at + _SAME_S:
            known.ends_at = now + left
            self._push(question, known, known.renew_at)
            return
        if known.by_hand or self.budget.may_spend(now):
            self._cuts += renewals.above(question, now)
            known.is_renewing = True
            if renewals.begin(link, partial(self._done, question)):
                self.budget.note_begun(now)
                return
            known.is_renewing = False
        self._not_renewed(question, known, now)

    def _let_end(self, question: Question, known: Warmth, now: float) -> None:
        """It is not renewed; whether its last renewal was in vain shows when it expires."""
        if known.cost >= 0 and not known.is_used:
            if now > known.ends_at:
                self._settle(known, now, was_used=False)
            else:
                self._push(question, known, known.ends_at + _SAME_S)

    def _not_renewed(self, question: Question, known: Warmth, now: float) -> None:
        known.is_asked = False
        if known.by_hand:
            self._push(question, known, now + WARM_RETRY_SECONDS)
        else:
            self._let_end(question, known, now)

    def _done(self, question: Question, packets: int) -> None:
        """The renewal of *question* is over, after so many *packets*."""
        now, known = self._clock.now(), self.warm.entries.get(question)
        if known is None or self.renewals is None:
            return
        known.is_renewing = known.is_asked = False
        self.forget(question)
        left, _ = self.renewals.left(question, now)
        cost = 0 if known.by_hand else packets
        self.budget.charge(cost, now)
        if now + left <= known.ends_at + _SAME_S or left <= 0:
            self._not_renewed(question, known, now)
            return
        if known.cost >= 0:
            self._settle(known, now, was_used=known.is_used)
        self.prefetches += 1
        known.rtt_s = self.renewals.rtt_s(question)
        known.note_renewal(now, now + left, cost)
        known.rest_until = now
        again_at = known.renew_at
        self._push(question, known, max(again_at, now + WARM_RETRY_SECONDS * known.by_hand))

    def _cut_done(self, packets: int) -> None:
        self.budget.charge(packets, self._clock.now())

    # --- what outlives the process, and what the operator says ---------------------------------

    def go_by(self, renewals: Renewals | None, by_hand: Iterable[Question]) -> None:
        """Another configuration: nothing is renewed without *renewals*, *by_hand* always."""
        if self.renewals is None:
            self._due = [(one.due_at, asked) for asked, one in self.warm.entries.items()]
            heapify(self._due)
        self.renewals = renewals
        now, wanted = self._clock.now(), set(by_hand)
        for question, known in list(self.warm.entries.items()):
            known.by_hand = question in wanted
        for question in wanted:
            entries = self.warm.entries
            known = entries.get(question) or self.warm.add(question, 1.0, now, now)
            known.by_hand = True
            self._push(question, known, now)
        self.wake()

    def forget_names(self, is_meant: Callable[[bytes], bool]) -> None:
        """Keep names that *is_meant* warm no longer; those wanted by hand are renewed at once."""
        self.warm.forget(is_meant)
        now = self._clock.now()
        for question, known in self.warm.entries.items():
            if is_meant(question.qname):
                known.ends_at = now
                self._push(question, known, now)

    def snapshot(self) -> Snapshot:
        """The warm list, the most used first, and the budget's last day, as plain tuples."""
        now = self._clock.now()
        return self.warm.snapshot(now), self.budget.snapshot(now)

    def restore(self, kept: Snapshot, *, away_s: float) -> None:
        """Take a snapshot of *away_s* seconds ago: what it has is renewed in its order.

        As far as the budget allows, one at a time; what the caches have still is left alone.
        """
        questions, hours = kept
        now = self._clock.now()
        self.budget.restore(hours, now, away_s=away_s)
        for at, question in enumerate(self.warm.restore(questions, now, away_s=away_s)):
            known = self.warm.entries[question]
            known.is_asked = True
            self._push(question, known, now + at * PREFETCH_SECONDS)
