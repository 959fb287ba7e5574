"""A long time of TCP clients with every ending: resident memory must be flat once caches are full.

Endings: FIN, RST, half-close, in the middle of a message, of a reply, idle to the time-out, never
reading. Beside them, hits and misses of well-behaved clients.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import struct
import time
from typing import TYPE_CHECKING

from bench.attack import floods
from bench.attack.bed import GOOD, RESOLVER, Settings
from bench.attack.client import GoodClient, quantile, query
from bench.attack.streams import TXT, connect, framed, warm_big

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.attack.bed import Bed

_RESET = struct.pack("ii", 1, 0)
_KNOWN = framed(query("known.good.world"))
_BIG = framed(query("big.big.world", qtype=TXT))
FLAT_MB = 4.0
_SMALL_CACHE = 1 << 20  # full within the first two tenths: what grows later is something else


def _reset(stream: socket.socket) -> None:
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _asks(stream: socket.socket) -> None:
    stream.sendall(_KNOWN)
    stream.recv(4096)


def _asks_anew(stream: socket.socket) -> None:
    stream.sendall(framed(query(f"s{time.monotonic_ns()}.good.world")))
    stream.recv(4096)


def _resets(stream: socket.socket) -> None:
    stream.sendall(_KNOWN)
    _reset(stream)


def _resets_while_asked(stream: socket.socket) -> None:
    stream.sendall(framed(query(f"s{time.monotonic_ns()}.slow.world")))
    _reset(stream)


def _half_closes(stream: socket.socket) -> None:
    stream.sendall(_KNOWN)
    stream.shutdown(socket.SHUT_WR)
    while stream.recv(4096):
        pass


def _mid_message(stream: socket.socket) -> None:
    stream.sendall(_KNOWN[:9])


def _mid_message_reset(stream: socket.socket) -> None:
    stream.sendall(_KNOWN[:9])
    _reset(stream)


def _mid_reply(stream: socket.socket) -> None:
    stream.sendall(_BIG * 50)
    stream.recv(1000)
    _reset(stream)


def _at_once(stream: socket.socket) -> None:
    stream.shutdown(socket.SHUT_WR)


_QUICK: tuple[Callable[[socket.socket], None], ...] = (
    _asks, _asks_anew, _resets, _resets_while_asked, _half_closes,
    _mid_message, _mid_message_reset, _mid_reply, _at_once,
)  # fmt: skip


def _clients(bed: Bed, seconds: float, count: int) -> None:
    """*count* clients spread over *seconds*; some more stay open, idle or not reading."""
    lazy: list[tuple[float, socket.socket]] = []
    began = time.monotonic()
    for at in range(count):
        ahead = began + seconds * at / count - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        if (stream := connect(bed, f"198.51.100.{at % 250 + 1}")) is None:
            continue
        with contextlib.suppress(OSError):
            if at % 50 in {0, 25}:  # idle to the end, or never reading
                if at % 50:
                    stream.settimeout(0.1)
                    stream.sendall(_BIG * 100)
                lazy.append((time.monotonic() + 20, stream))
            else:
                with stream:
                    _QUICK[at % len(_QUICK)](stream)
        while lazy and lazy[0][0] < time.monotonic():
            lazy.pop(0)[1].close()


def soak(bed: Bed, seconds: float, *, clients: int, names: int) -> int:
    """Print memory every tenth of the time; 1 if it grew by more than FLAT_MB after two."""
    context = multiprocessing.get_context("fork")
    with bed.running("ours", Settings(cache=_SMALL_CACHE)) as subject:
        warm_big(bed)
        if names:
            floods.many_names(bed, names / 2500)
            print(f"{names} names asked: {subject.usage()}", flush=True)
        good = GoodClient(bed, GOOD, RESOLVER)
        work = context.Process(target=_clients, args=(bed, seconds, clients), daemon=True)
        work.start()
        sizes = []
        for _ in range(10):
            time.sleep(seconds / 10)
            usage, phase = subject.usage(), good.phase()
            sizes.append(usage.rss_mb)
            print(
                f"{usage.rss_mb:7.1f} MB, {usage.descriptors} descriptors, {usage.cpu_s:.0f} s of"
                f" CPU; hits p99 {quantile(phase.hits, 0.99):.1f} ms, misses p99"
                f" {quantile(phase.misses, 0.99):.1f} ms",
                flush=True,
            )
        work.join(30)
        good.stop()
        growth = sizes[-1] - sizes[1]
        print(f"{growth:+.1f} MB after the second tenth; alive: {subject.alive}")
        return int(growth > FLAT_MB or not subject.alive)
