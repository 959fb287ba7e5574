"""`python -m bench.waiting`: what a hit waits for while ten thousand questions wait for nobody.

A thousand zones whose servers are silent: a socket each that nobody reads. The crowd, 64 networks,
asks `--count` of their names within `--asking` seconds; then all wait. Another client asks for one
known name `--rate` times a second, at even intervals, before, meanwhile and then.

A resolver at a time, each made to hold as many as it can. How many really wait is seen from
outside: who is replied to after a moment was waiting at that moment. Those that nobody replied to
within `--patience` are told apart: they wait still, or were dropped.

Each on one processor, without validation, in a namespace; the clients have another one. Needs root
and iproute2; a machine that does nothing else, for what is measured is when a process comes to run.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.attack.client import quantile
from bench.common import peers, processes
from bench.waiting import authority, clients
from bench.waiting.clients import Asked, Client, Hit
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ZONES = 1000
NAMES = ("ours", "unbound", "kresd", "pdns", "named")
HEADER = (
    "resolver", "waiting, first and last", "replied at once", "never", "hits quiet",
    "while they come", "while they wait", "lost", "CPU s", "µs a question",
)  # fmt: skip
_EXTRA = {
    "ours": """server.allow_from = ["0.0.0.0/0"]
server.user = ""
memory = 2147483648
outgoing.do_not_query_localhost = false
root.prime = false
cache.persist = false""",
    "unbound": """access-control: 0.0.0.0/0 allow
num-threads: 1
module-config: "iterator"
do-not-query-localhost: no
num-queries-per-thread: 16384
outgoing-range: 19000
so-rcvbuf: 8m""",
    "kresd": "",
    "pdns": """allow-from=0.0.0.0/0
dont-query=
threads=1
max-mthreads=16384
network-timeout=9000
server-down-max-fails=0
non-resolving-ns-max-fails=0
max-total-msec=20000""",
    "named": """recursive-clients 20000;
clients-per-query 0;
fetches-per-zone 0;
fetches-per-server 0;""",
}


class Times(NamedTuple):
    """Of the clock: the crowd begins, has asked, and is looked at no more."""

    began: float
    asked: float
    ended: float


def main() -> int:
    arguments = _arguments()
    if reason := netns.missing():
        print(f"waiting: {reason}", file=sys.stderr)
        return 2
    print(f"{time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.1f}\n")
    print("| " + " | ".join(HEADER) + " |")
    print("|" + "---|" * len(HEADER), flush=True)
    for name in peers.present(arguments.resolvers):
        with _placed(arguments.zones) as (place, folder), _running(name, place, folder) as program:
            print(
                f"| {name} | " + " | ".join(_measure(place, program, arguments)) + " |", flush=True
            )
    return 0


def _measure(
    place: netns.Namespace, program: netns.Program, arguments: argparse.Namespace
) -> list[str]:
    first = min(os.sched_getaffinity(0))
    for pid in processes.family(program.process.pid):
        os.sched_setaffinity(pid, {first})
    others = os.sched_getaffinity(0) - {first} or {first}
    os.sched_setaffinity(0, others)
    crowd = Client(partial(clients.wait, place, arguments.count, arguments.asking, arguments.zones))
    hitting = Client(partial(clients.ask_hits, place, arguments.rate))
    try:
        time.sleep(2.0)
        hitting.pipe.send("what came first does not count")
        hitting.pipe.recv()
        time.sleep(arguments.quiet)
        spent, began = _cpu_s(program), time.monotonic()
        crowd.pipe.send("ask")
        time.sleep(arguments.asking)
        asked_at = time.monotonic()
        time.sleep(arguments.waiting)
        times = Times(began, asked_at, time.monotonic())
        spent = _cpu_s(program) - spent
        time.sleep(clients.LOST_S)
        hitting.pipe.send("tell")
        hits: list[Hit] = hitting.pipe.recv()
        time.sleep(arguments.patience)
        crowd.pipe.send("tell")
        return cells(hits, crowd.pipe.recv(), times, spent)
    finally:
        hitting.end()
        crowd.end()
        os.sched_setaffinity(0, {first, *others})


def _cpu_s(program: netns.Program) -> float:
    return sum(map(processes.cpu_s, processes.family(program.process.pid)))


def cells(hits: Sequence[Hit], crowd: Sequence[Asked], times: Times, cpu_s: float) -> list[str]:
    """One row, without the name."""
    quiet = [hit for hit in hits if hit.at < times.began]
    coming = [hit for hit in hits if times.began <= hit.at < times.asked]
    waiting = [hit for hit in hits if times.asked <= hit.at < times.ended]
    lost = sum(hit.took_s == math.inf for hit in (*coming, *waiting))
    return [
        f"{held(crowd, times.asked)}, {held(crowd, times.ended)}",
        f"{sum(one.until < times.asked for one in crowd)}",
        f"{sum(one.until == math.inf for one in crowd)}",
        *map(_told, (quiet, coming, waiting)),
        f"{lost}",
        f"{cpu_s:.1f}",
        f"{1e6 * cpu_s / max(len(crowd), 1):.0f}",
    ]


def held(crowd: Sequence[Asked], at: float) -> int:
    """How many waited at that moment, and were replied to later."""
    return sum(one.at <= at < one.until < math.inf for one in crowd)


def _told(hits: Sequence[Hit]) -> str:
    """p50 and p99 in milliseconds, of how many."""
    times = [1e3 * hit.took_s for hit in hits]
    return f"{quantile(times, 0.5):.2f}–{quantile(times, 0.99):.2f} ({len(times)})"


@contextlib.contextmanager
def _placed(zones: int) -> Iterator[tuple[netns.Namespace, Path]]:
    netns.sweep()
    with (
        tempfile.TemporaryDirectory(prefix="waiting-") as directory,
        netns.namespace("waiting") as place,
    ):
        addresses = (authority.ROOT, clients.RESOLVER[0], clients.GOOD)
        place.ip(
            *(f"addr add {each}/32 dev lo" for each in addresses),
            "route add local 198.18.0.0/15 dev lo",
            f"route add local {authority.SILENT} dev lo",
        )
        root = place.spawn(
            sys.executable, "-m", "bench.waiting.authority", str(zones),
            log=Path(directory) / "authority.log", cwd=peers.PROJECT,
        )  # fmt: skip
        netns.wait_for([(place, authority.ROOT, 53)], programs=[root], patience_s=90.0)
        yield place, Path(directory)


@contextlib.contextmanager
def _running(name: str, place: netns.Namespace, folder: Path) -> Iterator[netns.Program]:
    hints = peers.write_hints(folder / "hints", [("ns.world.", [authority.ROOT])])
    setup = peers.Setup(
        directory=folder, hints=hints, addresses=(clients.RESOLVER[0],), extra=_EXTRA[name]
    )
    program = peers.start(name, setup, place)
    try:
        yield program
    finally:
        program.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.waiting", description=__doc__)
    parser.add_argument("--resolvers", nargs="+", default=NAMES)
    parser.add_argument("--count", type=int, default=10_000, help="that wait (default 10000)")
    parser.add_argument("--zones", type=int, default=ZONES, help="of theirs (default 1000)")
    parser.add_argument("--rate", type=int, default=1000, help="hits a second (default 1000)")
    parser.add_argument("--quiet", type=float, default=4.0, help="seconds before (default 4)")
    parser.add_argument("--asking", type=float, default=4.0, help="seconds (default 4)")
    parser.add_argument("--waiting", type=float, default=4.0, help="seconds then (default 4)")
    parser.add_argument("--patience", type=float, default=20.0, help="seconds then (default 20)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
