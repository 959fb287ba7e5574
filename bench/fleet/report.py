"""What a fleet of a shape costs, and how its figures are printed."""

import dataclasses
import math
import random
from collections.abc import Iterator, Sequence

from bench.fleet.demand import Popularity, Stratum, catchments, draw_ttl
from bench.fleet.loss import of_heir, usual
from bench.fleet.model import Machine, Seen, keeps_for, steady

RRSET_OCTETS = 508  # of the first level: `python -m bench.throughput`
FIRST_LEVEL_OCTETS = 256 << 20  # of records, as a machine of 3 GiB has by default
HIT_MS, SHARED_MS = 0.2, 0.8
EXCHANGES = ((1, 70), (2, 22), (3, 8))  # that a fetch takes, where its TLD is known
LOSS_WINDOW_S = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class Costs:
    """CPU, in microseconds: of a question answered from memory, of one fetched, of a look at the
    shared level; and the octets of an entry there."""

    hit_us: float
    fetch_us: float
    get_us: float
    entry_octets: float


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """Questions a second of all clients, over so many machines."""

    rate: float
    machines: int
    has_shared: bool


@dataclasses.dataclass(slots=True)
class Outcome:
    """Of a shape, a second: what all machines saw; *busiest* has the greatest share of it.

    *entries* of the shared level. *usual* fetches of the busiest machine and the next in the time
    that LOSS_WINDOW_S is long, and those of the next when the busiest is gone.
    """

    shape: Shape
    busiest: float
    seen: Seen
    entries: float = 0.0
    usual: float = 0.0
    after_loss: float = 0.0

    @property
    def hit_share(self) -> float:
        """Of the questions, those answered from the memory of the machine asked."""
        return 1 - (self.seen.fetched + self.seen.shared) / self.seen.asked

    def delays(self, fetches_ms: Sequence[float]) -> list[tuple[float, float]]:
        """Milliseconds, and how many questions a second take so long.

        The look at the shared level and the walk run side by side.
        """
        each = self.seen.fetched / len(fetches_ms)
        return [
            (HIT_MS, self.seen.asked * self.hit_share),
            (HIT_MS + SHARED_MS, self.seen.shared),
            *((HIT_MS + ms, each) for ms in fetches_ms),
        ]

    def quantile(self, at: float, fetches_ms: Sequence[float]) -> float:
        """Milliseconds within which the part *at* of all questions is answered."""
        seen = 0.0
        for ms, weight in sorted(self.delays(fetches_ms)):
            seen += weight
            if seen >= at * self.seen.asked:
                return ms
        return max(fetches_ms)

    def cores(self, costs: Costs) -> float:
        """Of the machine that hears most."""
        missed = self.seen.fetched + self.seen.shared
        spent = (self.seen.asked - missed) * costs.hit_us + self.seen.fetched * costs.fetch_us
        if self.shape.has_shared:
            spent += missed * costs.get_us
        return self.busiest * spent / 1e6


def fetch_delays(rtts_ms: Sequence[float], rng: random.Random, count: int = 4000) -> list[float]:
    """Milliseconds of so many fetches: each exchange with the nearest of two to four servers that
    lie anywhere. *rtts_ms*: of round trips to places of the world."""
    exchanges = rng.choices(
        [number for number, _ in EXCHANGES], [weight for _, weight in EXCHANGES], k=count
    )
    return [
        sum(min(rng.choices(rtts_ms, k=rng.randint(2, 4))) for _ in range(number))
        for number in exchanges
    ]


def judge(
    shape: Shape, popularity: Popularity, letters: Sequence[float], seed: int, places: float
) -> Outcome:
    """Play a question of each stratum. *places*: entries that a machine's first level has."""
    rng = random.Random(seed)
    drawn = [(one, draw_ttl(one.rtype, rng)) for one in popularity.strata()]
    shares = catchments(shape.machines, letters, rng)
    keeps = _keeps(shape.rate, shares, drawn, places)
    fleet = [Machine(share, keeps_s) for share, keeps_s in zip(shares, keeps, strict=True)]
    outcome = Outcome(shape, shares[0], Seen())
    for stratum, ttl in drawn:
        rate = shape.rate * stratum.share
        one = steady(rate, ttl, fleet, rng, has_shared=shape.has_shared)
        outcome.seen.add(one, stratum.names)
        outcome.entries += stratum.names * one.fetched * ttl
        if shape.machines > 1 and not shape.has_shared:
            two = [rate * share for share in shares[:2]]
            outcome.usual += stratum.names * usual(two, ttl, LOSS_WINDOW_S)
            outcome.after_loss += stratum.names * of_heir(two[0], two[1], ttl, LOSS_WINDOW_S)
    return outcome


def _keeps(
    rate: float, shares: Sequence[float], drawn: Sequence[tuple[Stratum, int]], places: float
) -> Iterator[float]:
    """For each machine, after how many seconds it forgets; one that hears within a fifth as much as
    another forgets alike, for the search is dear."""
    last, found = math.inf, 0.0
    for share in shares:
        if share < 0.8 * last:
            asked = [(one.names, rate * share * one.share, float(ttl)) for one, ttl in drawn]
            last, found = share, keeps_for(places, asked)
        yield found


HEADER = (
    "| machines | shared level | answered from memory | from the shared level | fetched a second "
    "| p50 ms | p99 ms | cores of the busiest | Valkey gets + sets a second | Valkey MiB "
    "| fetches in the minute after a loss |"
)


def row(outcome: Outcome, costs: Costs, fetches_ms: Sequence[float]) -> str:
    """One line of the table."""
    seen, shape = outcome.seen, outcome.shape
    gets = seen.fetched + seen.shared
    valkey = f"{gets + seen.fetched:,.0f}" if shape.has_shared else "–"
    memory = f"{outcome.entries * costs.entry_octets / (1 << 20):,.0f}" if shape.has_shared else "–"
    loss = f"× {outcome.after_loss / outcome.usual:.2f}" if outcome.usual else "–"
    return (
        f"| {shape.machines:,} | {'yes' if shape.has_shared else 'no'} | {outcome.hit_share:.1%} "
        f"| {seen.shared / seen.asked:.1%} | {seen.fetched:,.1f} "
        f"| {outcome.quantile(0.5, fetches_ms):.1f} | {outcome.quantile(0.99, fetches_ms):.0f} "
        f"| {outcome.cores(costs):.2f} | {valkey} | {memory} | {loss} |"
    )
