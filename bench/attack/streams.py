"""Attacks over TCP, each a function that works for some seconds and returns a remark."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from typing import TYPE_CHECKING

from bench.attack.bed import ATTACKER, METRICS, RESOLVER
from bench.attack.client import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.attack.bed import Bed

_LINGER_NOT = struct.pack("ii", 1, 0)
TXT = 16


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def connect(
    bed: Bed, source: str, to: tuple[str, int] = (RESOLVER, 53), *, buffer: int = 0
) -> socket.socket | None:
    """A connection, or None if it is refused or takes over two seconds."""
    stream = bed.place.socket(socket.AF_INET, socket.SOCK_STREAM)
    if buffer:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    stream.settimeout(2.0)
    try:
        stream.bind((source, 0))
        stream.connect(to)
    except OSError:
        stream.close()
        return None
    return stream


def ask(stream: socket.socket, data: bytes) -> bytes:
    """The reply to one query, b"" if none comes within the stream's time-out."""
    with contextlib.suppress(OSError), stream.makefile("rb") as octets:
        stream.sendall(framed(data))
        return octets.read(int.from_bytes(octets.read(2), "big"))
    return b""


def warm_big(bed: Bed) -> None:
    """Have the 60 kB answer cached."""
    if stream := connect(bed, ATTACKER):
        with stream:
            stream.settimeout(5.0)
            ask(stream, query("big.big.world", qtype=TXT))


def each_turn(seconds: float) -> Iterator[float]:
    """Time left, until there is none."""
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        yield left


def unread(bed: Bed, seconds: float, *, asked: Callable[[int], bytes]) -> str:
    """32 connections pipeline queries for big answers and read nothing; 540 queries each, anew."""
    sent = dropped = 0
    streams: list[socket.socket] = []
    for _ in each_turn(seconds):
        while len(streams) < 32:
            stream = connect(bed, ATTACKER, buffer=4096)
            if stream is None:
                break
            stream.settimeout(0.2)
            streams.append(stream)
            with contextlib.suppress(OSError):
                octets = b"".join(asked(len(streams) * 1000 + at) for at in range(540))
                sent += stream.send(octets)
        time.sleep(0.1)
        for stream in list(streams):
            if _is_closed(stream):
                dropped += 1
                streams.remove(stream)
                stream.close()
    for stream in streams:
        stream.close()
    return f"{sent / 1000:.0f} kB sent, {dropped} connections closed on us"


def _is_closed(stream: socket.socket) -> bool:
    """True once the peer has reset it; what lies there to be read stays unread."""
    return stream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0 or _state(stream) != 1


def _state(stream: socket.socket) -> int:
    return stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def unread_hits(bed: Bed, seconds: float) -> str:
    warm_big(bed)
    return unread(
        bed, seconds, asked=lambda at: framed(query("big.big.world", qtype=TXT, number=at & 0xFFFF))
    )


def unread_misses(bed: Bed, seconds: float) -> str:
    stamp = time.monotonic_ns()
    return unread(
        bed, seconds, asked=lambda at: framed(query(f"b{at}-{stamp}.big.world", qtype=TXT))
    )


def reset(bed: Bed, seconds: float) -> str:
    """Connect, ask, reset: as fast as it goes."""
    count = 0
    data = framed(query("known.good.world"))
    for _ in each_turn(seconds):
        stream = connect(bed, ATTACKER)
        if stream is None:
            continue
        count += 1
        with contextlib.suppress(OSError):
            stream.send(data)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        stream.close()
    return f"{count} clients"


def hits(bed: Bed, seconds: float) -> str:
    """32 connections keep asking for a small cached answer, as fast as it comes, pipelined."""
    octets = framed(query("known.good.world")) * 200
    streams = [stream for _ in range(32) if (stream := connect(bed, ATTACKER))]
    read = 0
    for stream in streams:
        stream.settimeout(0.0)
    for _ in each_turn(seconds):
        for stream in streams:
            with contextlib.suppress(OSError):
                stream.send(octets)
            with contextlib.suppress(OSError):
                read += len(stream.recv(1 << 20))
        time.sleep(0.001)
    for stream in streams:
        stream.close()
    return f"{read / 1e6:.0f} MB of replies read"


def misses(bed: Bed, seconds: float) -> str:
    """32 connections, 100 new names each at a time."""
    streams = [stream for _ in range(32) if (stream := connect(bed, ATTACKER))]
    number = sent = 0
    stamp = time.monotonic_ns()
    for stream in streams:
        stream.settimeout(0.0)
    for _ in each_turn(seconds):
        for stream in streams:
            number += 1
            octets = b"".join(
                framed(query(f"t{number}-{at}-{stamp}.good.world")) for at in range(100)
            )
            with contextlib.suppress(OSError):
                sent += stream.send(octets) // 36
            with contextlib.suppress(OSError):
                stream.recv(1 << 20)
        time.sleep(0.01)
    for stream in streams:
        stream.close()
    return f"about {sent} names asked"


def idle(bed: Bed, seconds: float) -> str:
    """500 connections of 250 addresses that say nothing; a new one for each that is closed."""
    return _hold(bed, seconds, 500, b"", lambda at: f"198.51.100.{at % 250 + 1}")


def slow(bed: Bed, seconds: float) -> str:
    """Slowloris: 500 connections, one octet of a message now and then."""
    return _hold(bed, seconds, 500, b"\0", lambda at: f"198.51.100.{at % 250 + 1}")


def few_descriptors(bed: Bed, seconds: float) -> str:
    """90 idle connections of one address, at a resolver that may have 64 open files."""
    return _hold(bed, seconds, 90, b"", lambda _: ATTACKER)


def _hold(bed: Bed, seconds: float, count: int, octets: bytes, source: Callable[[int], str]) -> str:
    streams: dict[int, socket.socket] = {}
    opened = 0
    for _ in each_turn(seconds):
        for at in range(count):
            known = streams.get(at)
            if known is not None and _state(known) != 1:
                known.close()
                del streams[at]
            if at not in streams:
                stream = connect(bed, source(at))
                if stream is None:
                    break
                opened += 1
                streams[at] = stream
            if octets:
                with contextlib.suppress(OSError):
                    streams[at].send(octets)
        time.sleep(0.5)
    for stream in streams.values():
        stream.close()
    return f"{opened} connections opened, {len(streams)} open at the end"


def scrapers(bed: Bed, seconds: float) -> str:
    """600 connections to the metrics port that say nothing; then one real scrape."""
    streams = [stream for _ in range(600) if (stream := connect(bed, ATTACKER, METRICS))]
    time.sleep(max(0.0, seconds - 3))
    answered = False
    if stream := connect(bed, ATTACKER, METRICS):
        with contextlib.suppress(OSError), stream:
            stream.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            answered = stream.recv(100).startswith(b"HTTP/1.1 200")
    is_open = sum(_state(each) == 1 for each in streams)
    for each in streams:
        each.close()
    worked = "works" if answered else "FAILS"
    return f"{len(streams)} connected, {is_open} held; a real scrape {worked}"
