"""A cache, and the rules of when it renews: none, Unbound's, Technitium's, ours.

The cache is a model: a question's answer lasts for its TTL; a miss, or a renewal, takes one packet,
and one more for each zone cut above it that has expired. Ours is the program's own
`recurse.prefetch`, told what it would be told: a hit in the packet cache tells it nothing.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable
from functools import partial

from bench.week.household import DAY, HOUR, Question
from resolver.model import Answer, RRset, Source
from resolver.model import Question as DnsQuestion
from resolver.protocol import names
from resolver.recurse.prefetch import NEVER, Prefetch

CUT_TTLS = (3600, 21_600, 86_400, 86_400, 86_400)


@dataclasses.dataclass(slots=True)
class Counts:
    """What a rule came to. *waited*: queries for which servers were asked."""

    queries: int = 0
    waited: int = 0
    packets: int = 0
    renewals: int = 0
    used: int = 0
    wasted: int = 0

    def since(self, before: "Counts") -> "Counts":
        """What came after *before*."""
        both = zip(dataclasses.astuple(self), dataclasses.astuple(before), strict=True)
        return Counts(*(now - then for now, then in both))


class Off:
    """Nothing is renewed ahead of need."""

    name = "off"

    def __init__(self) -> None:
        self.now = 0.0
        self.counts = Counts()
        self.ends: dict[Question, float] = {}
        self.cuts: dict[str, tuple[float, int]] = {}
        self._open: dict[Question, float] = {}  # renewed and not used yet: from when it is of use

    def ask(self, question: Question, now: float) -> None:
        """One client's query."""
        self.now = now
        self.counts.queries += 1
        ends = self.ends.get(question, -1.0)
        if ends <= now:
            self._close(question)
            self.counts.waited += 1
            self.fetch(question)
            self.missed(question)
            return
        since = self._open.get(question)
        if since is not None and now >= since:
            del self._open[question]
            self.counts.used += 1
        self.hit(question, ends - now)

    def missed(self, question: Question) -> None:
        """Servers were asked."""

    def hit(self, question: Question, left: float) -> None:
        """It was answered from the cache, *left* seconds before it expires."""

    def fetch(self, question: Question) -> int:
        """Ask servers; how many packets that takes."""
        over = [cut for cut in cuts_of(question.name) if self._is_over(cut)]
        packets = 1 + sum(map(self.renew_cut, over))
        self.counts.packets += 1
        self.ends[question] = self.now + question.ttl
        return packets

    def renew(self, question: Question) -> int:
        """Ask servers, with no client that waits."""
        self._close(question)
        self._open[question] = max(self.ends.get(question, self.now), self.now)
        self.counts.renewals += 1
        return self.fetch(question)

    def renew_cut(self, cut: str) -> int:
        """Ask above for a zone cut: one packet."""
        ttl = DAY if "." not in cut else CUT_TTLS[sum(cut.encode()) % len(CUT_TTLS)]
        self.cuts[cut] = self.now + ttl, ttl
        self.counts.packets += 1
        return 1

    def _is_over(self, cut: str) -> bool:
        return self.cuts.get(cut, (-1.0, 0))[0] <= self.now

    def _close(self, question: Question) -> None:
        if self._open.pop(question, None) is not None:
            self.counts.wasted += 1

    def run_until(self, now: float) -> None:
        """Do what is due before *now*."""


def cuts_of(name: str) -> tuple[str, str]:
    """The zone cuts above *name*, the highest first."""
    labels = name.rstrip(".").split(".")
    return labels[-1], ".".join(labels[-2:])


class Unbound(Off):
    """A hit in the last tenth of the TTL renews."""

    name = "Unbound's rule"

    def hit(self, question: Question, left: float) -> None:
        if left <= question.ttl / 10:
            self.renew(question)


class Technitium(Off):
    """A hit within 9 s of the end renews; so does, without one, having had 30 hits in an hour.

    Who has is looked up each 5 minutes, and what is about to expire each 10 seconds.
    """

    name = "Technitium's rule"

    def __init__(self) -> None:
        super().__init__()
        self._hits: dict[Question, list[float]] = {}
        self._chosen: set[Question] = set()
        self._next = 0.0
        self._sample = 0.0

    def missed(self, question: Question) -> None:
        self._hits.setdefault(question, []).append(self.now)

    def hit(self, question: Question, left: float) -> None:
        self.missed(question)
        if left <= 9 and question.ttl >= 2:
            self.renew(question)

    def run_until(self, now: float) -> None:
        while self._next <= now:
            self.now = self._next
            if self.now >= self._sample:
                self._sample = self.now + 300
                self._choose()
            for question in self._chosen:
                if self.ends[question] - self.now <= 10:
                    self.renew(question)
            self._next += 10

    def _choose(self) -> None:
        for question, hits in list(self._hits.items()):
            self._hits[question] = recent = [at for at in hits if at > self.now - HOUR]
            if not recent:
                del self._hits[question]
        self._chosen = {question for question, hits in self._hits.items() if len(hits) >= 30}


class Ours(Off):
    """`recurse.prefetch`, and a packet cache before it."""

    name = "ours"
    is_busy = False

    def __init__(self) -> None:
        super().__init__()
        self.prefetch = Prefetch(_Clock(self))
        self.prefetch.go_by(self, ())
        self.prefetch.wake = self._wake
        self._packets: dict[Question, tuple[float, float]] = {}  # renewed once from, until
        self._by_dns: dict[DnsQuestion, Question] = {}
        self._dns: dict[Question, DnsQuestion] = {}

    @property
    def sent(self) -> int:
        return self.counts.packets

    def missed(self, question: Question) -> None:
        self._tell(question, Source.NETWORK)

    def hit(self, question: Question, left: float) -> None:
        del left
        due, until = self._packets.get(question, (NEVER, -1.0))
        if self.now < until and self.now < due:
            return
        if self.now < until:
            self._packets[question] = NEVER, until
        self._tell(question, Source.CACHE)

    def _tell(self, question: Question, source: Source) -> None:
        asked = self._dns.get(question)
        if asked is None:
            asked = DnsQuestion(names.from_text(question.name), question.rtype)
            self._dns[question], self._by_dns[asked] = asked, question
        left = int(self.ends[question] - self.now)
        told = Answer(asked, 0, (RRset(asked.qname, asked.qtype, left, ()),), sources=(source,))
        after = self.prefetch.heard(told, 0.05)
        until = self.now + min(left, HOUR)
        if self._packets.get(question, (0.0, -1.0))[1] <= self.now:
            self._packets[question] = self.now + after, until

    def _wake(self) -> None:
        self.prefetch.next_at = self.now

    def run_until(self, now: float) -> None:
        while self.prefetch.next_at <= now:
            self.now = max(self.now, self.prefetch.next_at)
            self.prefetch.tick()

    # --- what `prefetch.Renewals` wants ------------------------------------------------------

    def left(self, question: DnsQuestion, now: float) -> tuple[float, DnsQuestion]:
        return float(max(int(self.ends[self._by_dns[question]] - now), 0)), question

    def begin(self, question: DnsQuestion, done: Callable[[int], None]) -> bool:
        done(self.renew(self._by_dns[question]))
        return True

    def above(self, question: DnsQuestion, now: float) -> Iterable[Callable[..., bool]]:
        for cut in cuts_of(self._by_dns[question].name):
            ends, ttl = self.cuts[cut]
            if ends - now <= 0.2 * ttl:
                yield partial(self._renew_above, cut)

    def _renew_above(self, cut: str, done: Callable[[int], None]) -> bool:
        done(self.renew_cut(cut))
        return True

    def rtt_s(self, question: DnsQuestion) -> float:
        del question
        return 0.05

    def is_barred(self, question: DnsQuestion) -> bool:
        del question
        return False


class _Clock:
    """The model's time."""

    def __init__(self, model: Off) -> None:
        self._model = model

    def now(self) -> float:
        return self._model.now

    def wall(self) -> float:
        return self._model.now


def foresight(queries: Iterable[tuple[float, Question]], saved: float) -> float:
    """What it takes at least to save that part of the waits, knowing all that is to come.

    A wait is saved by renewing once for each TTL since its data expired: all but the last of these
    renewals are packets more. Returns their part of the packets without renewal.
    """
    ends: dict[Question, float] = {}
    unused: list[float] = []
    for at, question in queries:
        end = ends.get(question)
        if end is None or at >= end:
            unused.append(math.inf if end is None else (at - end) // question.ttl)
            ends[question] = at + question.ttl
    return sum(sorted(unused)[: round(saved * len(unused))]) / len(unused)


def run(model: Off, queries: Iterable[tuple[float, Question]]) -> Counts:
    """All of *queries*; what came of them."""
    for at, question in queries:
        model.run_until(at)
        model.ask(question, at)
    return model.counts
