"""dnsperf as the load: query files, one run, and what it cost the server."""

from __future__ import annotations

import itertools
import random
import re
import socket
import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bench.throughput.contestants import Peer

DIG_COOKIE = ["-E", "10:0102030405060708"]
DNSSEC_OK = ["-D"]
MISSES = {"full answers": "f", "minimal answers": "m"}  # first letters, as responder.c goes by them


@dataclass(frozen=True, slots=True)
class Cost:
    """One run: CPU microseconds a query, queries a second, and what came back."""

    cpu_us: float
    per_second: float
    completed: int
    lost: int
    latency_ms: float


def names_file(folder: Path, name: str, lines: Iterable[str]) -> Path:
    path = folder / name
    path.write_text("".join(line + "\n" for line in lines), "utf-8")
    return path


def plain(count: int, prefix: str = "n") -> list[str]:
    return [f"{prefix}{at}.example.com A" for at in range(count)]


def mixed_case(count: int, *, seed: int = 1) -> list[str]:
    """0x20: the same names, each spelled in four ways."""
    return respelled(plain(count) * 4, seed=seed)


def respelled(lines: list[str], *, seed: int = 1) -> list[str]:
    """The same questions, each letter of a name in either case."""
    rng = random.Random(seed)

    def spell(text: str) -> str:
        return "".join(rng.choice((letter.lower(), letter.upper())) for letter in text)

    return [f"{spell(name)} {qtype}" for name, qtype in map(str.split, lines)]


def shuffled(lines: list[str], *, seed: int = 1) -> list[str]:
    return random.Random(seed).sample(lines, len(lines))


def zipf(distinct: int, length: int, *, seed: int = 1) -> list[str]:
    """Names by popularity 1/rank."""
    rng = random.Random(seed)
    weights = list(itertools.accumulate(1 / rank for rank in range(1, distinct + 1)))
    chosen = rng.choices(range(distinct), cum_weights=weights, k=length)
    return [f"n{at}.example.com A" for at in chosen]


def run(
    peer: Peer,
    file: Path,
    *,
    core: int,
    seconds: float = 3,
    passes: int | None = None,
    rate: int | None = None,
    outstanding: int = 100,
    options: list[str] | None = None,
    clients: int = 8,
    settle_s: float = 0.0,
) -> Cost:
    """Ask *peer* what *file* says, from *core*. *passes* through the file, or *seconds*.

    What it does in *settle_s* seconds after the last answer is counted with it.
    """
    command = ["taskset", "-c", str(core), "dnsperf", "-s", "127.0.0.1", "-p", str(peer.port)]
    command += ["-d", str(file), "-c", str(clients), "-q", str(outstanding)]
    command += ["-n", str(passes)] if passes else ["-l", str(seconds)]
    command += ["-Q", str(rate)] if rate else []
    before = peer.cpu_s()
    finished = subprocess.run(
        [*command, *(options or [])], capture_output=True, text=True, check=True
    )
    time.sleep(settle_s)
    spent = peer.cpu_s() - before
    return _read(finished.stdout, spent)


def hit_latencies_ms(peer: Peer, *, seconds: float) -> list[float]:
    """Ask for one cached name every 5 ms; the round trips, a lost one as infinity. Blocking."""
    query = b"\0\x07\x01\0\0\1\0\0\0\0\0\0\x05ready\x07example\x03com\0\0\1\0\1"
    taken: list[float] = []
    ends = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", peer.port))
        client.settimeout(1)
        while time.monotonic() < ends:
            began = time.monotonic()
            try:
                client.send(query)
                client.recv(512)
                taken.append((time.monotonic() - began) * 1e3)
            except OSError:
                taken.append(float("inf"))
            time.sleep(0.005)
    return sorted(taken)


def _read(text: str, spent_s: float) -> Cost:
    def number(pattern: str) -> float:
        found = re.search(pattern, text)
        return float(found.group(1)) if found else 0.0

    completed = int(number(r"Queries completed:\s+(\d+)"))
    return Cost(
        cpu_us=spent_s / max(completed, 1) * 1e6,
        per_second=number(r"Queries per second:\s+([\d.]+)"),
        completed=completed,
        lost=int(number(r"Queries lost:\s+(\d+)")),
        latency_ms=number(r"Average Latency \(s\):\s+([\d.]+)") * 1e3,
    )


def median(costs: list[Cost]) -> Cost:
    """The run in the middle by CPU, with the losses of all."""
    ordered = sorted(costs, key=lambda cost: cost.cpu_us)
    middle = ordered[len(ordered) // 2]
    cpu = statistics.median(cost.cpu_us for cost in costs)
    lost = sum(cost.lost for cost in costs)
    return Cost(cpu, middle.per_second, middle.completed, lost, middle.latency_ms)
