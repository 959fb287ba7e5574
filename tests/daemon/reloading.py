"""What the tests of a reload share: a daemon on real sockets, forwarders, clients that insist."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import trio
from msgspec.structs import replace

from resolver.config.schema import Config, Dnssec, Forward, Root, Server
from resolver.daemon import run
from resolver.lab.demo import demo as demonstration
from resolver.lab.virtual_parts import Delayed
from resolver.protocol import names
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.wire import parse_untrusted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.daemon.run import Daemon
    from resolver.lab.virtual_network import VirtualNetwork
    from resolver.lab.virtual_parts import Answers
    from resolver.protocol.message import Message

HOST = "127.0.0.1"
PATIENCE_S = 4.0
ADDRESSES = {
    "www.example.com.": bytes([192, 0, 2, 80]),
    "example.com.": bytes([192, 0, 2, 80]),
    "mail.example.com.": bytes([192, 0, 2, 25]),
}


def free_port() -> int:
    """A port that nobody has now, for UDP and TCP."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def query(name: str, id: int) -> bytes:
    head = id.to_bytes(2, "big") + b"\x01\0\0\1\0\0\0\0\0\0"
    return head + names.from_text(name) + b"\0\1\0\1"


def addresses(message: Message) -> list[bytes]:
    return [record.rdata for record in message.answer if record.rtype == RRType.A]


class Forwarder:
    """Answers every question for an address with *address*, after *after_s* seconds."""

    def __init__(self, address: bytes, after_s: float = 0.0) -> None:
        self.address = address
        self.after_s = after_s
        self.asked = 0

    def answer(self, data: bytes, transport: str, source: str) -> Answers:
        del transport, source
        self.asked += 1
        query = parse_untrusted(data)
        end = 12 + len(query.question.qname) + 4
        is_a = query.question.qtype == RRType.A
        record = b"\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4" + self.address
        flags = int(Flag.QR | Flag.RD | Flag.RA).to_bytes(2, "big")
        counts = b"\0\1" + (b"\0\1" if is_a else b"\0\0") + b"\0\0\0\0"
        reply = data[:2] + flags + counts + data[12:end] + (record if is_a else b"")
        return [Delayed(reply, self.after_s)]


class House(NamedTuple):
    """A daemon on real sockets, asking a simulated Internet."""

    daemon: Daemon
    config: Config
    port: int
    network: VirtualNetwork

    def forwarding(self, zone: str, host: str) -> Config:
        """Its configuration, with *zone* sent to *host*; the public tree's denial is waived."""
        dnssec = replace(self.config.dnssec, negative_trust_anchors=(zone,))
        return replace(self.config, forward=(Forward(zone=zone, addresses=(host,)),), dnssec=dnssec)

    def listening(self, *listen: str) -> Config:
        """Its configuration, with these listeners."""
        return replace(self.config, server=replace(self.config.server, listen=listen))

    def allowing(self, *networks: str) -> Config:
        """Its configuration, with these clients."""
        return replace(self.config, server=replace(self.config.server, allow_from=networks))


@asynccontextmanager
async def served(*, dnssec: Dnssec | None = None) -> AsyncIterator[House]:
    """A daemon on a port of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        demo = demonstration(wall=time.time())
        config = Config(
            server=Server(listen=(f"{HOST}:{port}",), user=""),
            root=Root(prime=False),
            dnssec=dnssec or Dnssec(),
        )
        config = demo.world.configure(config, directory)
        async with run.running(config, network=demo.network, rng=Random(1)) as daemon:
            yield House(daemon, config, port, demo.network)


async def ask(port: int, name: str, *, id: int = 7, host: str = HOST) -> Message:
    """One query over UDP."""
    with trio.fail_after(5), trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        await sock.connect((host, port))
        await sock.send(query(name, id))
        return parse_untrusted(await sock.recv(4096))


class Load(threading.Thread):
    """Asks some hundred questions a second, over UDP and over one TCP connection, and keeps count.

    Most are asked again and again; every fifth is for a name that nobody has asked for yet.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.sent = self.answered = 0
        self.wrong: list[str] = []
        self._over = threading.Event()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.connect((HOST, port))
        self._tcp = socket.create_connection((HOST, port))
        self._waiting: dict[tuple[bool, int], str] = {}
        self._buffer = b""

    def run(self) -> None:
        ends_at = float("inf")
        self._udp.settimeout(0.001)
        self._tcp.settimeout(0.001)
        due = time.monotonic()
        while self._waiting or not self._over.is_set():
            now = time.monotonic()
            if self._over.is_set():
                ends_at = min(ends_at, now + PATIENCE_S)
                if now > ends_at:
                    break
            elif now >= due:
                due += 0.004
                self._ask()
            self._hear_udp()
            self._hear_tcp()
        self._udp.close()
        self._tcp.close()

    def stop(self) -> None:
        """Ask no more, and wait for what is on its way."""
        self._over.set()
        self.join()

    @property
    def lost(self) -> list[str]:
        """What was never answered."""
        return list(self._waiting.values())

    def _ask(self) -> None:
        number = self.sent
        self.sent += 1
        known = list(ADDRESSES)
        name = f"n{number}.example.com." if number % 5 == 4 else known[number % len(known)]
        is_tcp, id = number % 3 == 2, number % 65_536
        self._waiting[is_tcp, id] = name
        data = query(name, id)
        if is_tcp:
            self._tcp.settimeout(1)
            self._tcp.sendall(len(data).to_bytes(2, "big") + data)
            self._tcp.settimeout(0.001)
        else:
            self._udp.send(data)

    def _hear_udp(self) -> None:
        try:
            self._judge(self._udp.recv(4096), is_tcp=False)
        except TimeoutError:
            pass
        except ConnectionRefusedError:
            self.wrong.append("the port was closed")

    def _hear_tcp(self) -> None:
        try:
            chunk = self._tcp.recv(65_536)
        except TimeoutError:
            return
        if not chunk:
            self.wrong.append("the connection was closed")
            self._over.set()
        self._buffer += chunk
        while len(self._buffer) >= 2:
            end = 2 + int.from_bytes(self._buffer[:2], "big")
            if len(self._buffer) < end:
                return
            self._judge(self._buffer[2:end], is_tcp=True)
            self._buffer = self._buffer[end:]

    def _judge(self, reply: bytes, *, is_tcp: bool) -> None:
        message = parse_untrusted(reply)
        name = self._waiting.pop((is_tcp, message.id), None)
        if name is None:
            return
        self.answered += 1
        expected = ADDRESSES.get(name)
        right = (
            message.rcode == Rcode.NXDOMAIN
            if expected is None
            else message.rcode == Rcode.NOERROR and expected in addresses(message)
        )
        if not right:
            self.wrong.append(f"{name}: {message!r}")
