"""What clients ask: how often each question, how long its answer lasts, which machine hears it.

Popularity is that of the addresses asked for in a list of real queries (nasg2013's cut of
DNS-OARC's sample of 2012; its mail servers' PTR and MX left out): the most asked HEAD names as
counted there, and below them a tail of TAIL_NAMES names that falls with a power of the rank. It is
chosen so that as many queries as the list has ask for as many different names as there. Types are
mixed as today.

Anycast does not divide evenly. Shares of machines are drawn from what the root letters had of all
their queries on the last day on which most were counted (RSSAC002).
"""

import collections
import csv
import gzip
import itertools
import math
import pathlib
import random
import typing
from collections.abc import Iterator, Sequence

from bench.week.household import AAAA, DENIAL_TTLS, DENIED, HTTPS, RHYTHM, TTLS, A

HEAD = 1000
TAIL_NAMES = 100_000_000
EVERY_OF_HEAD = 10  # beyond the first hundred, one name stands for ten
STRATA_A_DECADE = 15
TYPES = ((A, 0.6), (AAAA, 0.25), (HTTPS, 0.15))  # after data/queries: pihole-home-2024-06
# A home's 42 clients asked 134,531 times on a day (the same).
DAILY_QUERIES_A_CLIENT = 134_531 / 42
PEAK = max(RHYTHM) / (sum(RHYTHM) / len(RHYTHM))


class Stratum(typing.NamedTuple):
    """*names* questions that are asked alike: each has *share* of all queries."""

    names: float
    share: float
    rtype: int


class Popularity:
    """How queries spread over names."""

    def __init__(self, counts: Sequence[int]) -> None:
        self.asked = sum(counts)
        self.distinct = len(counts)
        self._head = [count / self.asked for count in sorted(counts, reverse=True)[:HEAD]]
        low, high = 0.05, 0.99
        while high - low > 1e-3:
            self.power = (low + high) / 2
            is_flat = self.expected_distinct(self.asked) > self.distinct
            low, high = (self.power, high) if is_flat else (low, self.power)

    @classmethod
    def read(cls, path: pathlib.Path) -> "Popularity":
        """Of a list of queries, one a line: the name and the type. Raises OSError."""
        rows = (line.lower().split() for line in path.read_text("ascii", "replace").splitlines())
        counted = collections.Counter(words[0] for words in rows if words[1:] == ["a"])
        return cls(list(counted.values()))

    def names(self) -> Iterator[tuple[float, float]]:
        """How many names have what share of the queries; the most asked first."""
        for share in self._head[:100]:
            yield 1, share
        for start in range(100, len(self._head), EVERY_OF_HEAD):
            alike = self._head[start : start + EVERY_OF_HEAD]
            yield len(alike), sum(alike) / len(alike)
        rest = 1 - self.power
        decades = math.log10(TAIL_NAMES / HEAD)
        pieces = round(decades * STRATA_A_DECADE)
        edges = [HEAD * 10 ** (decades * at / pieces) for at in range(pieces + 1)]
        whole = TAIL_NAMES**rest - HEAD**rest
        for low, high in itertools.pairwise(edges):
            mass = (1 - sum(self._head)) * (high**rest - low**rest) / whole
            yield high - low, mass / (high - low)

    def strata(self) -> Iterator[Stratum]:
        """All questions; together they have all queries."""
        for names, share in self.names():
            for rtype, part in TYPES:
                yield Stratum(names, share * part, rtype)

    def expected_distinct(self, queries: int) -> float:
        """How many names that many queries would ask for."""
        return sum(names * -math.expm1(-share * queries) for names, share in self.names())


def draw_ttl(rtype: int, rng: random.Random) -> int:
    """Seconds for which an answer lasts, or a denial: the tables of `bench.week`."""
    table = DENIAL_TTLS if rng.random() < DENIED.get(rtype, 0.0) else TTLS
    return rng.choices([ttl for ttl, _ in table], [weight for _, weight in table])[0]


def peak_rate(clients: float) -> float:
    """Queries a second of so many clients in the busiest hour of a day."""
    return clients * DAILY_QUERIES_A_CLIENT / 86_400 * PEAK


def letters_shares(folder: pathlib.Path) -> list[float]:
    """What each root letter had of all queries over UDP, on the last day that most were counted.

    *folder* has a table of days for each letter. Raises OSError.
    """
    days: dict[str, list[int]] = collections.defaultdict(list)
    for path in sorted(folder.glob("*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                count = int(row["queriesUDP_IPV4"]) + int(row["queriesUDP_IPV6"])
                days[row["#date"]].append(count)
    most = max(len(counts) for counts in days.values())
    counts = days[max(day for day, counts in days.items() if len(counts) >= most - 1)]
    return [count / sum(counts) for count in counts]


def catchments(machines: int, letters: Sequence[float], rng: random.Random) -> list[float]:
    """Shares of so many machines, the largest first: as uneven as the letters'."""
    if machines == 1:
        return [1.0]
    drawn = [rng.choice(letters) * rng.uniform(0.8, 1.25) for _ in range(machines)]
    return sorted((one / sum(drawn) for one in drawn), reverse=True)
