"""The lab on real sockets: network namespaces, links between them, programs inside them.

Rule: whatever was made is unmade. Namespaces carry the maker's process id in their names, are
removed when their `with` block ends, and what a killed run left behind is swept by the next one.
Programs run in the foreground, end by process id, and die with the thread that started them.

It knows nothing of DNS. Needs root and iproute2; `missing()` says what is not there.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import itertools
import os
import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

CLONE_NEWNET = 0x40000000
SHARED_MAC = "02:00:00:00:00:01"
RUN_DIRECTORY = Path("/run/netns")
ETC_DIRECTORY = Path("/etc/netns")
_NAME = re.compile(r"rsv(\d+)-\w+")
_libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
_serial = itertools.count()


def missing(*programs: str) -> str | None:
    """Why namespaces with *programs* in them cannot be had here, or None."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    absent = [name for name in ("ip", "setpriv", *programs) if find(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


def find(program: str) -> str | None:
    """The path of *program*; the sbin directories count even when PATH leaves them out."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@dataclass(slots=True)
class Program:
    """One process in a namespace, in the foreground, its output in *log*."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def await_line(self, line: str, *, patience_s: float = 20.0) -> None:
        """Until *line* stands in its output. Raises RuntimeError when it ends or takes too long."""
        give_up = time.monotonic() + patience_s
        while line not in self.output().splitlines():
            if not self.alive or time.monotonic() > give_up:
                raise RuntimeError(f"{self.name} is not ready\n{self.output()[-1500:]}")
            time.sleep(0.02)

    def rss_kib(self) -> int:
        """Resident memory now, its own and its children's not counted."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) if found else 0

    def stop(self, *, patience_s: float = 5.0) -> int:
        """SIGTERM, and SIGKILL when that is ignored; the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@dataclass(slots=True)
class Namespace:
    """One network namespace: addresses, routes, sockets and programs of its own."""

    name: str
    programs: list[Program] = field(default_factory=list)

    def __enter__(self) -> Self:
        run("ip", "netns", "add", self.name)
        self.ip("link set lo up")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for program in reversed(self.programs):
            program.stop()
        discard(self.name)

    def ip(self, *commands: str) -> None:
        """Run *commands* of ip(8), one by one, stopping at the first that fails."""
        self.batch(commands)

    def batch(self, commands: Iterable[str]) -> None:
        text = "\n".join(commands) + "\n"
        run("ip", "-n", self.name, "-batch", "-", feed=text)

    def sysctl(self, settings: Mapping[str, str]) -> None:
        """Write *settings* (dotted names; a `/` stands for a dot inside a name)."""
        with self.entered():
            for key, value in settings.items():
                path = key.replace(".", "\0").replace("/", ".").replace("\0", "/")
                Path("/proc/sys", path).write_text(value)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Put the calling thread into the namespace: sockets made inside stay there."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(RUN_DIRECTORY / self.name, os.O_RDONLY)
        try:
            _setns(there)
            try:
                yield
            finally:
                _setns(home)
        finally:
            os.close(there)
            os.close(home)

    def socket(self, family: int, kind: int) -> socket.socket:
        with self.entered():
            return socket.socket(family, kind)

    def resolv_conf(self, text: str) -> None:
        """The /etc/resolv.conf that programs of this namespace see."""
        directory = ETC_DIRECTORY / self.name
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "resolv.conf").write_text(text)

    def command(self, *argv: str) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.name, *argv)

    def run(
        self, *argv: str, timeout_s: float = 30.0, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run *argv* inside to its end; its status is the caller's business."""
        return subprocess.run(
            self.command(*argv),
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            env=env,
            stdin=subprocess.DEVNULL,
        )

    def spawn(
        self, *argv: str, log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Program:
        """Start *argv* inside; the namespace ends it when it is left."""
        program = spawn(self.command(*argv), name=Path(argv[0]).name, log=log, env=env, cwd=cwd)
        self.programs.append(program)
        return program

    def packets_sent(self, interface: str) -> int:
        """Packets that have left by *interface* since it was made."""
        return self._counter(interface, "tx_packets")

    def packets_received(self, interface: str) -> int:
        return self._counter(interface, "rx_packets")

    def datagrams_sent(self) -> int:
        """UDP datagrams that programs here have sent, over any interface and `lo`."""
        with self.entered():
            old = Path("/proc/thread-self/net/snmp").read_text()
            new = Path("/proc/thread-self/net/snmp6").read_text()
        udp = [line.split() for line in old.splitlines() if line.startswith("Udp:")]
        udp6 = re.search(r"^Udp6OutDatagrams\s+(\d+)", new, re.MULTILINE)
        return int(udp[1][udp[0].index("OutDatagrams")]) + (int(udp6[1]) if udp6 else 0)

    def _counter(self, interface: str, name: str) -> int:
        # /sys shows the namespace it was mounted in; /proc/thread-self follows the thread.
        column = {"rx_packets": 1, "tx_packets": 9}[name]
        with self.entered():
            lines = Path("/proc/thread-self/net/dev").read_text().splitlines()
        for line in lines:
            label, _, figures = line.partition(":")
            if label.strip() == interface:
                return int(figures.split()[column])
        raise LookupError(f"no interface {interface} in {self.name}")


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    name: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Program:
    """Start *argv* where the caller is, who ends it; it dies with the thread that started it."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            ("setpriv", "--pdeathsig", "KILL", *argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
        )
    return Program(name or Path(argv[0]).name, process, log)


def namespace(label: str) -> Namespace:
    """A namespace that no other run uses; enter it with `with`."""
    return Namespace(f"rsv{os.getpid()}-{label}{next(_serial)}")


def connect(
    near: Namespace, far: Namespace, *, names: tuple[str, str], quiet: bool = False
) -> tuple[str, str]:
    """Join two namespaces by a veth pair, both ends up; returns the interfaces' names.

    *quiet* keeps the kernel's own chatter off the link (no ARP, no neighbour discovery, no
    multicast reports), so that every packet counted on it was sent by a program. Without ARP the
    kernel addresses frames to the sender's own MAC: both ends therefore have the same one.
    """
    here, there = names
    run("ip", "link", "add", "name", here, "netns", near.name, "type", "veth",
        "peer", "name", there, "netns", far.name)  # fmt: skip
    for side, interface in ((near, here), (far, there)):
        if quiet:
            side.ip(
                f"link set dev {interface} address {SHARED_MAC} arp off multicast off",
                f"link set dev {interface} addrgenmode none",
            )
            side.sysctl({f"net.ipv6.conf.{interface}.router_solicitations": "0"})
        side.sysctl({f"net.ipv6.conf.{interface}.accept_dad": "0"})
        side.ip(f"link set dev {interface} up")
    return here, there


def run(*argv: str, feed: str | None = None) -> str:
    """Run a tool that must succeed; its output."""
    done = subprocess.run(argv, input=feed, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def wait_for(
    ready: Sequence[tuple[Namespace, str, int]], *, programs: Sequence[Program], patience_s: float
) -> None:
    """Wait until each (namespace, address, port) accepts a TCP connection.

    Raises RuntimeError with the log's end when a program dies or patience runs out.
    """
    give_up = time.monotonic() + patience_s
    for place, address, port in ready:
        while not _accepts(place, address, port):
            dead = [program for program in programs if not program.alive]
            if dead or time.monotonic() > give_up:
                culprits = dead or programs
                tails = "\n".join(f"{p.name}: {p.output()[-1500:]}" for p in culprits)
                raise RuntimeError(f"nothing answers at {address} port {port}\n{tails}")
            time.sleep(0.05)


def _accepts(place: Namespace, address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with place.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((address, port)) == 0


def sweep() -> None:
    """Remove namespaces whose makers are gone (a run that was killed)."""
    if not RUN_DIRECTORY.is_dir():
        return
    for path in RUN_DIRECTORY.iterdir():
        match = _NAME.fullmatch(path.name)
        if match and not Path("/proc", match[1]).exists():
            discard(path.name)


def discard(name: str) -> None:
    subprocess.run(
        ["ip", "netns", "del", name],
        capture_output=True,
        check=False,
    )
    shutil.rmtree(ETC_DIRECTORY / name, ignore_errors=True)


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
