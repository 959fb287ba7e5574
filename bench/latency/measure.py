"""From outcomes and the emulator's counters to the figures of the table."""

import dataclasses
import math
import pathlib
import statistics

from bench.latency.client import Outcome
from bench.latency.latency_world import World
from bench.latency.oracle import best_path
from bench.latency.scenarios import LEAF_KINDS, Paths, State

NEAR_BEST = 1.15
LATENESS_LIMIT_US = 1000.0


@dataclasses.dataclass(frozen=True, slots=True)
class Lateness:
    """How late the emulator was, in microseconds."""

    count: int
    p50_us: float
    p99_us: float
    p999_us: float
    worst_us: float


@dataclasses.dataclass(frozen=True, slots=True)
class Sent:
    """What one resolver has sent to one address, and what became of it."""

    datagrams: int
    connections: int
    unanswerable: int
    lost: int

    @property
    def queries(self) -> int:
        """Datagrams and connection attempts: what the far end would count."""
        return self.datagrams + self.connections


@dataclasses.dataclass(frozen=True, slots=True)
class Counters:
    """The emulator's statistics file, read."""

    lateness: dict[str, Lateness]
    stray: dict[int, int]
    sent: dict[tuple[int, str], Sent]

    def is_on_time(self) -> bool:
        """Whether the run may be believed."""
        return all(late.p99_us <= LATENESS_LIMIT_US for late in self.lateness.values())


def read_counters(path: pathlib.Path) -> Counters:
    """Parse what wanem wrote."""
    counters = Counters({}, {}, {})
    for line in path.read_text().splitlines():
        kind, *rest = line.split()
        if kind == "lateness":
            counters.lateness[rest[0]] = Lateness(int(rest[1]), *map(float, rest[2:]))
        elif kind == "stray":
            counters.stray[int(rest[0])] = int(rest[1])
        else:
            udp, syn, _tcp, _icmp, _back, dead, lost = map(int, rest[2:])
            counters.sent[int(rest[0]), rest[1]] = Sent(udp, syn, dead, lost)
    return counters


def sent_between(before: Counters, after: Counters, link: int) -> dict[str, int]:
    """Queries by address that *link* has sent between two readings."""
    found: dict[str, int] = {}
    for (of_link, address), sent in after.sent.items():
        if of_link == link:
            earlier = before.sent.get((link, address))
            found[address] = sent.queries - (earlier.queries if earlier else 0)
    return found


def share_near_best(world: World, paths: Paths, sent: dict[str, int]) -> float | None:
    """Of the queries to leaf zones' servers, the share to one within 15 % of the best."""
    near = total = 0
    for servers in world.sets:
        best = best_path(servers, paths)
        if servers.kind not in LEAF_KINDS or best is None:
            continue
        for address, _ in servers.addresses():
            path = paths[address]
            total += sent.get(address, 0)
            if path.state is State.UP and path.rtt_ms <= best.rtt_ms * NEAR_BEST:
                near += sent.get(address, 0)
    return near / total if total else None


def quantile(ordered: list[float], share: float) -> float:
    """The nearest-rank quantile of an ordered list."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """One cell group of the table."""

    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    failed_percent: float
    packets_per_query: float
    near_best_percent: float | None
    took_ms: list[float]


def summarise(took_ms: list[float], failures: int, packets: int, near: float | None) -> Figures:
    """Figures of the times of one resolver in one phase."""
    ordered = sorted(took_ms)
    return Figures(
        statistics.fmean(ordered),
        quantile(ordered, 0.50),
        quantile(ordered, 0.95),
        quantile(ordered, 0.99),
        100 * failures / len(ordered),
        packets / len(ordered),
        None if near is None else 100 * near,
        [round(ms, 2) for ms in took_ms],
    )


def of_outcomes(outcomes: list[Outcome], packets: int, near: float | None) -> Figures:
    """Figures of what the stub saw."""
    failures = sum(not outcome.is_right for outcome in outcomes)
    in_order = sorted(outcomes, key=lambda outcome: outcome.sent_s)  # as the optimum's are
    return summarise([outcome.took_ms for outcome in in_order], failures, packets, near)
