"""Attacks over UDP, and from the authority's side, each a function that returns a remark."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import socket
import time
from typing import TYPE_CHECKING

from bench.attack.bed import ATTACKER, RESOLVER
from bench.attack.client import query
from bench.attack.streams import TXT, ask, connect

if TYPE_CHECKING:
    from bench.attack.bed import Bed

SO_RCVBUFFORCE = 33
_OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
_COOKIE = b"\0\0\x29\x04\xd0\0\0\0\0\0\x0c\0\x0a\0\x08attacker"


def _udp(bed: Bed, source: str = ATTACKER) -> socket.socket:
    sock = bed.place.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
    sock.bind((source, 0))
    sock.connect((RESOLVER, 53))
    return sock


def _flood(bed: Bed, seconds: float, *, rate: int, zone: str, qtype: int = 1) -> tuple[int, int]:
    """New names of *zone* at *rate* a second; how many were sent, and answered with data."""
    began = time.monotonic()
    stamp = time.monotonic_ns()
    sent = good = 0
    with _udp(bed) as sock:
        sock.settimeout(0.0)
        while (now := time.monotonic() - began) < seconds + 2:
            while sent < min(now, seconds) * rate:
                name = f"u{sent}-{stamp}.{zone}.world"
                with contextlib.suppress(OSError):
                    sock.send(query(name, qtype=qtype, number=sent & 0xFFFF, extra=_OPT))
                sent += 1
            with contextlib.suppress(OSError):
                while True:
                    good += sock.recv(4096)[3] & 15 == 0
            select.select([sock], [], [], 0.002)
    return sent, good


def misses(bed: Bed, seconds: float) -> str:
    """Names that nobody asked before, 1,000 a second ("water torture", all of them exist)."""
    sent, good = _flood(bed, seconds, rate=1000, zone="good")
    return f"{good} of {sent} answered"


def random_names(bed: Bed, seconds: float) -> str:
    """New names from all over one /24, as fast as they can be sent: ten times what is answered."""
    socks = [_udp(bed, f"198.51.100.{last}") for last in range(1, 255, 4)]
    for sock in socks:
        sock.setblocking(False)  # noqa: FBT003
    sample = query("u00000000-0000.good.world", extra=_OPT)
    head, tail = sample[:14], sample[14 + 8 :]
    began, sent, answered = time.monotonic(), 0, 0
    rng = random.Random(began)
    while (now := time.monotonic()) < began + seconds:
        if sent > (now - began) * 40_000:
            time.sleep(0.0005)
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.send(head + b"%08x" % rng.getrandbits(32) + tail)
            sent += 1
        with contextlib.suppress(OSError):
            for sock in socks:
                answered += not sock.recv(4096)[2] & 2
    for sock in socks:
        sock.close()
    return f"{sent / seconds:.0f} a second sent; {answered} replies read"


def silent_zone(bed: Bed, seconds: float) -> str:
    """The same of a zone whose servers are dead."""
    sent, good = _flood(bed, seconds, rate=1000, zone="silent")
    return f"{good} of {sent} answered with data"


def bomb(bed: Bed, seconds: float) -> str:
    """DNSBomb: 500 questions a second whose answers the authority holds back for 1.4 s.

    A resolver that lets them all out at once is a cannon; said is the most within 100 ms.
    """
    stamp = time.monotonic_ns()
    began = time.monotonic()
    arrived: list[tuple[float, int]] = []
    sent = 0
    with _udp(bed) as sock:
        sock.settimeout(0.0)
        while (now := time.monotonic() - began) < seconds:
            if now < min(seconds - 2, 1.4) and sent < now * 1500:
                name = f"x{sent}-{stamp}.bomb.world"
                with contextlib.suppress(OSError):
                    sock.send(query(name, qtype=TXT, number=sent & 0xFFFF, extra=_OPT))
                sent += 1
            with contextlib.suppress(OSError):
                while True:
                    arrived.append((time.monotonic(), len(sock.recv(4096))))
            select.select([sock], [], [], 0.0005)
    most = max((_within(arrived, at, 0.1) for at in range(len(arrived))), default=0)
    return f"{sent} asked, {len(arrived)} replies, at most {most / 1000:.0f} kB in 100 ms"


def _within(arrived: list[tuple[float, int]], at: int, span_s: float) -> int:
    total = 0
    for when, octets in arrived[at:]:
        if when > arrived[at][0] + span_s:
            break
        total += octets
    return total


def cache_flush(bed: Bed, seconds: float) -> str:
    """Each question leads to 1,500 new nameserver names: do they drive the popular out?"""
    stamp = time.monotonic_ns()
    sent, began = 0, time.monotonic()
    with _udp(bed) as sock:
        sock.settimeout(0.0)
        while (now := time.monotonic() - began) < seconds:
            if sent < now * 50:
                sock.send(query(f"a.f{sent}-{stamp}.flush.world", extra=_OPT, number=sent & 0xFFFF))
                sent += 1
            with contextlib.suppress(OSError):
                sock.recv(4096)
            time.sleep(0.001)
        sock.settimeout(None)
        sock.settimeout(1.0)
        began = time.monotonic()
        with contextlib.suppress(OSError):
            sock.send(query("known.good.world", number=0xFFFE))
            while sock.recv(4096)[:2] != b"\xff\xfe":
                pass
            return f"{sent} asked; the popular name after {1e3 * (time.monotonic() - began):.1f} ms"
    return f"{sent} asked; the popular name is gone"


def odd_packets(bed: Bed, seconds: float) -> str:
    """Real queries with a few octets changed or cut, over UDP, 2,000 a second."""
    rng = random.Random(1)
    sent = answered = 0
    seeds = (query("known.good.world"), query("x.good.world", extra=_OPT + _OPT), b"", bytes(12))
    began = time.monotonic()
    with _udp(bed) as sock:
        sock.settimeout(0.0)
        while (now := time.monotonic() - began) < seconds:
            while sent < now * 2000:
                packet = bytearray(rng.choice(seeds) + rng.randbytes(rng.choice((0, 0, 0, 9))))
                for _ in range(rng.randint(0, 4)):
                    if packet:
                        packet[rng.randrange(len(packet))] = rng.randrange(256)
                with contextlib.suppress(OSError):
                    sock.send(packet[: rng.randint(0, len(packet))] if sent % 3 == 0 else packet)
                sent += 1
            with contextlib.suppress(OSError):
                while sock.recv(4096):
                    answered += 1
            time.sleep(0.001)
    return f"{sent} packets, {answered} replies"


def spoofed_network(bed: Bed, seconds: float) -> str:
    """Somebody forges a /24 at a resolver with a rate limit; what is left to who lives there?"""
    victim = "198.51.100.7"
    tcp = cookie = tried = 0
    option = _cookie_of(bed, victim)
    began = time.monotonic()
    forged = [_udp(bed, f"198.51.100.{at}") for at in range(20, 120)]
    for sock in forged:
        sock.settimeout(0.0)
    sent = 0
    looked_at = began
    while (now := time.monotonic()) < began + seconds:
        while sent < (now - began) * 2000:
            with contextlib.suppress(OSError):
                forged[sent % len(forged)].send(query("known.good.world"))
            sent += 1
        if now > looked_at + 0.2:
            looked_at = now
            tried += 1
            tcp += _over_tcp(bed, victim)
            cookie += _with_cookie(bed, victim, option)
        time.sleep(0.001)
    for sock in forged:
        sock.close()
    return f"of {tried} tries by a client of that /24: {tcp} over TCP, {cookie} with its cookie"


def _cookie_of(bed: Bed, source: str) -> bytes:
    """The whole OPT with the server's cookie for *source*, as its next query has it."""
    with _udp(bed, source) as sock:
        sock.settimeout(1.0)
        with contextlib.suppress(OSError):
            sock.send(query("known.good.world", extra=_COOKIE))
            reply = sock.recv(4096)
            at = reply.find(b"\0\x0a\0\x18attacker")
            if at >= 0:
                return _COOKIE[:9] + b"\0\x1c" + reply[at : at + 28]
    return _COOKIE


def _over_tcp(bed: Bed, source: str) -> bool:
    stream = connect(bed, source)
    if stream is None:
        return False
    with stream:
        stream.settimeout(0.5)
        return bool(ask(stream, query("known.good.world")))


def _with_cookie(bed: Bed, source: str, option: bytes) -> bool:
    with _udp(bed, source) as sock:
        sock.settimeout(0.3)
        with contextlib.suppress(OSError):
            sock.send(query("known.good.world", extra=option))
            return not sock.recv(4096)[2] & 2
    return False


def wrong_ids(bed: Bed, seconds: float) -> str:
    """A zone without TCP, in whose name somebody sends replies with wrong ids first."""
    good = tried = 0
    ends = time.monotonic() + seconds
    with _udp(bed) as sock:
        sock.settimeout(5.0)
        while time.monotonic() < ends:
            tried += 1
            number = tried & 0xFFFF
            with contextlib.suppress(OSError):
                sock.send(query(f"w{time.monotonic_ns()}.wrong.world", number=number))
                good += sock.recv(4096)[3] & 15 == 0
            time.sleep(0.2)
    return f"{good} of {tried} answered"


def babble(bed: Bed, seconds: float) -> str:
    """Ten questions a second to a zone whose server pours out empty messages over TCP."""
    sent, good = _flood(bed, seconds, rate=10, zone="babble")
    return f"{good} of {sent} answered with data"


def amplification(bed: Bed, seconds: float) -> str:
    """Octets out for octets in, of what a forger would ask."""
    worst = 0.0
    with _udp(bed) as sock:
        sock.settimeout(seconds)
        for name, qtype in (
            ("big.big.world", TXT),
            ("none.good.world", TXT),
            ("known.good.world", 255),
        ):
            for extra in (b"", _OPT):
                data = query(name, qtype=qtype, extra=extra)
                with contextlib.suppress(OSError):
                    sock.send(data)
                    worst = max(worst, len(sock.recv(4096)) / len(data))
    return f"at worst x {worst:.1f}"


def many_names(bed: Bed, seconds: float) -> str:
    """As many names as fit into the time (`--names` of the soak asks for a million)."""
    sent, good = _flood(bed, seconds, rate=2500, zone="good")
    return f"{good} of {sent} answered"


def stopped_worker(bed: Bed, pids: list[int], seconds: float, *, number: int) -> str:
    """One of the workers is sent *number* (SIGSTOP, SIGKILL); what do clients notice?"""
    os.kill(pids[-1], number)
    lost = tried = 0
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with _udp(bed) as sock:
            sock.settimeout(0.5)
            tried += 1
            try:  # names are dealt out to workers
                sock.send(query(f"w{tried % 1000}.good.world"))
                sock.recv(4096)
            except OSError:
                lost += 1
    with contextlib.suppress(ProcessLookupError):
        os.kill(pids[-1], signal.SIGCONT)
    return f"{lost} of {tried} unanswered"
