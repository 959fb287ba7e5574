"""A second machine's first look-up of names that the first knows: what it takes, and who is asked.

One after the other, with nothing else going on; `alone` is asked for the same, for comparison.
"""

from __future__ import annotations

import select
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench.valkey.site import client
from bench.valkey.truth import ZONE
from resolver.protocol import names

if TYPE_CHECKING:
    import socket

    from bench.valkey.site import Site


@dataclass(frozen=True, slots=True)
class Found:
    """Of *count* names: ms of the second machine, and packets that it sent; *alone_ms* without."""

    count: int
    median_ms: float
    p99_ms: float
    alone_ms: float
    packets: int
    hits: int

    def __str__(self) -> str:
        return (
            f"A second machine's first look-up of {self.count} names that the first knows: median "
            f"{self.median_ms:.2f} ms, p99 {self.p99_ms:.2f} ms, {self.hits} from Redis, "
            f"{self.packets} packets to servers; "
            f"without Redis {self.alone_ms:.1f} ms, a packet each."
        )


def look_up(it: Site, *, count: int) -> Found:
    """Ask the first for *count* names, then the second, then who shares nothing."""
    wanted = [names.from_text(f"f{number}.{ZONE}") for number in range(count)]
    sockets = {daemon: client(it.here, daemon) for daemon in ("one", "two", "alone")}
    for name in (*wanted, *[names.from_text(f"w{number}.{ZONE}") for number in range(20)]):
        _asked(sockets["one"], name)
    time.sleep(1)
    for number in range(20):  # once, before it counts
        _asked(sockets["two"], names.from_text(f"w{number}.{ZONE}"))
    time.sleep(1.5)  # several workers tell of theirs each second
    before = it.counted("two")
    took = sorted(_asked(sockets["two"], name) for name in wanted)
    time.sleep(1.5)
    after = it.counted("two")
    alone = [_asked(sockets["alone"], name) for name in wanted[:100]]
    for sock in sockets.values():
        sock.close()
    return Found(
        count, median(took), took[int(0.99 * count)], median(alone),
        int(after["upstream_sent_udp_total"] - before["upstream_sent_udp_total"]),
        int(after["valkey_hits_total"] - before["valkey_hits_total"]),
    )  # fmt: skip


def _asked(sock: socket.socket, name: bytes) -> float:
    """Milliseconds. Raises RuntimeError where nobody answers."""
    begun = time.perf_counter()
    sock.send(b"\0\1\1\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1")
    if not select.select([sock], [], [], 5.0)[0]:
        raise RuntimeError(f"no answer for {names.to_text(name)}")
    sock.recv(2048)
    return (time.perf_counter() - begun) * 1000
