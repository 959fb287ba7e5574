"""What is used, and will be again: one record a question, bounded, without a diary.

A question's time is cut into *terms*: the TTLs of its answers, one after the other. Of each is
learnt whether its renewal saved a client's wait, or would have: whether somebody asked in it at a
time when servers would have had to be asked, had nothing ever been renewed. Apart for terms that
follow a used one and for those that follow an unused one. That is all it takes to tell a lamp that
reports each minute from a page that is read in the morning, and what it will cost to keep either
warm. Beside it: at what even intervals it is asked (`rhythm`); a score that decays, for the order
after a start; and which six hours of the day it was last used in, four bits.

A question is admitted at its second use, and gone WARM_DAYS_SECONDS after its last. Pure: times
are `Clock.now()`'s, but for *wall*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.limits import (
    PREFETCH_WINDOW_PART,
    PREFETCH_WINDOW_RTTS,
    PREFETCH_WINDOW_SECONDS,
    WARM_CHANCE,
    WARM_DAYS_SECONDS,
    WARM_FIRST_CHANCE,
    WARM_GAIN,
    WARM_HABIT_SCORE,
    WARM_HABIT_TTL,
    WARM_HALF_LIFE_SECONDS,
    WARM_HIT_CHANCE,
    WARM_IDLE_TTLS,
    WARM_QUESTIONS,
    WARM_SCORE_SECONDS,
    WARM_STRANGERS,
    WARM_SURE_CHANCE,
)
from resolver.model import Question
from resolver.recurse.rhythm import Rhythm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_DAY = 86_400
_QUARTER = 21_600


def window_s(ttl: float, rtt_s: float = 0.0) -> float:
    """How many seconds before its end an answer of *ttl* is renewed by a hit."""
    return max(PREFETCH_WINDOW_PART * ttl, PREFETCH_WINDOW_SECONDS, PREFETCH_WINDOW_RTTS * rtt_s)


def lead_s(rtt_s: float = 0.0) -> float:
    """The same without a hit: no sooner than must be, for each second is paid for."""
    return max(PREFETCH_WINDOW_SECONDS, PREFETCH_WINDOW_RTTS * rtt_s)


class Kept(NamedTuple):
    """One question in a snapshot: plain values.

    *age_s*: seconds since its last use by then; *score*: as it was at that use.
    """

    qname: bytes
    qtype: int
    ttl: int
    age_s: float
    score: float
    quarters: int
    chances: tuple[float, float]


def _decayed(score: float, age_s: float) -> float:
    return float(score * 0.5 ** (max(age_s, 0.0) / WARM_HALF_LIFE_SECONDS))


def _in_order(kept: Iterable[Kept]) -> list[Kept]:
    """The most used first."""
    return sorted(kept, key=lambda one: -_decayed(one.score, one.age_s))


class Warmth:
    """One question: its present term, and what its terms have taught.

    *begins_at*, *ends_at*: the term. *cost*: packets that its renewal took; -1: it was none, or
    that is settled. *alone_until*: how long the data would last, had it never been renewed.
    *idle*: unused terms in a row before it. *due_at*: when it is to be looked at; *rest_until*: no
    hit has it renewed before; *by_hand*: the operator wants it warm always.
    """

    __slots__ = ("alone_until", "begins_at", "by_hand", "chances", "cost", "due_at", "ends_at",
                 "idle", "is_asked", "is_renewing", "is_saved", "is_used", "quarters",
                 "rest_until", "rhythm", "rtt_s", "score", "ttl", "used_at")  # fmt: skip

    def __init__(self, ttl: float, ends_at: float, used_at: float) -> None:
        self.ttl = ttl
        self.begins_at = ends_at - ttl
        self.ends_at = ends_at
        self.used_at = used_at
        self.score = 0.0
        self.quarters = 0
        self.chances = [WARM_FIRST_CHANCE, WARM_FIRST_CHANCE]
        self.idle = 0
        self.is_used = True
        self.is_saved = True
        self.alone_until = ends_at
        self.is_asked = False  # for its renewal, by a hit at the end of its term
        self.is_renewing = False
        self.by_hand = False
        self.cost = -1
        self.due_at = float("inf")
        self.rest_until = 0.0
        self.rhythm = Rhythm()
        self.rtt_s = 0.0

    def __repr__(self) -> str:
        used, unused = self.chances
        return f"<Warmth {self.score:.1f}, {used:.2f}/{unused:.2f}, {self.idle} idle>"

    @property
    def window_s(self) -> float:
        return window_s(self.ttl, self.rtt_s)

    @property
    def renew_at(self) -> float:
        """When it is renewed without a hit."""
        return self.ends_at - lead_s(self.rtt_s)

    @property
    def expected_from(self) -> float | None:
        """When it is renewed, long after its term, for it is used at even intervals; or None."""
        expected = self.rhythm.expected(self.used_at, self.ttl)
        return None if expected is None else expected.begins_at - lead_s(self.rtt_s)

    def note_use(self, now: float, wall: float, *, is_over: bool) -> None:
        """Somebody asked: learn of the terms that passed since, and of the present one.

        *is_over*: the present one had passed, and servers were asked.
        """
        self.rhythm.note(now - self.used_at)
        if is_over:
            self._end_term()
            passed = int(max(now - self.ends_at, 0.0) / self.ttl)
            for _ in range(min(passed, WARM_IDLE_TTLS)):
                self._learn(0.0, was_used=False)
            self._learn(1.0, was_used=True)
            self.begins_at = now
            self.is_used = self.is_saved = True
        elif now >= self.begins_at:
            self.is_used = True
            if now >= self.alone_until and not self.is_saved:
                self._learn(1.0, was_used=True)
                self.is_saved = True
        if now >= self.alone_until or is_over:
            self.alone_until = now + self.ttl
        self._add_score(now, wall)

    def _add_score(self, now: float, wall: float) -> None:
        passed = max(now - self.used_at, 0.0)
        self.score *= 0.5 ** (passed / WARM_HALF_LIFE_SECONDS)
        self.score += min(passed / WARM_SCORE_SECONDS, 1.0) if self.quarters else 1.0
        now_quarter = int(wall // _QUARTER)
        last_quarter = int((wall - passed) // _QUARTER)
        for skipped in range(last_quarter + 1, min(now_quarter, last_quarter + 5)):
            self.quarters &= ~(1 << skipped % 4)
        self.quarters |= 1 << now_quarter % 4
        self.used_at = now

    def score_at(self, now: float) -> float:
        """The score as it has decayed by *now*."""
        return _decayed(self.score, now - self.used_at)

    def note_renewal(self, now: float, ends_at: float, cost: int) -> None:
        """It was renewed for *cost* packets, and lasts until *ends_at*: a term begins."""
        self._end_term()
        self.begins_at = max(min(self.ends_at, ends_at), now)
        self.ends_at = ends_at
        self.ttl = max(ends_at - now, 1.0)
        self.is_used = self.is_saved = False
        self.cost = cost

    def _end_term(self) -> None:
        if not self.is_saved:
            self._learn(0.0, was_used=self.is_used)
        self.is_used = self.is_saved = True

    def _learn(self, value: float, *, was_used: bool) -> None:
        """A term is settled: what its renewal was worth, or would have been."""
        after_unused = min(self.idle, 1)
        self.chances[after_unused] += WARM_GAIN * (value - self.chances[after_unused])
        self.idle = 0 if was_used else self.idle + 1

    def is_wanted(self, now: float, wall: float, *, strain: float = 0.0) -> bool:
        """Is it worth a renewal at the end of its term?

        *strain*: how much of the budget is spent, from 0 to 1.
        """
        if self.by_hand:
            return True
        expected = self.rhythm.expected(self.used_at, self.ttl)
        if expected is not None:
            return expected.begins_at - lead_s(self.rtt_s) <= now <= expected.ends_at
        if self.is_asked:
            return self.chances[0] >= WARM_HIT_CHANCE + strain * (
                WARM_SURE_CHANCE - WARM_HIT_CHANCE
            )
        idle = self.idle + (not self.is_used)
        least = WARM_CHANCE + strain * (WARM_SURE_CHANCE - WARM_CHANCE)
        if idle < WARM_IDLE_TTLS and self._worth(idle) >= least:
            return True
        return self._is_habit(now, wall)

    def _worth(self, idle: int) -> float:
        """What its renewals will be worth, each: the next one, or that and the one after it."""
        after_used, after_unused = self.chances
        if idle:
            return after_unused
        both = (after_used + (1 - after_used) * after_unused) / (2 - after_used)
        return max(after_used, both)

    def _is_habit(self, now: float, wall: float) -> bool:
        """Long-lived, and used at this time of the day: the morning's names before the morning."""
        if self.ttl < WARM_HABIT_TTL or self.score_at(now) < WARM_HABIT_SCORE:
            return False
        if now - self.used_at > _DAY:
            return False
        return bool(self.quarters & 1 << int((wall + self.window_s) // _QUARTER) % 4)


class WarmList:
    """The questions in use, WARM_QUESTIONS at most, and those that were asked once."""

    def __init__(self) -> None:
        self.entries: dict[Question, Warmth] = {}
        self._strangers: dict[int, tuple[float, float]] = {}  # when it ended, and its TTL
        self._strangers_since = 0.0

    def __len__(self) -> int:
        return len(self.entries)

    def admit(self, question: Question, ttl: float, ends_at: float, now: float) -> Warmth | None:
        """The record of a question not known yet, at its second use; None at its first."""
        strangers, key = self._strangers, hash(question)
        before = strangers.pop(key, None)
        if before is None:
            if len(strangers) >= WARM_STRANGERS or now - self._strangers_since > _DAY:
                strangers.clear()
                self._strangers_since = now
            strangers[key] = ends_at, ttl
            return None
        ends_at, ttl = before
        return self.add(question, max(ttl, 1.0), ends_at, now)

    def add(self, question: Question, ttl: float, ends_at: float, now: float) -> Warmth:
        """A new record, in the place of the least worthy where there are too many."""
        if len(self.entries) >= WARM_QUESTIONS:
            self._make_room(now)
        entry = self.entries[question] = Warmth(ttl, ends_at, now)
        return entry

    def _make_room(self, now: float) -> None:
        """Drop an eighth: what was not used for long, and what has the least score."""

        def worth(question: Question) -> tuple[bool, bool, float]:
            entry = self.entries[question]
            is_recent = now - entry.used_at <= WARM_DAYS_SECONDS
            return entry.by_hand, is_recent, entry.score_at(now)

        for question in sorted(self.entries, key=worth)[: max(WARM_QUESTIONS // 8, 1)]:
            if not self.entries[question].by_hand:
                del self.entries[question]

    def forget(self, is_meant: Callable[[bytes], bool]) -> int:
        """Drop the names that *is_meant*, but for those that are wanted by hand; how many.

        Of what was asked once only hashes are there: all of that goes.
        """
        meant = [one for one, known in self.entries.items() if is_meant(one.qname)]
        gone = [question for question in meant if not self.entries[question].by_hand]
        for question in gone:
            del self.entries[question]
        self._strangers.clear()
        return len(gone)

    def snapshot(self, now: float) -> list[Kept]:
        """What is worth keeping over a restart, the most used first."""
        kept = [
            Kept(
                *question[:2],
                int(entry.ttl),
                round(max(now - entry.used_at, 0.0), 1),
                round(entry.score, 4),
                entry.quarters,
                (round(entry.chances[0], 4), round(entry.chances[1], 4)),
            )
            for question, entry in self.entries.items()
            if now - entry.used_at <= WARM_DAYS_SECONDS and entry.quarters
        ]
        return _in_order(kept)

    def restore(self, kept: Iterable[Kept], now: float, *, away_s: float) -> list[Question]:
        """Take a snapshot of *away_s* seconds ago; returns the questions in order.

        What was used since stays as it is.
        """
        taken = []
        for one in _in_order(kept):
            question = Question(one.qname, one.qtype)
            age_s = max(one.age_s, 0.0) + away_s
            is_room = len(self.entries) < WARM_QUESTIONS
            if question in self.entries or age_s > WARM_DAYS_SECONDS or not is_room:
                continue
            entry = self.add(question, max(one.ttl, 1), now, now - age_s)
            entry.score = max(one.score, 0.0)
            entry.quarters = one.quarters & 0xF
            entry.chances = [min(max(chance, 0.0), 1.0) for chance in one.chances]
            taken.append(question)
        return taken
