"""Round-trip times between cities as measured, for worlds with real geography.

Reads WonderProxy's pings of 2020-07-19 (246 cities) from the folder of test data. The resolver
stands in one city, by the seed; a self-hosted name server in another; roots, registries and
operators are anycast: the nearest of several sites answers.
"""

import csv
import gzip
import pathlib
import random

from bench.latency.latency_world import Kind, RttModel
from tests import real_data

PINGS = "rtt/wonderproxy-pings-2020-07-19-grouped.csv.gz"
SITES = {Kind.ROOT: 30, Kind.REGISTRY: 12, Kind.OPERATOR: 8, Kind.SELF: 1}
LEAST_MS = 0.5  # two sites of one city are not the same machine


def read_rows(path: pathlib.Path) -> dict[str, dict[str, float]]:
    """Average round-trip time in ms by source and destination."""
    rows: dict[str, dict[str, float]] = {}
    with gzip.open(path, "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["avg"] and row["source"] != row["destination"]:
                rows.setdefault(row["source"], {})[row["destination"]] = float(row["avg"])
    return rows


def nearest(rng: random.Random, distances: list[float], sites: int) -> float:
    """The round trip to the nearest of *sites* cities taken at random."""
    return max(LEAST_MS, min(rng.sample(distances, sites)))


def city_rtt(seed: int, data: pathlib.Path = real_data.FOLDER) -> RttModel:
    """Round-trip times as seen from one city of the data, chosen by *seed*."""
    rows = read_rows(data / PINGS)
    most = max(map(len, rows.values()))
    vantages = sorted(city for city, row in rows.items() if len(row) > most * 0.9)
    distances = list(rows[random.Random(seed).choice(vantages)].values())
    return lambda rng, kind: nearest(rng, distances, SITES[kind])
