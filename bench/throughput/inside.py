"""What can be measured without a network: the packet cache by size, pauses, the start."""

from __future__ import annotations

import gc
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from resolver.limits import GARBAGE_MISSES
from resolver.model import RRset
from resolver.packets.cache import PacketCache
from resolver.packets.fast_path import FastPath
from resolver.packets.options import ClientOptions
from resolver.protocol.names import from_text
from resolver.protocol.transport import Transport
from resolver.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

_SOURCE = b"\x7f\0\0\1"
_RECORD = b"\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\xc0\0\2"


def _query(at: int) -> bytes:
    label = b"name-%07d" % at
    return b"\0\1\x01\0\0\1\0\0\0\0\0\0" + bytes([len(label)]) + label + b"\x03com\0\0\1\0\1"


def _reply(query: bytes) -> bytes:
    return query[:2] + b"\x81\x80\0\1\0\2\0\0\0\0" + query[12:] + _RECORD + b"\1" + _RECORD + b"\2"


def _fill(packets: PacketCache, count: int, tick: Callable[[float], None] | None = None) -> None:
    for at in range(count):
        began = time.thread_time()
        query = _query(at)
        packets.store(query, _reply(query), transport=Transport.UDP, lifetime_s=3600)
        if tick:
            tick(time.thread_time() - began)


def _rss() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096


def sizes(*, rounds: int) -> None:
    """Hits spread evenly over 1k … 1M entries: µs each, and octets an entry.

    Only the cache's own part of a hit is timed; the socket's part does not depend on size.
    """
    print(
        "\n## Packet cache by size\n\n"
        "| entries | µs a look-up | octets an entry |\n|---:|---:|---:|"
    )
    for count in (1000, 10_000, 100_000, 1_000_000):
        before = _rss()
        packets = PacketCache(SystemClock(), max_octets=4 << 30)
        _fill(packets, count)
        octets = (_rss() - before) / count
        fast_path = FastPath(packets, Transport.UDP, ClientOptions())
        rng = random.Random(1)
        asked = [_query(rng.randrange(count)) for _ in range(100_000)]
        times = []
        for _ in range(rounds):
            fast_path.begin()
            began = time.thread_time()
            for query in asked:
                fast_path.recall(query, _SOURCE)
            times.append((time.thread_time() - began) / len(asked) * 1e6)
        print(f"| {count:,} | {statistics.median(times):.2f} | {octets:.0f} |", flush=True)


def longest_ticks() -> None:
    """CPU of the longest single step, while the caches grow and when much expires at once."""
    worst = {
        "growth to 1 M packets": 0.0,
        "store over 500k expired": 0.0,
        "RRset cache to 1 M": 0.0,
        "collecting garbage": 0.0,
    }

    class Hands:
        time = 1000.0

        def now(self) -> float:
            return self.time

        def wall(self) -> float:
            return self.time

    def noting(what: str) -> Callable[[float], None]:
        def note(spent: float) -> None:
            worst[what] = max(worst[what], spent)

        return note

    clock = Hands()
    packets = PacketCache(clock, max_octets=1 << 30)
    _fill(packets, 1_000_000, noting("growth to 1 M packets"))
    clock.time += 4000
    _fill(packets, 500_000, noting("store over 500k expired"))
    del packets
    _grow_rrsets(noting("RRset cache to 1 M"), noting("collecting garbage"))
    print("\n## Longest step, CPU\n\n| while | ms |\n|---|---:|")
    for what, spent in worst.items():
        print(f"| {what} | {spent * 1e3:.2f} |")


def _grow_rrsets(tick: Callable[[float], None], collected: Callable[[float], None]) -> None:
    """Also prints the memory of an RRset of two addresses, all indexes counted.

    Garbage is looked for as `daemon.host` does it: set aside unseen after as many RRsets as
    16,000 misses a second bring between two looks, looked through after a few.
    """
    from resolver.cache.rrset import RRsetCache  # noqa: PLC0415  # measured from before its import
    from resolver.model import Rank, Status  # noqa: PLC0415

    gc.collect()
    gc.freeze()
    gc.disable()
    cache = RRsetCache(4 << 30)
    before = _rss()
    count = 1_000_000
    zone = from_text("exam.com.")
    for at in range(count):
        owner = from_text(f"name-{at:07d}.exam.com.")
        rrset = RRset(owner, 1, 3600, (at.to_bytes(4, "big"), (at + 1).to_bytes(4, "big")))
        began = time.thread_time()
        cache.put(rrset, rank=Rank.AUTH_ANSWER, now=0.0, zone=zone, status=Status.INSECURE)
        tick(time.thread_time() - began)
        if at % 8000 in (0, GARBAGE_MISSES):
            began = time.thread_time()
            if at % 8000:
                gc.collect()
            gc.freeze()
            collected(time.thread_time() - began)
    gc.unfreeze()
    gc.enable()
    print(f"\nRRset of two A records, owner of 20 octets: {(_rss() - before) / count:.0f} octets")


def start_up_s(folder: Path, *, core: int) -> float:
    """Seconds from exec to an answer for `localhost`."""
    file = folder / "start.toml"
    file.write_text('[server]\nlisten = ["127.0.0.1:5389"]\nuser = ""\n', "utf-8")
    query = b"\0\x07\x01\0\0\1\0\0\0\0\0\0\x09localhost\0\0\1\0\1"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "resolver", "serve", "--config", str(file)]
    began = time.monotonic()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
        subprocess.Popen(["taskset", "-c", str(core), *command], env=environment) as process,
    ):
        client.connect(("127.0.0.1", 5389))
        client.settimeout(0.01)
        try:
            while time.monotonic() - began < 10:
                try:
                    client.send(query)
                    client.recv(512)
                    break
                except OSError:
                    time.sleep(0.005)
            return time.monotonic() - began
        finally:
            process.terminate()
