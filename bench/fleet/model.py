"""One question in a fleet: how often it has to be fetched, in virtual time.

A machine is asked at random times (Poisson) and keeps the answer for its TTL, less if memory is
short. So between two fetches nothing need be played: the next is the first question after the copy
is gone. Without a shared level each machine goes through such rounds by itself. With one, a machine
takes from there what another has fetched, with what is left of its TTL, so all copies end together,
and a round is from one fetch to the next of the whole fleet. Nothing is renewed ahead of need or
told stale here: a resolver that does both fetches about as much and lets fewer wait.
"""

import dataclasses
import heapq
import itertools
import math
import random
from collections.abc import Sequence

NEVER_FORGOTTEN = 30.0  # questions to be expected within the time that memory keeps
MANY_GAPS = 50
ROUNDS = 40  # of one question on one machine
EVENTS = 3000  # of one question in a fleet with a shared level, as far as LEAST_ROUNDS allow
LEAST_ROUNDS = 3


@dataclasses.dataclass(slots=True)
class Seen:
    """What came of questions, a second: asked, fetched from authorities, from the shared level."""

    asked: float = 0.0
    fetched: float = 0.0
    shared: float = 0.0

    def add(self, other: "Seen", weight: float) -> None:
        """*weight* questions more that are like *other*."""
        self.asked += weight * other.asked
        self.fetched += weight * other.fetched
        self.shared += weight * other.shared


@dataclasses.dataclass(frozen=True, slots=True)
class Machine:
    """*share* of the questions that it hears; *keeps_s*: the seconds after which it forgets what
    nobody asked for again (infinite where memory is enough)."""

    share: float
    keeps_s: float = math.inf


class Asked:
    """One question at one machine, which hears it *rate* times a second."""

    def __init__(self, rate: float, keeps_s: float, rng: random.Random) -> None:
        self._rate = rate
        self._keeps_s = keeps_s if rate * keeps_s < NEVER_FORGOTTEN else math.inf
        self._rng = rng

    def first(self, now: float) -> float:
        """When it is asked next."""
        return now + self._rng.expovariate(self._rate)

    def missed(self, now: float, until: float) -> float:
        """The first question that finds no copy, of one taken *now* that ends at *until*."""
        lasted = now + self._life_s() if self._keeps_s < until - now else until
        if lasted >= until:
            return self.first(until)
        return self.first(lasted + self._keeps_s)

    def _life_s(self) -> float:
        """From when a copy is taken to the last question before memory forgets it.

        As many gaps that are short enough as come before one that is not; of many, their mean.
        """
        rate, keeps_s = self._rate, self._keeps_s
        forgets = math.exp(-rate * keeps_s)
        gaps = int(math.log(1 - self._rng.random()) / math.log1p(-forgets))
        if gaps > MANY_GAPS:
            return gaps * (1 / rate - keeps_s * forgets / (1 - forgets))
        short = [-math.log(1 - self._rng.random() * (1 - forgets)) / rate for _ in range(gaps)]
        return sum(short)


def alone(rate: float, ttl: float, machine: Machine, rng: random.Random) -> float:
    """How often in a second one machine by itself fetches what all ask for *rate* times."""
    here = rate * machine.share
    if machine.keeps_s >= ttl or here * machine.keeps_s >= NEVER_FORGOTTEN:
        return here / (1 + here * ttl)
    asked = Asked(here, machine.keeps_s, rng)
    now = 0.0
    for _ in range(ROUNDS):
        now = asked.missed(now, now + ttl)
    return ROUNDS / now


def together(rate: float, ttl: float, fleet: Sequence[Machine], rng: random.Random) -> Seen:
    """A fleet with a shared level, played round by round, each beginning with nobody's copy."""
    asked = [Asked(rate * one.share, one.keeps_s, rng) for one in fleet]
    now, fetched, shared = 0.0, 0, 0
    while fetched < LEAST_ROUNDS or (fetched + shared < EVENTS and fetched < EVENTS / 10):
        due = [(one.first(now), at) for at, one in enumerate(asked)]
        heapq.heapify(due)
        start, at = due[0]
        until = start + ttl
        heapq.heapreplace(due, (asked[at].missed(start, until), at))
        while due[0][0] < until:
            again, at = due[0]
            shared += 1
            heapq.heapreplace(due, (asked[at].missed(again, until), at))
        fetched += 1
        now = until
    # The last round's wait for somebody to ask is not over: it lasts 1 / rate in the mean, as each.
    return Seen(rate, fetched / now, shared / now)


def steady(
    rate: float, ttl: float, fleet: Sequence[Machine], rng: random.Random, *, has_shared: bool
) -> Seen:
    """What a question costs in the long run, asked *rate* times a second of all machines.

    Machines that forget alike hear about as much: their mean is played.
    """
    if has_shared:
        return together(rate, ttl, fleet, rng)
    fetched = 0.0
    for keeps_s, alike in itertools.groupby(fleet, key=lambda one: one.keeps_s):
        shares = [one.share for one in alike]
        if keeps_s >= ttl:
            fetched += sum(rate * share / (1 + rate * share * ttl) for share in shares)
            continue
        mean = Machine(sum(shares) / len(shares), keeps_s)
        fetched += len(shares) * alone(rate, ttl, mean, rng)
    return Seen(rate, fetched, 0.0)


def keeps_for(places: float, asked: Sequence[tuple[float, float, float]]) -> float:
    """The seconds after which a cache of *places* entries forgets what nobody asked for again.

    *asked*: how many questions, how often each is asked a second, how long it lasts. (Che, Tung and
    Wang, 2002: all entries of a cache that drops the least recently used live as long.)
    """

    def filled(keeps_s: float) -> float:
        total = 0.0
        for names, rate, ttl in asked:
            lives = rate * min(ttl, keeps_s)
            total += names * lives / (1 + lives)
        return total

    if filled(math.inf) <= places:
        return math.inf
    low, high = 1e-3, 1e7
    while high / low > 1.01:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if filled(middle) <= places else (low, middle)
    return low
