"""Is the bound on distance one, and are *local* and *far* right? In random worlds on cities.

    python -m bench.distance             1000 worlds of either kind, some ten seconds
    python -m bench.distance --worlds N --seed N

The least round trips between 246 cities are a day's pings (RESOLVER_TEST_DATA/rtt). Cities that
light in vacuum cannot reach in the times measured are not where they are said to be: they are left
out, and named. A world is one city that asks, with an access of its own (none, DSL, LEO or GEO
satellite), and the servers of other cities; of each a few answers with some jitter are seen.

Two kinds of world. *Any*: any city; truth by kilometres: within 300 a server is not to be called
far, beyond 5000 not local. *Island*: a city from which all other countries are 800 km away, whose
own are within 500, none of it by laser; truth by country: what dies with the cable is far.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import math
import random
import statistics
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.geo.distance import FAR, LOCAL, Distances, Measured
from tests import real_data

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

EARTH_RADIUS_KM: Final = 6371.0
VACUUM_KM_PER_MS: Final = 150.0
NEAR_KM: Final = 300.0
FAR_KM: Final = 5000.0
ISLAND_KM: Final = 800.0
HOME_KM: Final = 500.0
ANSWERS: Final = (1, 30)
HOME_SHARE: Final = (0.1, 0.6)
ACCESSES: Final = {
    "wire": (0.2, 4.0),
    "DSL": (8.0, 30.0),
    "LEO": (25.0, 50.0),
    "GEO": (500.0, 650.0),
}
LASERS: Final = 0.5  # of LEO's worlds, in which the whole way goes by laser


class City(NamedTuple):
    """Where it is said to be."""

    title: str
    country: str
    latitude: float
    longitude: float


class Matrix:
    """Cities by number, and the least milliseconds of a round trip from one to the other."""

    def __init__(self, folder: Path) -> None:
        with (folder / "wonderproxy-servers-2020-07-19.csv").open(encoding="utf-8") as lines:
            self.cities = {row["id"]: _city(row) for row in csv.DictReader(lines)}
        self.rtt_ms: dict[tuple[str, str], float] = {}
        with gzip.open(folder / "wonderproxy-pings-2020-07-19-grouped.csv.gz", "rt") as lines:
            for row in csv.DictReader(lines):
                pair = row["source"], row["destination"]
                if pair[0] in self.cities and pair[1] in self.cities:
                    self.rtt_ms[pair] = float(row["min"])
        self.misplaced = [self._drop(city) for city in self._misplaced()]

    def km(self, here: str, there: str) -> float:
        """As the crow flies."""
        one, other = self.cities[here], self.cities[there]
        north, south = math.radians(one.latitude), math.radians(other.latitude)
        east = math.radians(other.longitude - one.longitude)
        half = math.sin((south - north) / 2) ** 2
        half += math.cos(north) * math.cos(south) * math.sin(east / 2) ** 2
        return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(half))

    def _misplaced(self) -> Iterator[str]:
        """Cities that others reach faster than light, the worst first, until there is none."""
        pairs = [pair for pair, ms in self.rtt_ms.items() if self.km(*pair) > VACUUM_KM_PER_MS * ms]
        while pairs:
            worst = Counter(city for pair in pairs for city in pair).most_common(1)[0][0]
            pairs = [pair for pair in pairs if worst not in pair]
            yield worst

    def _drop(self, city: str) -> str:
        self.rtt_ms = {pair: ms for pair, ms in self.rtt_ms.items() if city not in pair}
        return self.cities.pop(city).title

    def is_home(self, here: str, there: str) -> bool:
        """The same country, and not at its other end; *here* itself too."""
        is_there = there == here or (here, there) in self.rtt_ms
        is_same = self.cities[there].country == self.cities[here].country
        return is_there and is_same and self.km(here, there) <= HOME_KM

    def islands(self) -> list[str]:
        """Cities whose country is one town as it were, and far from all others."""
        found = []
        for here, city in self.cities.items():
            others = [(self.km(here, there), other) for there, other in self.cities.items()]
            abroad = min(km for km, other in others if other.country != city.country)
            home = max(km for km, other in others if other.country == city.country)
            if abroad >= ISLAND_KM and home <= HOME_KM:
                found.append(here)
        return found


def _city(row: dict[str, str]) -> City:
    return City(row["title"], row["country"], float(row["latitude"]), float(row["longitude"]))


class Server(NamedTuple):
    """One of a world: where it is, and what was measured of it."""

    city: str
    km: float
    measured: Measured


class World(NamedTuple):
    """A city that asks."""

    here: str
    access: str
    servers: list[Server]


def world(matrix: Matrix, here: str, rng: random.Random, *, has_cable: bool) -> World:
    """From 20 to 150 servers, from a tenth to three fifths of them at home, at least two.

    *has_cable*: the way abroad is not by laser, for then there is no link that could be cut.
    """
    access = rng.choice([*ACCESSES])
    access_ms = rng.uniform(*ACCESSES[access])
    by_laser = access == "LEO" and rng.random() < LASERS and not has_cable
    home = [there for there in matrix.cities if matrix.is_home(here, there)]
    abroad = [
        there for there in matrix.cities if there not in home and (here, there) in matrix.rtt_ms
    ]
    count = rng.randrange(20, 151)
    locals_ = max(2, round(rng.uniform(*HOME_SHARE) * count))
    chosen = [*rng.choices(home, k=locals_), *rng.choices(abroad, k=count - locals_)]
    servers = []
    for number, there in enumerate(chosen):
        km = matrix.km(here, there)
        ms = matrix.rtt_ms[here, there] if there != here else rng.uniform(0.2, 3.0)
        if by_laser:
            ms = max(km / VACUUM_KM_PER_MS, 0.2)
        servers.append(Server(there, km, _seen(f"s{number}", access, access_ms + ms, rng)))
    return World(here, access, servers)


def _seen(host: str, access: str, ms: float, rng: random.Random) -> Measured:
    """The least of a few answers, each later than the least possible by what waits on the way."""
    spread = 12.0 if access == "LEO" else 1.5
    answers = [ms + rng.expovariate(1 / spread) for _ in range(rng.randint(*ANSWERS))]
    deviation = statistics.fmean(abs(one - statistics.fmean(answers)) for one in answers)
    return Measured(host, min(answers), rng.paretovariate(1.2), deviation)


class Tally:
    """What was said, against what is true."""

    def __init__(self) -> None:
        self.right: Counter[str] = Counter()
        self.all: Counter[str] = Counter()
        self.below = self.servers = 0
        self.tightest = math.inf
        self.found: Counter[str] = Counter()

    def add(self, matrix: Matrix, one: World, *, is_island: bool) -> None:
        """Judge one world."""
        distances = Distances.of(server.measured for server in one.servers)
        self.found[distances.link_from] += 1
        for server in one.servers:
            rtt_ms = server.measured.rtt_ms
            bound, word = distances.bound_km(rtt_ms), distances.word(rtt_ms)
            self.servers += 1
            self.below += bound < server.km
            self.tightest = min(self.tightest, bound / max(server.km, 1.0))
            kind = f"{one.access:5}"
            if is_island:
                is_abroad = matrix.cities[server.city].country != matrix.cities[one.here].country
                self._judge(kind, (word == FAR) == is_abroad)
            elif server.km <= NEAR_KM:
                self._judge(kind, word != FAR)
            elif server.km >= FAR_KM:
                self._judge(kind, word != LOCAL)

    def _judge(self, kind: str, is_right: bool) -> None:  # noqa: FBT001
        self.all[kind] += 1
        self.right[kind] += is_right

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"  bound below the truth: {self.below} of {self.servers} servers"
        yield f"  tightest bound: {self.tightest:.2f} times the true distance"
        told, right = sum(self.all.values()), sum(self.right.values())
        yield f"  local/far right: {100 * right / told:.2f} % of {told}"
        for kind in sorted(self.all):
            yield f"    {kind}: {100 * self.right[kind] / self.all[kind]:.2f} %"
        yield "  far begins where: " + ", ".join(
            f"{one} {n}" for one, n in self.found.most_common()
        )


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    matrix = Matrix(real_data.FOLDER / "rtt")
    print(f"{len(matrix.cities)} cities; not where they are said to be: {matrix.misplaced}")
    islands = matrix.islands()
    kinds: dict[str, Sequence[str]] = {"any": [*matrix.cities], "island": islands}
    for kind, heres in kinds.items():
        rng, tally = random.Random(options.seed), Tally()
        for _ in range(options.worlds):
            one = world(matrix, rng.choice(heres), rng, has_cable=kind == "island")
            tally.add(matrix, one, is_island=kind == "island")
        print(f"{kind}: {options.worlds} worlds, {len(heres)} cities that ask")
        print("\n".join(tally.lines()))
    print("islands: " + ", ".join(matrix.cities[one].title for one in islands))


if __name__ == "__main__":
    main()
