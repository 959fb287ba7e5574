"""What a drill costs: seconds for as many names as it takes, and what clients feel of it."""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.drill.house import country
from resolver.cli.control_session import Session
from resolver.limits import DRILL_NAMES
from resolver.protocol import names
from resolver.protocol.codes import Flag, RRType
from resolver.protocol.wire import build_query

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE, SECONDS = 1000, 20.0
PAUSE_S = 1.0  # between two drills: more than anybody asks for
_PATIENCE_S = 15.0


def measure(pause_s: float = PAUSE_S) -> dict[str, Any]:
    """All of it, for one daemon on loopback; *pause_s* from one drill to the next."""
    wanted = [asked.qname for asked in country().names[:DRILL_NAMES]]
    with tempfile.TemporaryDirectory(prefix="drill-") as folder, _house(folder) as port:
        for name in wanted:
            _ask(port, name)
        quiet = _hits(port, wanted)
        load = _load(port, wanted)
        with Session(Path(folder, "control")) as session:
            before = _sent(session)
            drills, begun = list[tuple[float, dict[str, Any]]](), time.monotonic()
            while time.monotonic() - begun < SECONDS:
                drills.append(_drill(session))
                time.sleep(pause_s)
            sent = _sent(session) - before
        loaded = json.loads(load.communicate(timeout=60)[0])
    report = drills[0][1]
    return {
        "names": report["names"],
        "drills": len(drills),
        "seconds": round(statistics.median(took for took, _ in drills), 2),
        "worst_seconds": round(max(took for took, _ in drills), 2),
        "cpu_s": round(report["cpu_s"], 2),
        "peak_mib": round(report["peak_octets"] / 2**20),
        "packets": sent,
        "quiet": quiet,
        "loaded": loaded,
        "verdict": report["verdict"],
    }


@contextmanager
def _house(folder: str) -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    command = [sys.executable, "-m", "bench.drill.house", str(port), folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        while not Path(folder, "control").exists():
            time.sleep(0.1)
        time.sleep(2)
        try:
            yield port
        finally:
            process.terminate()


def _ask(port: int, name: str) -> float:
    query = build_query(id=7, qname=names.from_text(name), qtype=RRType.A, flags=Flag.RD)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_PATIENCE_S)
        begun = time.perf_counter()
        sock.sendto(query, ("127.0.0.1", port))
        sock.recv(4096)
        return time.perf_counter() - begun


def _load(port: int, wanted: list[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.drill.cost", str(port), *wanted[:20]]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def _hits(port: int, wanted: list[str]) -> dict[str, float]:
    found: dict[str, float] = json.loads(_load(port, wanted).communicate(timeout=60)[0])
    return found


def _sent(session: Session) -> int:
    counters = session.ask("stats")["counters"]
    return sum(int(counters[name]) for name in counters if name in _SENT)


_SENT = ("upstream_sent_udp_total", "upstream_sent_tcp_total")


def _drill(session: Session) -> tuple[float, dict[str, Any]]:
    begun = time.perf_counter()
    items = list(session.stream("drill", far_ms=60.0))
    took = time.perf_counter() - begun
    return took, next(item["report"] for item in items if "report" in item)


def _percentiles(port: int, wanted: list[str]) -> dict[str, float]:
    """Milliseconds of hits, RATE a second for SECONDS."""
    took, begun, number = list[float](), time.monotonic(), 0
    while time.monotonic() - begun < SECONDS:
        took.append(1000 * _ask(port, wanted[number % len(wanted)]))
        number += 1
        time.sleep(max(0.0, begun + number / RATE - time.monotonic()))
    took.sort()
    return {
        "hits": len(took),
        "p50_ms": round(took[len(took) // 2], 3),
        "p99_ms": round(took[len(took) * 99 // 100], 3),
        "max_ms": round(took[-1], 1),
    }


if __name__ == "__main__":
    print(json.dumps(_percentiles(int(sys.argv[1]), sys.argv[2:])))
