"""100,000 random and mutated packets at the ports of the running daemon.

No traceback, no hang, memory flat, and it still answers. `RESOLVER_SEED` draws other packets.
Packets go in bursts; after each a plain question must be answered, so that every burst was read
and not dropped in the kernel.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.rcode
import pytest

from tests.e2e import daemon
from tests.fuzz import corpus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.realworld.root_world import RealWorld
    from tests.simulation.netns import Program

pytestmark = [pytest.mark.netns, pytest.mark.alone, pytest.mark.timeout(300)]
SEED = int(os.environ.get("RESOLVER_SEED", "1"))
OVER_UDP, OVER_TCP = 90_000, 10_000
BURST, FRAMES = 50, 20
WARM_UP = 0.3
PATIENCE_S = 10.0
GROWTH_KIB = 16 * 1024
SERVER = ("127.0.0.1", 53)
KNOWN = "google.com."


@dataclass(slots=True)
class Target:
    """The daemon, and the questions that show it is alive."""

    it: RealWorld
    program: Program
    serial: int = 0
    rss_kib: list[int] = field(default_factory=list)

    def check(self) -> None:
        """A plain question gets its plain answer; late replies to fuzz do not count."""
        self.serial = self.serial % 65535 + 1
        query = dns.message.make_query(KNOWN, "A", id=self.serial)
        with self.it.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(PATIENCE_S)
            udp.connect(SERVER)
            udp.send(query.to_wire())
            reply = dns.message.from_wire(udp.recv(65535))
        assert reply.id == query.id
        assert reply.rcode() == dns.rcode.NOERROR
        assert reply.answer
        self.rss_kib.append(self.program.rss_kib())


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with daemon.real_world(10) as it:
        yield Target(it, daemon.start(it))


def test_a_hundred_thousand_packets(target: Target) -> None:
    rng = random.Random(SEED)
    seed = corpus.seeds(daemon.require_data("wire").parent)
    assert len(seed) > 2500
    target.check()
    replies = _throw_datagrams(target, corpus.packets(seed, rng, OVER_UDP))
    assert replies > OVER_UDP // 3, "most of it can be answered, if only with FORMERR"
    _throw_frames(target, corpus.packets(seed, rng, OVER_TCP), rng)
    target.check()
    assert target.program.alive
    assert "Traceback" not in target.program.output(), target.program.output()[-3000:]
    settled = target.rss_kib[int(len(target.rss_kib) * WARM_UP)]
    assert target.rss_kib[-1] - settled < GROWTH_KIB, target.rss_kib[:: len(target.rss_kib) // 10]


def _throw_datagrams(target: Target, packets: Iterator[bytes]) -> int:
    replies = 0
    with target.it.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(0)
        udp.connect(SERVER)
        for number, packet in enumerate(packets):
            with contextlib.suppress(BlockingIOError):
                udp.send(packet)
            if number % BURST == BURST - 1:
                target.check()
                with contextlib.suppress(BlockingIOError):
                    while True:
                        udp.recv(65535)
                        replies += 1
    return replies


def _throw_frames(target: Target, packets: Iterator[bytes], rng: random.Random) -> None:
    """Frames over TCP, some with a length that lies; connections half closed, reset, or left."""
    batch: list[bytes] = []
    for packet in packets:
        batch.append(packet)
        if len(batch) == FRAMES:
            _one_connection(target, batch, rng)
            batch = []
            target.check()


def _one_connection(target: Target, batch: list[bytes], rng: random.Random) -> None:
    with target.it.client.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        tcp.settimeout(PATIENCE_S)
        tcp.connect(SERVER)
        with contextlib.suppress(OSError):  # it may hang up on us at any moment
            for packet in batch:
                length = len(packet) if rng.random() < 0.97 else rng.getrandbits(16)
                tcp.sendall(struct.pack("!H", length) + packet)
            match rng.randrange(3):
                case 0:
                    tcp.shutdown(socket.SHUT_WR)
                    tcp.settimeout(0.2)
                    while tcp.recv(65535):
                        pass
                case 1:
                    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                case _:
                    pass
