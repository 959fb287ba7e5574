"""The contestants: how each is configured to do the same work, started, and read for CPU time.

Every one gets one thread, loopback, no validation, and the zone example.com at our responder. They
run in the foreground in a directory of their own and are ended by process id.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

RESPONDER_PORT = 5391
_ROOT = Path(__file__).parents[2]

_UNBOUND = """
server:
  interface: 127.0.0.1
  port: {port}
  num-threads: 1
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  logfile: "{folder}/log"
  access-control: 127.0.0.0/8 allow
  so-rcvbuf: 4m
  msg-cache-size: 512m
  rrset-cache-size: 1g
  num-queries-per-thread: 16384
  outgoing-range: 32768
  infra-host-ttl: 900
  do-not-query-localhost: no
  module-config: "iterator"
remote-control:
  control-enable: no
stub-zone:
  name: "example.com"
  stub-addr: 127.0.0.1@{upstream}
"""
_POWERDNS = """
local-address=127.0.0.1
local-port={port}
threads=1
pdns-distributes-queries=no
daemon=no
socket-dir={folder}
config-dir={folder}
dnssec=off
dont-query=
forward-zones=example.com=127.0.0.1:{upstream}
max-cache-entries=3000000
max-packetcache-entries=3000000
max-mthreads=16384
security-poll-suffix=
quiet=yes
"""
_KNOT = """
net.listen('127.0.0.1', {port}, {{ kind = 'dns' }})
trust_anchors.remove('.')
cache.size = 1000 * MB
modules.unload('ta_update')
modules.unload('priming')
modules.unload('detect_time_skew')
policy.add(policy.suffix(policy.STUB({{ '127.0.0.1@{upstream}' }}), {{ todname('example.com.') }}))
"""
_BIND = """
options {{
  directory "{folder}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  recursion yes;
  allow-query {{ 127.0.0.0/8; }};
  dnssec-validation no;
  max-cache-size 1500m;
  recursive-clients 20000;
  empty-zones-enable no;
}};
controls {{ }};
logging {{ channel none {{ null; }}; category default {{ none; }}; }};
zone "example.com" {{ type static-stub; server-addresses {{ 127.0.0.1; }}; }};
"""
_BIND_FORWARD = """zone "example.com" {{
  type forward; forward only; forwarders {{ 127.0.0.1 port {upstream}; }};
}};
"""
_OURS = """
[server]
listen = ["127.0.0.1:{port}"]
user = ""
workers = {workers}
[outgoing]
do_not_query_localhost = false
[root]
prime = false
[[stub]]
zone = "example.com"
addresses = ["127.0.0.1:{upstream}"]
[dnssec]
validate = false
[cache]
persist = false
size_octets = 2000000000
"""


def _bind_text() -> str:
    """BIND's static-stub has no port, so it forwards; the work is the same one exchange."""
    return _BIND.rpartition("zone ")[0] + _BIND_FORWARD


# What turns "ask the responder about example.com" into "ask it about everything", by forwarding:
# one exchange a name, without the questions on the way that a minimising resolver would ask.
_CATCH_ALL = {
    "ours": ('[[stub]]\nzone = "example.com"', '[[forward]]\nzone = "."'),
    "unbound": (
        'stub-zone:\n  name: "example.com"\n  stub-addr:',
        'forward-zone:\n  name: "."\n  forward-addr:',
    ),
    "powerdns": ("forward-zones=example.com=", "forward-zones-recurse=.="),
    "knot": (
        "policy.suffix(policy.STUB({{ '127.0.0.1@{upstream}' }}), {{ todname('example.com.') }})",
        "policy.all(policy.STUB({{ '127.0.0.1@{upstream}' }}))",
    ),
    "bind": ('zone "example.com"', 'zone "."'),
}


@dataclass(slots=True)
class Peer:
    """One resolver under test. *command* has {file} and {folder} to be filled in."""

    name: str
    program: str
    command: list[str]
    config: str
    port: int
    process: subprocess.Popen[bytes] | None = None
    folder: Path = field(default_factory=Path)
    source: Path = _ROOT  # of ourselves

    @property
    def is_installed(self) -> bool:
        return shutil.which(self.program, path=_PATH) is not None

    def asks_for_everything(self) -> None:
        """Before it starts: all names are the responder's, not only example.com."""
        name = "ours" if self.name == "compiled" else self.name
        before, after = _CATCH_ALL[name]
        assert before in self.config  # noqa: S101  # both are texts of this file
        self.config = self.config.replace(before, after)

    def start(self, folder: Path, *, core: int, upstream: int = RESPONDER_PORT) -> None:
        """Start on *core*, and wait until it accepts queries."""
        self.folder = folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "recursor.conf"  # the name that PowerDNS insists on
        text = self.config.format(port=self.port, folder=self.folder, upstream=upstream, workers=1)
        file.write_text(text, "utf-8")
        command = [part.format(file=file, folder=self.folder) for part in self.command]
        environment = os.environ | {"PATH": _PATH, "PYTHONPATH": str(self.source)}
        with (self.folder / "output").open("wb") as output:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(core), *command],
                cwd=self.folder,
                env=environment,
                stdout=output,
                stderr=output,
            )
        self._await_answer()

    def _await_answer(self) -> None:
        query = b"\0\x07\x01\0\0\1\0\0\0\0\0\0\x05ready\x07example\x03com\0\0\1\0\1"
        deadline = time.monotonic() + 15
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
        output = (self.folder / "output").read_text("utf-8", "replace")
        raise RuntimeError(f"{self.name} does not answer: {output[-600:]}")

    def cpu_s(self) -> float:
        """CPU seconds of all its threads, and of its children (workers), so far."""
        assert self.process is not None  # noqa: S101  # started
        return sum(self.cpu_by_process())

    def cpu_by_process(self) -> list[float]:
        """The same for each process, the parent first."""
        assert self.process is not None  # noqa: S101  # started
        return [_cpu_of(pid) for pid in _family(self.process.pid)]

    def rss_octets(self) -> int:
        """Resident memory now."""
        assert self.process is not None  # noqa: S101  # started
        text = Path(f"/proc/{self.process.pid}/statm").read_text("ascii")
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
            self.process = None


def _family(pid: int) -> list[int]:
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in children.read_text("ascii").split()]
    return found


def _cpu_of(pid: int) -> float:
    """From schedstat, in nanoseconds: the ticks of `stat` are too coarse for low rates."""
    spent = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        spent += int((thread / "schedstat").read_text("ascii").split()[0])
    return spent / 1e9


_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def ours(name: str = "ours", *, workers: int = 1, port: int = 5380) -> Peer:
    command = [sys.executable, "-P", "-m", "resolver", "serve", "--config", "{file}"]
    config = _OURS.replace("{workers}", str(workers))
    return Peer(name, sys.executable, command, config, port)


def compiled(folder: Path) -> Peer:
    """Ourselves, compiled with mypyc in a copy of the tree (tools/compile.py)."""
    tree = folder / "compiled"
    if not tree.exists():
        for part in ("resolver", "tools"):
            shutil.copytree(_ROOT / part, tree / part)
        for part in ("pyproject.toml", "root.hints"):
            shutil.copy2(_ROOT / part, tree)
        subprocess.run([sys.executable, str(tree / "tools/compile.py"), str(tree)], check=True)
    peer = ours("compiled", port=5385)
    peer.source = tree
    return peer


def contestants() -> list[Peer]:
    """Ourselves, and every peer that is installed."""
    unbound = ["unbound", "-d", "-c", "{file}"]
    powerdns = ["pdns_recursor", "--config-dir={folder}"]
    knot = ["kresd", "-n", "-c", "{file}", "{folder}"]
    bind = ["named", "-f", "-n", "1", "-U", "1", "-c", "{file}"]
    peers = [
        ours(),
        Peer("unbound", "unbound", unbound, _UNBOUND, 5381),
        Peer("powerdns", "pdns_recursor", powerdns, _POWERDNS, 5382),
        Peer("knot", "kresd", knot, _KNOT, 5383),
        Peer("bind", "named", bind, _bind_text(), 5384),
    ]
    return [peer for peer in peers if peer.is_installed]


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
        self.process.stdout.readline()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(5)
        if self.process.stdout is not None:
            self.process.stdout.close()


class Running:
    """Peers and responder, ended in any case."""

    def __init__(
        self, peers: list[Peer], folder: Path, *, core: int, make: Callable[[], Responder]
    ) -> None:
        self.peers = peers
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
