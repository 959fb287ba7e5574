"""A home's queries for some days, with its rhythm: machines, phones, and people who read pages.

Machines ask for a few names of their own at even intervals, day and night. Phones and computers ask
for the names of their makers' services, often while people are awake, seldom at night. People open
pages, in the morning and in the evening above all: mostly of their favourite sites, sometimes of
any; a page asks for the site's names and for some that many sites share. Types are A, mostly AAAA
beside it, HTTPS from browsers, some PTR. A device does not ask again what it has just been told.
"""

import dataclasses
import random
from collections.abc import Iterator, Sequence

HOUR, DAY = 3600, 86_400
A, PTR, AAAA, HTTPS = 1, 12, 28, 65
STUB_S = 60  # browsers' and phones' own caches
# TTLs of addresses and of denials, with weights: our choice, after what popular names have.
TTLS = (
    (20, 8), (30, 6), (60, 22), (120, 6), (300, 28), (600, 6), (1800, 5), (3600, 13), (86_400, 6),
)  # fmt: skip
DENIAL_TTLS = ((60, 20), (300, 25), (900, 25), (1800, 15), (3600, 15))
DENIED = {HTTPS: 0.8, AAAA: 0.4, PTR: 0.5}  # how many names have no such record
INTERVALS = (60, 60, 300, 300, 300, 900, 900, 3600)  # of machines' reports
# How much people do in each hour of the day, the most being 1.
RHYTHM = (
    0.10, 0.04, 0.02, 0.01, 0.01, 0.03, 0.20, 0.55, 0.60, 0.45, 0.40, 0.45,
    0.55, 0.50, 0.45, 0.45, 0.55, 0.70, 0.80, 0.90, 1.00, 0.95, 0.70, 0.30,
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how long its answer lasts."""

    name: str
    rtype: int
    ttl: int


class Household:
    """Who lives there, and what they ask for. *names*: those of the world, the popular first."""

    def __init__(self, seed: int, names: Sequence[str] = ()) -> None:
        self.rng = random.Random(seed)
        world = list(names) or [f"www.site{number}.example" for number in range(20_000)]
        self._world = world
        rng = self.rng
        self.machines = [(self._maker(f"machine{at}"), rng.choice(INTERVALS)) for at in range(14)]
        self.devices = [[self._maker(f"os{at % 3}-{one}") for one in range(12)] for at in range(5)]
        self.favourites = [
            world[min(int(rng.paretovariate(0.6)), len(world) - 1)] for _ in range(80)
        ]
        self.shared = [f"cdn{number}.third-party.example" for number in range(50)]
        self._questions: dict[tuple[str, int], Question] = {}

    def _maker(self, what: str) -> str:
        return f"{what}.maker{self.rng.randrange(9)}.example"

    def question(self, name: str, rtype: int) -> Question:
        """The same TTL each time: it belongs to the name, and to its denial."""
        known = self._questions.get((name, rtype))
        if known is None:
            dice = random.Random(f"{name}/{rtype}")
            denied = dice.random() < DENIED.get(rtype, 0.0)
            table = DENIAL_TTLS if denied else TTLS
            ttl = dice.choices([one for one, _ in table], [weight for _, weight in table])[0]
            known = self._questions[name, rtype] = Question(name, rtype, ttl)
        return known

    def queries(self, days: int) -> list[tuple[float, Question]]:
        """All queries, in order, with their times in seconds."""
        found = [
            *self._reports(days * DAY),
            *self._services(days * DAY),
            *self._pages(days),
        ]
        return sorted(found, key=lambda pair: pair[0])

    def _reports(self, until: float) -> Iterator[tuple[float, Question]]:
        for name, interval in self.machines:
            at = self.rng.uniform(0, interval)
            while at < until:
                yield at, self.question(name, A)
                if interval >= 300:
                    yield at + 0.01, self.question(name, AAAA)
                at += interval * self.rng.uniform(0.95, 1.05)

    def _services(self, until: float) -> Iterator[tuple[float, Question]]:
        for device in self.devices:
            for name in device:
                mean = self.rng.choice((300, 600, 1200, 3600))
                at = self.rng.expovariate(1 / mean)
                while at < until:
                    for rtype in (A, AAAA, HTTPS)[: self.rng.choice((2, 3))]:
                        yield at, self.question(name, rtype)
                    awake = max(RHYTHM[int(at // HOUR) % 24], 0.1)
                    at += self.rng.expovariate(awake / mean)

    def _pages(self, days: int) -> Iterator[tuple[float, Question]]:
        """Sittings of some pages each, on one device; its own cache keeps some queries in."""
        rng = self.rng
        for hour in range(days * 24):
            for _ in range(round(rng.gauss(8, 2) * RHYTHM[hour % 24])):
                at = hour * HOUR + rng.uniform(0, HOUR)
                told: dict[Question, float] = {}
                site = self._site()
                for _ in range(1 + int(rng.expovariate(1 / 8))):
                    if rng.random() < 0.3:
                        site = self._site()
                    for question in self._page(site):
                        if told.get(question, -STUB_S) + min(question.ttl, STUB_S) <= at:
                            told[question] = at
                            yield at + rng.uniform(0, 2), question
                    at += rng.lognormvariate(3.2, 1.0)

    def _site(self) -> str:
        """Three of four times a favourite."""
        rng = self.rng
        if rng.random() < 0.75:
            return self.favourites[min(int(rng.paretovariate(0.7)) - 1, len(self.favourites) - 1)]
        return self._world[int(len(self._world) ** rng.random()) - 1]

    def _page(self, site: str) -> Iterator[Question]:
        rng = self.rng
        parts = [site, *(f"{part}.{site}" for part in ("img", "api", "static")[: len(site) % 4])]
        parts += [
            self.shared[min(int(rng.paretovariate(0.7)) - 1, len(self.shared) - 1)]
            for _ in range(rng.randrange(8))
        ]
        for name in dict.fromkeys(parts):
            yield self.question(name, A)
            if rng.random() < 0.7:
                yield self.question(name, AAAA)
            if rng.random() < 0.4:
                yield self.question(name, HTTPS)
        if rng.random() < 0.05:
            yield self.question(f"{rng.randrange(256)}.in-addr.example", PTR)
