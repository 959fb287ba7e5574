"""The contestants: what each is given to do the same work, started, and read for CPU time.

Every one gets one thread, loopback, no validation, and the zone example.com at our responder. They
run in the foreground in a directory of their own and are ended by process id.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.common import peers, processes
from tools.compile import check, copy_compiled

if TYPE_CHECKING:
    from collections.abc import Callable

RESPONDER_PORT = 5391
READY_S = 60.0
_ZONE = "example.com"
_STATE = "state"  # of ourselves, in the directory it runs in

# Beyond one thread each: room for all names asked, and for all questions at once.
_OURS = """server.user = ""
server.workers = {workers}
outgoing.do_not_query_localhost = false
root.prime = false
{keeps}
cache.size_octets = 2000000000"""
_UNBOUND = """num-threads: 1
access-control: 127.0.0.0/8 allow
so-rcvbuf: 4m
incoming-num-tcp: 100
msg-cache-size: 512m
rrset-cache-size: 1g
num-queries-per-thread: 16384
outgoing-range: 32768
infra-host-ttl: 900
do-not-query-localhost: no
module-config: "iterator"
"""
_POWERDNS = """threads=1
pdns-distributes-queries=no
dnssec=off
dont-query=
max-cache-entries=3000000
max-packetcache-entries=3000000
max-mthreads=16384
quiet=yes"""
_KNOT = """cache.size = 1000 * MB
modules.unload('priming')
modules.unload('detect_time_skew')"""
_BIND = """max-cache-size 1500m;
recursive-clients 20000;"""


@dataclass(slots=True)
class Peer:
    """One resolver under test, a *software* of `peers.PROGRAMS`."""

    name: str
    software: str
    port: int
    extra: str
    arguments: tuple[str, ...] = ()
    checkout: Path = peers.PROJECT  # of ourselves
    zone: str = _ZONE
    tls_port: int = 0
    https_port: int = 0
    quic_port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def asks_for_everything(self) -> None:
        """Before it starts: all names are the responder's, not only example.com.

        By forwarding, which is one exchange a name, without the questions on the way that a
        minimising resolver would ask.
        """
        self.zone = "."

    def serves_tls(self) -> bool:
        """Before it starts: DNS over TLS too, on a port of its own. False if it cannot."""
        self.tls_port = self.port + 470
        return self.software != "pdns"

    def serves_https(self) -> bool:
        """Before it starts: DNS over HTTPS too, on a port of its own. False if it cannot."""
        self.https_port = self.port + 480
        return self.software != "pdns"

    def serves_quic(self) -> bool:
        """Before it starts: DNS over QUIC too, on a port of its own. False if it cannot."""
        self.quic_port = self.port + 490
        return self.software == "ours"

    def start(self, folder: Path, *, core: int, upstream: int = RESPONDER_PORT) -> None:
        """Start on *core*, and wait until it accepts queries."""
        directory = folder / self.name
        shutil.rmtree(directory / _STATE, ignore_errors=True)
        (directory / _STATE).mkdir(parents=True)
        setup = peers.Setup(
            directory=directory,
            port=self.port,
            tls_port=self.tls_port,
            https_port=self.https_port,
            quic_port=self.quic_port,
            upstream=peers.Upstream(self.zone, upstream),
            extra=self.extra,
            arguments=self.arguments,
            checkout=self.checkout,
        )
        command = ["taskset", "-c", str(core), *peers.command(self.software, setup)]
        output = directory / "output"
        with output.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=directory, stdout=log, stderr=log)
        self._await_answer(output)

    def _await_answer(self, output: Path) -> None:
        query = b"\0\x07\x01\0\0\1\0\0\0\0\0\0\x05ready\x07example\x03com\0\0\1\0\1"
        deadline = time.monotonic() + READY_S
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.3)
            client.connect(("127.0.0.1", self.port))
            while time.monotonic() < deadline:
                try:
                    client.send(query)
                    if client.recv(512)[3] & 15 == 0:
                        return
                except OSError:
                    time.sleep(0.05)
        self.stop()
        text = output.read_text("utf-8", "replace")
        raise RuntimeError(f"{self.name} does not answer: {text[-600:]}")

    @property
    def pids(self) -> list[int]:
        """Its processes, the parent first."""
        assert self.process is not None  # noqa: S101  # started
        return processes.family(self.process.pid)

    def cpu_s(self) -> float:
        """CPU seconds of all its threads, and of its children (workers), so far."""
        return sum(self.cpu_by_process())

    def cpu_by_process(self) -> list[float]:
        """The same for each process, the parent first."""
        return [processes.cpu_s(pid) for pid in self.pids]

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
            self.process = None


def ours(
    name: str = "ours", *, workers: int = 1, port: int = 5380, keeps: bool = False, told: str = ""
) -> Peer:
    """Ourselves. *keeps*: what is learnt is kept in the directory it runs in, begun anew.

    *told*: more of the configuration, which has that directory too.
    """
    directory = f'working_directory = "{_STATE}"\n' if keeps or told else ""
    kept = directory + told + ("" if keeps else "\ncache.persist = false")
    return Peer(name, "ours", port, _OURS.format(workers=workers, keeps=kept))


def compiled(tree: Path) -> Peer:
    """Ourselves, compiled in *tree*, which is made if it is not there (`tools.compile`)."""
    if not tree.exists():
        copy_compiled(tree)
    check(tree)
    peer = ours("compiled", port=5385)
    peer.checkout = tree
    return peer


def contestants() -> list[Peer]:
    """Ourselves, and every peer that is installed."""
    listed = [
        ours(),
        Peer("unbound", "unbound", 5381, _UNBOUND),
        Peer("powerdns", "pdns", 5382, _POWERDNS),
        Peer("knot", "kresd", 5383, _KNOT),
        Peer("bind", "named", 5384, _BIND, ("-n", "1", "-U", "1")),
    ]
    installed = peers.present(peer.software for peer in listed)
    return [peer for peer in listed if peer.software in installed]


class Responder:
    """Our authoritative server in C, compiled on the spot."""

    def __init__(self, folder: Path, *, core: int, port: int = RESPONDER_PORT, delay_ms: int = 0):
        binary = folder / "responder"
        if not binary.exists():
            source = Path(__file__).with_name("responder.c")
            subprocess.run(["cc", "-O2", "-o", str(binary), str(source)], check=True)
        command = ["taskset", "-c", str(core), str(binary), str(port), str(delay_ms)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None  # noqa: S101  # a pipe was asked for
        if not self.process.stdout.readline():
            self.stop()
            raise RuntimeError(f"port {port} of 127.0.0.1 cannot be had")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(5)
        if self.process.stdout is not None:
            self.process.stdout.close()


class Running:
    """Peers and responder, ended in any case."""

    def __init__(
        self, started: list[Peer], folder: Path, *, core: int, make: Callable[[], Responder]
    ) -> None:
        self.peers = started
        self._folder = folder
        self._core = core
        self._make = make
        self._responder: Responder | None = None

    def __enter__(self) -> list[Peer]:
        try:
            self._responder = self._make()
            for peer in list(self.peers):
                try:
                    peer.start(self._folder, core=self._core)
                except RuntimeError as error:
                    print(f"left out: {error}", file=sys.stderr)
                    self.peers.remove(peer)
        except BaseException:
            self.__exit__()
            raise
        return self.peers

    def __exit__(self, *_: object) -> None:
        for peer in self.peers:
            peer.stop()
        if self._responder is not None:
            self._responder.stop()
